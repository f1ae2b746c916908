"""How far the balances of a run may be off, and the error where they are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from perovsim.errors import ConservationError

BARS = {"current_uniformity": 1e-6, "charge": 1e-8}
"""Largest relative imbalances allowed, by name in the `balance` group."""
ELEMENT_BAR = 1e-10
FLOOR = "current_rounding_floor"
"""Beyond this the current may not differ; not a balance itself."""


def bar(name: str) -> float:
    """Largest relative imbalance allowed; `name` as in the `balance` group."""
    return BARS.get(name, ELEMENT_BAR)


def allowed(name: str, balance: xr.Dataset) -> np.ndarray:
    """Largest imbalance of `name` allowed at each time; for the current its bar and its rounding floor.

    balance : group of a result; returns shape (time,)
    """
    floor = balance[FLOOR].values if name == "current_uniformity" else np.zeros(balance[name].size)
    return bar(name) + floor


def check(balance: xr.Dataset, current: xr.DataArray) -> None:
    """Raise ConservationError at the worst violation, naming quantity, time, current, value and bar.

    balance : group of a result; current : terminal current [A/m^2] over `time` [s]
    """
    for name, imbalance in balance.items():
        if name == FLOOR:
            continue
        value = imbalance.values
        most = allowed(name, balance)
        excess = np.where(np.isfinite(value), value / most, np.inf)
        k = int(np.argmax(excess))
        if excess[k] > 1.0:
            raise ConservationError(
                f"conservation violated: {name} = {value[k]:.2e} at t = {current.time.values[k]:.3e} s "
                f"(J = {current.values[k]:.3g} A/m^2), allowed {most[k]:.2e}; the result is not to "
                "be trusted: tighten rtol or refine the mesh"
            )
