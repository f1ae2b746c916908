"""Fields over depth at one voltage or time, on the points of the peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

from perovsim.errors import ModelFileError
from perovsim.validate.peers.case import ALONG, LIGHT, PROFILE_FILE, PROTOCOL_FILE, Comparison, LoadedPeer

if TYPE_CHECKING:
    from perovsim.validate.peers.compare import Terminals

SAME = 1e-6
"""Two voltages closer than this are one [V]; two times by this share."""
BESIDE = 3
"""Stored times on either side that a profile between two of them is interpolated from."""


def on_peer_points(loaded: LoadedPeer, one: Comparison, run: Terminals, window: tuple[float, float]) -> tuple:
    """Depths [m], the peer and the solver there; points outside the outermost cell centres of a layer are left out.

    window : begin and end of the steps of the comparison on the clock of the run [s]
    Raises ModelFileError where the file or the run has no such profile.
    """
    table = loaded.profiles
    if one.at_time is None:
        chosen = np.abs(table[ALONG["voltage"]] - one.at_voltage) <= SAME
    else:
        chosen = np.abs(table[ALONG["time"]] - one.at_time) <= SAME * one.at_time
    chosen &= np.isfinite(table[one.column])
    if one.light is not None:
        chosen &= table[LIGHT] == one.light
    if not chosen.any():
        raise ModelFileError(loaded.folder / PROFILE_FILE, None, f"no profile of {one.column} at {taken_at(one)}")
    x, peer = table["x_m"][chosen], table[one.column][chosen]
    values = run.fields[_field(loaded.device, one.quantity)].values
    now = _at_voltage(loaded, one, run, values, window) if one.at_time is None else _at_time(one, run, values, window)
    solver = _between_cells(run.fields["x"].values, run.fields["layer"].values, now, x)
    inside = np.isfinite(solver)
    return x[inside], peer[inside], solver[inside]


def taken_at(one: Comparison) -> str:
    """Voltage or time of a profile in words."""
    return f"{one.at_voltage:g} V" if one.at_time is None else f"{one.at_time:g} s"


def _field(device, quantity: str) -> str:
    """Name of a quantity in the fields of a result."""
    if quantity in ("cations", "anions"):
        sign = 1 if quantity == "cations" else -1
        return next(f"c_{ion.name}" for layer in device.layers for ion in layer.ions if ion.charge * sign > 0)
    return quantity


def _at_voltage(loaded: LoadedPeer, one: Comparison, run: Terminals, values: np.ndarray, window) -> np.ndarray:
    inside = (run.time >= window[0] * (1.0 - SAME)) & (run.time <= window[1] * (1.0 + SAME))
    number = int(np.argmin(np.where(inside, np.abs(run.V - one.at_voltage), np.inf)))
    if abs(run.V[number] - one.at_voltage) > SAME:
        message = f"no stored point at {taken_at(one)}; choose `points` so that there is one"
        raise ModelFileError(loaded.folder / PROTOCOL_FILE, None, message)
    return values[number]


def _at_time(one: Comparison, run: Terminals, values: np.ndarray, window) -> np.ndarray:
    """At a time since the first step, monotone cubic over its logarithm."""
    since = run.time - window[0]
    number = int(np.searchsorted(since, one.at_time))
    near = np.arange(max(number - BESIDE, 0), min(number + BESIDE, since.size))
    near = near[since[near] > 0.0]
    exists = np.isfinite(values[near[0]])
    found = PchipInterpolator(np.log(since[near]), values[near][:, exists], axis=0)(np.log(one.at_time))
    out = np.full(exists.size, np.nan)
    out[exists] = found
    return out


def _between_cells(centres: np.ndarray, layers: np.ndarray, values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Monotone cubic between the cell centres of each layer, NaN outside them."""
    found = np.full(x.size, np.nan)
    for name in dict.fromkeys(layers):
        own = layers == name
        if np.isfinite(values[own]).all():
            here = PchipInterpolator(centres[own], values[own], extrapolate=False)(x)
            found = np.where(np.isfinite(here), here, found)
    return found
