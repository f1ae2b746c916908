"""Calibration of diffraction patterns from themselves: centre, ellipse, rotation, camera length.

Two sources: a known crystal (its lattice gives scale, ellipse and rotation) and scattering that must be round (a
halo or the ring of a powder: ellipse and centre).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.deformation import deformation, polar, whole_matrices
from perovsim.microscopy.patterns.differential_phase import deflection
from perovsim.microscopy.patterns.reflections import zone_pattern
from perovsim.microscopy.patterns.strain import fit_lattices, lattice_angles
from perovsim.microscopy.records.scan import Scan4D

HIGHEST = 2
"""Indices of equivalent bases of the known lattice."""
FARTHEST = 0.1
"""A known lattice whose shape (apart from its size) differs by more is another one."""
OUTLIER = 3.0
"""Pixels of a halo beyond this many robust standard deviations are spots."""
ROUNDS = 8
MAD = 1.4826
"""Standard deviation of Gaussian noise over its median absolute value."""
LEAST_GRID = 3
"""Rows and columns that a scan needs for a curl."""
TURNS = np.deg2rad(np.arange(0.0, 180.0, 0.5))
"""Rotations of the detector that are tried [rad]."""


@dataclass(frozen=True)
class LatticeCalibration:
    """A detector by a known crystal: recorded angle = stretch R x true angle.

    scale : mean of the principal stretches; ellipse : their ratio; direction : of the longer axis [rad] from x
    rotation : of the crystal [rad]; errors : standard errors of these four by name
    stretch : symmetric (2, 2)
    """

    scale: float
    ellipse: float
    direction: float
    rotation: float
    stretch: np.ndarray
    errors: dict[str, float]
    patterns: int

    def applied(self, scan: Scan4D) -> Scan4D:
        """Return the scan with angles corrected for scale and ellipse."""
        return _with_matrix(scan, np.linalg.inv(self.stretch) @ scan.detector)


@dataclass(frozen=True)
class RoundCalibration:
    """A detector by scattering that must be round.

    centre : (x, y) [rad] of the halo from the origin; ellipse, direction : as in `LatticeCalibration`
    matrix : from true to recorded angles, determinant 1; errors : by name
    """

    centre: np.ndarray
    ellipse: float
    direction: float
    matrix: np.ndarray
    errors: dict[str, float]

    def applied(self, scan: Scan4D) -> Scan4D:
        """Return the scan with round rings; the origin stays."""
        return _with_matrix(scan, np.linalg.inv(self.matrix) @ scan.detector)


def calibrate_on_crystal(scan: Scan4D, phase: str, zone: tuple[int, int, int]) -> LatticeCalibration:
    """Compare the mean lattice of all patterns with a crystal of the phase table along [uvw].

    Scale is the correction of the camera length (recorded / true); errors from the scatter of the patterns.
    Raises MeasurementError where the energy is missing, no pattern has a lattice, or it is another lattice.
    """
    if not np.isfinite(scan.wavelength):
        raise MeasurementError('a known crystal needs the energy of the electrons; add energy = "300 keV"')
    found = [lattice_angles(scan, fit)[0] for fit in fit_lattices(scan) if not fit.reason]
    if not found:
        raise MeasurementError("no pattern has a lattice; calibrate on a scan of the known crystal")
    true = zone_pattern(phase, zone).basis * scan.wavelength
    mean = np.mean(found, axis=0)
    true = _same_shape(true, mean, f"{phase} [{' '.join(map(str, zone))}]")
    values = np.array([_numbers(basis, true) for basis in (mean, *found)])
    count = len(found)
    spread = values[1:].std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(4, np.nan)
    stretch, _ = polar(mean @ np.linalg.inv(true))
    scale, ellipse, direction, rotation = (float(value) for value in values[0])
    errors = dict(zip(("scale", "ellipse", "direction", "rotation"), map(float, spread), strict=True))
    return LatticeCalibration(scale, ellipse, direction % np.pi, rotation, stretch, errors, count)


def _numbers(basis: np.ndarray, true: np.ndarray) -> tuple[float, float, float, float]:
    stretch, turn = polar(basis @ np.linalg.inv(true))
    principal, axes = np.linalg.eigh(stretch)
    return (
        float(principal.mean()),
        float(principal[1] / principal[0]),
        float(np.arctan2(axes[1, 1], axes[0, 1]) % np.pi),
        float(np.arctan2(turn[1, 0], turn[0, 0])),
    )


def _same_shape(true: np.ndarray, seen: np.ndarray, what: str) -> np.ndarray:
    """Return the true basis in the axes of the one seen: the nearest in shape, whatever its size."""
    best, chosen = np.inf, true
    for mirror in (np.eye(2), np.diag([1.0, -1.0])):
        tried = mirror @ true @ (whole_matrices(HIGHEST, 1) @ mirror)
        size = np.sqrt(np.abs(np.linalg.det(seen)) / np.abs(np.linalg.det(tried)))
        value = deformation(np.broadcast_to(seen, tried.shape), tried * size[:, None, None])
        off = np.abs(value[:, :3]).max(axis=1)
        rank = off + 1e-6 * np.abs(value[:, 3])
        if rank.min() < best:
            best, chosen = float(rank.min()), tried[rank.argmin()]
    if best > FARTHEST:
        raise MeasurementError(
            f"the patterns do not show {what}: their lattice differs in shape by {best:.0%}; name another zone"
        )
    return chosen


def calibrate_on_halo(scan: Scan4D, inner: float, outer: float) -> RoundCalibration:
    """Fit centre and ellipse of the scattering between two angles [rad], spots left out.

    I(q, phi) = m(q) - m'(q) [d.n(phi) + q (e1 cos 2 phi + e2 sin 2 phi)], n(phi) the direction of the pixel
    Raises MeasurementError for an empty annulus.
    """
    mean = scan.patterns.mean(axis=0, dtype=float)
    q = np.linalg.norm(scan.angles, axis=-1)
    used = (q >= inner) & (q < outer)
    if used.sum() < ROUNDS**2:
        raise MeasurementError(
            f"the halo from {inner * 1e3:.3g} to {outer * 1e3:.3g} mrad is empty: {int(used.sum())} pixels; widen it"
        )
    p, covariance = np.zeros(4), np.eye(4)
    for _ in range(ROUNDS):
        move, covariance = _halo_step(scan, mean, used, p)
        p = p + move
    shape = np.array([[1 + p[2], p[3]], [p[3], 1 - p[2]]])
    principal, axes = np.linalg.eigh(shape)
    error = np.sqrt(np.diag(covariance))
    names = ("centre_x", "centre_y", "ellipse", "ellipse_45")
    return RoundCalibration(
        p[:2],
        float(principal[1] / principal[0]),
        float(np.arctan2(axes[1, 1], axes[0, 1]) % np.pi),
        shape / np.sqrt(np.linalg.det(shape)),
        dict(zip(names, (float(value) for value in error * (1, 1, 2, 2)), strict=True)),
    )


def _halo_step(scan: Scan4D, mean: np.ndarray, used: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the next correction of (x, y, e1, e2) and its covariance."""
    shape = np.array([[1 + p[2], p[3]], [p[3], 1 - p[2]]])
    place = (scan.angles[used] - p[:2]) @ np.linalg.inv(shape).T
    q, phi, counts = np.hypot(*place.T), np.arctan2(place[:, 1], place[:, 0]), mean[used]
    edges = np.arange(q.min(), q.max() + scan.pixel, scan.pixel)
    middle = 0.5 * (edges[1:] + edges[:-1])
    group = np.clip(np.digitize(q, edges) - 1, 0, len(middle) - 1)
    profile = np.array([np.median(counts[group == n]) if np.any(group == n) else np.nan for n in range(len(middle))])
    known = np.isfinite(profile)
    slope = np.gradient(profile[known], middle[known])
    rest = counts - np.interp(q, middle[known], profile[known])
    fall = -np.interp(q, middle[known], slope)
    design = fall[:, None] * np.stack([np.cos(phi), np.sin(phi), q * np.cos(2 * phi), q * np.sin(2 * phi)], axis=1)
    keep = np.abs(rest) < OUTLIER * MAD * np.median(np.abs(rest))
    size = np.linalg.norm(design[keep], axis=0)
    normal = np.linalg.inv((design[keep] / size).T @ (design[keep] / size))
    move = normal @ ((design[keep] / size).T @ rest[keep]) / size
    left = rest[keep] - design[keep] @ move
    return move, normal * left.var() / np.outer(size, size)


def beam_positions(scan: Scan4D) -> xr.Dataset:
    """Return where the beam hits the detector at each position [rad]: the centre of the fitted lattice; NaN without."""
    fits = fit_lattices(scan, grains=True)
    origin = np.array([-scan.qx[0], -scan.qy[0]]) / scan.pixel
    places = np.array([fit.centre for fit in fits])
    errors = np.array([np.sqrt(np.diag(fit.covariance)[:2]) for fit in fits])
    data = {}
    for axis, name in enumerate(("qx", "qy")):
        data[name] = ("position", (places[:, axis] - origin[axis]) * scan.pixel, {"units": "rad"})
        data[f"{name}_error"] = ("position", errors[:, axis] * scan.pixel, {"units": "rad"})
    return xr.Dataset(data, scan.dataset[["x", "y"]].coords)


def scan_rotation(scan: Scan4D) -> tuple[float, float]:
    """Return the rotation [rad] from detector to scan axes that leaves the field of deflections least curl.

    A phase object deflects by the gradient of its potential, which has no curl; the angle is known but for half a
    turn (0 to pi). The second value is the standard error, from the curl that is left.
    Raises MeasurementError where the positions form no grid, or nothing is deflected.
    References: Lazic, Bosch and Lazar, Ultramicroscopy 160, 265 (2016)
    """
    field = scan.on_grid(deflection(scan))
    if min(scan.shape) < LEAST_GRID:
        raise MeasurementError(f"the curl needs {LEAST_GRID} x {LEAST_GRID} positions, the scan has {scan.shape}")
    x, y = (field[name].values - np.nanmean(field[name].values) for name in ("qx", "qy"))
    step_x, step_y = (float(np.ptp(field[name].values)) / (n - 1) for name, n in (("x", x.shape[1]), ("y", x.shape[0])))
    dy_x, dx_x = np.gradient(x, step_y, step_x)
    dy_y, dx_y = np.gradient(y, step_y, step_x)
    curl, divergence = dx_y - dy_x, dx_x + dy_y
    if not np.nanmean(curl**2 + divergence**2) > 0:
        raise MeasurementError("no pattern is deflected: the rotation of the detector cannot be seen in this scan")
    # curl of the field turned by a : curl cos a + divergence sin a
    cost = [np.nanmean((curl * np.cos(a) + divergence * np.sin(a)) ** 2) for a in TURNS]
    start = TURNS[int(np.argmin(cost))]
    left = curl * np.cos(start) + divergence * np.sin(start)
    slope = -curl * np.sin(start) + divergence * np.cos(start)
    move = -float(np.nansum(left * slope) / np.nansum(slope**2))
    error = float(np.sqrt(np.nanmean((left + move * slope) ** 2) / np.nansum(slope**2)))
    return float((start + move) % np.pi), error


def turned(scan: Scan4D, rotation: float) -> Scan4D:
    """Return the scan with its angles turned into the axes of the scan by `rotation` [rad]."""
    turn = np.array([[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]])
    return _with_matrix(scan, turn @ scan.detector)


def _with_matrix(scan: Scan4D, matrix: np.ndarray) -> Scan4D:
    return Scan4D(scan.dataset.assign_attrs(detector_matrix=[float(value) for value in matrix.ravel()]))
