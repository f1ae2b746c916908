"""Time of a constant-current run against the number of cells (100 to 10 000) and of ionic species (1 to 6).

`exponent` is the slope of ln(seconds) over ln(cells) from 1000 cells on; a step costs the same at every size, so the
time is divided by the number of evaluations before the slope is taken and beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._timing import best_of, peak_memory_mb

CELLS, SPECIES, BAR = (100, 300, 1000, 3000, 10_000), (1, 2, 4, 6), 1.1
FIXED_CELLS, LARGE = 300, 1000


def stack(cells: int, species: int) -> Any:
    """One layer with a number of mobile ions, cells in all."""
    import perovsim as ps

    ions = [{"name": f"ion{k}", "charge": 1 - 2 * (k % 2), "D": 1e-16, "density": 1e23} for k in range(species)]
    layer = {
        "name": "bulk", "thickness": 200e-9, "cells": cells, "permittivity": 16.0, "electron_affinity": 3.2,
        "ionisation_energy": 5.6, "N_c": 2e24, "N_v": 2e24, "mobility_electron": 1e-4, "mobility_hole": 1e-4,
        "k_radiative": 1e-16, "ion": ions,
    }  # fmt: skip
    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": 3.4},
        {"which": "anode", "name": "anode", "work_function": 5.4},
    ]
    return ps.Device(name="scaling", temperature=300.0, contact=contacts, layer=[layer])


def age(cells: int, species: int) -> Any:
    """100 A/m^2 for 100 s."""
    import perovsim as ps

    protocol = ps.Protocol([ps.constant_current("100 A/m^2", "100 s")], points_per_decade=2)
    return ps.simulate(stack(cells, species), protocol)


def run() -> dict[str, Any]:
    """Return seconds and seconds per evaluation over cells and species, and the exponent."""
    by_cells = {n: best_of(lambda n=n: age(n, 1), 2) for n in CELLS}
    by_species = {s: best_of(lambda s=s: age(FIXED_CELLS, s), 2) for s in SPECIES}
    seconds = np.array([found[1] for found in by_cells.values()])
    per = seconds / np.array([found[2].attrs["evaluations"] for found in by_cells.values()])
    large = np.array(CELLS) >= LARGE
    fit = np.log(np.array(CELLS)[large])
    exponent = float(np.polyfit(fit, np.log(seconds[large]), 1)[0])
    return {
        "seconds_by_cells": {str(n): found[1] for n, found in by_cells.items()},
        "seconds_by_species": {str(s): found[1] for s, found in by_species.items()},
        "exponent": round(exponent, 3),
        "exponent_per_evaluation": round(float(np.polyfit(fit, np.log(per[large]), 1)[0]), 3),
        "peak_memory_mb": peak_memory_mb(),
        "bar_exponent": BAR,
        "held": exponent <= BAR,
    }
