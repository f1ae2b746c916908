"""Reduction of diffraction patterns: lattice, strain, phases, calibration, thickness."""
