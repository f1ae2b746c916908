"""Observables of two images of the same pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from perovsim.comparison.noise import chi_square, mean_deviance, two_sample
from perovsim.comparison.registration import register, register_series
from perovsim.comparison.series import described, varied
from perovsim.comparison.table import Row
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.image import Image

SAME_PIXEL = 1e-3
"""Pixels are the same when they differ by less than this share."""


def image_name(image: Image) -> str:
    """Name one side of the comparison."""
    attrs = image.attrs
    if not image.simulated:
        return f"measured, {attrs.get('source', 'image')}"
    return f"simulated, {attrs.get('device', '')}, t = {float(attrs.get('time', np.nan)):.4g} s"


def mean(first: Image, second: Image, **_: Any) -> Row:
    """Mean intensity, as a fraction of the beam where both know their electrons, else in counts."""
    scales, unit = _scales(first, second)
    values, errors = [], []
    for image, scale in zip((first, second), scales, strict=True):
        counts = image.counts.astype(float)
        values.append(float(counts.mean() * scale))
        errors.append(float(np.sqrt(counts.sum()) / counts.size * scale))
    chi2, error, count = chi_square(
        np.array(values[:1]), np.array(values[1:]), np.array([errors[0] ** 2 + errors[1] ** 2])
    )
    return Row(
        "mean",
        unit,
        (values[0], errors[0]),
        (values[1], errors[1]),
        chi2,
        error,
        count,
        missing="other atoms and few phonon snapshots",
    )


def pixels(first: Image, second: Image, **_: Any) -> Row:
    """Intensity pixel by pixel, with counting noise and the standard error of a simulation."""
    if first.counts.shape != second.counts.shape or abs(first.pixel / second.pixel - 1) > SAME_PIXEL:
        raise MeasurementError(
            f"pixels: the images have {first.counts.shape} pixels of {first.pixel * 1e10:.4g} A and "
            f"{second.counts.shape} of {second.pixel * 1e10:.4g} A; give images of the same pixels"
        )
    scales, unit = _scales(first, second)
    values = [image.counts * scale for image, scale in zip((first, second), scales, strict=True)]
    if not (first.simulated or second.simulated):
        share = (1 / scales[0]) / (1 / scales[0] + 1 / scales[1])
        chi2, error, count = two_sample(first.counts.astype(float), second.counts.astype(float), share)
    else:
        chi2, error, count = chi_square(values[0], values[1], _variance(first, second, scales, unit))
    ends = [
        (float(side.mean()), float(np.sqrt(side.mean() * scale / side.size)))
        for side, scale in zip(values, scales, strict=True)
    ]
    return Row(
        "pixels",
        unit,
        ends[0],
        ends[1],
        chi2,
        error,
        count,
        f"correlation of the pixels {np.corrcoef(values[0].ravel(), values[1].ravel())[0, 1]:.3f}",
        data={"difference": values[0] - values[1]},
    )


def registered(
    first: Image, second: Image, rotations: Sequence[float] = (0.0,), series: Sequence[Image] = (), **_: Any
) -> Row:
    """The simulated image laid on the measured one: Poisson deviance per pixel over its expected value.

    rotations : starting values [rad]; series : more simulations, of other thickness or defocus, the best of all is
    taken and both values are fitted. The noise is known where the measured counts are electrons.
    """
    if first.simulated == second.simulated:
        raise MeasurementError("registered: one image must be simulated and the other measured")
    measured, simulated = (second, first) if first.simulated else (first, second)
    if series:
        every = [simulated, *series]
        found = register_series(measured, list(zip(varied(every), every, strict=True)), rotations)
    else:
        found = register(measured, simulated, rotations)
    electrons = measured.dataset["counts"].attrs.get("units") == "electron"
    counts = np.asarray(measured.counts, float)
    chi2, error, count = mean_deviance(counts, found.model) if electrons else (float("nan"), float("nan"), counts.size)
    used = np.isfinite(found.model)
    sides = [
        (float(side[used].mean()), float(side[used].std() / np.sqrt(used.sum()))) for side in (found.model, counts)
    ]
    note = (
        f"correlation {found.correlation:.4f}; shift {found.shift[0] * 1e10:.2f}, {found.shift[1] * 1e10:.2f} A, "
        f"rotation {np.degrees(found.rotation):.2f}°, magnification {found.magnification:.4f} ± "
        f"{found.errors['magnification']:.4f}"
    )
    if series:
        note += "; " + described(found.values, found.errors)
    if not electrons:
        note += "; the counts are no electrons: give electrons_per_count in the calibration file for a verdict"
    if not first.simulated:
        sides.reverse()
    data = {"measured": counts, "model": found.model, "residual": found.residual, "pixel": measured.pixel, "fit": found}
    return Row("registered", "count", sides[0], sides[1], chi2, error, count, note, "", data)


def _variance(first: Image, second: Image, scales: tuple[float, float], unit: str) -> np.ndarray:
    """Return the variance of the difference: counting noise of the expectation, and its own error."""
    known = [image for image in (first, second) if image.simulated]
    factor = [1.0 if unit == "1" else image.electrons for image in known]
    expected = np.mean([image.expectation * f for image, f in zip(known, factor, strict=True)], axis=0)
    variance = expected * (scales[0] + scales[1])
    for image, f in zip(known, factor, strict=True):
        variance = variance + (image.standard_error * f) ** 2
    return variance


def _scales(first: Image, second: Image) -> tuple[tuple[float, float], str]:
    """Return what turns counts into a common unit."""
    electrons = first.electrons, second.electrons
    if all(np.isfinite(number) and number > 0 for number in electrons):
        return (1 / electrons[0], 1 / electrons[1]), "1"
    return (1.0, 1.0), "count"


IMAGE_OBSERVABLES: dict[str, Callable[..., Row]] = {"mean": mean, "pixels": pixels, "registered": registered}
