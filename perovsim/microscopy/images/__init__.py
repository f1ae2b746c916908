"""Reduction of images: lattice, grains, columns, strain, thickness."""
