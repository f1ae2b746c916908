"""Observables of two scans: virtual detectors, averaged pattern, strain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from perovsim.comparison.noise import chi_square, mean_deviance, mean_with_error, two_sample
from perovsim.comparison.registration import vertex
from perovsim.comparison.series import described, varied
from perovsim.comparison.table import Row
from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.pacbed_thickness import PacbedTable, PatternFit
from perovsim.microscopy.patterns.strain import strain_profile
from perovsim.microscopy.records import detectors
from perovsim.microscopy.records.scan import Scan4D

SAME_PLACE = 0.2
"""Positions belong together when they differ by less than this share of the step."""
SAME_PIXEL = 1e-3
"""Detector pixels are the same when they differ by less than this share."""
NO_GAIN = "counting noise taken as one electron per count; the gain is not known"


def scan_name(scan: Scan4D) -> str:
    """Name one side of the comparison."""
    attrs = scan.attrs
    if not scan.simulated:
        return f"measured, {attrs.get('source', 'scan')}, {len(scan)} patterns"
    return (
        f"simulated, {attrs.get('device', '')}, t = {float(attrs.get('time', np.nan)):.4g} s, "
        f"{len(scan)} patterns of {scan.electrons:.3g} electrons"
    )


def haadf(first: Scan4D, second: Scan4D, **_: Any) -> Row:
    """Share of the recorded electrons from 1.2 semiangles to the largest angle that both record."""
    low = detectors.EDGE_SHARE * max(detectors.semiangle(scan) for scan in (first, second))
    high = min(detectors.recorded_angle(scan) for scan in (first, second))
    return _annular("haadf", first, second, low, high)


def bright_field(first: Scan4D, second: Scan4D, **_: Any) -> Row:
    """Share of the recorded electrons in the middle of the central disk."""
    high = detectors.BRIGHT_SHARE * min(detectors.semiangle(scan) for scan in (first, second))
    return _annular("bf", first, second, 0.0, high)


def _annular(name: str, first: Scan4D, second: Scan4D, low: float, high: float) -> Row:
    """Compare an annulus position by position, or by its mean where the positions differ."""
    outer = min(detectors.recorded_angle(scan) for scan in (first, second))
    sides = [_share(scan, low, high, outer) for scan in (first, second)]
    means = [mean_with_error(*side) for side in sides]
    note = f"{low * 1e3:.3g} to {high * 1e3:.3g} mrad, share of the electrons within {outer * 1e3:.3g} mrad"
    if same_positions(first, second):
        chi2, error, count = chi_square(sides[0][0], sides[1][0], sides[0][1] + sides[1][1])
    else:
        note += "; the positions differ, so only the means are compared"
        chi2, error, count = chi_square(
            *(np.array([mean[0]]) for mean in means), np.array([means[0][1] ** 2 + means[1][1] ** 2])
        )
    note += _gain_note(first, second)
    data = {"first": sides[0][0], "first_variance": sides[0][1], "second": sides[1][0], "second_variance": sides[1][1]}
    data |= {"first_x": first.positions[:, 0], "second_x": second.positions[:, 0]}
    return Row(name, "1", means[0], means[1], chi2, error, count, note, _single(first, second), data)


def _share(scan: Scan4D, low: float, high: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
    """Return counts in the annulus / counts within `outer`, and the variance of this share.

    Binomial p (1 - p) / N, and what few phonon snapshots leave where the scan is simulated.
    """
    total = detectors.virtual_detector(scan, 0.0, outer).values
    part = detectors.virtual_detector(scan, low, high).values
    share = np.where(total > 0, part / np.maximum(total, 1), np.nan)
    variance = share * (1 - share) / np.maximum(total, 1)
    snapshots = detectors.snapshot_error(scan, low, high)
    known = np.nan_to_num(snapshots)
    if scan.simulated:
        recorded = scan.expectation.sum(axis=(1, 2), dtype=float)
        known = known / np.maximum(recorded, 1e-12)
    return share, variance + known**2


def _single(*scans: Scan4D) -> str:
    single = any("rings" in scan.dataset and scan.dataset.sizes["snapshot"] < 2 for scan in scans)
    return "scatter of a single phonon snapshot" if single else ""


def _gain_note(*scans: Scan4D) -> str:
    counts = any(scan.dataset["counts"].attrs.get("units") == "count" for scan in scans)
    return f"; {NO_GAIN}" if counts else ""


def same_positions(first: Scan4D, second: Scan4D) -> bool:
    """Whether both scans have the same positions, one by one."""
    one, two = first.positions, second.positions
    if one.shape != two.shape:
        return False
    steps = np.linalg.norm(np.diff(one, axis=0), axis=1)
    step = float(np.median(steps)) if len(steps) else float("inf")
    return bool(np.all(np.linalg.norm(one - two, axis=1) <= SAME_PLACE * step))


def pacbed(first: Scan4D, second: Scan4D, **_: Any) -> Row:
    """Summed patterns, pixel by pixel: chi² of two Poisson samples, and the sum of differences."""
    if abs(first.pixel / second.pixel - 1) > SAME_PIXEL:
        raise MeasurementError(
            f"pacbed: the detector pixels differ ({first.pixel * 1e3:.4g} and {second.pixel * 1e3:.4g} mrad); "
            "simulate with the measured pixel, or bin the measured patterns to the simulated one"
        )
    one, two = _common(first, second)
    totals = one.sum(), two.sum()
    if min(totals) <= 0:
        raise MeasurementError("pacbed: one of the scans has no counts in the common part of the detector")
    chi2, error, count = two_sample(one, two, totals[0] / (totals[0] + totals[1]))
    share_one, share_two = one / totals[0], two / totals[1]
    difference = float(np.abs(share_one - share_two).sum())
    spread = np.sqrt((one + two) / (totals[0] + totals[1]) * (1 / totals[0] + 1 / totals[1]))
    noise = float(np.sqrt(2 / np.pi) * spread.sum())
    note = f"sum of differences {difference:.2%} of the pattern, counting noise alone gives {noise:.2%}"
    if not same_positions(first, second):
        note += "; the positions differ"
    return Row(
        "pacbed",
        "1",
        (float(totals[0]), float(np.sqrt(totals[0]))),
        (float(totals[1]), float(np.sqrt(totals[1]))),
        chi2,
        error,
        count,
        note + _gain_note(first, second) + "; first and second are counts in all",
        "scatter of few phonon snapshots" if first.simulated or second.simulated else "",
        {"first": share_one, "second": share_two, "difference": difference, "noise": noise},
    )


def _common(first: Scan4D, second: Scan4D) -> tuple[np.ndarray, np.ndarray]:
    """Return the summed patterns over the angles that both record, centred alike to half a pixel."""
    sums = []
    half = int(min(detectors.recorded_angle(scan) for scan in (first, second)) / first.pixel + 1e-6)
    for scan in (first, second):
        middle = [int(np.abs(axis).argmin()) for axis in (scan.qy, scan.qx)]
        window = tuple(slice(max(m - half, 0), m + half + 1) for m in middle)
        sums.append(scan.patterns.sum(axis=0, dtype=float)[window])
    shape = tuple(min(a, b) for a, b in zip(sums[0].shape, sums[1].shape, strict=True))
    return sums[0][: shape[0], : shape[1]], sums[1][: shape[0], : shape[1]]


def strain(first: Scan4D, second: Scan4D, reference: Any = None, **_: Any) -> Row:
    """Strain along x; errors common to both (the scale of a known cell) cancel in the difference."""
    profiles = [strain_profile(scan, reference) for scan in (first, second)]
    values = [profile["strain"].values for profile in profiles]
    scales = [float(profile.attrs["scale_error"]) for profile in profiles]
    variances = [
        np.maximum(profile["strain_error"].values ** 2 - scale**2, 0)
        for profile, scale in zip(profiles, scales, strict=True)
    ]
    means = [mean_with_error(*side) for side in zip(values, variances, strict=True)]
    found = [int(np.isfinite(side).sum()) for side in values]
    if min(found) == 0:
        raise MeasurementError("strain: one of the scans has no lattice at any position")
    note = f"{found[0]} and {found[1]} positions with a lattice; reference: {profiles[0].attrs['reference']}"
    if same_positions(first, second):
        chi2, error, count = chi_square(values[0], values[1], variances[0] + variances[1])
        paired = np.isfinite(values[0]) & np.isfinite(values[1])
        means = [mean_with_error(v[paired], s[paired]) for v, s in zip(values, variances, strict=True)]
    else:
        note += "; the positions differ, so only the means are compared"
        chi2, error, count = chi_square(
            *(np.array([mean[0]]) for mean in means), np.array([means[0][1] ** 2 + means[1][1] ** 2])
        )
    return Row(
        "strain", "1", means[0], means[1], chi2, error, count, note, "", {"first": profiles[0], "second": profiles[1]}
    )


def pattern(first: Scan4D, second: Scan4D, series: Sequence[Scan4D] = (), **_: Any) -> Row:
    """The averaged simulated pattern laid on the measured one: centre, rotation, magnification, scale, background.

    Poisson deviance per pixel over its expected value; detector pixels and positions may differ.
    series : more simulations, of other thickness, which is then fitted as well (an averaged pattern has no defocus)
    """
    if first.simulated == second.simulated:
        raise MeasurementError("pattern: one scan must be simulated and the other measured")
    simulated, measured = (first, second) if first.simulated else (second, first)
    every = [simulated, *series]
    total = measured.patterns.sum(axis=0, dtype=float)
    fit = PatternFit(total, measured.angles, _pattern_table(every))
    found = [fit.refined(number, np.zeros(4)) for number in range(len(every))]
    best = min(range(len(every)), key=lambda number: found[number][0])
    p = found[best][1]
    model = fit.picture(best, p)
    chi2, error, count = mean_deviance(total, model)
    used = np.isfinite(model)
    sides = [(float(side[used].sum()), float(np.sqrt(side[used].sum()))) for side in (model, total)]
    note = (
        f"centre {p[0] * 1e3:.3g}, {p[1] * 1e3:.3g} mrad, rotation {np.degrees(p[2]):.2f}°, magnification "
        f"{np.exp(p[3]):.4f}; first and second are counts in all" + _gain_note(measured)
    )
    if series:
        thickness = np.array([one["thickness"] for one in _thicknesses(every)])
        value, error = vertex(thickness, np.array([cost for cost, _ in found]), len(fit.counts))
        note += "; " + described({"thickness": value}, {"thickness": error})
    if measured is first:
        sides.reverse()
    data = {"measured": total, "model": model, "qx": measured.qx, "qy": measured.qy, "rotation": float(p[2])}
    return Row("pattern", "1", sides[0], sides[1], chi2, error, count, note, "scatter of few phonon snapshots", data)


def _pattern_table(simulated: Sequence[Scan4D]) -> PacbedTable:
    """Return the averaged patterns of simulations, on the angles of the first."""
    first = simulated[0]
    for other in simulated[1:]:
        if other.qx.shape != first.qx.shape or abs(other.pixel / first.pixel - 1) > SAME_PIXEL:
            raise MeasurementError(
                f"series: a simulation has {other.qx.size} pixels of {other.pixel * 1e3:.4g} mrad, the first "
                f"{first.qx.size} of {first.pixel * 1e3:.4g}; simulate all with the same mode and height"
            )
    means = [detectors.pacbed(one, noiseless=True).values.T / one.pixel**2 for one in simulated]
    return PacbedTable(np.zeros(len(simulated)), (first.qx, first.qy), np.array(means))


def _thicknesses(simulated: Sequence[Scan4D]) -> list[dict[str, float]]:
    """Return the thickness of each simulation; MeasurementError where they differ in defocus alone."""
    values = varied(simulated)
    if "thickness" not in values[0]:
        raise MeasurementError("series: averaged patterns do not depend on defocus; give scans of other thickness")
    return values


SCAN_OBSERVABLES: dict[str, Callable[..., Row]] = {
    "haadf": haadf,
    "bf": bright_field,
    "pacbed": pacbed,
    "pattern": pattern,
    "strain": strain,
}
