"""Signals of a lamella: 4D-STEM and annular dark field, by every fidelity."""
