"""Impedance at 50 frequencies (10 mHz to 1 MHz) of the solar cell on 400 cells at 0.9 V under light, ions moving.

`seconds` holds the way to the steady state at the bias, too.
"""

from __future__ import annotations

from typing import Any

from benchmarks._stack import solar_cell
from benchmarks._timing import best_of
from benchmarks.hysteresis import DIFFUSIVITY

BAR_S = 0.5
FREQUENCIES = (1e-2, 1e6, 50)


def run() -> dict[str, Any]:
    """Return the time, and the capacitance at both ends [F/m^2]."""
    import numpy as np

    import perovsim as ps

    cell, frequencies = solar_cell(DIFFUSIVITY), np.geomspace(*FREQUENCIES)
    seconds, found = best_of(
        lambda: ps.impedance(cell, voltage=0.9, frequencies=frequencies, light=1.0, ions="equilibrated")
    )
    return {
        "seconds": round(seconds, 4),
        "bar_seconds": BAR_S,
        "frequencies": frequencies.size,
        "C_low_high": [float(f"{value:.4g}") for value in found["C"].values[[0, -1]]],
        "held": seconds <= BAR_S,
    }
