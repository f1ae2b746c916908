"""What share of the scattered electrons lies in spots, in rings, and in the smooth rest.

Spots are the disks of the lattice, or what stands out of its ring of pixels where there is no lattice. The mean of the
other pixels is the radial profile. What rises above a smooth curve below this profile is rings (many small crystals),
the rest is diffuse (amorphous, thermal, inelastic).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.disks import DiskFit, lattice_points
from perovsim.microscopy.patterns.lattice import central_disk
from perovsim.microscopy.patterns.strain import fit_lattices
from perovsim.microscopy.records.detectors import EDGE_SHARE, recorded_angle
from perovsim.microscopy.records.scan import Scan4D

SIGMAS = 4.0
"""A pixel is part of a spot when it exceeds the median of its ring by this many robust standard deviations."""
MAD = 1.4826
"""Standard deviation of Gaussian noise over its median absolute value."""
AVERAGED = 3
"""Spots without a lattice are sought in means over squares of this edge [pixel]."""
GROWN = 1.0
"""Pixels by which disks and spots are grown: their edges are blurred."""
ORDER = 4
"""Order of the polynomial, in log counts over angle, of the smooth curve."""
HIGH = 3.0
"""A bin of the profile belongs to a ring when it exceeds the curve by this many standard deviations."""
ROUNDS = 20
"""Rounds of the fit of the curve, at most."""


@dataclass(frozen=True)
class Shares:
    """Counts of one pattern outside the central disk.

    total : of them; spots, rings, diffuse : as shares, with standard errors of counting
    radius : of the profile bins [rad]; profile, floor : mean counts per pixel without spots, and the smooth line
    """

    total: float
    spots: float
    rings: float
    diffuse: float
    spots_error: float
    rings_error: float
    radius: np.ndarray
    profile: np.ndarray
    floor: np.ndarray


def crystallinity(scan: Scan4D) -> xr.Dataset:
    """Return the shares of spots, rings and diffuse scattering at each position, with standard errors.

    Counted from 1.2 semiangles (or the edge of the central disk, where the semiangle is not known) to the largest
    angle recorded all around. Raises MeasurementError where nothing lies between.
    """
    inner = _inner(scan)
    fits = fit_lattices(scan, grains=True)
    found = [pattern_shares(scan, number, inner, fit) for number, fit in enumerate(fits)]
    data = {
        name: ("position", np.array([getattr(share, name) for share in found]), {"units": "1"})
        for name in ("spots", "spots_error", "rings", "rings_error", "diffuse")
    }
    attrs = {"inner": inner, "outer": recorded_angle(scan)}
    return xr.Dataset(data, scan.dataset[["x", "y"]].coords, attrs)


def pattern_shares(scan: Scan4D, number: int, inner: float, fit: DiskFit) -> Shares:
    """Return the shares of one pattern between `inner` [rad] and the largest recorded angle; fit : its lattice."""
    pattern = np.asarray(scan.patterns[number], float)
    q = np.linalg.norm(scan.angles, axis=-1)
    used = (q >= inner) & (q < recorded_angle(scan))
    if not used.any():
        raise MeasurementError(
            f"no pixel lies between the central disk ({inner * 1e3:.3g} mrad) and the edge of the detector "
            f"({recorded_angle(scan) * 1e3:.3g} mrad); record larger angles"
        )
    ring, counts = np.rint((q[used] - inner) / scan.pixel).astype(int), pattern[used]
    spots = (_bright(pattern, used, ring) if fit.reason else _disks(pattern.shape, fit))[used]
    pixels, rest = np.bincount(ring), np.bincount(ring[~spots], minlength=int(ring.max()) + 1)
    outside = np.bincount(ring[~spots], counts[~spots], len(pixels))
    seen = np.flatnonzero(rest)
    if len(seen) == 0:
        raise MeasurementError("the disks cover every pixel: no diffuse scattering is seen; use a smaller aperture")
    profile = np.interp(np.arange(len(pixels)), seen, outside[seen] / rest[seen])
    floor = np.minimum(_smooth(outside, rest), profile + _noise(outside, rest))
    total = max(float(counts.sum()), 1.0)
    bragg = float((counts - profile[ring])[spots].sum())
    rings = float((pixels * (profile - floor)).sum())
    spread = np.sqrt(max(counts[spots].sum(), 1.0)), np.sqrt(max(float((pixels * profile).sum()), 1.0))
    return Shares(
        total, bragg / total, rings / total, 1 - (bragg + rings) / total, spread[0] / total, spread[1] / total,
        inner + np.arange(len(profile)) * scan.pixel, profile, floor,
    )  # fmt: skip


def _inner(scan: Scan4D) -> float:
    """Return where counting begins [rad]."""
    known = scan.semiangle
    if not np.isfinite(known):
        known = central_disk(scan.patterns.sum(axis=0, dtype=float))[1] * scan.pixel
    return EDGE_SHARE * known


def _disks(shape: tuple[int, ...], fit: DiskFit) -> np.ndarray:
    """Mask the disks of a lattice, (qy, qx)."""
    y, x = np.indices(shape)
    mask = np.zeros(shape, bool)
    for cx, cy in fit.centre + lattice_points(shape, fit.theta, -fit.radius) @ fit.basis.T:
        mask |= np.hypot(x - cx, y - cy) <= fit.radius + GROWN
    return mask


def _bright(pattern: np.ndarray, used: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Mask the pixels that stand out of their ring, (qy, qx)."""
    smooth = ndimage.uniform_filter(pattern, AVERAGED)  # single counts are no spots
    order = np.argsort(ring, kind="stable")
    groups = np.split(np.flatnonzero(used.ravel())[order], np.flatnonzero(np.diff(ring[order])) + 1)
    found = np.zeros(pattern.size, bool)
    for group in groups:
        values = smooth.ravel()[group]
        middle = np.median(values)
        scatter = max(MAD * float(np.median(np.abs(values - middle))), np.sqrt(max(middle, 0.0)) / AVERAGED)
        found[group] = values > middle + SIGMAS * max(scatter, 1 / AVERAGED**2)
    return ndimage.binary_dilation(found.reshape(pattern.shape), iterations=int(GROWN)) & used


def _noise(counts: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the standard error of the profile per pixel from counting."""
    return np.sqrt(np.maximum(counts, 1.0)) / np.maximum(pixels, 1)


def _smooth(counts: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the smooth curve below a profile: exp(polynomial), Poisson weights, bins of rings left out.

    counts, pixels : of each bin of the profile
    """
    place = np.linspace(-1, 1, len(counts))
    design = np.polynomial.legendre.legvander(place, min(ORDER, len(counts) - 1))
    used = pixels > 0
    log = np.log(np.maximum(counts, 0.5) / np.maximum(pixels, 1))
    model = np.exp(np.minimum(log, np.median(log[used])))
    for _ in range(ROUNDS):
        expected = model * pixels
        keep = used & (counts - expected < HIGH * np.sqrt(np.maximum(expected, 1.0)))
        if keep.sum() <= design.shape[1]:
            break
        weight = np.sqrt(np.maximum(expected, 0.5))[keep]
        target = np.log(np.maximum(model, 1e-12))[keep] + (counts - expected)[keep] / np.maximum(expected, 0.5)[keep]
        new = np.exp(
            np.clip(design @ np.linalg.lstsq(design[keep] * weight[:, None], target * weight, rcond=None)[0], -30, 30)
        )
        if np.allclose(new, model, rtol=1e-3):
            break
        model = new
    return model
