"""The lattice of an atomic-resolution image: a periodic function fitted to all its pixels at once.

I(r) = sum_hk c_hk exp(2 pi i (h g1 + k g2).r); the two reciprocal vectors are fitted by least squares
with all coefficients projected out, so every pixel and every harmonic contributes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft as fft

from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.lattice import best_basis, reduced
from perovsim.microscopy.records.image import Image

PADDING = 4
"""The Fourier transform that finds the first peaks is padded this many times."""
PEAKS = 24
"""Strongest Fourier peaks among which the reciprocal basis is sought."""
FAINTEST = 0.05
"""Fourier peaks below this share of the strongest are left out."""
NOISE = 4.5
"""Peaks of white noise exceed this multiple of its median once in a million points."""
FINEST = 1.0e-10
"""Harmonics down to this spacing are fitted [m]: finer ones are below the noise of STEM images."""
ITERATIONS = 8
STEP_DONE = 1e-3
"""The fit ends when a step is below this share of the standard error."""
PERIODS = 3
"""An image must hold this many periods along each direction."""


@dataclass(frozen=True)
class ImageLattice:
    """Lattice and periodic part of an image.

    reciprocal : columns are g1, g2, (2, 2) [1/m], in image axes (x, y); origin r = centre of image
    covariance : of its entries (row by row), (4, 4) [1/m^2]
    indices : (h, k) of the harmonics, half of them; coefficients : c_hk, complex
    correlation : of the periodic image with the pixels; noise : standard deviation of the rest
    """

    reciprocal: np.ndarray
    covariance: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)
    coefficients: np.ndarray = field(repr=False)
    mean: float
    correlation: float
    noise: float

    @property
    def direct(self) -> np.ndarray:
        """Direct lattice vectors as columns [m]."""
        return np.linalg.inv(self.reciprocal).T


def fit_image_lattice(image: Image, start: np.ndarray | None = None, region: np.ndarray | None = None) -> ImageLattice:
    """Fit the lattice of an image, simulated or measured.

    start : reciprocal vectors as columns [1/m]; found from the Fourier transform when None
    region : mask of the pixels to use, (y, x)
    Raises MeasurementError when the image has no lattice, or too few periods of it.
    """
    counts = np.asarray(image.counts, float)
    if region is not None and not region.any():
        raise MeasurementError("the region of the image is empty; choose one with pixels in it")
    reciprocal = find_reciprocal(image) if start is None else np.asarray(start, float)
    edges = np.array(counts.shape[::-1]) * image.pixel
    if np.any(np.abs(reciprocal.T @ np.diag(edges)).sum(axis=1) < PERIODS):
        raise MeasurementError(f"the image holds fewer than {PERIODS} periods of its lattice; use a larger field")
    r = pixel_positions(image)
    values = counts.ravel()
    if region is not None:
        r, values = r[region.ravel()], values[region.ravel()]
    return _refine(r, values, reciprocal)


def pixel_positions(image: Image) -> np.ndarray:
    """Return (x, y) of every pixel from the centre of the image, (n, 2) [m]."""
    rows, columns = image.counts.shape
    x = (np.arange(columns) - 0.5 * (columns - 1)) * image.pixel
    y = (np.arange(rows) - 0.5 * (rows - 1)) * image.pixel
    return np.stack(np.meshgrid(x, y, indexing="xy"), axis=-1).reshape(-1, 2)


def find_reciprocal(image: Image) -> np.ndarray:
    """Return the reciprocal basis from the peaks of the Fourier transform, columns [1/m]."""
    from skimage.feature import peak_local_max

    counts = np.asarray(image.counts, float)
    window = np.hanning(counts.shape[0])[:, None] * np.hanning(counts.shape[1])
    shape = tuple(fft.next_fast_len(PADDING * n, real=False) for n in counts.shape)
    power = np.abs(fft.fftshift(fft.fft2((counts - counts.mean()) * window, s=shape)))
    middle = np.array(shape) // 2
    closest = PADDING * PERIODS
    power[middle[0] - closest : middle[0] + closest + 1, middle[1] - closest : middle[1] + closest + 1] = 0
    peaks = peak_local_max(power, min_distance=closest, num_peaks=PEAKS, exclude_border=False)
    found = (peaks - middle)[:, ::-1] / (np.array(shape)[::-1] * image.pixel)
    width = 1 / (min(counts.shape) * image.pixel)
    strengths = power[tuple(peaks.T)]
    keep = strengths > max(FAINTEST * strengths.max(), NOISE * float(np.median(power)))
    points = np.concatenate([[[0.0, 0.0]], found[keep]])
    try:
        return reduced(best_basis(points, width, 2 * width))
    except MeasurementError:
        raise MeasurementError(
            "no lattice: the Fourier transform of the image has no two periods; atomic resolution is needed"
        ) from None


def harmonics(reciprocal: np.ndarray) -> np.ndarray:
    """Return (h, k) of one half of the harmonics with a spacing above FINEST, (n, 2)."""
    most = int(np.ceil(1 / (FINEST * np.linalg.svd(reciprocal, compute_uv=False).min())))
    span = np.arange(-most, most + 1)
    hk = np.stack(np.meshgrid(span, span, indexing="ij"), -1).reshape(-1, 2)
    hk = hk[(hk[:, 0] > 0) | ((hk[:, 0] == 0) & (hk[:, 1] > 0))]
    return hk[np.hypot(*(hk @ reciprocal.T).T) <= 1 / FINEST]


def periodic_design(r: np.ndarray, reciprocal: np.ndarray, hk: np.ndarray) -> np.ndarray:
    """Return columns 1, cos, sin, cos, sin ... of the harmonics at positions r, (n, 1 + 2 m)."""
    first, second = (np.exp(2j * np.pi * (r @ reciprocal[:, i])) for i in (0, 1))
    powers = [
        {k: wave**k for k in range(-np.abs(hk[:, i]).max(), np.abs(hk[:, i]).max() + 1)}
        for i, wave in enumerate((first, second))
    ]
    design = np.empty((len(r), 1 + 2 * len(hk)))
    design[:, 0] = 1
    for number, (h, k) in enumerate(hk):
        wave = powers[0][h] * powers[1][k]
        design[:, 1 + 2 * number], design[:, 2 + 2 * number] = wave.real, wave.imag
    return design


def _refine(r: np.ndarray, values: np.ndarray, reciprocal: np.ndarray) -> ImageLattice:
    """Gauss-Newton on the reciprocal vectors, coefficients projected out."""
    hk = harmonics(reciprocal)
    for _ in range(ITERATIONS):
        design = periodic_design(r, reciprocal, hk)
        normal = design.T @ design
        linear = np.linalg.solve(normal, design.T @ values)
        residual = values - design @ linear
        slopes = _slopes(r, design, linear, hk)
        free = slopes - design @ np.linalg.solve(normal, design.T @ slopes)
        curvature = free.T @ free
        noise = float(residual.std())
        move = np.linalg.solve(curvature, free.T @ residual)
        covariance = np.linalg.inv(curvature) * noise**2
        reciprocal = reciprocal + move.reshape(2, 2)
        if np.all(np.abs(move) < STEP_DONE * np.sqrt(np.diag(covariance))):
            break
    coefficients = 0.5 * (linear[1::2] - 1j * linear[2::2])
    correlation = float(np.sqrt(max(0.0, 1 - residual.var() / values.var())))
    return ImageLattice(reciprocal, covariance, hk, coefficients, float(linear[0]), correlation, noise)


def _slopes(r: np.ndarray, design: np.ndarray, linear: np.ndarray, hk: np.ndarray) -> np.ndarray:
    """Return the derivatives of the model by the entries of the reciprocal basis, row by row."""
    turned = np.zeros((len(r), 2))
    for number, (h, k) in enumerate(hk):
        along = linear[2 + 2 * number] * design[:, 1 + 2 * number] - linear[1 + 2 * number] * design[:, 2 + 2 * number]
        turned[:, 0] += 2 * np.pi * h * along
        turned[:, 1] += 2 * np.pi * k * along
    return np.stack(
        [turned[:, 0] * r[:, 0], turned[:, 1] * r[:, 0], turned[:, 0] * r[:, 1], turned[:, 1] * r[:, 1]], axis=1
    )


@dataclass(frozen=True)
class Distortion:
    """How a scan stretches a known cell: measured = stretch x true, in image axes.

    stretch : symmetric (2, 2); error : standard error of its entries, (2, 2)
    between_axes : difference of its principal values; direction : of the larger one [rad] from x
    """

    stretch: np.ndarray
    error: np.ndarray
    between_axes: float
    between_axes_error: float
    direction: float


def scan_distortion(lattice: ImageLattice, cell: np.ndarray) -> Distortion:
    """Compare the direct lattice of an image with the true vectors (columns of `cell` [m]).

    The rotation of the sample is taken out by the polar decomposition measured = stretch R true.
    """
    value = _stretch(lattice.reciprocal, cell)
    size = np.abs(lattice.reciprocal).max() * 1e-7
    jacobian = np.empty((4, 4))
    for entry in range(4):
        moved = lattice.reciprocal.copy()
        moved.flat[entry] += size
        jacobian[:, entry] = (_stretch(moved, cell) - value).ravel() / size
    covariance = jacobian @ lattice.covariance @ jacobian.T
    principal, axes = np.linalg.eigh(value)
    weights = np.outer(axes[:, 1], axes[:, 1]) - np.outer(axes[:, 0], axes[:, 0])
    spread = float(weights.ravel() @ covariance @ weights.ravel())
    return Distortion(
        value,
        np.sqrt(np.diag(covariance)).reshape(2, 2),
        float(principal[1] - principal[0]),
        float(np.sqrt(max(spread, 0.0))),
        float(np.arctan2(axes[1, 1], axes[0, 1]) % np.pi),
    )


def _stretch(reciprocal: np.ndarray, cell: np.ndarray) -> np.ndarray:
    left, stretch, _ = np.linalg.svd(np.linalg.inv(reciprocal).T @ np.linalg.inv(cell))
    return left @ np.diag(stretch) @ left.T
