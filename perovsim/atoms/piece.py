"""A piece of the lamella (atoms of one phase), and pair searches in a slab periodic in y and z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Piece:
    """Atoms of one phase.

    numbers : atomic numbers, (n,)
    positions : (n, 3) [angstrom] in the lamella's frame
    phase : name of the phase
    residue : cluster, formula unit or cell that an atom belongs to, (n,)
    """

    numbers: np.ndarray
    positions: np.ndarray
    phase: str
    residue: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def keep(self, mask: np.ndarray) -> Piece:
        """Return the atoms chosen by a mask or by indices."""
        return Piece(self.numbers[mask], self.positions[mask], self.phase, self.residue[mask])


def wrap(positions: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the positions with y and z folded into the box, in place."""
    for axis in (1, 2):
        positions[:, axis] %= box[axis]
        positions[positions[:, axis] >= box[axis], axis] = 0.0
    return positions


def tree(positions: np.ndarray, box: np.ndarray) -> cKDTree:
    """Return a search tree that is periodic in y and z; x is open."""
    wide = 4.0 * float(np.abs(positions[:, 0]).max(initial=box[0])) + 100.0
    shifted = positions + [0.25 * wide, 0.0, 0.0]
    return cKDTree(shifted, boxsize=[wide, box[1], box[2]])


def periodic_pairs(positions: np.ndarray, cutoff: float, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs (i, j) closer than `cutoff` and the vectors from i to j."""
    if len(positions) < 2:
        return np.zeros((0, 2), int), np.zeros((0, 3))
    pairs = tree(positions, box).query_pairs(cutoff, output_type="ndarray")
    vectors = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    for axis in (1, 2):
        vectors[:, axis] -= box[axis] * np.round(vectors[:, axis] / box[axis])
    return pairs, vectors


def near(positions: np.ndarray, others: np.ndarray, cutoff: float, box: np.ndarray) -> np.ndarray:
    """Return a mask of the positions that lie closer than `cutoff` to any of the others."""
    if len(positions) == 0 or len(others) == 0:
        return np.zeros(len(positions), bool)
    return distance_to(positions, others, box) < cutoff


def distance_to(positions: np.ndarray, others: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the distance of each position to the nearest of the others [angstrom]."""
    wide = 4.0 * float(max(np.abs(positions[:, 0]).max(), np.abs(others[:, 0]).max(), box[0])) + 100
    shift = [0.25 * wide, 0.0, 0.0]
    search = cKDTree(others + shift, boxsize=[wide, box[1], box[2]])
    return search.query(positions + shift)[0]


def drop_seam(positions: np.ndarray, shortest: float, box: np.ndarray) -> np.ndarray:
    """Return a mask that drops one atom of each pair that clashes across the periodic seam."""
    pairs, _ = periodic_pairs(positions, shortest, box)
    keep = np.ones(len(positions), bool)
    keep[pairs.max(axis=1)] = False
    return keep
