"""Profile likelihoods: chi-square along one parameter with all others at their best, and where it has risen by one.

Each point starts at the linear prediction and goes on by Gauss-Newton with the derivatives of the best values, which
takes one run a step; all points of all parameters go side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from perovsim.fit.fit import Fit
    from perovsim.fit.problem import Tell

SIGMAS = (-2.0, -1.0, 1.0, 2.0)
"""Where the profile is worked out, in standard deviations of the fit."""
ROUNDS = 4
ENOUGH = 0.02
"""A point is done when a step lowers chi-square by less."""
ONE_SIGMA = 1.0
"""Rise of chi-square at the ends of the 68 % interval of one parameter."""


@dataclass(frozen=True)
class Profile:
    """Coordinates (m,) of a parameter, ascending, and the rise (m,) of chi-square; NaN where the run failed."""

    parameter: int
    u: np.ndarray
    rise: np.ndarray

    def interval(self) -> tuple[float, float]:
        """Coordinates at which chi-square has risen by one; infinite where it has not within the points."""
        best = int(np.nanargmin(self.rise))
        root = np.sqrt(np.maximum(self.rise, 0.0))
        return (_crossing(self.u[best::-1], root[best::-1]), _crossing(self.u[best:], root[best:]))


def _crossing(u: np.ndarray, root: np.ndarray) -> float:
    """First u, from the best value on, at which the root of the rise is one."""
    beyond = np.nonzero(root >= ONE_SIGMA)[0]
    if beyond.size == 0:
        return float(np.sign(u[-1] - u[0]) * np.inf) if u.size > 1 else float("nan")
    k = beyond[0]
    share = (ONE_SIGMA - root[k - 1]) / (root[k] - root[k - 1])
    return float(u[k - 1] + share * (u[k] - u[k - 1]))


def profiles(fit: Fit, tell: Tell = lambda text: None) -> tuple[Profile, ...]:
    """Profiles of all parameters of the model."""
    problem, covariance = fit.problem, fit.covariance
    which, points = [], []
    for k in range(problem.count):
        for shift in SIGMAS:
            point = fit.x + covariance[:, k] / covariance[k, k] * shift * fit.sigma[k]
            if problem.parameters[k].low <= point[k] <= problem.parameters[k].high:
                which.append(k)
                points.append(np.clip(point, problem.low, problem.high))
    fixed, at = np.array(which), np.array(points)
    costs = _descend(fit, fixed, at, tell)
    lowest = 2.0 * fit.best.cost
    found = []
    for k in range(problem.count):
        own = fixed == k
        u = np.append(at[own][:, k], fit.x[k])
        order = np.argsort(u)
        found.append(Profile(k, u[order], np.append(costs[own] - lowest, 0.0)[order]))
    return tuple(found)


def _descend(fit: Fit, fixed: np.ndarray, at: np.ndarray, tell: Tell) -> np.ndarray:
    """Lower chi-square at every point without moving its fixed coordinate; `at` is changed in place."""
    problem, jacobian = fit.problem, fit.best.jacobian
    costs, trial, active = np.full(len(at), np.inf), at.copy(), np.ones(len(at), bool)
    for number in range(ROUNDS):
        tell(f"profiles, round {number + 1}: {int(active.sum())} points")
        residuals = problem.residuals(trial[active])
        for k, found in zip(np.nonzero(active)[0], residuals, strict=True):
            cost = float(np.sum(np.square(found))) if np.isfinite(found).all() else np.inf
            active[k] = costs[k] - cost > ENOUGH
            if cost < costs[k]:
                costs[k], at[k] = cost, trial[k]
            if active[k]:
                others = np.arange(at.shape[1]) != fixed[k]
                step = np.linalg.lstsq(jacobian[:, others], -found, rcond=None)[0]
                trial[k, others] = np.clip(at[k, others] + step, problem.low[others], problem.high[others])
        if not active.any():
            break
    return np.where(np.isfinite(costs), costs, np.nan)
