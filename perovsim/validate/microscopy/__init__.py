"""Measured micrographs and patterns reduced by the package: findings against what is known of the samples."""

from __future__ import annotations

from perovsim.validate.microscopy.table import MicroscopyTable, fetch_cases, microscopy_names, microscopy_table

__all__ = ["MicroscopyTable", "fetch_cases", "microscopy_names", "microscopy_table"]
