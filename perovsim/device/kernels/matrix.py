"""Bordered block-tridiagonal matrix: one block of unknowns per cell, a border for the lumped unknowns (numba).

A row of cell i holds its entries by the unknowns of cells i - 1, i, i + 1 and by the lumped ones side by side, then its
scale. Factorised by block elimination with partial pivoting inside each block; rows are scaled to a largest
diagonal-block entry of about one first. Unknowns that do not couple to neighbours stand first in a block and never
enter products of blocks. An unknown is preferably eliminated by its own equation: that of a fast reaction's product is
the one whose terms cancel, and other equations would lose their small terms to its large ones. References: Golub & Van
Loan, Matrix Computations, section 4.5; Duff, Erisman & Reid, Direct Methods for Sparse Matrices, section 5.2 (threshold
pivoting).
"""

from typing import NamedTuple

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined
from perovsim.device.kernels.tables import COUNT, IN_CELL, IN_PLACE, LOCAL

THRESHOLD = 0.1
"""Share of the largest entry of a column that its own equation needs to be the pivot."""
MANTISSA, TWICE_BIAS = 52, 2046
"""Bits of the mantissa of a double, and twice the bias of its exponent (IEEE 754)."""


class Matrix(NamedTuple):
    """Entries and, after `factor`, the factors in the same place."""

    blocks: np.ndarray
    """[lower | diagonal | upper | border | scale] of each row of each cell (n, most, 3 most + lumps + 1)."""
    below: np.ndarray
    """Rows of the lumped unknowns by all unknowns, then their scale (lumps, band + lumps + 1)."""
    ledger: np.ndarray
    """Slopes of the integrands by all unknowns; no part of the system (quadratures, band + lumps)."""
    pivot: np.ndarray
    """Row exchanges of each cell, then of the border (n + 1, most or lumps)."""


def allocate(size: np.ndarray, lumps: int, quadratures: int) -> Matrix:
    """An empty matrix for cells with size[COUNT] unknowns, `lumps` lumped ones and the quadratures beside them."""
    n, most, band = size.shape[1], int(size[COUNT].max()), int(size[COUNT].sum())
    return Matrix(
        np.zeros((n, most, 3 * most + lumps + 1)),
        np.zeros((lumps, band + lumps + 1)),
        np.zeros((quadratures, band + lumps)),
        np.zeros((n + 1, max(most, lumps)), np.int64),
    )


@inlined
def clear(m):
    """Set every stored entry to zero."""
    m.blocks[:] = 0.0
    m.below[:] = 0.0
    m.ledger[:] = 0.0


@inlined
def add(m, where, row, col, value):
    """Add to the entry of two unknowns given by their indices; a negative index is none."""
    band = where.shape[1]
    if row < 0 or col < 0:
        return
    if row >= band:
        m.below[row - band, col] += value
        return
    i, most = where[IN_CELL, row], m.blocks.shape[1]
    at = 3 * most + col - band if col >= band else (where[IN_CELL, col] - i + 1) * most + where[IN_PLACE, col]
    m.blocks[i, where[IN_PLACE, row], at] += value


@inlined
def between(blocks, i, row_i, row_j, col_i, col_j, by_i, by_j):
    """Entries of a flux out of row_i of cell i into row_j of the next, with its slopes by col_i and col_j there."""
    most = blocks.shape[1]
    blocks[i, row_i, most + col_i] += by_i
    blocks[i, row_i, 2 * most + col_j] += by_j
    blocks[i + 1, row_j, col_i] -= by_i
    blocks[i + 1, row_j, most + col_j] -= by_j


@inlined
def _scale_row(a, r, first, end, at, number, bits):
    """Scale a row to a largest entry of about one among its columns from `first` to `end`, and leave by what in `at`.

    By a power of two, so that what cancels between rows still does: the inverse of the exponent of that entry.
    number, bits : one double, and the same as an integer, whose bits above the mantissa are its exponent
    """
    top = 0.0
    for c in range(first, end):
        top = max(top, abs(a[r, c]))
    number[0] = top
    bits[0] = max(TWICE_BIAS - 1 - (bits[0] >> MANTISSA), 1) << MANTISSA
    scale = number[0] if top > 0.0 else 1.0
    for c in range(at):
        a[r, c] *= scale
    a[r, at] = scale


@inlined
def _eliminate(a, pivot, k, first, last):
    """LU of the k columns from `first`, carried through the columns up to `last`; returns whether it is regular.

    The diagonal is left inverted.
    """
    for c in range(k):
        own = abs(a[c, first + c])
        best, row = own, c
        for r in range(c + 1, k):
            if abs(a[r, first + c]) > best:
                best, row = abs(a[r, first + c]), r
        if own >= THRESHOLD * best:
            row = c
        if not best > 0.0:
            return False
        pivot[c] = row
        if row != c:
            for j in range(first + c, last):
                a[c, j], a[row, j] = a[row, j], a[c, j]
        inverse = 1.0 / a[c, first + c]
        a[c, first + c] = inverse
        for r in range(c + 1, k):
            f = a[r, first + c] * inverse
            if f != 0.0:
                a[r, first + c] = f
                for j in range(first + c + 1, last):
                    a[r, j] -= f * a[c, j]
    return True


@inlined
def _solve_block(a, pivot, i, k, first, x, start):
    """x <- A^-1 x with the factors of `_eliminate` in block i; x the k entries from `start`."""
    for c in range(k):
        row = pivot[i, c]
        if row != c:
            x[start + c], x[start + row] = x[start + row], x[start + c]
        v = x[start + c]
        for r in range(c + 1, k):
            x[start + r] -= a[i, r, first + c] * v
    for c in range(k - 1, -1, -1):
        v = x[start + c] * a[i, c, first + c]
        x[start + c] = v
        for r in range(c):
            x[start + r] -= a[i, r, first + c] * v


@inlined
def _subtract_before(a, i, most, size):
    """Rows of cell i minus lower block times the eliminated rows of cell i - 1."""
    last = a.shape[2] - 1
    local, count = size[LOCAL, i], size[COUNT, i]
    for r in range(local, count):
        for c in range(size[LOCAL, i - 1], size[COUNT, i - 1]):
            f = a[i, r, c]
            if f != 0.0:
                for j in range(local, count):
                    a[i, r, most + j] -= f * a[i - 1, c, 2 * most + j]
                for j in range(3 * most, last):
                    a[i, r, j] -= f * a[i - 1, c, j]


@inlined
def _substitute_back(a, k, most):
    """Upper block and border of a cell <- its inverse diagonal block times them."""
    first, last = 2 * most, a.shape[1] - 1
    for c in range(k - 1, -1, -1):
        inverse = a[c, most + c]
        for j in range(first, last):
            a[c, j] *= inverse
        for r in range(c):
            f = a[r, most + c]
            if f != 0.0:
                for j in range(first, last):
                    a[r, j] -= f * a[c, j]


@compiled
def factor(m, where, size):
    """Factorise in place; returns 0, or 1 + the cell at which the matrix is singular (n + 1: the border)."""
    a, number = m.blocks, np.zeros(1)
    bits = number.view(np.int64)
    n, most, last = a.shape[0], a.shape[1], a.shape[2] - 1
    for i in range(n):
        k = size[COUNT, i]
        for r in range(k):
            _scale_row(a[i], r, most, most + k, last, number, bits)
        if i > 0:
            _subtract_before(a, i, most, size)
        if not _eliminate(a[i], m.pivot[i], k, most, last):
            return i + 1
        _substitute_back(a[i], k, most)
    for i in range(n - 2, -1, -1):
        for r in range(size[COUNT, i]):
            for c in range(size[LOCAL, i + 1], size[COUNT, i + 1]):
                f = a[i, r, 2 * most + c]
                if f != 0.0:
                    for j in range(3 * most, last):
                        a[i, r, j] -= f * a[i + 1, c, j]
    return 0 if _factor_border(a, m.below, m.pivot[n], where, number, bits) else n + 1


@inlined
def _factor_border(a, below, pivot, where, number, bits):
    band, lumps, most = where.shape[1], below.shape[0], a.shape[1]
    last = band + lumps
    for b in range(lumps):
        _scale_row(below, b, 0, last, last, number, bits)
        for u in range(band):
            f = below[b, u]
            if f != 0.0:
                for j in range(lumps):
                    below[b, band + j] -= f * a[where[IN_CELL, u], where[IN_PLACE, u], 3 * most + j]
    return _eliminate(below, pivot, lumps, band, last)


@compiled
def solve(m, where, size, x):
    """x <- A^-1 x with the factors of `factor`; x (band + lumps,) in the order of the unknowns."""
    a, below = m.blocks, m.below
    n, most, band, lumps = a.shape[0], a.shape[1], where.shape[1], below.shape[0]
    start = 0
    for i in range(n):
        k = size[COUNT, i]
        for r in range(k):
            x[start + r] *= a[i, r, 3 * most + lumps]
        if i > 0:
            before = start - size[COUNT, i - 1]
            for r in range(size[LOCAL, i], k):
                total = 0.0
                for c in range(size[LOCAL, i - 1], size[COUNT, i - 1]):
                    total += a[i, r, c] * x[before + c]
                x[start + r] -= total
        _solve_block(a, m.pivot, i, k, most, x, start)
        start += k
    start = band - size[COUNT, n - 1]
    for i in range(n - 2, -1, -1):
        after = start
        start -= size[COUNT, i]
        for r in range(size[COUNT, i]):
            total = 0.0
            for c in range(size[LOCAL, i + 1], size[COUNT, i + 1]):
                total += a[i, r, 2 * most + c] * x[after + c]
            x[start + r] -= total
    for b in range(lumps):
        total = x[band + b] * below[b, band + lumps]
        for u in range(band):
            total -= below[b, u] * x[u]
        x[band + b] = total
    _solve_block(below.reshape((1, lumps, below.shape[1])), m.pivot[n:], 0, lumps, band, x, band)
    for u in range(band):
        i, r = where[IN_CELL, u], where[IN_PLACE, u]
        for b in range(lumps):
            x[u] -= a[i, r, 3 * most + b] * x[band + b]
