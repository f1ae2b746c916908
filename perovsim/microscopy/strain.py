"""Strain across a scan from its diffraction patterns, simulated or measured, with standard errors.

Every pattern gets one lattice by the joint fit of all its disks (`disks`); strain compares it with a
reference lattice. Positions without a lattice give NaN and a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from perovsim import units
from perovsim.errors import MeasurementError
from perovsim.microscopy.disks import DiskFit, fit_disks, no_lattice
from perovsim.microscopy.lattice import Lattice, find_lattice
from perovsim.microscopy.scan import Scan4D

SCALE_ERROR = 4e-4
"""Error common to exx and eyy of one pattern against a known cell: intensity structure inside the
disks pushes all of them; 2e-4 to 4e-4 at 10 nm of CsPbBr3 and 0.23 mrad pixels (benchmarks/scan)."""
EDGE_ERROR = 0.02
"""Error per missing share of the usual Bragg counts: a probe that is cut by the end of the crystal has
lopsided disks. At 1.5, 1 and 0.5 nm from the end 2, 5 and 11 % are missing and exx reads 0.5e-3, 1.2e-3
and 2.1e-3 too much (static CsPbBr3, 10 nm, 1.5 mrad)."""
LARGEST_STRAIN = 0.08
"""A lattice that differs from its reference by more is another lattice."""
HIGHEST_INDEX = 2
"""Indices of the found basis in the reference basis, at most."""
WEAK = 0.5
"""A pattern whose disks hold less than this share of the scan's usual Bragg counts lies at an edge."""
SMALL_STEP = 1e-6
"""Relative step of the difference that carries errors from the lattice to the strain."""
METHOD = "joint fit of one lattice to all disks, Poisson weights, polynomial structure in the disks"

Reference = float | str | slice | Scan4D | None


def strain_profile(
    scan: Scan4D,
    reference: Reference = None,
    *,
    noiseless: bool = False,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Return strain along the scan from its patterns.

    F^-T = B B_ref^-1, V = sqrt(F F^T), strain = V - 1 (axes of the detector), rotation from F = V R
    reference : None for the cell that a simulated scan knows; a cell edge ([m] or text) whose
    reciprocal lattice is square; a slice or list of positions whose mean lattice counts as
    unstrained; or another scan of the same calibration
    noiseless : use the expectation of a simulated scan in place of its counts
    Returns x [m] with strain (xx), strain_yy, strain_xy, rotation [rad], each with *_error (one
    standard deviation), and bragg_share, disks, dispersion, reason.
    A position without a lattice, or with another one than the simulation's cell, holds NaN and says
    why in `reason`.
    Raises MeasurementError when a reference is missing, has no lattice, or does not fit.
    """
    fits = fit_lattices(scan, noiseless, progress)
    values, errors = np.full((len(fits), 4), np.nan), np.full((len(fits), 4), np.nan)
    base, base_covariance, absolute = _reference(scan, reference, fits, noiseless)
    good = [fit for fit in fits if not fit.reason]
    if good:
        try:
            base = on_basis(base, np.mean([fit.basis for fit in good], axis=0) * scan.pixel)
        except MeasurementError as cause:
            if reference is not None:
                raise
            fits = [fit if fit.reason else _without(fit, str(cause)) for fit in fits]
    for number, fit in enumerate(fits):
        if not fit.reason:
            values[number], errors[number] = _strain(
                fit.basis * scan.pixel, fit.covariance[2:6, 2:6] * scan.pixel**2, base, base_covariance
            )
    errors[:, :2] = np.hypot(errors[:, :2], EDGE_ERROR * _missing(fits)[:, None])
    if absolute:
        errors[:, :2] = np.hypot(errors[:, :2], SCALE_ERROR)
    attrs = {
        "reference": _words(reference, scan),
        "method": METHOD,
        "scale_error": SCALE_ERROR if absolute else 0.0,
        "edge_error": EDGE_ERROR,
    }
    return _dataset(scan, fits, values, errors, attrs)


def fit_lattices(
    scan: Scan4D, noiseless: bool = False, progress: Callable[[float], None] | None = None
) -> list[DiskFit]:
    """Fit the lattice of every pattern, each from the lattice of the summed patterns.

    Where the sum has no lattice, no pattern gets one and every fit carries the reason.
    """
    if noiseless and not scan.simulated:
        raise MeasurementError("a measured scan has no noiseless expectation; leave noiseless out")
    electrons = scan.electrons if np.isfinite(scan.electrons) else 1.0
    patterns = scan.expectation if noiseless else scan.patterns
    try:
        start = start_lattice(scan, patterns)
    except MeasurementError as cause:
        return [no_lattice(f"all {len(patterns)} patterns together: {cause}") for _ in patterns]
    fits = []
    for number, pattern in enumerate(patterns):
        counts = pattern.astype(float) * (electrons if noiseless else 1.0)
        fits.append(fit_disks(counts, start.centre, start.basis, start.radius))
        if progress is not None:
            progress((number + 1) / len(patterns))
    return _without_edges(fits)


def start_lattice(scan: Scan4D, patterns: np.ndarray) -> Lattice:
    """Return the lattice of the summed patterns; the disk radius is known from the semiangle."""
    known = scan.semiangle / scan.pixel
    radius = known if np.isfinite(known) and known > 1 else None
    return find_lattice(patterns.sum(axis=0, dtype=float), radius)


def _usual_share(fits: list[DiskFit]) -> float:
    """Return the median share of counts in the Bragg disks."""
    shares = [fit.bragg for fit in fits if not fit.reason]
    return float(np.median(shares)) if shares else float("nan")


def _missing(fits: list[DiskFit]) -> np.ndarray:
    """Return the share of the usual Bragg counts that each pattern lacks, at least zero."""
    shares = np.array([fit.bragg for fit in fits])
    return np.clip(1 - shares / _usual_share(fits), 0, 1)


def _without_edges(fits: list[DiskFit]) -> list[DiskFit]:
    """Turn patterns with few Bragg counts into failures: the probe is half outside the crystal."""
    usual = _usual_share(fits)
    if not np.isfinite(usual):
        return fits
    return [
        fit
        if fit.reason or fit.bragg >= WEAK * usual
        else _without(
            fit, f"disks hold {fit.bragg / usual:.0%} of their usual counts: the probe is partly outside the crystal"
        )
        for fit in fits
    ]


def _without(fit: DiskFit, reason: str) -> DiskFit:
    """Return the fit without its lattice, with the reason."""
    empty = no_lattice(reason)
    return replace(empty, bragg=fit.bragg, dispersion=fit.dispersion, disks=fit.disks)


def _reference(
    scan: Scan4D, reference: Reference, fits: list[DiskFit], noiseless: bool
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the reference basis [rad], its covariance, and whether it is a known cell."""
    if isinstance(reference, Scan4D):
        fits, scan = fit_lattices(reference, noiseless), reference
        return *_mean(fits, scan.pixel, "the reference scan"), False
    if reference is None and "reference_cell" not in scan.attrs:
        raise MeasurementError(
            "strain needs a reference: give reference = slice(0, 5) for unstrained positions, or the "
            'cell edge of the unstrained crystal, such as reference = "5.87 angstrom"'
        )
    if reference is None or isinstance(reference, float | int | str):
        cell = scan.attrs["reference_cell"] if reference is None else reference
        cell = units.parse(cell, "m") if isinstance(cell, str) else float(cell)
        if not np.isfinite(scan.wavelength):
            raise MeasurementError(
                'a cell as reference needs the energy of the electrons; add energy = "300 keV" to the calibration file'
            )
        return np.eye(2) * scan.wavelength / cell, np.zeros((4, 4)), True
    chosen = np.asarray(fits, dtype=object)[reference]
    return *_mean(list(np.atleast_1d(chosen)), scan.pixel, "the reference positions"), False


def _words(reference: Reference, scan: Scan4D) -> str:
    """Name the reference region or cell."""
    if isinstance(reference, Scan4D):
        return f"mean lattice of another scan of {len(reference)} patterns"
    if reference is None:
        return f"cell of {float(scan.attrs['reference_cell']) * 1e10:.4f} angstrom, known to the simulation"
    if isinstance(reference, float | int | str):
        return f"cell edge {reference}" if isinstance(reference, str) else f"cell edge {reference:g} m"
    return f"mean lattice of positions {reference}"


def _mean(fits: list[DiskFit], pixel: float, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean basis [rad] of the patterns that have one, and its covariance."""
    good = [fit for fit in fits if not fit.reason]
    if not good:
        raise MeasurementError(f"{what} have no lattice; choose positions inside the crystal")
    mean = np.mean([fit.basis for fit in good], axis=0)
    covariance = np.mean([fit.covariance[2:6, 2:6] for fit in good], axis=0) / len(good)
    return mean * pixel, covariance * pixel**2


def _strain(
    basis: np.ndarray, covariance: np.ndarray, base: np.ndarray, base_covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (xx, yy, xy, rotation) of one lattice against its reference, and standard errors."""
    value = lattice_tensor(basis, base)
    total = np.zeros((4, 4))
    for at, spread in ((0, covariance), (1, base_covariance)):
        pair = [basis, base]
        jacobian = np.empty((4, 4))
        for entry in range(4):
            step = SMALL_STEP * np.abs(base).max()
            moved = pair[at].copy()
            moved.flat[entry] += step
            shifted = [moved if side == at else pair[side] for side in (0, 1)]
            jacobian[:, entry] = (lattice_tensor(*shifted) - value) / step
        total += jacobian @ spread @ jacobian.T
    return value, np.sqrt(np.diag(total))


def lattice_tensor(basis: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return (xx, yy, xy, rotation) from F = (B B_ref^-1)^-T = V R."""
    gradient = np.linalg.inv(basis @ np.linalg.inv(base)).T
    left, stretch, right = np.linalg.svd(gradient)
    v = left @ np.diag(stretch) @ left.T
    turn = left @ right
    return np.array([v[0, 0] - 1, v[1, 1] - 1, v[0, 1], np.arctan2(turn[1, 0], turn[0, 0])])


def on_basis(base: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the reference basis expressed in the indices of the basis that was found.

    A pattern may show only every second reflection of the reference cell, or turned axes: the whole
    numbers N with the smallest strain between B and B_ref N are taken.
    """
    span = range(-HIGHEST_INDEX, HIGHEST_INDEX + 1)
    best, chosen = np.inf, base
    for entries in np.ndindex(*(4 * (len(span),))):
        whole = np.array([span[e] for e in entries], float).reshape(2, 2)
        if np.linalg.det(whole) < 0.5:
            continue
        value = lattice_tensor(seen, base @ whole)
        size = np.abs(value[:3]).max() + SMALL_STEP * np.abs(value[3])
        if size < best - SMALL_STEP:
            best, chosen = size, base @ whole
    if best > LARGEST_STRAIN:
        lengths = " and ".join(f"{1e3 * np.hypot(*vector):.3f}" for vector in seen.T)
        raise MeasurementError(
            f"the lattice of the patterns ({lengths} mrad) differs from the reference by more than "
            f"{LARGEST_STRAIN:.0%}; check the detector pixel, the energy and the reference cell"
        )
    return chosen


def _dataset(
    scan: Scan4D, fits: list[DiskFit], values: np.ndarray, errors: np.ndarray, attrs: dict[str, Any]
) -> xr.Dataset:
    names = {
        "strain": "strain along x",
        "strain_yy": "strain along y",
        "strain_xy": "shear strain",
        "rotation": "rotation of the lattice",
    }
    data: dict[str, Any] = {}
    for column, (name, words) in enumerate(names.items()):
        unit = "rad" if name == "rotation" else "1"
        data[name] = ("position", values[:, column], {"units": unit, "long_name": words})
        data[f"{name}_error"] = (
            "position",
            errors[:, column],
            {"units": unit, "long_name": f"standard error of {name}"},
        )
    data["bragg_share"] = ("position", [fit.bragg for fit in fits], {"units": "1"})
    data["dispersion"] = ("position", [fit.dispersion for fit in fits], {"units": "1"})
    data["disks"] = ("position", [fit.disks for fit in fits], {"units": "1"})
    data["reason"] = ("position", np.array([fit.reason for fit in fits], dtype=object))
    coords = {
        "x": ("position", scan.positions[:, 0], {"units": "m"}),
        "y": ("position", scan.positions[:, 1], {"units": "m"}),
    }
    return xr.Dataset(data, coords, attrs)
