"""A hysteresis sweep with moving ions on 400 cells: steady at 0 V under light, then 0 -> 1.2 -> 0 V at 0.1 V/s."""

from __future__ import annotations

from typing import Any

from benchmarks._stack import solar_cell
from benchmarks._timing import measure

BAR_S = 0.5
DIFFUSIVITY = 2.585e-15
"""Of the cations [m^2/s]: mobility 1e-13 m^2/V/s."""


def case() -> tuple[Any, Any]:
    """The cell, its soak at 0 V and the two sweeps."""
    import perovsim as ps

    soak = ps.constant_voltage("0 V", "1e4 s", light=1.0)
    sweeps = [ps.sweep(*ends, "0.1 V/s", light=1.0, points=121) for ends in (("0 V", "1.2 V"), ("1.2 V", "0 V"))]
    return solar_cell(DIFFUSIVITY), ps.Protocol([soak, *sweeps], ions="equilibrated", points_per_decade=1)


def run() -> dict[str, Any]:
    """Return the times, and the current at half the sweep there and back [A/m^2]."""
    import numpy as np

    import perovsim as ps

    result = ps.simulate(*case())
    j = result.terminals["J"].values[-240:]
    return {**measure("benchmarks.hysteresis", *case(), BAR_S), "J_at_1V": np.round(j[[99, 139]], 3).tolist()}
