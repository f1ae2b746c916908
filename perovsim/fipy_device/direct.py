"""A direct solver for FiPy that scales rows and columns first: the rows of a device differ by a hundred decades."""

from __future__ import annotations

import numpy as np
from scipy.sparse import diags_array
from scipy.sparse.linalg import splu

from perovsim.fipy_device import fipy

REFINEMENTS = 1


class ScaledLU(fipy.LinearLUSolver):
    """LU factors of the equilibrated matrix, the solution refined against its residual; no tolerance is involved.

    fipy.LinearLUSolver divides by the largest diagonal entry only and takes the solution at hand for good where the
    residual, summed over all rows, is small beside it.
    """

    def _solve_(self, L, x, b):
        matrix = L.tocsr()
        rows = 1.0 / _largest(matrix)
        columns = 1.0 / _largest((diags_array(rows) @ matrix).T.tocsr())
        scaled = (diags_array(rows) @ matrix @ diags_array(columns)).tocsc()
        factors = splu(scaled)
        right = rows * b
        y = factors.solve(right)
        for _ in range(REFINEMENTS):
            y += factors.solve(right - scaled @ y)
        x[:] = columns * y
        return x


def _largest(matrix) -> np.ndarray:
    """Largest absolute value of every row."""
    return abs(matrix).max(axis=1).toarray().ravel()
