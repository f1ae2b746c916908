"""Counting statistics: what a dose makes of an expectation, and how far counts are from a model."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

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
