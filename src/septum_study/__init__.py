"""The paper's study, robustness and calibration: experiments about Septum, not part of the product."""
