"""The best values from several starts, their uncertainty, and what the data cannot tell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.fit.identify import Spectrum, spectrum
from perovsim.fit.optimise import Settings, Solution, solve

if TYPE_CHECKING:
    from perovsim.fit.problem import Problem, Tell

REPEATABILITY = 0.1
"""Runs at neighbouring values differ smoothly to this share of rtol: of V and light of the shipped LED 1e-5 of a
standard deviation at rtol 1e-5, so that one-sided differences by 1e-3 have 1e-3 of error, central ones 1e-4."""
SCREENED = 4
"""Points drawn from the priors for each start: the best ones are started from."""
FINER = 0.1
"""Share of rtol of the run that says how exact the runs are."""
SMALL_P = 0.01


@dataclass(frozen=True)
class Fit:
    """A least squares that is done.

    solutions : one per start, the best first; numerical : difference of residuals (k,) to a run at a tenth of rtol
    """

    problem: Problem
    settings: Settings
    solutions: tuple[Solution, ...]
    numerical: np.ndarray

    @property
    def best(self) -> Solution:
        """The solution of the lowest cost."""
        return self.solutions[0]

    @property
    def x(self) -> np.ndarray:
        """Coordinates (n,) of the best values."""
        return self.best.x

    @property
    def values(self) -> dict[str, float]:
        """Name -> best value in SI."""
        return self.problem.values(self.x)

    @cached_property
    def spectrum(self) -> Spectrum:
        """What the data tell in every direction of the parameters."""
        step = self.settings.step(central=True)
        normal = np.array([one.normal for one in self.problem.parameters])
        return spectrum(self.best.jacobian, self.problem.spread, normal, float(np.linalg.norm(self.numerical)) / step)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (n, n) of the coordinates; along what the data cannot tell it is that of the prior."""
        return self.spectrum.covariance

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviations (n,) of the coordinates."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> np.ndarray:
        """Correlations (n, n)."""
        return self.covariance / np.outer(self.sigma, self.sigma)

    def interval(self, k: int, sigmas: float = 1.0) -> tuple[float, float]:
        """Interval in SI of a parameter, not beyond its bounds."""
        one, half = self.problem.parameters[k], sigmas * self.sigma[k]
        ends = np.clip([self.x[k] - half, self.x[k] + half], one.low, one.high)
        return one.value(float(ends[0])), one.value(float(ends[1]))

    @property
    def chi_square(self) -> float:
        """Sum of the squared residuals of the data."""
        return float(np.sum(np.square(self.best.residuals[: self.problem.size])))

    @property
    def freedom(self) -> int:
        """Number of data less that of the parameters that they tell."""
        return self.problem.size - self.spectrum.told

    @property
    def p_value(self) -> float:
        """Chance of a larger chi-square if the model and the noise are right."""
        from scipy.stats import chi2

        return float(chi2.sf(self.chi_square, self.freedom)) if self.freedom > 0 else float("nan")

    @property
    def sentences(self) -> tuple[str, ...]:
        """What cannot be told, in words; empty where everything can."""
        return self.spectrum.sentences(self.problem.parameters, self.x)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before believing the intervals."""
        found = list(self.sentences)
        names = [one.name for one in self.problem.parameters]
        for k, one in enumerate(self.problem.parameters):
            room = min(self.x[k] - one.low, one.high - self.x[k])
            if room < self.sigma[k]:
                found.append(
                    f"{names[k]} is within one standard deviation of a bound of its prior; look at its profile"
                )
        if self.p_value < SMALL_P:
            size = f"chi2/n = {self.chi_square / self.freedom:.3g}, p = {self.p_value:.1e}"
            found.append(
                f"the model does not describe the data within their noise ({size}): the intervals are too narrow, "
                "and the values may be biased"
            )
        if not self.best.converged:
            found.append(f"the optimiser did not converge: {self.best.message}")
        failed = len(self.problem.runs.failures)
        if failed:
            first = next(iter(self.problem.runs.failures.values()))
            found.append(f"{failed} runs failed and were penalised, the first: {first}")
        return tuple(found)

    def table(self) -> str:
        """Values with intervals, then what is to be known about them."""
        rows = [("parameter", "value", "68 % interval", "unit", "standing of the prior")]
        for k, one in enumerate(self.problem.parameters):
            low, high = self.interval(k)
            value = one.value(float(self.x[k]))
            rows.append((one.name, f"{value:.4g}", f"{low:.4g} to {high:.4g}", one.unit or "1", one.prior.standing))
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        quality = f"chi2 {self.chi_square:.4g} of {self.freedom} degrees of freedom, p = {self.p_value:.3g}"
        runs = self.problem.runs
        counted = f"{runs.computed} runs computed, {runs.reused} found on disk, {len(runs.failures)} failed"
        return "\n".join([*lines, quality, counted, *(f"! {line}" for line in self.warnings)])

    def __str__(self) -> str:
        return self.table()


def least_squares(problem: Problem, starts: int, seed: int, tell: Tell, **options) -> Fit:
    """Screen points of the priors, descend from the best of them side by side, and measure the error of the runs."""
    settings = Settings(accuracy=REPEATABILITY * problem.rtol, **options)
    tell(f"screening {SCREENED * starts} points of the priors")
    chosen = screen(problem, SCREENED * starts, seed, settings)[:starts]
    tell(f"least squares from {len(chosen)} starts")
    done = 0

    def descend(start: np.ndarray) -> Solution:
        nonlocal done
        found = solve(problem.residuals, start, problem.low, problem.high, settings)
        done += 1
        tell(f"start {done} of {len(chosen)}: chi2 {2 * found.cost:.5g} after {found.evaluations} evaluations")
        return found

    with ThreadPoolExecutor(len(chosen)) as pool:
        solutions = sorted(pool.map(descend, chosen), key=lambda one: one.cost)
    best = solutions[0]
    finer = problem.residuals(best.x[None], FINER * problem.rtol)[0]
    return Fit(problem, settings, tuple(solutions), np.nan_to_num(finer - best.residuals))


def screen(problem: Problem, count: int, seed: int, settings: Settings) -> list[np.ndarray]:
    """Points of a Latin hypercube of the priors, the lowest cost first, each with its best nuisances."""
    from scipy.stats.qmc import LatinHypercube

    shares = LatinHypercube(len(problem.parameters), rng=np.random.default_rng(seed)).random(count)
    points = np.array([[one.quantile(s) for one, s in zip(problem.parameters, row, strict=True)] for row in shares])
    answered = np.isfinite(problem.residuals(points)).all(axis=1)
    if not answered.any():
        reasons = "; ".join(dict.fromkeys(problem.runs.failures.values()))
        raise PerovsimError(f"every one of {count} runs of the screening failed: {reasons}; narrow the priors")
    settled = [_settle(problem, point, settings) for point in points[answered]]
    return [point for _, point in sorted(settled, key=lambda one: one[0])]


def _settle(problem: Problem, point: np.ndarray, settings: Settings) -> tuple[float, np.ndarray]:
    """Cost and point with its nuisances at their best; that takes no run."""
    first = problem.count
    if first == point.size:
        return 0.5 * float(np.sum(np.square(problem.residuals(point[None])[0]))), point

    def batch(nuisances: np.ndarray) -> np.ndarray:
        return problem.residuals(np.array([[*point[:first], *own] for own in nuisances]))

    found = solve(batch, point[first:], problem.low[first:], problem.high[first:], settings)
    return found.cost, np.concatenate([point[:first], found.x])
