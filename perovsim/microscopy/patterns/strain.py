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
from perovsim.microscopy.patterns.deformation import LARGEST_STRAIN, deformation, deformation_with_errors, on_basis
from perovsim.microscopy.patterns.disks import DiskFit, fit_disks, no_lattice
from perovsim.microscopy.patterns.lattice import Lattice, find_lattice
from perovsim.microscopy.records.scan import Scan4D

SCALE_ERROR = 4e-4
"""Error common to exx and eyy of one pattern against a known cell: intensity structure inside the
disks pushes all of them; 2e-4 to 4e-4 at 10 nm of CsPbBr3 and 0.23 mrad pixels (benchmarks/scan)."""
EDGE_ERROR = 0.02
"""Error per missing share of the usual Bragg counts: a probe that is cut by the end of the crystal has
lopsided disks. At 1.5, 1 and 0.5 nm from the end 2, 5 and 11 % are missing and exx reads 0.5e-3, 1.2e-3
and 2.1e-3 too much (static CsPbBr3, 10 nm, 1.5 mrad)."""
WEAK = 0.5
"""A pattern whose disks hold less than this share of the scan's usual Bragg counts lies at an edge."""
SAME_GRAIN = 0.5 * LARGEST_STRAIN
"""A pattern whose strain and rotation stay below this has the indices of the one before."""
METHOD = "joint fit of one lattice to all disks, Poisson weights, polynomial structure in the disks"

Reference = float | str | slice | tuple | np.ndarray | Scan4D | None


def strain_profile(
    scan: Scan4D,
    reference: Reference = None,
    *,
    noiseless: bool = False,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Return strain along the scan from its patterns.

    F^-T = B B_ref^-1, V = sqrt(F F^T), strain = V - 1 (axes of the scan), rotation from F = V R
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
    fits = _without_edges(fit_lattices(scan, noiseless, progress, grains=len(scan.shape) == 2))
    base, base_covariance, absolute = _reference(scan, reference, fits, noiseless)
    bases, fits, failed = _bases(scan, base, fits, finer=not absolute)
    if failed is not None and reference is not None:
        raise failed
    values, errors = np.full((len(fits), 4), np.nan), np.full((len(fits), 4), np.nan)
    good = np.flatnonzero([not fit.reason for fit in fits])
    if len(good):
        found, covariance = zip(*(lattice_angles(scan, fits[number]) for number in good), strict=True)
        values[good], errors[good] = deformation_with_errors(
            np.array(found), np.array(covariance), np.array([bases[number] for number in good]), base_covariance
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


def strain_map(
    scan: Scan4D,
    reference: Reference = None,
    *,
    noiseless: bool = False,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Return the strain and rotation of a 2-D scan over (row, column), as `strain_profile` does.

    reference : also a mask (row, column) or slices of rows and columns, the unstrained area
    Raises MeasurementError where the positions form no grid.
    """
    return scan.on_grid(strain_profile(scan, reference, noiseless=noiseless, progress=progress))


def lattice_angles(scan: Scan4D, fit: DiskFit) -> tuple[np.ndarray, np.ndarray]:
    """Return the basis of a fit in true angles [rad], and the covariance of its entries [rad^2]."""
    matrix = scan.detector * scan.pixel
    spread = np.kron(matrix, np.eye(2))
    return matrix @ fit.basis, spread @ fit.covariance[2:6, 2:6] @ spread.T


def _bases(
    scan: Scan4D, base: np.ndarray, fits: list[DiskFit], finer: bool
) -> tuple[list[np.ndarray], list[DiskFit], MeasurementError | None]:
    """Return the reference in the indices of every fit; fits of other lattices become failures.

    finer : the reference may lack reflections that a pattern shows (see `on_basis`)
    The third is the complaint where no lattice at all fits the reference.
    """
    bases, kept, failed, here = [], [], None, base
    for fit in fits:
        if not fit.reason:
            seen = lattice_angles(scan, fit)[0]
            try:
                if np.abs(deformation(seen, here)).max() > SAME_GRAIN:
                    here = on_basis(base, seen, finer)
            except MeasurementError as cause:
                failed, fit = cause, _without(fit, str(cause))
        bases.append(here)
        kept.append(fit)
    lost = failed is not None and all(fit.reason for fit in kept)
    return bases, kept, failed if lost else None


def fit_lattices(
    scan: Scan4D,
    noiseless: bool = False,
    progress: Callable[[float], None] | None = None,
    grains: bool = False,
) -> list[DiskFit]:
    """Fit the lattice of every pattern, each from the lattice of the summed patterns.

    grains : a pattern that this lattice does not fit is searched for one of its own
    Where the sum has no lattice, no pattern gets one (but its own) and every fit carries the reason.
    """
    if noiseless and not scan.simulated:
        raise MeasurementError("a measured scan has no noiseless expectation; leave noiseless out")
    electrons = scan.electrons if np.isfinite(scan.electrons) else 1.0
    patterns = scan.expectation if noiseless else scan.patterns
    start, reason = _start(scan, patterns)
    fits = []
    for number, pattern in enumerate(patterns):
        counts = pattern.astype(float) * (electrons if noiseless else 1.0)
        fit = no_lattice(reason) if start is None else fit_disks(counts, start.centre, start.basis, start.radius)
        fits.append(_own_lattice(counts, fit, _known_radius(scan)) if grains and fit.reason else fit)
        if progress is not None:
            progress((number + 1) / len(patterns))
    return fits


def start_lattice(scan: Scan4D, patterns: np.ndarray) -> Lattice:
    """Return the lattice of the summed patterns; the disk radius is known from the semiangle."""
    return find_lattice(patterns.sum(axis=0, dtype=float), _known_radius(scan))


def _known_radius(scan: Scan4D) -> float | None:
    """Return the radius of the disks [pixel] where the scan knows its semiangle."""
    known = scan.semiangle / scan.pixel
    return known if np.isfinite(known) and known > 1 else None


def _start(scan: Scan4D, patterns: np.ndarray) -> tuple[Lattice | None, str]:
    """Return the lattice of the summed patterns, or why there is none."""
    try:
        return start_lattice(scan, patterns), ""
    except MeasurementError as cause:
        return None, f"all {len(patterns)} patterns together: {cause}"


def _own_lattice(counts: np.ndarray, fit: DiskFit, radius: float | None) -> DiskFit:
    """Return the fit from a lattice that this pattern shows alone; the failed fit where it shows none."""
    try:
        own = find_lattice(counts, radius)
    except MeasurementError:
        return fit
    return fit_disks(counts, own.centre, own.basis, own.radius)


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
        fits, scan = _without_edges(fit_lattices(reference, noiseless)), reference
        return *_mean(scan, fits, "the reference scan"), False
    if reference is None and not np.isfinite(scan.attrs.get("reference_cell", np.nan)):
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
    chosen = _area(scan, reference)
    return *_mean(scan, [fits[number] for number in chosen], "the reference positions"), False


def _area(scan: Scan4D, reference: Any) -> np.ndarray:
    """Return the positions of a reference area: a slice, indices, or rows and columns of a grid."""
    numbers = np.arange(len(scan))
    if isinstance(reference, tuple) or np.ndim(reference) == 2:
        if len(scan.shape) != 2:
            raise MeasurementError("the reference area has rows and columns, the scan has none; give positions")
        numbers = numbers.reshape(scan.shape)
    try:
        chosen = np.ravel(numbers[reference])
    except (IndexError, TypeError) as cause:
        raise MeasurementError(f"the reference area does not fit the scan of {scan.shape} positions: {cause}") from None
    if len(chosen) == 0:
        raise MeasurementError("the reference area is empty: it holds no position of the scan; widen it")
    return chosen


def _words(reference: Reference, scan: Scan4D) -> str:
    """Name the reference region or cell."""
    if isinstance(reference, Scan4D):
        return f"mean lattice of another scan of {len(reference)} patterns"
    if reference is None:
        return f"cell of {float(scan.attrs['reference_cell']) * 1e10:.4f} angstrom, known to the simulation"
    if isinstance(reference, float | int | str):
        return f"cell edge {reference}" if isinstance(reference, str) else f"cell edge {reference:g} m"
    return f"mean lattice of positions {reference}"


def _mean(scan: Scan4D, fits: list[DiskFit], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean basis [rad] of the patterns that have one, and its covariance.

    Of the counting errors and the scatter of the patterns the larger is taken.
    """
    good = [lattice_angles(scan, fit) for fit in fits if not fit.reason]
    if not good:
        raise MeasurementError(f"{what} have no lattice; choose positions inside the crystal")
    bases, spreads = (np.array(part) for part in zip(*good, strict=True))
    expected = spreads.mean(axis=0)
    scatter = np.var(bases, axis=0, ddof=min(1, len(bases) - 1)).ravel()
    larger = np.sqrt(np.maximum(scatter / np.maximum(np.diag(expected), np.finfo(float).tiny), 1.0))
    return bases.mean(axis=0), expected * np.outer(larger, larger) / len(bases)


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
    return xr.Dataset(data, scan.places, attrs)
