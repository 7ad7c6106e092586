"""How the verdict's calibration is fitted and measured on patients that a model has not seen."""
