"""Strain, composition and thickness by a fit of whole patterns."""
