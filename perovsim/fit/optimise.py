"""Bounded least squares of any batch of residuals: scipy's trust region, derivatives by differences of a stated size.

One number, the relative accuracy to which the residuals repeat, sets the step of the differences and when to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Batch = Callable[[np.ndarray], np.ndarray]
"""Coordinates (m, n) -> residuals (m, k), all at once, so that they can be worked out side by side; NaN: no answer."""
Loss = Literal["linear", "soft_l1", "huber", "cauchy", "arctan"]
PENALTY = 1e3
"""Every residual where there is no answer, in standard deviations: no descent goes there."""
LEAST_TOLERANCE = 4.0 * np.finfo(float).eps
"""scipy takes no tolerance below the rounding of a double."""


@dataclass(frozen=True)
class Settings:
    """How a least squares is done: with one-sided differences as far as they go, then with central ones to the end.

    accuracy : relative accuracy of the residuals; a one-sided difference steps by its square root, a central one by its
        cube root, and the end is reached when the cost changes by no more
    loss, f_scale : robust loss of scipy, and the residual from which on it counts less
    steps : most steps of each of the two parts
    """

    accuracy: float = float(np.finfo(float).eps)
    loss: Loss = "linear"
    f_scale: float = 1.0
    steps: int = 200

    def step(self, central: bool) -> float:
        """Step of a difference as a share of the size of its coordinate."""
        return self.accuracy ** (1.0 / 3.0) if central else self.accuracy**0.5


@dataclass(frozen=True)
class Solution:
    """Where a least squares ended.

    x : (n,); residuals : (k,); jacobian : (k, n) at x, weighted by the loss; cost : half the sum of squares, or of the
    loss; evaluations : residuals worked out; converged, message : as scipy says
    """

    x: np.ndarray
    residuals: np.ndarray
    jacobian: np.ndarray
    cost: float
    evaluations: int
    converged: bool
    message: str


@dataclass
class Counted:
    """A batch that counts, and remembers the latest residuals for the differences about them."""

    batch: Batch
    low: np.ndarray
    high: np.ndarray
    size: Callable[[np.ndarray], np.ndarray]
    count: int = 0
    known: dict[bytes, np.ndarray] = field(default_factory=dict)

    def one(self, x: np.ndarray) -> np.ndarray:
        """Residuals (k,) at a point, penalised where there is no answer."""
        if x.tobytes() not in self.known:
            self.count += 1
            found = self.batch(x[None])[0]
            self.known[x.tobytes()] = np.where(np.isfinite(found), found, PENALTY)
        return self.known[x.tobytes()]

    def derivatives(self, x: np.ndarray, step: float, central: bool) -> np.ndarray:
        """Derivatives (k, n) at a point; a step that leaves the bounds, or has no answer, is taken the other way."""
        h = step * self.size(x)
        ahead = x + np.diag(np.where(x + h <= self.high, h, -h))
        behind = np.clip(2.0 * x - ahead, self.low, self.high) if central else np.repeat(x[None], x.size, axis=0)
        self.count += x.size * (2 if central else 1)
        if central:
            first, last = np.split(self.batch(np.concatenate([ahead, behind])), 2)
        else:
            first, last = self.batch(ahead), np.repeat(self.one(x)[None], x.size, axis=0)
        for points, values in ((ahead, first), (behind, last)):
            lost = ~np.isfinite(values).all(axis=1)
            points[lost] = (2.0 * x - points[lost]) if not central else x
            values[lost] = self._again(points[lost], x)
        width = np.diag(ahead - behind)[:, None]
        return np.nan_to_num((first - last) / np.where(width == 0.0, np.inf, width)).T

    def _again(self, points: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Residuals at other points, at x for those that have no answer either."""
        if points.size == 0:
            return np.empty((0, self.one(x).size))
        found = self.batch(points)
        return np.where(np.isfinite(found).all(axis=1)[:, None], found, self.one(x))


def solve(
    batch: Batch,
    start: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    settings: Settings,
    size: Callable[[np.ndarray], np.ndarray] = np.ones_like,
) -> Solution:
    """Minimise the sum of squares, or of the loss, from one start between bounds.

    size : typical size of each coordinate at a point, which the step of its difference is a share of
    """
    counted = Counted(batch, low, high, size)
    rough = _descend(counted, start, settings, central=False)
    exact = counted.derivatives(rough.x, settings.step(True), central=True)
    weight = _weight(rough.fun, settings)
    if _gain(weight[:, None] * exact, weight * rough.fun) <= max(settings.accuracy, LEAST_TOLERANCE) * rough.cost:
        rough.jac = weight[:, None] * exact
        found = rough
    else:
        found = _descend(counted, rough.x, settings, central=True)
    return Solution(
        found.x, found.fun, found.jac, float(found.cost), counted.count, found.status > 0, str(found.message)
    )


def _gain(jacobian: np.ndarray, residuals: np.ndarray) -> float:
    """Decrease of the cost that a linear model promises: half the square of the residuals' part in its columns."""
    return 0.5 * float(np.sum(np.square(jacobian @ np.linalg.lstsq(jacobian, residuals, rcond=None)[0])))


def _weight(residuals: np.ndarray, settings: Settings) -> np.ndarray:
    """Square root of d rho/d(r^2) of the loss rho, by which a residual counts."""
    z = np.square(residuals / settings.f_scale)
    slopes = {
        "linear": np.ones_like(z),
        "soft_l1": (1.0 + z) ** -0.5,
        "huber": np.where(z <= 1.0, 1.0, np.maximum(z, 1.0) ** -0.5),
        "cauchy": 1.0 / (1.0 + z),
        "arctan": 1.0 / (1.0 + z**2),
    }
    return np.sqrt(slopes[settings.loss])


def _descend(counted: Counted, start: np.ndarray, settings: Settings, central: bool):
    from scipy.optimize import least_squares

    tolerance = max(settings.accuracy, LEAST_TOLERANCE)
    return least_squares(
        counted.one,
        start,
        jac=lambda x: counted.derivatives(x, settings.step(central), central),
        bounds=(counted.low, counted.high),
        x_scale="jac",
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        loss=settings.loss,
        f_scale=settings.f_scale,
        max_nfev=settings.steps,
    )
