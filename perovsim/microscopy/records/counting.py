"""Counting statistics: what a dose makes of an expectation, and how far counts are from a model."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import xlogy
from scipy.stats import poisson

from perovsim.errors import PerovsimError


def poisson_counts(expected: np.ndarray, seed: object) -> np.ndarray:
    """Draw counts N ~ Poisson(expected); an ideal counting detector without gain or blur.

    expected : electrons per pixel; seed : anything numpy's default_rng takes
    """
    if expected.size and float(np.min(expected)) < 0:
        raise PerovsimError(f"expected counts must not be negative, the lowest is {np.min(expected):g}")
    return np.random.default_rng(seed).poisson(expected).astype(np.uint32)


def deviance(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the Poisson deviance 2 [N ln(N / m) - (N - m)] of each pixel.

    counts N, expected m : electrons per pixel, m > 0 where N > 0
    References: McCullagh and Nelder, Generalized Linear Models, section 2.3
    """
    ratio = np.where(counts > 0, counts / np.maximum(expected, np.finfo(float).tiny), 1.0)
    return 2 * (xlogy(counts, ratio) - (counts - expected))


RANGE = (1e-6, 1e3)
"""Expected counts between which the moments of the deviance are tabulated; above, its series is exact to 1e-7."""
POINTS = 400
REACH = 12.0
"""Poisson sums run this many standard deviations beyond the mean."""


@lru_cache(maxsize=1)
def _moments() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ln m, mean and variance of the deviance on a grid of expected counts m."""
    means = np.geomspace(*RANGE, POINTS)
    table = np.empty((POINTS, 2))
    for row, mean in enumerate(means):
        counts = np.arange(int(mean + REACH * np.sqrt(mean) + 2 * REACH))
        weight = poisson.pmf(counts, mean)
        values = deviance(counts, np.full(counts.shape, mean))
        first = float(weight @ values)
        table[row] = first, float(weight @ (values - first) ** 2)
    return np.log(means), table[:, 0], table[:, 1]


def deviance_moments(expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance that the deviance has where the expectation is true.

    Both tend to 1 and 2 for many counts, 1 + 1 / (6 m) and 2 + 2 / (3 m), and fall to zero with m.
    expected m : electrons per pixel
    """
    grid, mean, variance = _moments()
    log = np.log(np.maximum(expected, RANGE[0]))
    many = np.asarray(expected) > RANGE[1]
    inverse = 1 / np.maximum(expected, RANGE[1])
    return (
        np.where(many, 1 + inverse / 6, np.interp(log, grid, mean)),
        np.where(many, 2 + 2 * inverse / 3, np.interp(log, grid, variance)),
    )
