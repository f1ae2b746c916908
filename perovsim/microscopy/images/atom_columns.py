"""Atom columns of an image: position, width and intensity of each, with standard errors.

I(r) = b + sum_j A_j exp(-(r - r_j).P (r - r_j) / 2) around each group of columns; columns of one group (a dumbbell)
share the matrix P (an elliptic spot) and the background b and are fitted together, the others are subtracted.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.spatial import cKDTree

from perovsim.errors import MeasurementError
from perovsim.microscopy.records.image import Image

SWEEPS = 4
"""Rounds over all groups; the neighbours of each are subtracted as the last round left them."""
STEPS = 6
"""Gauss-Newton steps of one group in one round."""
LONGEST = 0.3
"""Longest step of a position, in widths."""
NARROWEST, WIDEST = 0.4, 2.5
"""Range of a width, in starting widths."""
REACH = 1.6
"""Pixels within this many widths of a column of the group are fitted."""
SMALL = 1e-6
"""Relative step of the differences that carry errors on to width, intensity and ellipse."""
CORRELATED = 8
"""Noise of neighbouring pixels may be correlated up to this distance [pixel]."""
BRIGHT = 0.2
"""A maximum is a column when it stands out by this share of the range of the smoothed image."""


def find_columns(image: Image, distance: float, dark: bool = False) -> np.ndarray:
    """Return the maxima of the smoothed image, (n, 2) as (x, y) [m]; minima where `dark`.

    distance : least one between columns [m]; the image is smoothed by a quarter of it
    """
    from skimage.feature import peak_local_max

    counts = np.asarray(image.counts, float) * (-1 if dark else 1)
    smooth = ndimage.gaussian_filter(counts, 0.25 * distance / image.pixel)
    low, high = np.percentile(smooth, [1, 99])
    peaks = peak_local_max(
        smooth, min_distance=max(int(0.5 * distance / image.pixel), 1), threshold_abs=low + BRIGHT * (high - low)
    )
    if len(peaks) == 0:
        raise MeasurementError("no atom column stands out of the image; give their positions, or a smaller distance")
    return np.stack([image.x[peaks[:, 1]], image.y[peaks[:, 0]]], axis=1)


def fit_columns(image: Image, start: np.ndarray, width: float, joint: float = 0.0) -> xr.Dataset:
    """Fit every column of an image from starting positions.

    start : (n, 2) as (x, y) [m]; width : starting standard deviation of a column [m]
    joint : columns nearer than this to each other are fitted together [m]
    Returns over `column`: x, y, width [m], intensity [counts m^2], ellipse (long over short axis), each with *_error,
    and group. width s : geometric mean of both axes, det P = 1 / s^4; intensity : 2 pi s^2 A
    Columns whose fit leaves the image, or has no positive intensity, hold NaN. Errors count the correlation of the
    noise that the fits leave; they are too small by up to two where it is as wide as a column.
    Raises MeasurementError where no starting position lies in the image.
    """
    start = np.atleast_2d(np.asarray(start, float))
    inside = (start >= [image.x[0], image.y[0]]).all(axis=1) & (start <= [image.x[-1], image.y[-1]]).all(axis=1)
    if not inside.any():
        raise MeasurementError("no starting position of a column lies in the image; give them in metres, as (x, y)")
    origin = np.array([image.x[0], image.y[0]])
    fit = _Fit(
        np.asarray(image.counts, float),
        (start[inside] - origin) / image.pixel,
        width / image.pixel,
        joint / image.pixel,
    )
    for _ in range(SWEEPS):
        fit.sweep()
    values, errors = fit.outcome()
    scale = np.array([image.pixel, image.pixel, image.pixel, image.pixel**2, 1])
    values, errors = values * scale + np.r_[origin, 0, 0, 0], errors * scale
    units = {"x": "m", "y": "m", "width": "m", "intensity": "count m^2", "ellipse": "1"}
    data = {}
    for column, (name, unit) in enumerate(units.items()):
        data[name] = ("column", values[:, column], {"units": unit})
        data[f"{name}_error"] = ("column", errors[:, column], {"units": unit})
    data["group"] = ("column", fit.label)
    return xr.Dataset(data)


class _Fit:
    """Columns in pixels: position (n, 2), amplitude (n,), shape P as (xx, xy, yy) (n, 3)."""

    def __init__(self, counts: np.ndarray, place: np.ndarray, width: float, joint: float) -> None:
        self.counts, self.place, self.start = counts, place.copy(), width
        self.shape, self.amplitude = np.tile([1 / width**2, 0.0, 1 / width**2], (len(place), 1)), np.zeros(len(place))
        self.errors = np.full((len(place), 5), np.nan)
        self.label = _labels(place, joint)
        self.groups = [np.flatnonzero(self.label == number) for number in range(self.label.max() + 1)]
        self.model = np.zeros_like(counts)
        self.rest: list[np.ndarray] = []

    def sweep(self) -> None:
        """Fit every group once."""
        self.rest = []
        for members in self.groups:
            y, x = self._pixels(members)
            own = self._gaussians(members, x, y) @ self.amplitude[members]
            seen = self.counts[y, x] - (self.model[y, x] - own)
            self._add(members, -1)
            self._fit_group(members, x, y, seen)
            self._add(members, 1)

    def _pixels(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reach = REACH * self.start + 1
        low = np.maximum(np.floor(self.place[members].min(axis=0) - reach).astype(int), 0)
        high = np.minimum(np.ceil(self.place[members].max(axis=0) + reach).astype(int) + 1, self.counts.shape[::-1])
        y, x = (part.ravel() for part in np.mgrid[low[1] : high[1], low[0] : high[0]])
        near = np.min([np.hypot(x - cx, y - cy) for cx, cy in self.place[members]], axis=0) <= reach
        return y[near], x[near]

    def _gaussians(self, members: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        dx, dy = x[:, None] - self.place[members, 0], y[:, None] - self.place[members, 1]
        xx, xy, yy = self.shape[members].T
        return np.exp(-0.5 * (xx * dx**2 + 2 * xy * dx * dy + yy * dy**2))

    def _add(self, members: np.ndarray, sign: int) -> None:
        reach = int(2 * WIDEST * self.start) + 2
        for number in members:
            cx, cy = self.place[number]
            rows = slice(max(int(cy) - reach, 0), max(int(cy) + reach, 0))
            columns = slice(max(int(cx) - reach, 0), max(int(cx) + reach, 0))
            part = self.model[rows, columns]
            y, x = np.mgrid[rows.start : rows.start + part.shape[0], columns.start : columns.start + part.shape[1]]
            spot = self._gaussians(np.array([number]), x.ravel(), y.ravel())
            part += sign * self.amplitude[number] * spot.reshape(part.shape)

    def _fit_group(self, members: np.ndarray, x: np.ndarray, y: np.ndarray, seen: np.ndarray) -> None:
        """Gauss-Newton in positions and the common shape; amplitudes and background are linear."""
        count = len(members)
        if len(seen) < 4 * count + 5:
            self.errors[members] = np.nan
            return
        for _ in range(STEPS):
            spots = self._gaussians(members, x, y)
            linear = np.linalg.lstsq(np.column_stack([spots, np.ones(len(x))]), seen, rcond=None)[0]
            self.amplitude[members], rest = linear[:-1], seen - spots @ linear[:-1] - linear[-1]
            jacobian = self._jacobian(members, x, y, spots)
            size = np.maximum(np.linalg.norm(jacobian, axis=0), np.finfo(float).tiny)
            move = np.linalg.lstsq(jacobian / size, rest, rcond=1e-10)[0] / size
            limit = LONGEST * self.start
            self.place[members] += np.clip(move[: 2 * count].reshape(count, 2), -limit, limit)
            self.shape[members] = self._allowed(self.shape[members[0]] + move[2 * count : 2 * count + 3])
        self.rest.append(np.stack([y, x, rest], axis=1))
        noise = float(rest @ rest) / max(len(rest) - jacobian.shape[1], 1)
        covariance = noise * np.linalg.pinv((jacobian / size).T @ (jacobian / size)) / np.outer(size, size)
        self.errors[members] = self._errors(members, covariance)

    def _allowed(self, shape: np.ndarray) -> np.ndarray:
        """Return the shape with widths inside their range."""
        values, axes = np.linalg.eigh(shape[[0, 1, 1, 2]].reshape(2, 2))
        values = np.clip(values, 1 / (WIDEST * self.start) ** 2, 1 / (NARROWEST * self.start) ** 2)
        return ((axes * values) @ axes.T).ravel()[[0, 1, 3]]

    def _errors(self, members: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        """Return standard errors of (x, y, width, intensity, ellipse) of each column of a group."""
        count = len(members)
        errors = np.empty((count, 5))
        errors[:, :2] = np.sqrt(np.diag(covariance))[: 2 * count].reshape(count, 2)
        for number, (shape, a) in enumerate(zip(self.shape[members], self.amplitude[members], strict=True)):
            at = [2 * count, 2 * count + 1, 2 * count + 2, 2 * count + 3 + number]
            here = np.r_[shape, a]
            steps = np.diag(SMALL * np.r_[np.full(3, shape[[0, 2]].mean()), max(abs(a), 1e-300)])
            slopes = np.array([(_numbers(here + step) - _numbers(here)) / step.sum() for step in steps]).T
            errors[number, 2:] = np.sqrt(np.diag(slopes @ covariance[np.ix_(at, at)] @ slopes.T))
        return errors

    def _jacobian(self, members: np.ndarray, x: np.ndarray, y: np.ndarray, spots: np.ndarray) -> np.ndarray:
        """Return derivatives by (x, y) of each column, the shape, the amplitudes and the background."""
        dx, dy = x[:, None] - self.place[members, 0], y[:, None] - self.place[members, 1]
        xx, xy, yy = self.shape[members[0]]
        high = self.amplitude[members] * spots
        moves = np.stack([high * (xx * dx + xy * dy), high * (xy * dx + yy * dy)], axis=2).reshape(len(x), -1)
        shape = [-(high * part).sum(axis=1) for part in (0.5 * dx**2, dx * dy, 0.5 * dy**2)]
        return np.column_stack([moves, *shape, spots, np.ones(len(x))])

    def outcome(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (x, y, width, intensity) and standard errors, with the correlation of the noise counted."""
        rest = [_numbers(np.r_[shape, a]) for shape, a in zip(self.shape, self.amplitude, strict=True)]
        values = np.column_stack([self.place, np.array(rest)])
        high = np.array(self.counts.shape[::-1]) - 1
        bad = (self.amplitude <= 0) | (self.place < 0).any(axis=1) | (self.place > high).any(axis=1)
        bad |= ~np.isfinite(self.errors).all(axis=1)
        errors = self.errors * np.sqrt(self._correlated())
        values[bad], errors[bad] = np.nan, np.nan
        return values, errors

    def _correlated(self) -> float:
        """Return the pixels that share one noise: the sum of the autocorrelation of what the fits leave."""
        left, seen = np.zeros_like(self.counts), np.zeros_like(self.counts)
        for part in self.rest:
            at = part[:, 0].astype(int), part[:, 1].astype(int)
            left[at], seen[at] = part[:, 2], 1
        both = [np.fft.irfft2(np.abs(np.fft.rfft2(field)) ** 2, s=left.shape) for field in (left, seen)]
        ratio = both[0] / np.maximum(both[1], 1) / max(both[0][0, 0] / max(both[1][0, 0], 1), np.finfo(float).tiny)
        near = np.r_[-CORRELATED:0, 0 : CORRELATED + 1]
        ratio = ratio[np.ix_(near, near)]
        labels, _ = ndimage.label(ratio > 0)  # beyond the first zero is what the fits have made
        return max(float(ratio[labels == labels[CORRELATED, CORRELATED]].sum()), 1.0)


def _numbers(p: np.ndarray) -> np.ndarray:
    """Return (width, intensity, ellipse) of P = (xx, xy, yy) and the amplitude."""
    values = np.linalg.eigvalsh(p[[0, 1, 1, 2]].reshape(2, 2))
    width = np.prod(values) ** -0.25
    return np.array([width, 2 * np.pi * width**2 * p[3], np.sqrt(values[1] / values[0])])


def _labels(place: np.ndarray, joint: float) -> np.ndarray:
    """Return the group of each column: those nearer than `joint`, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = cKDTree(place).query_pairs(joint, output_type="ndarray") if joint > 0 else np.zeros((0, 2), int)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(place), len(place)))
    return connected_components(graph, directed=False)[1]
