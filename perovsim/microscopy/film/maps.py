"""Maps out of a film: strain from the patterns of blocks of rows, where the crystal is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from perovsim.microscopy.film.columns import cells_of
from perovsim.microscopy.film.mixture import WAYS
from perovsim.microscopy.film.store import FilmStore
from perovsim.microscopy.patterns.strain import strain_profile
from perovsim.microscopy.records.scan import FORMAT, Scan4D

BLOCKS = 4
"""Blocks of rows whose patterns are summed before the fit: strain changes across the layers, not along them."""


def strain_maps(store: FilmStore, result: Any, progress: Callable[[float], None] | None = None) -> xr.Dataset:
    """Return strain (time, block, x) from the counts of a film, NaN where no lattice is found.

    result : gives the cell that counts as unstrained
    """
    cell = cells_of(result.device)[0]
    way, x, y = (np.asarray(store[name][:]) for name in ("way", "x", "y"))
    times = np.asarray(store["time"][:])
    crystal = np.flatnonzero((way == WAYS.index("table")).any(axis=0))
    blocks = np.array_split(np.arange(len(y)), min(BLOCKS, len(y)))
    names = {"strain": "strain", "error": "strain_error"}
    found = {name: np.full((len(times), len(blocks), len(x)), np.nan) for name in names}
    for number in range(len(times)):
        for index, rows in enumerate(blocks):
            if len(crystal):
                scan = _scan(store, _summed(store, number, rows, crystal), x[crystal], float(y[rows].mean()), len(rows))
                profile = strain_profile(scan, cell)
                for name, column in names.items():
                    found[name][number, index, crystal] = profile[column].values
            if progress is not None:
                progress((number * len(blocks) + index + 1) / len(times) / len(blocks))
    middle = [float(y[rows].mean()) for rows in blocks]
    dims = ("time", "block", "x")
    return xr.Dataset(
        {name: (dims, values, {"units": "1"}) for name, values in found.items()},
        {"time": times, "x": x, "y": ("block", middle)},
    )


def _summed(store: FilmStore, time: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the counts of some rows, summed, at some columns; a row at a time in memory."""
    total: Any = 0
    for row in rows:
        total = total + np.asarray(store["counts"][time, int(row)][columns], np.uint32)
    return total


def _scan(store: FilmStore, patterns: np.ndarray, x: np.ndarray, y: float, rows: int) -> Scan4D:
    known = store.attrs
    attrs = {
        "format": FORMAT,
        "kind": "film",
        "energy": known["energy"],
        "semiangle": known["semiangle"],
        "electrons_per_pattern": known["electrons_per_pattern"] * rows,
    }
    return Scan4D(
        xr.Dataset(
            {"counts": (("position", "qy", "qx"), patterns, {"units": "electron"})},
            {
                "x": ("position", x),
                "y": ("position", np.full(len(x), y)),
                "qx": ("qx", np.asarray(store["qx"][:])),
                "qy": ("qy", np.asarray(store["qy"][:])),
            },
            attrs,
        )
    )
