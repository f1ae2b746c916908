"""Measured files: formats, calibration, known data sets and what is found in them."""
