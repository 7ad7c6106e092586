"""How far a mask is to be trusted: measures, rules, calibration, verdict."""
