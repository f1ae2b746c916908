"""The numbers behind the model against published measurements that no fit has seen, or marked if one has."""

from __future__ import annotations

from perovsim.validate.cases import Case, load_case, validation_directory
from perovsim.validate.measured import measured_table
from perovsim.validate.peaks import exciton_peak, steepest_edge
from perovsim.validate.polarity import Shifts, halide_shifts
from perovsim.validate.table import MeasuredTable, Row

__all__ = [
    "Case", "MeasuredTable", "Row", "Shifts", "exciton_peak", "halide_shifts", "load_case",
    "measured_table", "steepest_edge", "validation_directory",
]  # fmt: skip
