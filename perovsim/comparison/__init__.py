"""Two scans, images or results against each other, observable by observable, with their noise."""

from __future__ import annotations

from perovsim.comparison.compare import compare
from perovsim.comparison.files import open_side
from perovsim.comparison.table import Comparison, Row

__all__ = ["Comparison", "Row", "compare", "open_side"]
