"""Statistics shared by all comparisons: how far two noisy things may be apart."""

from __future__ import annotations

import numpy as np


def chi_square(first: np.ndarray, second: np.ndarray, variance: np.ndarray) -> tuple[float, float, int]:
    """Return mean (a - b)^2 / variance, its standard deviation for Gaussian noise, and n.

    Only entries where all three are finite and the variance is positive count; the expected value is 1.
    """
    good = np.isfinite(first) & np.isfinite(second) & np.isfinite(variance) & (variance > 0)
    count = int(good.sum())
    if count == 0:
        return float("nan"), float("nan"), 0
    value = float(((first - second)[good] ** 2 / variance[good]).mean())
    return value, float(np.sqrt(2 / count)), count


def two_sample(first: np.ndarray, second: np.ndarray, share: float) -> tuple[float, float, int]:
    """Compare counts N1, N2 of one rate seen with exposures t1, t2; share = t1 / (t1 + t2).

    Given N = N1 + N2, N1 is binomial(N, share), so z^2 = (N1 - N share)^2 / (N share (1 - share)) has
    mean 1 and variance 2 + (1 / (share (1 - share)) - 6) / N, exactly, however few the counts.
    Returns the mean of z^2 over pixels with counts, its standard deviation, and their number.
    """
    total = first + second
    good = total > 0
    count = int(good.sum())
    if count == 0:
        return float("nan"), float("nan"), 0
    n, spread = total[good], share * (1 - share)
    value = float(((first[good] - n * share) ** 2 / (n * spread)).mean())
    variance = 2 + (1 / spread - 6) / n
    return value, float(np.sqrt(np.maximum(variance, 0).sum()) / count), count


def mean_deviance(counts: np.ndarray, expected: np.ndarray) -> tuple[float, float, int]:
    """Return the Poisson deviance over its expected value, its standard deviation where the expectation is true, and n.

    counts, expected : electrons per pixel; pixels that are not finite, or where nothing is expected, are left out
    """
    from perovsim.microscopy.records.counting import deviance, deviance_moments

    good = np.isfinite(counts) & np.isfinite(expected) & (expected > 0)
    count = int(good.sum())
    if count == 0:
        return float("nan"), float("nan"), 0
    mean, variance = deviance_moments(expected[good])
    total = float(mean.sum())
    return float(deviance(counts[good], expected[good]).sum() / total), float(np.sqrt(variance.sum()) / total), count


def mean_with_error(values: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Return the mean of the finite values and its standard error from their variances."""
    good = np.isfinite(values) & np.isfinite(variance)
    count = int(good.sum())
    if count == 0:
        return float("nan"), float("nan")
    return float(values[good].mean()), float(np.sqrt(variance[good].sum()) / count)
