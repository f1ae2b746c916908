"""Smooth random maps on a grid of cells, and the cells that a profile along x takes from them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def smooth_map(shape: tuple[int, int, int], grain: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random field over cells; grain : size of its lumps [cells]; y and z are periodic."""
    noise = rng.standard_normal(shape)
    return gaussian_filter(noise, 0.5 * grain, mode=("nearest", "wrap", "wrap"))


def take_cells(field: np.ndarray, free: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mask of the cells that are taken, the highest of the field in each plane.

    share : of all cells of each plane, (planes,); the sum over planes is met to one cell, while free cells last
    """
    per_plane = field[0].size
    total = np.concatenate([[0.0], np.cumsum(share * per_plane)]) + rng.random()
    counts = np.diff(np.floor(total).astype(int))
    taken = np.zeros(field.shape, bool)
    for plane, count in enumerate(counts):
        level = np.where(free[plane], field[plane], -np.inf).ravel()
        best = np.argsort(-level, kind="stable")[: min(count, int(free[plane].sum()))]
        taken[plane].flat[best] = True
    return taken


def parted(field: np.ndarray, mask: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    """Cut the masked cells into lumps by the field's level, in the ratio of the shares."""
    places = np.flatnonzero(mask)
    order = places[np.argsort(field.flat[places], kind="stable")]
    ends = np.round(np.cumsum(shares) / np.sum(shares) * len(order)).astype(int)
    parts = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        part = np.zeros(mask.shape, bool)
        part.flat[order[start:end]] = True
        parts.append(part)
    return parts
