"""What would improve a fit: measurements that could be added, each by what it takes off the uncertainties.

Their derivatives come from the runs that the fit has made; the noise of each is assumed and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perovsim.fit.observables import THICKNESS
from perovsim.fit.record import Record
from perovsim.fit.runs import Failure

if TYPE_CHECKING:
    from perovsim.fit.fit import Fit

TIMES = 40
"""Times of a trace, even in the logarithm over the last six decades of the run."""
DECADES = 6.0
LEAST_CHANGE = 0.02
"""A measurement that shortens no interval by more than this share is not listed."""


@dataclass(frozen=True)
class Candidate:
    """A measurement that could be made: its words with the noise assumed, and values in units of that noise."""

    title: str
    values: Callable[[Record], np.ndarray]


@dataclass(frozen=True)
class Gain:
    """What a measurement would do: standard deviations (n,) with it over those without."""

    title: str
    ratios: np.ndarray


def _trace(name: str, sigma: float, relative: bool = False) -> Callable[[Record], np.ndarray]:
    def values(record: Record) -> np.ndarray:
        end = np.log10(record.times[-1])
        found = np.interp(np.logspace(end - DECADES, end, TIMES), record.times, record[f"terminals/{name}"])
        return np.log(np.maximum(found, np.finfo(float).tiny)) / sigma if relative else found / sigma

    return values


def _at_end(name: str, sigma: float) -> Callable[[Record], np.ndarray]:
    return lambda record: np.atleast_1d(record[name][-1]) / sigma


def candidates(record: Record) -> list[Candidate]:
    """Measurements of what a run holds; every noise is an assumption about a good laboratory."""
    found = [
        Candidate(f"voltage at {TIMES} more times, ± 1 mV", _trace("V", 1e-3)),
        Candidate(f"light at {TIMES} more times, ± 1 %", _trace("photon_flux", 0.01, relative=True)),
        Candidate(f"emission peak at {TIMES} times, ± 0.1 nm", _trace("peak_wavelength", 1e-10)),
    ]
    for name in record.arrays:
        if name.startswith(THICKNESS):
            film = name.removeprefix(THICKNESS)
            found.append(Candidate(f"thickness of {film} at the end, ± 0.05 nm", _at_end(name, 5e-11)))
    if "interfaces/Pb0_total" in record:
        found.append(Candidate("reduced lead at the end, ± 1 µmol/m²", _at_end("interfaces/Pb0_total", 1e-6)))
    return found


def gains(fit: Fit) -> list[Gain]:
    """Data sets with half the noise, and candidates, the largest shortening of an interval first."""
    information = np.linalg.inv(fit.covariance)
    found = [*_with_less_noise(fit, information), *_with_more(fit, information)]
    listed = [one for one in found if one.ratios.min() < 1.0 - LEAST_CHANGE]
    return sorted(listed, key=lambda one: float(np.sum(np.log(one.ratios))))


def _with_less_noise(fit: Fit, information: np.ndarray) -> list[Gain]:
    """Half the noise is four times the information of a data set."""
    found, first = [], 0
    for data in fit.problem.data:
        own = fit.best.jacobian[first : first + data.size]
        first += data.size
        found.append(_gain(fit, information, 3.0 * own.T @ own, f"half the noise of '{data.name}'"))
    return found


def _with_more(fit: Fit, information: np.ndarray) -> list[Gain]:
    problem = fit.problem
    if "" not in problem.protocols:
        return []
    step = fit.settings.step(central=True)
    n = problem.count
    shifts = np.concatenate([np.zeros((1, fit.x.size)), step * np.eye(n, fit.x.size), -step * np.eye(n, fit.x.size)])
    points = np.clip(fit.x + shifts, problem.low, problem.high)
    built = [problem._build(point) for point in points]
    records = problem.runs.get([(device, protocols[""], problem.rtol) for device, protocols in built])
    if any(isinstance(one, Failure) for one in records):
        return []
    width = np.diag(points[1 : n + 1, :n] - points[n + 1 :, :n])
    found = []
    for one in candidates(records[0]):
        values = np.nan_to_num([one.values(record) for record in records])
        slopes = np.zeros((values.shape[1], fit.x.size))
        slopes[:, :n] = ((values[1 : n + 1] - values[n + 1 :]) / width[:, None]).T
        found.append(_gain(fit, information, slopes.T @ slopes, one.title))
    return found


def _gain(fit: Fit, information: np.ndarray, more: np.ndarray, title: str) -> Gain:
    return Gain(title, np.sqrt(np.diag(np.linalg.inv(information + more))) / fit.sigma)
