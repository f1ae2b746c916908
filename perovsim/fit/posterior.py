"""The posterior by emcee on an emulator of the runs, with the measures of convergence and the error of the emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perovsim.fit.emulator import Emulator

if TYPE_CHECKING:
    from perovsim.fit.fit import Fit
    from perovsim.fit.problem import Problem, Tell

ENSEMBLES, WALKERS_EACH, STEPS = 4, 6, 2000
"""Independent ensembles, walkers of each per parameter, steps of each walker: half are forgotten."""
CHECKED, ROUNDS = 10, 4
"""Points of the chain at which the emulator is checked by runs, and how often it may learn from them."""
ALLOWED = 0.1
"""Root mean square error of the log-likelihood on the chain from which on it changes intervals by less than 5 %."""
SMALL_RHAT = 1.01
START_SHARE = 0.3
"""Walkers start from the fit with this share of its standard deviations."""


@dataclass(frozen=True)
class Posterior:
    """Samples (m, n) in the coordinates of the priors.

    rhat, effective : split R-hat and effective sample size (n,); emulator_error : rms of ln L on `checks` runs at
    points of the chain that it had not seen; runs : those it learnt from
    """

    problem: Problem
    samples: np.ndarray
    rhat: np.ndarray
    effective: np.ndarray
    emulator_error: float
    checks: int
    runs: int

    def interval(self, k: int, share: float = 0.6827) -> tuple[float, float, float]:
        """Median and ends of the central interval of a parameter in SI."""
        ends = np.quantile(self.samples[:, k], [0.5, 0.5 - 0.5 * share, 0.5 + 0.5 * share])
        middle, low, high = (self.problem.parameters[k].value(float(u)) for u in ends)
        return middle, low, high

    @property
    def told(self) -> str:
        """How good it is, in words."""
        care = f", more than {ALLOWED}: take the intervals with care" if self.emulator_error > ALLOWED else ""
        good = "converged" if (self.rhat < SMALL_RHAT).all() else f"NOT converged (R-hat above {SMALL_RHAT})"
        return (
            f"{len(self.samples)} samples, {good}: R-hat at most {self.rhat.max():.4f}, effective sample size at least "
            f"{self.effective.min():.0f}; runs replaced by a quadratic emulator learnt from {self.runs} of them, whose "
            f"error of ln L at {self.checks} unseen points of the chain is {self.emulator_error:.3f} (rms{care})"
        )

    def table(self) -> str:
        """Medians and intervals."""
        rows = [("parameter", "median", "68 % interval", "unit", "R-hat", "effective")]
        for k, one in enumerate(self.problem.parameters):
            middle, low, high = self.interval(k)
            ends = f"{low:.4g} to {high:.4g}"
            rows.append(
                (one.name, f"{middle:.4g}", ends, one.unit or "1", f"{self.rhat[k]:.4f}", f"{self.effective[k]:.0f}")
            )
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, self.told])


def sample(fit: Fit, samples: int, seed: int, tell: Tell) -> Posterior:
    """Learn the emulator, walk, check it on the chain by runs, and learn again until it is exact enough."""
    generator = np.random.default_rng(seed)
    emulator = Emulator(fit)
    design = emulator.design(generator)
    tell(f"emulator: {len(design)} runs")
    emulator.learn(design)
    for number in range(1, ROUNDS + 1):
        chains = walk(fit, emulator, generator, samples)
        flat = chains.reshape(-1, chains.shape[-1])
        checks = flat[generator.integers(0, len(flat), CHECKED)]
        error = _error(fit.problem, emulator, checks)
        tell(f"posterior, round {number}: error of the emulator {error:.3f} in ln L")
        if error <= ALLOWED or number == ROUNDS:
            break
        emulator.learn(checks)
    kept = flat[generator.choice(len(flat), samples, replace=False)]
    return Posterior(
        fit.problem, kept, split_rhat(chains), effective_size(chains), error, CHECKED, len(emulator.points)
    )


def walk(fit: Fit, emulator: Emulator, generator: np.random.Generator, least: int) -> np.ndarray:
    """Chains (ensembles, steps, walkers, n) after the first half of the steps, at least so many samples."""
    import emcee

    problem = fit.problem
    count = fit.x.size
    walkers = 2 * max(WALKERS_EACH * count // 2, 4)
    steps = max(STEPS, 4 * -(-least // (2 * ENSEMBLES * walkers)))

    def log_probability(points: np.ndarray) -> np.ndarray:
        inside = ((points >= problem.low) & (points <= problem.high)).all(axis=1)
        found = np.full(len(points), -np.inf)
        if inside.any():
            found[inside] = emulator.log_likelihood(points[inside])
        return found

    chains = []
    root = np.linalg.cholesky(fit.covariance)
    for _ in range(ENSEMBLES):
        begin = fit.x + START_SHARE * generator.standard_normal((walkers, count)) @ root.T
        sampler = emcee.EnsembleSampler(walkers, count, log_probability, vectorize=True)
        sampler.random_state = np.random.RandomState(generator.integers(2**31)).get_state()  # noqa: NPY002, emcee's own
        sampler.run_mcmc(np.clip(begin, problem.low, problem.high), steps)
        chains.append(sampler.get_chain(discard=steps // 2))
    return np.array(chains)


def split_rhat(chains: np.ndarray) -> np.ndarray:
    """R-hat (n,) of the halves of every ensemble: sqrt of the pooled variance over the mean one within.

    References: gelman1992
    """
    halves = np.concatenate(np.split(chains, 2, axis=1))
    parts = halves.reshape(len(halves), -1, chains.shape[-1])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = parts.mean(axis=1).var(axis=0, ddof=1)
    n = parts.shape[1]
    return np.sqrt(((n - 1) / n * within + between) / within)


def effective_size(chains: np.ndarray) -> np.ndarray:
    """Effective sample size (n,): samples over the integrated autocorrelation time of emcee, ensemble by ensemble."""
    from emcee.autocorr import integrated_time

    return sum(one.shape[0] * one.shape[1] / integrated_time(one, tol=0) for one in chains)


def _error(problem: Problem, emulator: Emulator, points: np.ndarray) -> float:
    """Root mean square difference of ln L, emulated against run; runs that failed are left out."""
    true = -0.5 * np.sum(np.square(problem.residuals(points)), axis=1)
    difference = (emulator.log_likelihood(points) - true)[np.isfinite(true)]
    return float(np.sqrt(np.mean(np.square(difference)))) if difference.size else float("inf")
