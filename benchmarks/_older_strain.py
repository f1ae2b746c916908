"""What most tools do with the disks of a pattern, started at the true lattice: for the table of benchmark `strain`."""

from __future__ import annotations

import numpy as np
import scipy.fft as fft
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import minimize

from perovsim.microscopy.patterns.deformation import deformation
from perovsim.microscopy.patterns.disks import fit_disks
from perovsim.microscopy.table.camera import Camera

METHODS = ("disk correlation", "lattice edge", "polynomial disks")
NEAR = 3
"""Peaks are looked for this far from the true place [pixel]."""
RING = 1.5
"""Width of the rings inside and outside the edge [pixel]."""


def older_strain(counts: np.ndarray, camera: Camera, base: np.ndarray, strain: np.ndarray) -> np.ndarray:
    """Return exx, eyy, exy by each of METHODS, (method, 3); nan where one finds no lattice.

    base : reciprocal vectors of the unstrained cell, columns [pixel]; strain : true exx, eyy, exy, rotation
    """
    exx, eyy, exy, rotation = strain
    cos, sin = np.cos(rotation), np.sin(rotation)
    basis = np.linalg.inv(np.eye(2) + [[exx, exy], [exy, eyy]]) @ [[cos, -sin], [sin, cos]] @ base
    radius = camera.radius / camera.pixel
    centre = 0.5 * (np.array(camera.shape[::-1]) - 1)
    steps = np.arange(-int(np.ceil(camera.field / camera.pixel / np.abs(base).max())), 0)
    span = np.r_[steps, 0, -steps[::-1]]
    points = np.stack(np.meshgrid(span, span, indexing="ij"), -1).reshape(-1, 2)
    reach = min(camera.field / camera.pixel, centre.min()) - radius - NEAR
    points = points[np.hypot(*(basis @ points.T)) < reach]
    bases = [
        _by_disks(counts, radius, centre, basis, points),
        _by_edges(np.sqrt(counts), radius, centre, basis, points),
        fit_disks(counts, centre, basis, radius).basis,
    ]
    return np.array([deformation(one, base)[:3] if np.isfinite(one).all() else [np.nan] * 3 for one in bases])


def _by_disks(counts: np.ndarray, radius: float, centre: np.ndarray, basis: np.ndarray, points: np.ndarray):
    """Correlate with a disk, find the peak near each place, fit a lattice, peaks weighted by their height."""
    found = _correlated(counts, np.clip(radius - _distance(counts.shape) + 0.5, 0, 1))
    places, heights = [], []
    for x, y in np.rint(centre + points @ basis.T).astype(int):
        near = found[y - NEAR : y + NEAR + 1, x - NEAR : x + NEAR + 1]
        row, column = np.unravel_index(int(near.argmax()), near.shape)
        peak = 0 < min(row, column) and max(row, column) < 2 * NEAR  # else the slope of a brighter neighbour
        row, column = y - NEAR + row, x - NEAR + column
        across, down = found[row, column - 1 : column + 2], found[row - 1 : row + 2, column]
        places.append((column + _top(across), row + _top(down)))
        heights.append(found[row, column] if peak else 0.0)
    weight = np.sqrt(np.maximum(heights, 0.0))[:, None]
    design = np.column_stack([np.ones(len(points)), points])
    return np.linalg.lstsq(weight * design, weight * np.array(places), rcond=None)[0][1:].T


def _by_edges(root: np.ndarray, radius: float, centre: np.ndarray, basis: np.ndarray, points: np.ndarray):
    """Maximise the contrast across the edges of all disks together, of the root of the counts."""
    r = _distance(root.shape)
    inside, outside = ((r > a) & (r <= b) for a, b in ((radius - RING, radius), (radius, radius + RING)))
    found = spline_filter(_correlated(root, inside / inside.sum() - outside / outside.sum()))

    def contrast(p: np.ndarray) -> float:
        x, y = (p[:2] + points @ p[2:].reshape(2, 2).T).T
        return -float(map_coordinates(found, [y, x], order=3, prefilter=False).sum())

    best = minimize(contrast, np.concatenate([centre, basis.ravel()]))
    return best.x[2:].reshape(2, 2)


def _correlated(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return fft.irfft2(fft.rfft2(image) * np.conj(fft.rfft2(kernel)), s=image.shape)


def _distance(shape: tuple[int, int]) -> np.ndarray:
    y, x = (np.fft.fftfreq(n) * n for n in shape)
    return np.hypot(y[:, None], x)


def _top(values: np.ndarray) -> float:
    """Return where a parabola through three values has its top, from the middle one."""
    bend = values[0] - 2 * values[1] + values[2]
    return 0.5 * (values[0] - values[2]) / bend if bend < 0 else 0.0
