"""The lattice of an image at every pixel, and from it strain and rotation maps (geometric phase analysis).

H_g(r) = (I exp(-2 pi i g.r)) * Gaussian; the local reciprocal vector is g + grad(arg H_g) / 2 pi. All strong
harmonics are used, each weighted by the inverse variance that the noise beside its peak gives it.
References: Hytch, Snoeck and Kilaas, Ultramicroscopy 74, 131 (1998)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError
from perovsim.microscopy.images.image_lattice import ImageLattice, pixel_positions
from perovsim.microscopy.patterns.deformation import deformation_with_errors, on_basis
from perovsim.microscopy.records.image import Image

HARMONICS = 8
"""Strongest harmonics that are used."""
FAINTEST = 0.1
"""Harmonics below this share of the strongest are left out."""
WEAK = 0.35
"""Where all harmonics together fall below this share of their usual amplitude there is no such lattice."""
BESIDE = (3.0, 6.0)
"""The noise of a harmonic is that of frequencies this far from it, in widths of the filter."""
EDGE = 3.0
"""Points of a map keep this many widths from the border of the image: a Gaussian that the border cuts lets other
harmonics through (bias of the strain at 1, 2 and 3 widths: 1e-2, 3e-3, 2e-4)."""
GRID = 0.5
"""Distance of the points of a map, in widths of the filter."""


@dataclass(frozen=True)
class LocalLattice:
    """Reciprocal vectors of an image on a grid of half the resolution.

    x, y : of the grid [m], in the coordinates of the image
    basis : (y, x, 2, 2) [1/m], vectors as columns, NaN where the lattice is not; covariance : (y, x, 4, 4) [1/m^2]
    amplitude : of the harmonics relative to their usual one, (y, x); resolution : width of the filter [m]
    """

    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    basis: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    amplitude: np.ndarray = field(repr=False)
    resolution: float

    def undistorted(self, matrix: np.ndarray) -> LocalLattice:
        """Return the lattice in true coordinates r' = M r of a scan whose distortion is known, g' = M^-T g."""
        turn = np.linalg.inv(matrix).T
        spread = np.kron(turn, np.eye(2))
        return replace(self, basis=turn @ self.basis, covariance=spread @ self.covariance @ spread.T)

    def on_pixels(self, values: np.ndarray, image: Image) -> np.ndarray:
        """Return values of the grid at the nearest pixels of the image, (y, x)."""
        rows = np.abs(image.y[:, None] - self.y).argmin(axis=1)
        columns = np.abs(image.x[:, None] - self.x).argmin(axis=1)
        return values[np.ix_(rows, columns)]


def local_lattice(image: Image, lattice: ImageLattice, resolution: float) -> LocalLattice:
    """Return the lattice of an image everywhere.

    lattice : the mean one, from `fit_image_lattice`; resolution : standard deviation of the Gaussian filter [m]
    Raises MeasurementError where the filter is too narrow to tell the harmonics apart.
    """
    shortest = 1 / np.linalg.norm(lattice.reciprocal, axis=0).min()
    if resolution < 0.5 * shortest:
        raise MeasurementError(
            f"a resolution of {resolution * 1e10:.3g} angstrom mixes the harmonics of the image; "
            f"give at least {0.5 * shortest * 1e10:.3g} angstrom"
        )
    filters = _Filter(image, resolution)
    hk, vectors, usual = _strong(lattice)
    power, slopes, weights = 0.0, [], []
    for g in vectors:
        value, slope = filters.harmonic(g)
        power = power + np.abs(value) ** 2
        turning = np.imag(np.conj(value)[..., None] * slope) / np.abs(value)[..., None] ** 2
        slopes.append(g + turning / (2 * np.pi))
        # white noise of power S through the derivative of a Gaussian of width s : S / (8 pi s^4), half of it in phase
        variance = 0.5 * filters.noise(g) / (8 * np.pi * resolution**4) / np.abs(value) ** 2
        weights.append((2 * np.pi) ** 2 / np.maximum(variance, np.finfo(float).tiny))
    weights, slopes = np.array(weights), np.array(slopes)
    inverse = np.linalg.inv(np.einsum("nyx,ni,nj->yxij", weights, hk, hk))
    basis = np.swapaxes(inverse @ np.einsum("nyx,ni,nyxa->yxia", weights, hk, slopes), -1, -2)
    amplitude = np.sqrt(power / (usual**2).sum())
    covariance = np.zeros((*amplitude.shape, 4, 4))
    covariance[..., :2, :2] = covariance[..., 2:, 2:] = inverse
    basis = np.where((amplitude > WEAK)[..., None, None], basis, np.nan)
    return LocalLattice(filters.x, filters.y, basis, covariance, amplitude, resolution)


def _strong(lattice: ImageLattice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (h, k), vectors [1/m] and amplitudes of the strongest harmonics."""
    strength = np.abs(lattice.coefficients)
    chosen = np.argsort(-strength)[:HARMONICS]
    chosen = chosen[strength[chosen] > FAINTEST * strength.max()]
    hk = lattice.indices[chosen]
    return hk.astype(float), hk @ lattice.reciprocal.T, strength[chosen]


def strain_against(local: LocalLattice, reference: np.ndarray, base: LocalLattice | None = None) -> xr.Dataset:
    """Return strain and rotation over (y, x) against the mean lattice of a reference area, with standard errors.

    reference : mask (y, x) of the grid; base : the local lattice that the area is taken from (this one when None), so
    that a second grain can be compared with the first
    Raises MeasurementError where the area holds no lattice.
    """
    base = local if base is None else base
    used = reference & np.isfinite(base.basis[..., 0, 0])
    if not used.any():
        raise MeasurementError("the reference area is empty: no part of it has the lattice; choose another area")
    mean = base.basis[used].mean(axis=0)
    independent = max(used.sum() * GRID**2 / (4 * np.pi), 1.0)  # the filter averages over 4 pi s^2
    spread = base.covariance[used].mean(axis=0) / independent
    here = np.isfinite(local.basis[..., 0, 0])
    values, errors = (np.full((*here.shape, 4), np.nan) for _ in range(2))
    values[here], errors[here] = deformation_with_errors(
        local.basis[here], local.covariance[here], on_basis(mean, local.basis[here].mean(axis=0)), spread
    )
    data = {"amplitude": (("y", "x"), local.amplitude, {"units": "1"})}
    for column, name in enumerate(("strain", "strain_yy", "strain_xy", "rotation")):
        unit = {"units": "rad" if name == "rotation" else "1"}
        data[name] = (("y", "x"), values[..., column], unit)
        data[f"{name}_error"] = (("y", "x"), errors[..., column], unit)
    return xr.Dataset(data, {"x": local.x, "y": local.y}, {"resolution": local.resolution})


class _Filter:
    """A Gaussian filter and its derivatives, from the pixels of an image to a coarser grid inside."""

    def __init__(self, image: Image, resolution: float) -> None:
        self.pixel, self.resolution = image.pixel, resolution
        counts = np.asarray(image.counts, float)
        self.x, self.y = (_grid(axis, resolution) for axis in (image.x, image.y))
        smooth = [_weights(axis, axis, resolution)[0] for axis in (image.y, image.x)]
        self.flat = counts - smooth[0] @ counts @ smooth[1].T
        self.along_x, self.along_y = _weights(self.x, image.x, resolution), _weights(self.y, image.y, resolution)
        self.place = pixel_positions(image).reshape(*counts.shape, 2)
        window = np.hanning(counts.shape[0])[:, None] * np.hanning(counts.shape[1])
        self.power = np.abs(np.fft.fft2(self.flat * window)) ** 2 / (window**2).sum() * self.pixel**2

    def harmonic(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return H_g on the grid and its derivatives along x and y [1/m], (y, x) and (y, x, 2)."""
        wave = self.flat * np.exp(-2j * np.pi * self.place @ g)
        (x, dx), (y, dy) = self.along_x, self.along_y
        return y @ wave @ x.T, np.stack([y @ wave @ dx.T, dy @ wave @ x.T], axis=-1)

    def noise(self, g: np.ndarray) -> float:
        """Return the noise power of frequencies beside g, from their median [counts^2 m^2]."""
        ky, kx = (np.fft.fftfreq(n, self.pixel) for n in self.flat.shape)
        off = np.hypot(kx - g[0], ky[:, None] - g[1]) * 2 * np.pi * self.resolution
        beside = self.power[(off > BESIDE[0]) & (off < BESIDE[1])]
        return float(np.median(beside) / np.log(2))  # powers of noise are exponential: mean = median / ln 2


def _grid(axis: np.ndarray, resolution: float) -> np.ndarray:
    """Return points that keep their distance from both ends; MeasurementError where none is left."""
    low, high = axis[0] + EDGE * resolution, axis[-1] - EDGE * resolution
    if high <= low:
        raise MeasurementError(
            f"a map of resolution {resolution * 1e10:.3g} angstrom needs an image of more than "
            f"{2 * EDGE * resolution * 1e9:.3g} nm, it has {(axis[-1] - axis[0]) * 1e9:.3g} nm"
        )
    return np.linspace(low, high, int((high - low) / (GRID * resolution)) + 2)


def _weights(points: np.ndarray, pixels: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the normalised Gaussian weights of pixels (columns) at points (rows), and their derivatives [1/m]."""
    off = pixels - points[:, None]
    weight = np.exp(-0.5 * (off / width) ** 2)
    total = weight.sum(axis=1, keepdims=True)
    slope = weight * off / width**2
    return weight / total, (slope - weight * (slope.sum(axis=1, keepdims=True) / total)) / total
