"""Tilted octahedra: what moves each site of the cubic cell to its place in the orthorhombic crystal."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from perovsim.atoms.crystals import unit_cell
from perovsim.atoms.preparation import AXES

TILTED = "CsPbBr3_orthorhombic"
"""Pnma: long axis b = 2 c, the others along the diagonals of the cube's face."""


def octahedral_shift(index: np.ndarray, site: np.ndarray, offsets: np.ndarray, axis: str) -> np.ndarray:
    """Return shifts from cubic sites in cells, (n, 3).

    index : cell of each site, (n, 3); site : 0 Cs, 1 Pb, 2 to 4 halide, (n,); offsets : of the sites in the
    cell, (5, 3); axis : of the long period. Chlorides tilt as the bromide does (assumed).
    """
    places = index + offsets[site] - offsets[1]
    turn = np.roll([0, 1, 2], -AXES.index(axis))
    long, first, second = (places[:, k] for k in turn)
    steps = _steps()
    keys = np.stack([np.round(2 * part).astype(int) % 4 for part in (long, first, second)], axis=-1)
    moved = steps[keys[:, 0], keys[:, 1], keys[:, 2]]
    shift = np.empty_like(moved)
    shift[:, turn] = moved
    return shift


@lru_cache(maxsize=1)
def _steps() -> np.ndarray:
    """Return shifts (long, first, second) [cells] by half-cell coordinates modulo two cells, (4, 4, 4, 3)."""
    cell = unit_cell(TILTED)
    fractions, numbers = cell.get_scaled_positions(), cell.numbers
    found = np.zeros((4, 4, 4, 3))
    for key in np.ndindex(4, 4, 4):
        halves = sum(part % 2 for part in key)
        element = {0: "Pb", 1: None, 3: "Cs"}.get(halves, "")
        if element == "":
            continue
        long, first, second = (0.5 * part for part in key)
        ideal = np.array([0.5 * (first - second), 0.5 * long, 0.5 * (first + second) + 0.5])
        kind = numbers > 0 if element is None else np.array([s == element for s in cell.get_chemical_symbols()])
        kind &= np.isin(numbers, [35]) if element is None else True
        away = fractions[kind] - ideal
        away -= np.round(away)
        step = away[np.argmin(np.linalg.norm(away, axis=1))]
        found[key] = 2 * step[1], step[0] + step[2], step[2] - step[0]
    return found
