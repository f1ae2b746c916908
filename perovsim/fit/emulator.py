"""An emulator of the runs near the best values: a quadratic in all parameters for every datum, its error measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from perovsim.fit.fit import Fit
    from perovsim.fit.problem import Problem

REACH = 1.6
"""Training points are drawn with this many times the standard deviations of the fit: the chain goes beyond one."""
SURPLUS = 1.6
"""Training points per coefficient."""
RIDGE = 1e-8


class Emulator:
    """Model of every datum before scale and offset, as a quadratic in whitened coordinates about a fit.

    v = L^-1 (u - u_best), L L^T the covariance; positive observables are emulated in their logarithm
    """

    def __init__(self, fit: Fit, reach: float = REACH) -> None:
        self.reach = reach
        self.problem = fit.problem
        self.centre = fit.x
        names = [one.name for one in self.problem.parameters]
        self.inputs = [k for k, name in enumerate(names) if not name.endswith((": scale", ": offset"))]
        own = fit.covariance[np.ix_(self.inputs, self.inputs)]
        self.factor = np.linalg.cholesky(own)
        self.points: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []
        self.logs = np.zeros(self.problem.size, bool)

    @property
    def coefficients(self) -> int:
        """Number of terms of the quadratic."""
        n = len(self.inputs)
        return 1 + n + n * (n + 1) // 2

    def design(self, generator: np.random.Generator) -> np.ndarray:
        """Points (m, n) to train on, inside the bounds; scale and offset stay at their best."""
        count = int(np.ceil(SURPLUS * self.coefficients))
        points = np.repeat(self.centre[None], count, axis=0)
        points[:, self.inputs] += self.reach * generator.standard_normal((count, len(self.inputs))) @ self.factor.T
        return np.clip(points, self.problem.low, self.problem.high)

    def learn(self, points: np.ndarray) -> None:
        """Run the model at points and fit the quadratic to all runs so far; failed runs are left out."""
        for point, raw in zip(points, self.problem.raw(points), strict=True):
            if raw is not None:
                self.points.append(point)
                self.outputs.append(np.concatenate([one.ravel() for one in raw]))
        outputs = np.array(self.outputs)
        self.logs = (outputs > 0.0).all(axis=0)
        shown = np.where(self.logs, np.log(np.where(self.logs, outputs, 1.0)), outputs)
        self.middle = shown.mean(axis=0)
        terms = self._terms(np.array(self.points))
        normal = terms.T @ terms + RIDGE * np.eye(terms.shape[1])
        self.weights = np.linalg.solve(normal, terms.T @ (shown - self.middle))

    def raw(self, points: np.ndarray) -> np.ndarray:
        """Emulated model (m, data) at points (m, n)."""
        shown = self._terms(points) @ self.weights + self.middle
        return np.where(self.logs, np.exp(np.where(self.logs, shown, 0.0)), shown)

    def residuals(self, problem: Problem, points: np.ndarray) -> np.ndarray:
        """Residuals (m, k) from emulated runs of a problem with the same model, of these data or of others."""
        sizes = np.cumsum([data.size for data in problem.data])[:-1]
        parts = zip(np.split(self.raw(points), sizes, axis=1), problem.data, strict=True)
        return problem.residuals_of(points, [part.reshape(-1, *data.y.shape) for part, data in parts])

    def log_likelihood(self, points: np.ndarray) -> np.ndarray:
        """-chi2/2 (m,) of data and normal priors from emulated runs."""
        return -0.5 * np.sum(np.square(self.residuals(self.problem, points)), axis=1)

    def _terms(self, points: np.ndarray) -> np.ndarray:
        v = np.linalg.solve(self.factor, (points - self.centre)[:, self.inputs].T).T
        first, second = np.triu_indices(v.shape[1])
        return np.column_stack([np.ones(len(v)), v, v[:, first] * v[:, second]])
