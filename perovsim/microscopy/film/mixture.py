"""Which way each column of a film is computed, and mixtures: the phases under the probe, each with its share of it.

I(x) = sum_r f_r(x) I_r, f_r : share of the probe's electrons that enter layer r. Beams that meet both sides of
an interface would interfere, which a mixture leaves out; the audit of the film says what that costs.
"""

from __future__ import annotations

import numpy as np

from perovsim.microscopy.film.columns import Columns
from perovsim.microscopy.film.sources import Optics
from perovsim.microscopy.waves.probe import probe_spectrum

WHOLE = 0.97
"""A column with at least this share of the probe in one layer counts as that layer's: an Airy probe has 3 % of
its electrons beyond three of its radii."""
GRAIN = 3
"""Columns inside a metal contact that are windows on its grain."""
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
    Columns where the probe meets the lattice or a metal and something else are windows; so are the first ones
    inside a metal, whose grain gives the pattern of all others.
    """
    found = np.full(len(part), WAYS.index("mixture"))
    for number, layer in enumerate(columns.layers):
        found[part[:, number] >= WHOLE] = WAYS.index("table" if layer.kind == "lattice" else "mean")
    lattice, metal = (
        part[:, [n for n, layer in enumerate(columns.layers) if layer.kind == kind]].sum(axis=1)
        for kind in ("lattice", "metal")
    )
    cut = (found == WAYS.index("mixture")) & (lattice + metal > 1 - WHOLE)
    found[cut | (columns.lead * lattice > most_lead) | _first_metal(metal)] = WAYS.index("window")
    return found


def _first_metal(share: np.ndarray) -> np.ndarray:
    """Return the mask of the metal's columns that lie nearest to its interface, GRAIN of them."""
    whole = np.flatnonzero(share >= WHOLE)
    mask = np.zeros(len(share), bool)
    mask[whole[:GRAIN] if len(whole) and share[0] < WHOLE else whole[-GRAIN:]] = True
    return mask
