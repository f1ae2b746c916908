"""Poisson likelihood of counts under a model with derivatives: score, Fisher information and deviance, compiled.

score = J^T (n - m) / m;  F = J^T diag(1 / m) J;  D = 2 sum [n ln(n / m) - (n - m)]
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from perovsim.microscopy.table.draw import fast

BLOCK = 512
"""Pixels that are summed in single precision at once; their columns stay in the nearest cache."""


def poisson_information(
    columns: np.ndarray, expected: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the Fisher information (n, n) and score (n,) of the columns, and the deviance.

    columns : J (pixel, n) float32; expected m > 0, observed n : counts (pixel,)
    """
    count = columns.shape[1]
    fisher, score = np.zeros((count, count)), np.zeros(count)
    found = _sums(columns, expected, observed, fisher, score)
    return fisher + np.tril(fisher, -1).T, score, found


@fast
def _sums(columns, expected, observed, fisher, score):
    """Add the lower triangle of the information to `fisher` and the score to `score`; return the deviance."""
    pixels, count = columns.shape
    scaled, rest = np.empty((count, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    total = 0.0
    for first in range(0, pixels, BLOCK):
        size = min(BLOCK, pixels - first)
        for p in range(size):
            m, n = expected[first + p], observed[first + p]
            root = 1 / sqrt(m)
            rest[p] = (n - m) * root
            total += (n * log(n / m) if n > 0 else 0.0) - (n - m)
            for k in range(count):
                scaled[k, p] = columns[first + p, k] * root
        for i in range(count):
            one = scaled[i]
            for j in range(i + 1):
                other, part = scaled[j], np.float32(0)
                for p in range(size):
                    part += one[p] * other[p]
                fisher[i, j] += part
            part = np.float32(0)
            for p in range(size):
                part += one[p] * rest[p]
            score[i] += part
    return 2 * total
