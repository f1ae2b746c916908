"""A J-V curve of 100 points under light, ions frozen, 400 cells, 0 to 1.2 V at 1 mV/s."""

from __future__ import annotations

from typing import Any

from benchmarks._stack import solar_cell
from benchmarks._timing import measure

BAR_S = 0.3


def case() -> tuple[Any, Any]:
    """The cell with immobile ions, and its sweep."""
    import perovsim as ps

    return solar_cell(0.0), ps.Protocol([ps.sweep("0 V", "1.2 V", "1 mV/s", light=1.0, points=100)])


def run() -> dict[str, Any]:
    """Return the times."""
    return measure("benchmarks.jv", *case(), BAR_S)
