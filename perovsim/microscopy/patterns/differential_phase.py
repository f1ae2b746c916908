"""Differential phase contrast: deflection of the beam, projected field, phase.

A slow phase phi(x) turns the beam by theta = lambda / (2 pi) grad phi. An electrostatic potential makes
phi = C_E int V dz, so theta = -lambda C_E / (2 pi) int E dz: electrons turn towards the higher potential.
References: Lazić, Bosch and Lazar, Ultramicroscopy 160, 265 (2016); integration, Southwell, J. Opt. Soc. Am. 70, 998
(1980)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft as fft
import xarray as xr

from perovsim import units
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.detectors import annulus, semiangle, source
from perovsim.microscopy.records.scan import Scan4D
from perovsim.microscopy.records.segments import Segments, collect, recorded, segment_weights
from perovsim.microscopy.waves.optics import interaction

EVEN = 1e-3
"""Steps of a grid count as equal when they differ by less than this share."""
BLIND = 0.02
"""A detector whose signal follows less than this share of the disk's shift does not see it."""


def deflection(
    scan: Scan4D,
    detector: Segments | str | None = None,
    *,
    within: float | str | None = None,
    noiseless: bool = False,
) -> xr.Dataset:
    """Return the deflection of the beam at each position: qx, qy and their standard errors [rad].

    detector : None for the centre of mass of the patterns; Segments for a virtual segmented detector, "recorded" for
    the one beside the camera: sum_s q_s I_s / sum_s I_s with the middle q_s of each segment, over the same of an
    evenly lit disk per shift
    within : electrons to this angle alone [rad] or text, such as the central disk; centre of mass only
    Errors are of the counting, with a gain of one; zero where noiseless.
    Raises MeasurementError for segments that do not see the disk move.
    """
    if detector is None:
        places, weights = _pixels(scan, within)
        values = source(scan, noiseless).reshape(len(scan), -1)[:, weights].astype(float)
        response = np.eye(2)
    elif within is not None:
        raise MeasurementError("within is for the centre of mass; a segmented detector has its own outer radius")
    else:
        places, values, response = _segments(scan, detector, noiseless)
    total = values.sum(axis=1)
    share = values / np.where(total > 0, total, np.nan)[:, None]
    mean = share @ places
    spread = share @ places**2 - mean**2
    inverse = np.linalg.inv(response)
    variance = np.zeros_like(mean) if noiseless else np.maximum(spread, 0) / total[:, None] @ (inverse**2).T
    found = {"qx": mean @ inverse[0], "qy": mean @ inverse[1]}
    found |= {f"{name}_error": np.sqrt(column) for name, column in zip(found, variance.T, strict=True)}
    return xr.Dataset({name: ("position", value, {"units": "rad"}) for name, value in found.items()}, scan.places)


def dpc(
    scan: Scan4D,
    detector: Segments | str | None = None,
    *,
    within: float | str | None = None,
    reference: Any = None,
    periodic: bool = False,
    noiseless: bool = False,
) -> xr.Dataset:
    """Return deflection, projected field and phase of a scan on a line or on a grid.

    reference : positions (slice, mask or indices) whose mean deflection counts as zero; the camera's middle when None
    periodic : the scan is a whole number of periods along both directions, such as cells of a crystal
    Variables: qx, qy, with _error [rad]; field_x, field_y = int E dz, with _error [V]; phase [rad], with mean zero;
    potential = int V dz [V m]. Dimensions: position, or (row, column) of a grid.
    Raises MeasurementError where the energy is not known, or the positions are neither a line nor an even grid.
    """
    if "energy" not in scan.attrs:
        raise MeasurementError(
            'the scan does not know the energy of its electrons; write energy = "300 keV" in the calibration file'
        )
    found = deflection(scan, detector, within=within, noiseless=noiseless)
    lam, constant = scan.wavelength, interaction(float(scan.attrs["energy"]))
    if reference is not None:
        for name in ("qx", "qy"):
            found[name] = found[name] - float(found[name].values[reference].mean())
    for name in ("qx", "qy"):
        field, scale = name.replace("q", "field_"), 2 * np.pi / (lam * constant)
        found[field] = ("position", -scale * found[name].values, {"units": "V"})
        found[f"{field}_error"] = ("position", scale * found[f"{name}_error"].values, {"units": "V"})
    slope = 2 * np.pi / lam * np.stack([found["qx"].values, found["qy"].values], axis=-1)
    phase = _phase(scan, slope, periodic)
    found["phase"] = ("position", phase, {"units": "rad"})
    found["potential"] = ("position", phase / constant, {"units": "V m"})
    found.attrs.update(wavelength=lam, interaction=constant)
    return scan.on_grid(found) if len(scan.shape) == 2 else found


def integrate(slope_x: np.ndarray, slope_y: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """Return the field whose differences fit the slopes best, with mean zero, (row, column).

    phi[j + 1] - phi[j] = h (s[j] + s[j + 1]) / 2 along x and along y, by least squares; free edges, cosine transform
    slope_x, slope_y : (row, column); step : along x and y [m]
    """
    across = 0.5 * step[0] * (slope_x[:, 1:] + slope_x[:, :-1])
    along = 0.5 * step[1] * (slope_y[1:] + slope_y[:-1])
    right = -np.diff(across, axis=1, prepend=0, append=0) - np.diff(along, axis=0, prepend=0, append=0)
    rows, columns = right.shape
    size = (
        2 - 2 * np.cos(np.pi * np.arange(rows) / rows)[:, None] + 2 - 2 * np.cos(np.pi * np.arange(columns) / columns)
    )
    size[0, 0] = 1.0
    spectrum = fft.dctn(right) / size
    spectrum[0, 0] = 0.0
    return fft.idctn(spectrum)


def integrate_periodic(slope_x: np.ndarray, slope_y: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """Return the field of periodic slopes, phi(k) = (k . s(k)) / (i k^2), with mean zero, (row, column)."""
    rows, columns = slope_x.shape
    kx, ky = 2 * np.pi * np.fft.fftfreq(columns, step[0]), 2 * np.pi * np.fft.fftfreq(rows, step[1])[:, None]
    square = kx**2 + ky**2
    square[0, 0] = 1.0
    spectrum = (kx * fft.fft2(slope_x) + ky * fft.fft2(slope_y)) / (1j * square)
    spectrum[0, 0] = 0.0
    return fft.ifft2(spectrum).real


def _pixels(scan: Scan4D, within: float | str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the angles of the pixels that count, (n, 2), and their mask."""
    shape = scan.angles.shape[:2]
    mask = np.ones(shape, bool) if within is None else annulus(scan, 0.0, units.parse(within, "rad"))
    return scan.angles[mask], mask.ravel()


def _segments(scan: Scan4D, detector: Segments | str, noiseless: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the middles of the segments (n, 2) [rad], their values (position, n), and the response to a shift."""
    if isinstance(detector, Segments):
        weights = segment_weights(scan.angles, scan.pixel, detector)
        values = collect(source(scan, noiseless), weights)
    else:
        detector, values, _ = recorded(scan, noiseless)
        weights = segment_weights(scan.angles, scan.pixel, detector)
    middles = np.einsum("rsyx,yxk->rsk", weights, scan.angles) / weights.sum(axis=(2, 3))[..., None]
    places = middles.reshape(-1, 2)
    return places, values.reshape(len(scan), -1), _response(scan, weights, places)


def _response(scan: Scan4D, weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return d(signal) / d(shift) of an evenly lit disk, (2, 2), by a difference of half a pixel to either side."""
    columns, half = [], 0.5 * scan.pixel
    for axis in np.eye(2):
        ends = []
        for side in (-1, 1):
            away = np.hypot(*np.moveaxis(scan.angles - side * half * axis, -1, 0))
            disk = np.clip((semiangle(scan) - away) / scan.pixel + 0.5, 0, 1) ** 2
            lit = collect(disk[None], weights).ravel()
            ends.append(lit @ places / lit.sum())
        columns.append((ends[1] - ends[0]) / scan.pixel)
    response = np.stack(columns, axis=1)
    if np.linalg.svd(response)[1].min() < BLIND:
        raise MeasurementError(
            f"the segments do not see the disk of {semiangle(scan) * 1e3:.3g} mrad move along every direction; give at "
            "least 3 sectors, and radii that hold a part of the disk"
        )
    return response


def _phase(scan: Scan4D, slope: np.ndarray, periodic: bool) -> np.ndarray:
    """Return the integral of slopes (position, 2) [rad/m], with mean zero, (position,)."""
    if len(scan.shape) == 2 and min(scan.shape) > 1:
        step = _grid_steps(scan)
        parts = slope.reshape(*scan.shape, 2)
        done = (integrate_periodic if periodic else integrate)(parts[..., 0], parts[..., 1], step)
        return done.ravel()
    if periodic:
        raise MeasurementError("periodic = True needs positions on a grid of rows and columns")
    moves = np.diff(scan.positions, axis=0)
    steps = (0.5 * (slope[1:] + slope[:-1]) * moves).sum(axis=1)
    phase = np.concatenate([[0.0], np.cumsum(steps)])
    return phase - phase.mean()


def _grid_steps(scan: Scan4D) -> tuple[float, float]:
    """Return the steps along x and y [m]; MeasurementError where rows and columns are not even along them."""
    places = scan.positions.reshape(*scan.shape, 2)
    across, along = np.diff(places, axis=1).reshape(-1, 2), np.diff(places, axis=0).reshape(-1, 2)
    step = float(across[:, 0].mean()), float(along[:, 1].mean())
    size = max(map(abs, step))
    off = max(np.abs(across - [step[0], 0]).max(), np.abs(along - [0, step[1]]).max())
    if min(map(abs, step)) == 0 or off > EVEN * size:
        raise MeasurementError(
            f"the positions are no even grid along x and y (off by {off * 1e9:.3g} nm); a phase needs one: scan again, "
            "or select the rows and columns that are"
        )
    return step
