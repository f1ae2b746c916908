"""One frame of a film: the expectation of every column at one time, each by the cheapest way that holds the error."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.microscopy.film.columns import Columns, cells_of
from perovsim.microscopy.film.lamellae import piece, runs
from perovsim.microscopy.film.mixture import NEGLIGIBLE, WAYS, WHOLE, shares, ways
from perovsim.microscopy.film.sources import Optics, crystal_pattern, slab_pattern
from perovsim.microscopy.film.spec import FilmSpec

ROWS, SNAPSHOTS = 3, 1
"""Rows of a column that are computed as windows, and frozen phonons of each; their mean is the column's pattern."""
TABLE_ERROR = 0.12
"""Deviation of the crystal table from one configuration of the alloy (10 nm of CsPb(Br,Cl)3, audit of a film)."""
LEAD_ERROR = 0.39
"""What clusters add to it, by the root of the share of the lead that is metal: the number of clusters under a probe
is random. Fitted to exact patterns of 5 to 22 % lead near emitter|etl, whose deviation was 13 to 22 %; windows on the
same columns deviate by 15 % of one place, since the rows of a column share their mean."""


def most_lead(error: float) -> float:
    """Return the share of metallic lead up to which the table of the intact lattice keeps the promised error.

    error^2 = TABLE_ERROR^2 + LEAD_ERROR^2 lead
    """
    return max(error**2 - TABLE_ERROR**2, 0.0) / LEAD_ERROR**2


class Frames:
    """Frames of a film; tables and mean patterns are shared by all of them."""

    def __init__(self, result: Any, view: Optics, spec: FilmSpec, table: Any, workers: int | None) -> None:
        self.result, self.view, self.spec, self.table, self.workers = result, view, spec, table, workers
        self.in_plane = cells_of(result.device)[1]
        self._means: dict[int, np.ndarray] = {}

    def ways(self, columns: Columns) -> np.ndarray:
        """Return the index in WAYS of each column."""
        return ways(shares(columns, self.view), columns, most_lead(self.spec.error))

    def expectation(self, columns: Columns, time: float) -> np.ndarray:
        """Return the pattern of every column, (column, qy, qx) [fraction of the beam]."""
        part, found = shares(columns, self.view), self.ways(columns)
        patterns = np.zeros((len(columns.x), *self.view.camera.shape))
        windows = found == WAYS.index("window")
        for run in runs(np.flatnonzero(windows), self.spec.step):
            patterns[run] = self._windows(columns, time, run)
        metal = part[:, [layer.kind == "metal" for layer in columns.layers]].sum(axis=1)
        grains = np.flatnonzero(windows & (metal >= WHOLE))
        for number in np.flatnonzero(~windows):
            grain = patterns[grains[np.abs(grains - number).argmin()]] if len(grains) else None
            patterns[number] = self._mixed(columns, part[number], number, grain)
        return patterns

    def _mixed(self, columns: Columns, part: np.ndarray, number: int, grain: np.ndarray | None) -> np.ndarray:
        """Return the mean of the layers' patterns, weighted with their shares of the probe.

        grain : pattern of the metal; without one its share, less than 1 - WHOLE, goes to the others
        """
        total, weight = np.zeros(self.view.camera.shape), 0.0
        for layer in np.flatnonzero(part > NEGLIGIBLE):
            metal = columns.layers[layer].kind == "metal"
            if metal and grain is None:
                continue
            total += part[layer] * (grain if metal else self._pure(columns, int(layer), number))
            weight += part[layer]
        return total / weight

    def _pure(self, columns: Columns, layer: int, number: int) -> np.ndarray:
        if columns.layers[layer].kind == "lattice":
            return crystal_pattern(
                self.table, self.view, columns.exx[number], self.in_plane, columns.composition[number]
            )
        if layer not in self._means:
            self._means[layer] = slab_pattern(self.result, self.view, columns.layers[layer], self.workers)
        return self._means[layer]

    def _windows(self, columns: Columns, time: float, run: np.ndarray) -> np.ndarray:
        """Return the means over ROWS rows of a run of columns, by windows on atoms."""
        x = columns.x[run]
        made = piece(self.result, self.view, columns, time, x, self.spec.seed)
        y = (np.arange(ROWS) + 0.5) / ROWS * made.lamella.height
        places = np.repeat(x, ROWS), np.tile(y, len(x))
        found = made.patterns(self.view, *places, SNAPSHOTS, self.spec.seed, "window", self.workers)
        return found.reshape(len(x), ROWS, *found.shape[1:]).mean(axis=1)
