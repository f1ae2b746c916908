"""Audit of a film: points drawn at random, interfaces included, computed again on whole local lamellae by abTEM."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.atoms import build_lamella
from perovsim.microscopy.film.columns import Columns
from perovsim.microscopy.film.sources import Optics
from perovsim.microscopy.nanobeam import scan_4d

HALF = 6e-9
"""Half width of the lamella around a point [m]: the probe's tails end within it."""


def exact_patterns(
    result: Any, view: Optics, columns: Columns, time: float, x: np.ndarray, phonons: int, seed: int, way: str = "exact"
) -> np.ndarray:
    """Return exact patterns at nearby places x [m] of one time, at heights drawn at random, (place, qy, qx)."""
    anchor = _anchor(columns, 0.5 * (x.min() + x.max()))
    shift = float(columns.move(anchor)) - anchor
    middle = 0.5 * (x.min() + x.max()) - shift
    lamella = build_lamella(
        result,
        time=time,
        window=(middle - HALF, middle + HALF),
        thickness=view.thickness,
        height=view.height,
        seed=seed,
    )
    y = np.random.default_rng([seed, len(x)]).random(len(x)) * lamella.height
    places = np.stack([x - shift, y], axis=1)
    scan = scan_4d(lamella, view.microscope, positions=places, mode=view.mode, phonons=phonons, seed=seed, fidelity=way)
    return scan.expectation.astype(float)


def _anchor(columns: Columns, x: float) -> float:
    """Return the border that a lamella around x is anchored at: the nearest one, contacts apart."""
    edges = [layer.x1 for layer in columns.layers[:-1]]
    return min(edges, key=lambda edge: abs(edge - x))
