"""Grains and tilt: columnar grains that are turned a little about the beam and tilted away from it."""

from __future__ import annotations

import numpy as np

from perovsim.atoms.checks import Check
from perovsim.atoms.piece import Piece, periodic_pairs, wrap
from perovsim.atoms.preparation import Microstructure

TOUCHING = 2.5
"""Of two atoms that turned grains bring closer than this, one is left out [angstrom]; Pb-Cl is 2.8."""
MOST_LOST = 0.1
"""A check fails where more than this share of the atoms is lost at boundaries."""


def turn_grains(piece: Piece, made: Microstructure, box: np.ndarray, rng: np.random.Generator) -> Piece:
    """Turn the grains of a crystal and shear their columns by the tilt.

    x -> x + R(x - c) + tilt_x (z - t/2), the same in y; c : centre of the grain, periodic along y
    """
    mosaicity, *tilt = made.turns
    positions = piece.positions.copy()
    centres = _centres(made.grain_size, box, rng)
    away = positions[:, None, :2] - centres
    away[..., 1] -= box[1] * np.round(away[..., 1] / box[1])
    grain = np.argmin((away**2).sum(axis=-1), axis=1)
    offset = away[np.arange(len(grain)), grain]
    turn, lean_x, lean_y = mosaicity * rng.standard_normal((3, len(centres)))
    cosine, sine = np.cos(turn)[grain], np.sin(turn)[grain]
    depth = positions[:, 2] - 0.5 * box[2]
    positions[:, 0] += (cosine - 1) * offset[:, 0] - sine * offset[:, 1] + (tilt[0] + lean_x[grain]) * depth
    positions[:, 1] += (cosine - 1) * offset[:, 1] + sine * offset[:, 0] + (tilt[1] + lean_y[grain]) * depth
    return Piece(piece.numbers, wrap(positions, box), piece.phase, piece.residue)


def leave_boundaries(piece: Piece, box: np.ndarray) -> tuple[Piece, Check]:
    """Leave out one atom of each pair that grains bring too close, and say how many."""
    pairs, _ = periodic_pairs(piece.positions, TOUCHING, box)
    keep = np.ones(len(piece), bool)
    for first, second in np.sort(pairs, axis=1):
        if keep[first] and keep[second]:
            keep[second] = False
    lost = float((~keep).mean()) if len(keep) else 0.0
    return piece.keep(keep), Check("share of atoms left out at grain boundaries", lost, 0.0, MOST_LOST, "")


def _centres(size: float | None, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return random centres of grains of a mean size [m] in x and y; one in the middle where there are no grains."""
    if size is None:
        return 0.5 * box[None, :2]
    count = max(1, round(box[0] * box[1] / (size * 1e10) ** 2))
    return rng.random((count, 2)) * box[:2]
