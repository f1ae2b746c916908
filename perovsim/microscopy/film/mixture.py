"""Which way each column of a film is computed, and mixtures: the phases under the probe, each with its share of it.

I(x) = sum_r f_r(x) I_r, f_r : share of the probe's electrons that enter layer r. Beams that meet both sides of
an interface would interfere, which a mixture leaves out; the audit of the film says what that costs.
"""

from __future__ import annotations

import numpy as np

from perovsim.microscopy.film.columns import Columns
from perovsim.microscopy.film.sources import Optics
from perovsim.microscopy.probe import probe_spectrum

WHOLE = 0.97
"""A column with at least this share of the probe in one layer counts as that layer's: an Airy probe has 3 % of
its electrons beyond three of its radii."""
NEGLIGIBLE = 1e-4
"""Share of a layer that is left out."""
WAYS = ("table", "mean", "mixture", "window")
"""Crystal table; mean pattern of a phase without one; shares of both; windows on atoms, some rows of the column."""


def probe_profile(view: Optics) -> tuple[np.ndarray, np.ndarray]:
    """Return places along x from the middle of the probe, ascending [m], and the share of electrons up to each."""
    grid = view.plan.grid
    intensity = np.abs(np.fft.ifft2(probe_spectrum(grid, view.plan.lam, view.beam))) ** 2
    along = np.fft.fftshift(intensity.sum(axis=1))
    x = (np.arange(len(along)) - len(along) // 2 + 0.5) * grid.step[0]
    return x, np.cumsum(along) / along.sum()


def shares(columns: Columns, view: Optics) -> np.ndarray:
    """Return the share of the probe in each layer, (column, layer)."""
    x, below = probe_profile(view)
    at = np.interp(columns.borders[None] - columns.x[:, None, None], x, below, left=0.0, right=1.0)
    part = at[..., 1] - at[..., 0]
    return part / part.sum(axis=1, keepdims=True)


def ways(part: np.ndarray, columns: Columns, most_lead: float) -> np.ndarray:
    """Return the index in WAYS of each column.

    part : shares of the probe; most_lead : share of metallic lead up to which the table of the intact lattice is used
    """
    found = np.full(len(part), WAYS.index("mixture"))
    for number, layer in enumerate(columns.layers):
        found[part[:, number] >= WHOLE] = WAYS.index("table" if layer.kind == "lattice" else "mean")
    lattice = [number for number, layer in enumerate(columns.layers) if layer.kind == "lattice"]
    inside = part[:, lattice].sum(axis=1)
    cut = (found == WAYS.index("mixture")) & (inside > 1 - WHOLE)
    found[cut | (columns.lead * inside > most_lead)] = WAYS.index("window")
    return found
