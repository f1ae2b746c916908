"""Finding the lattice of a diffraction pattern: central disk, the other disks, two basis vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as fft
from scipy import ndimage

from perovsim.errors import MeasurementError

LEVEL = 0.4
"""The central disk is where the intensity exceeds this share of its peak."""
RADII = (7.0, 4.5, 3.0, 2.0)
"""Disk radii that are tried when the radius is not known [pixel]."""
RING = 2.0
"""The correlation template subtracts a ring of this many pixels around the disk."""
NOISE = 6.0
"""A disk's correlation stands out of the noise by this many robust standard deviations."""
MAD = 1.4826
"""Standard deviation of Gaussian noise over its median absolute value."""
FAINTEST = 0.01
"""Disks fainter than this share of the central one (in the root of the intensity) are left out."""
SHORTEST_USED = 10
"""Basis vectors are sought among this many of the shortest differences between peaks."""
TOLERANCE = 0.35
"""A peak belongs to a lattice point within this share of the disk radius, or 1.5 pixels."""
LEAST_PEAKS = 6
"""Peaks that a lattice must explain, the centre included."""
EXPLAINED = 0.6
"""Share of the peaks that a lattice must explain."""
NARROWEST = np.deg2rad(25)
"""Smallest angle between two basis vectors."""


@dataclass(frozen=True)
class Lattice:
    """Starting values in pixels: centre (x, y), basis (columns), disk radius."""

    centre: np.ndarray
    basis: np.ndarray
    radius: float


def central_disk(pattern: np.ndarray) -> tuple[np.ndarray, float]:
    """Return centre (x, y) and radius of the brightest disk [pixel]."""
    smooth = ndimage.gaussian_filter(np.asarray(pattern, float), 1.0)
    peak = np.unravel_index(int(smooth.argmax()), smooth.shape)
    top = np.median(
        np.sort(smooth[max(peak[0] - 2, 0) : peak[0] + 3, max(peak[1] - 2, 0) : peak[1] + 3], axis=None)[-9:]
    )
    if not top > 0:
        raise MeasurementError("the pattern is empty: no pixel has counts")
    labels, _ = ndimage.label(smooth > LEVEL * top)
    region = labels == labels[peak]
    y, x = ndimage.center_of_mass(region)
    return np.array([x, y]), float(np.sqrt(region.sum() / np.pi))


def find_lattice(pattern: np.ndarray, radius: float | None = None) -> Lattice:
    """Find centre, basis and disk radius of a pattern of disks or spots (counts, (qy, qx)).

    Disks are correlated with a disk on the root of the counts; the basis is the pair of difference
    vectors that explains most peaks with the fewest lattice points. radius : [pixel]; when None,
    that of the central disk is tried, then smaller ones (a saturated beam looks too large)
    Raises MeasurementError where there is no lattice.
    """
    centre, seen = central_disk(pattern)
    radii = [radius] if radius is not None else [seen, *(r for r in RADII if r < seen)]
    reason = ""
    for tried in radii:
        for strict in (True, False):
            try:
                return _with_radius(pattern, centre, seen, tried, strict)
            except MeasurementError as cause:
                reason = reason or str(cause)
    raise MeasurementError(reason)


def _with_radius(pattern: np.ndarray, centre: np.ndarray, seen: float, radius: float, strict: bool) -> Lattice:
    """Return the lattice for one disk radius; strict : as in `find_peaks`."""
    points, strengths = find_peaks(np.sqrt(np.maximum(pattern, 0.0)), radius, strict)
    outside = np.hypot(*(points - centre).T) > max(seen, 2.0) if len(points) else np.zeros(0, bool)
    if outside.sum() + 1 < LEAST_PEAKS:
        raise MeasurementError(f"no lattice: only {outside.sum()} disks stand out beside the central one")
    points = np.concatenate([[centre], points[outside]])
    strengths = np.concatenate([[strengths.max()], strengths[outside]])
    tolerance = max(TOLERANCE * radius, 1.5)
    basis = best_basis(points - centre, tolerance, max(radius, 2.0))
    middle, basis = _refined(points, strengths, centre, basis, tolerance)
    return Lattice(middle, basis, radius)


def find_peaks(root: np.ndarray, radius: float, strict: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (x, y) and strengths of the disks in sqrt(counts).

    strict : disks must stand out of the unevenness of the whole pattern, which suits few spots on a
    halo; else out of the noise of the pixels, which suits disks that fill the pattern
    """
    from skimage.feature import peak_local_max

    y, x = (np.fft.fftfreq(n) * n for n in root.shape)
    r = np.hypot(y[:, None], x[None, :])
    disk = np.clip(radius - r + 0.5, 0, 1)
    ring = np.clip(radius + RING - r + 0.5, 0, 1) - disk
    kernel = disk / disk.sum() - ring / ring.sum()
    found = fft.irfft2(fft.rfft2(root) * np.conj(fft.rfft2(kernel)), s=root.shape)
    noise = MAD * float(np.median(np.abs(found - np.median(found))))
    if not strict:
        noise = _pixel_noise(root) * float(np.sqrt((kernel**2).sum()))
    threshold = max(NOISE * noise, FAINTEST * found.max())
    peaks = peak_local_max(
        found, min_distance=max(int(radius), 2), threshold_abs=threshold, exclude_border=max(int(radius), 2)
    )
    refined = np.array([_parabola(found, *peak) for peak in peaks]).reshape(-1, 2)
    return refined, found[tuple(peaks.T)]


def _pixel_noise(root: np.ndarray) -> float:
    """Return the robust standard deviation of a pixel, from differences of neighbours."""
    steps = np.diff(root, axis=1).ravel()
    return float(MAD * np.median(np.abs(steps)) / np.sqrt(2))


def _parabola(image: np.ndarray, row: int, column: int) -> tuple[float, float]:
    """Return (x, y) of the maximum of a parabola through a peak and its neighbours."""
    place = []
    for axis, at in ((1, column), (0, row)):
        line = image[row] if axis == 1 else image[:, column]
        low, top, high = line[at - 1], line[at], line[at + 1]
        bend = low - 2 * top + high
        place.append(at + (0.5 * (low - high) / bend if bend < 0 else 0.0))
    return place[0], place[1]


def best_basis(vectors: np.ndarray, tolerance: float, shortest: float) -> np.ndarray:
    """Return the two difference vectors that explain most peaks with the fewest lattice points.

    score = (share of the peaks explained)^2 x (peaks explained / lattice points within their reach)
    """
    candidates = _differences(vectors, tolerance, shortest)
    extent = np.hypot(*vectors.T).max() + tolerance
    best, chosen = 0.0, None
    for i, first in enumerate(candidates):
        for second in candidates[i + 1 :]:
            basis = np.stack([first, second], axis=1)
            area = abs(np.linalg.det(basis))
            if area < np.sin(NARROWEST) * np.hypot(*first) * np.hypot(*second):
                continue
            hit = _hits(vectors, basis, tolerance)
            score = hit.mean() ** 2 * min(hit.sum() * area / (np.pi * extent**2), 1.0)
            if hit.mean() >= EXPLAINED and hit.sum() >= LEAST_PEAKS and score > best:
                best, chosen = score, basis
    if chosen is None:
        raise MeasurementError("no lattice: no two vectors explain the disks")
    return chosen


def _differences(vectors: np.ndarray, tolerance: float, shortest: float) -> list[np.ndarray]:
    """Return the shortest differences between peaks that occur more than once, means of each."""
    pairs = (vectors[:, None] - vectors[None, :]).reshape(-1, 2)
    half = pairs[(pairs[:, 0] > 1e-9) | ((np.abs(pairs[:, 0]) <= 1e-9) & (pairs[:, 1] > 0))]
    length = np.hypot(*half.T)
    half = half[(length > shortest)][np.argsort(length[length > shortest])]
    found: list[np.ndarray] = []
    while len(half) and len(found) < SHORTEST_USED:
        alike = np.hypot(*(half - half[0]).T) < tolerance
        opposite = np.hypot(*(half + half[0]).T) < tolerance
        if (alike | opposite).sum() > 1:
            found.append(half[alike].mean(axis=0))
        half = half[~(alike | opposite)]
    return found


def _hits(vectors: np.ndarray, basis: np.ndarray, tolerance: float) -> np.ndarray:
    index = np.linalg.solve(basis, vectors.T).T
    return np.hypot(*(vectors - np.rint(index) @ basis.T).T) < tolerance


def _refined(
    points: np.ndarray, strengths: np.ndarray, centre: np.ndarray, basis: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and basis fitted to all peaks on the lattice, reduced and turned to x."""
    for _ in range(3):
        index = np.rint(np.linalg.solve(basis, (points - centre).T).T)
        off = np.hypot(*(points - centre - index @ basis.T).T)
        use = off < tolerance
        design = np.column_stack([np.ones(use.sum()), index[use]]) * strengths[use, None]
        fitted = np.linalg.lstsq(design, points[use] * strengths[use, None], rcond=None)[0]
        centre, basis = fitted[0], fitted[1:].T
    return centre, reduced(basis)


def reduced(basis: np.ndarray) -> np.ndarray:
    """Return the shortest basis of a plane lattice, first vector nearest to +x, right-handed."""
    a, b = basis.T
    while True:
        if np.hypot(*a) > np.hypot(*b):
            a, b = b, a
        turns = np.rint(a @ b / (a @ a))
        if turns == 0:
            break
        b = b - turns * a
    first, second = max(((a, b), (b, a), (-a, b), (-b, a)), key=lambda pair: pair[0][0] / np.hypot(*pair[0]))
    if first[0] * second[1] - first[1] * second[0] < 0:
        second = -second
    return np.stack([first, second], axis=1)
