"""Virtual detectors: what another detector would have counted in the same electrons."""

from __future__ import annotations

import numpy as np
import xarray as xr

from perovsim import units
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.scan import Scan4D

BRIGHT_SHARE = 0.8
"""Bright field reaches to this share of the semiangle: inside the central disk, clear of its edge."""
EDGE_SHARE = 1.2
"""Dark field begins at this multiple of the semiangle: outside the central disk, clear of its edge."""


def virtual_detector(scan: Scan4D, inner: float | str, outer: float | str, *, noiseless: bool = False) -> xr.DataArray:
    """Return the counts between two angles at each position.

    inner, outer : [rad] or text; pixels whose centre lies in inner <= q < outer count
    noiseless : the expectation (fraction of the beam) of a simulated scan instead
    Raises MeasurementError for an annulus that is empty or reaches beyond the recorded angles.
    """
    low, high = (units.parse(angle, "rad") for angle in (inner, outer))
    mask = annulus(scan, low, high)
    values = source(scan, noiseless)[:, mask].sum(axis=1, dtype=float)
    unit = "1" if noiseless else scan.dataset["counts"].attrs.get("units", "count")
    return xr.DataArray(
        values,
        scan.places,
        dims=("position",),
        attrs={"units": unit, "inner": low, "outer": high, "pixels": int(mask.sum())},
    )


def annulus(scan: Scan4D, inner: float, outer: float) -> np.ndarray:
    """Return the mask (qy, qx) of the pixels in inner <= q < outer [rad]."""
    q = np.linalg.norm(scan.angles, axis=-1)
    recorded = recorded_edge(scan)
    if not 0 <= inner < outer:
        raise MeasurementError(
            f"detector from {inner * 1e3:.4g} to {outer * 1e3:.4g} mrad is empty; the outer "
            "angle must be larger than the inner one"
        )
    if outer > recorded * (1 + 1e-9):
        raise MeasurementError(
            f"detector to {outer * 1e3:.4g} mrad: the patterns were recorded to {recorded * 1e3:.4g} mrad; give "
            "a smaller outer angle, or record (max_angle of the mode) to larger ones"
        )
    mask = (q >= inner) & (q < outer)
    if not mask.any():
        raise MeasurementError(
            f"detector from {inner * 1e3:.4g} to {outer * 1e3:.4g} mrad holds no pixel of "
            f"{scan.pixel * 1e3:.3g} mrad; widen it"
        )
    return mask


def bright_field(scan: Scan4D, *, noiseless: bool = False) -> xr.DataArray:
    """Return the counts in the middle of the central disk, to 0.8 semiangles."""
    return virtual_detector(scan, 0.0, BRIGHT_SHARE * semiangle(scan), noiseless=noiseless)


def dark_field(scan: Scan4D, *, noiseless: bool = False) -> xr.DataArray:
    """Return the counts from 1.2 semiangles to the edge of the detector."""
    return virtual_detector(scan, EDGE_SHARE * semiangle(scan), recorded_angle(scan), noiseless=noiseless)


def recorded_angle(scan: Scan4D) -> float:
    """Return the largest angle that the detector records all around [rad]."""
    return float(min(np.abs(scan.qx[[0, -1]]).min(), np.abs(scan.qy[[0, -1]]).min()))


def recorded_edge(scan: Scan4D) -> float:
    """Return the same to the outer edge of the last pixel [rad]."""
    return recorded_angle(scan) + 0.5 * scan.pixel


def semiangle(scan: Scan4D) -> float:
    """Return the convergence half-angle; MeasurementError where the scan does not know it."""
    if not np.isfinite(scan.semiangle):
        raise MeasurementError(
            'the scan does not know its convergence angle; write semiangle = "1.5 mrad" '
            "in the calibration file, or name the angles: virtual_detector(scan, inner, outer)"
        )
    return scan.semiangle


def pacbed(scan: Scan4D, *, noiseless: bool = False) -> xr.DataArray:
    """Return the position-averaged pattern, (qy, qx): the mean over all positions."""
    mean = source(scan, noiseless).mean(axis=0, dtype=float)
    coords = {"qy": ("qy", scan.qy, {"units": "rad"}), "qx": ("qx", scan.qx, {"units": "rad"})}
    unit = "1" if noiseless else scan.dataset["counts"].attrs.get("units", "count")
    return xr.DataArray(mean, coords, dims=("qy", "qx"), attrs={"units": unit, "patterns": len(scan)})


def snapshot_error(scan: Scan4D, inner: float, outer: float) -> np.ndarray:
    """Return the standard error that few phonon snapshots leave in an annulus, per position.

    inner, outer : [rad], rounded to rings one pixel wide; fraction of the beam. The relative scatter
    is pooled over positions. Zero where measured (nature averages), NaN for a single snapshot
    """
    if "rings" not in scan.dataset:
        return np.zeros(len(scan))
    rings = scan.dataset["rings"].values
    if rings.shape[1] < 2:
        return np.full(len(scan), np.nan)
    radius = np.arange(rings.shape[2]) * scan.pixel
    part = rings[:, :, (radius >= inner) & (radius < outer)].sum(axis=2, dtype=float)
    mean = part.mean(axis=1)
    share = part.var(axis=1, ddof=1).sum() / max(float((mean**2).sum()), 1e-300)
    return mean * np.sqrt(share / rings.shape[1])


def source(scan: Scan4D, noiseless: bool) -> np.ndarray:
    """Return the counts, or the noiseless expectation of a simulated scan, (position, qy, qx)."""
    if not noiseless:
        return scan.patterns
    if not scan.simulated:
        raise MeasurementError("a measured scan has no noiseless expectation; leave noiseless out")
    return scan.expectation
