"""Laying a simulated image on a measured one: shift, rotation, magnification, gain, and values of a series.

m(r) = gain S(R^-1 (r - shift) / magnification) + offset by least squares; where several simulations are given (of
other defocus, thickness, …) each is registered and the best values are read from the parabola through the misfits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from perovsim.errors import MeasurementError
from perovsim.microscopy.records.image import Image

ITERATIONS = 30
DONE = 1e-7
"""Steps end when the misfit falls by less than this share."""
STEPS = np.array([0.05, 0.05, 5e-4, 5e-4])
"""Differences for the derivatives by shift x, y [simulated pixel], rotation [rad], log magnification."""
LONGEST = np.array([2.0, 2.0, 0.02, 0.02])
"""Longest step in each of them."""
LEAST_SHARE = 0.2
"""Share of the measured pixels that the simulation must cover."""
NAMES = ("shift_x", "shift_y", "rotation", "magnification")


@dataclass(frozen=True)
class Registration:
    """A simulated image on the pixels of a measured one.

    shift : (x, y) of the simulated centre from the measured one [m]; rotation [rad]; magnification of the simulation
    values : of the series, by name, with errors : standard errors of all numbers by name (from the scatter of the
    residual); model : gain and offset applied, NaN where the simulation does not reach, (y, x) [counts]
    correlation : of model and measured pixels; misfit : mean squared difference [counts^2]
    """

    shift: tuple[float, float]
    rotation: float
    magnification: float
    gain: float
    offset: float
    values: dict[str, float]
    errors: dict[str, float]
    model: np.ndarray = field(repr=False)
    residual: np.ndarray = field(repr=False)
    correlation: float
    misfit: float


def register(measured: Image, simulated: Image, rotations: Sequence[float] = (0.0,)) -> Registration:
    """Register one simulated image.

    rotations : starting values [rad]; the shift starts at the highest cross-correlation
    Raises MeasurementError where too little of the measured image is covered.
    """
    fit = _Fit(measured, simulated)
    found = [fit.refined(fit.start(rotation)) for rotation in rotations]
    return fit.outcome(min(found, key=lambda pair: pair[0])[1])


def register_series(
    measured: Image, series: Sequence[tuple[Mapping[str, float], Image]], rotations: Sequence[float] = (0.0,)
) -> Registration:
    """Register simulations of several values (such as defocus, thickness) and return the best with these values.

    series : ({name: value}, image); a value is refined, with its error, by the parabola through the misfits of the
    best and its neighbours that differ in it alone; it has no error where it lies at the end of the series
    """
    if not series:
        raise MeasurementError("the series of simulated images is empty; give at least one")
    found = [register(measured, image, rotations) for _, image in series]
    best = min(range(len(found)), key=lambda number: found[number].misfit)
    chosen, pixels = found[best], int(np.isfinite(found[best].model).sum())
    values, errors = dict(series[best][0]), dict(chosen.errors)
    for name in values:
        line = [n for n, (other, _) in enumerate(series) if _alone(other, series[best][0], name)]
        place = np.array([series[n][0][name] for n in line])
        values[name], errors[name] = vertex(place, np.array([found[n].misfit for n in line]), pixels)
    return Registration(**{**vars(chosen), "values": values, "errors": errors})


def _alone(other: Mapping[str, float], best: Mapping[str, float], name: str) -> bool:
    """Whether two sets of values differ in one name at most."""
    return all(other[key] == best[key] for key in best if key != name)


def vertex(place: np.ndarray, misfit: np.ndarray, pixels: int) -> tuple[float, float]:
    """Return the minimum of the parabola through the lowest misfit and its neighbours, and its standard error.

    misfit = s^2 (1 + (v - v0)^2 / (n e^2)): n pixels of independent noise s
    """
    order = np.argsort(place)
    place, misfit = place[order], misfit[order]
    low = int(misfit.argmin())
    if low in (0, len(place) - 1):
        return float(place[low]), float("nan")
    bend, slope, _ = np.polyfit(place[low - 1 : low + 2] - place[low], misfit[low - 1 : low + 2], 2)
    return float(place[low] - slope / (2 * bend)), float(np.sqrt(misfit[low] / (bend * pixels)))


class _Fit:
    """p = shift x, y [simulated pixel], rotation, log magnification."""

    def __init__(self, measured: Image, simulated: Image) -> None:
        self.measured, self.simulated = measured, simulated
        self.counts = np.asarray(measured.counts, float)
        source = simulated.expectation if simulated.simulated else simulated.counts
        self.source = ndimage.spline_filter(np.asarray(source, float))
        rows, columns = self.counts.shape
        y, x = np.mgrid[:rows, :columns].astype(float)
        ratio = measured.pixel / simulated.pixel
        self.x, self.y = (x - 0.5 * (columns - 1)) * ratio, (y - 0.5 * (rows - 1)) * ratio

    def sampled(self, p: np.ndarray) -> np.ndarray:
        """Return the simulation at the measured pixels, NaN outside of it."""
        dx, dy = (self.x - p[0]) / np.exp(p[3]), (self.y - p[1]) / np.exp(p[3])
        middle = 0.5 * (np.array(self.source.shape) - 1)
        column = np.cos(p[2]) * dx + np.sin(p[2]) * dy + middle[1]
        row = -np.sin(p[2]) * dx + np.cos(p[2]) * dy + middle[0]
        return ndimage.map_coordinates(self.source, [row, column], order=3, cval=np.nan, prefilter=False)

    def start(self, rotation: float) -> np.ndarray:
        """Return the shift of the highest cross-correlation at one rotation."""
        flat = self.sampled(np.array([0.0, 0.0, rotation, 0.0]))
        inside = np.isfinite(flat)
        if inside.mean() < LEAST_SHARE:
            raise MeasurementError(
                f"the simulated image covers {inside.mean():.0%} of the measured one; simulate a field of at least "
                f"{self.counts.shape[1] * self.measured.pixel * 1e9:.3g} nm"
            )
        flat = np.where(inside, flat - np.nanmean(flat), 0.0)
        both = np.fft.rfft2(self.counts - self.counts.mean()) * np.conj(np.fft.rfft2(flat))
        score = np.fft.irfft2(both, s=self.counts.shape)
        row, column = np.unravel_index(int(score.argmax()), score.shape)
        shift = [(n + size // 2) % size - size // 2 for n, size in zip((column, row), score.shape[::-1], strict=True)]
        ratio = self.measured.pixel / self.simulated.pixel
        return np.array([shift[0] * ratio, shift[1] * ratio, rotation, 0.0])

    def solved(self, p: np.ndarray) -> tuple[float, float, float, np.ndarray]:
        """Return misfit, gain, offset and the mask of covered pixels."""
        shape = self.sampled(p)
        used = np.isfinite(shape)
        if used.mean() < LEAST_SHARE:
            return np.inf, 0.0, 0.0, used
        gain, offset = np.polyfit(shape[used], self.counts[used], 1)
        return float(((self.counts - gain * shape - offset)[used] ** 2).mean()), float(gain), float(offset), used

    def refined(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        """Take damped Gauss-Newton steps until the misfit stays."""
        best = self.solved(p)[0]
        for _ in range(ITERATIONS):
            _, gain, offset, used = self.solved(p)
            jacobian, rest = self.jacobian(p, gain, offset, used)
            move = np.linalg.lstsq(jacobian, rest, rcond=None)[0][: len(STEPS)]
            move *= min(1.0, float((LONGEST / np.maximum(np.abs(move), 1e-300)).min()))
            tried = p + move
            misfit = self.solved(tried)[0]
            if not misfit < best * (1 - DONE):
                break
            best, p = misfit, tried
        return best, p

    def jacobian(self, p: np.ndarray, gain: float, offset: float, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives by p, gain and offset at the covered pixels, and the residual there."""
        here = self.sampled(p)
        steps = np.diag(STEPS)
        columns = [gain * (self.sampled(p + d) - self.sampled(p - d)) / (2 * d.sum()) for d in steps]
        used = used & np.all(np.isfinite(columns), axis=0)
        design = np.stack([column[used] for column in columns] + [here[used], np.ones(int(used.sum()))], axis=1)
        return design, (self.counts - gain * here - offset)[used]

    def outcome(self, p: np.ndarray) -> Registration:
        """Return the registration with standard errors from the scatter of the residual."""
        misfit, gain, offset, used = self.solved(p)
        design, rest = self.jacobian(p, gain, offset, used)
        errors = np.sqrt(np.diag(np.linalg.pinv(design.T @ design)) * rest.var())
        pixel = self.simulated.pixel
        scale = np.array([pixel, pixel, 1.0, np.exp(p[3])])
        model = gain * self.sampled(p) + offset
        return Registration(
            (float(p[0] * pixel), float(p[1] * pixel)),
            float(p[2]),
            float(np.exp(p[3])),
            gain,
            offset,
            {},
            dict(zip(NAMES, map(float, errors[: len(STEPS)] * scale), strict=True)),
            model,
            self.counts - model,
            float(np.corrcoef(model[used], self.counts[used])[0, 1]),
            misfit,
        )
