"""Fitting the regression of ACDC's groups, and measuring how often it is right."""
