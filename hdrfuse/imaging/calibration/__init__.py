"""Calibration: the response curve and exposures that explain a bracket."""
