"""The bordered block-tridiagonal solver against a dense one, and its answer to a singular matrix."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from perovsim.device.kernels import matrix as block
from perovsim.device.kernels.tables import COUNT, LOCAL

LUMPS = 3


def random_system(seed: int, n: int = 12):
    """Matrix, its dense copy and the tables that place its unknowns; some blocks start with local unknowns."""
    rng = np.random.default_rng(seed)
    count = rng.integers(2, 8, n)
    size = np.array([count, np.minimum(rng.integers(0, 3, n), count - 1)])
    cell = np.repeat(np.arange(n), count)
    start = np.concatenate(([0], np.cumsum(count)))
    where = np.array([cell, np.arange(cell.size) - start[cell]])
    band = cell.size
    m, dense = block.allocate(size, LUMPS, 1), np.zeros((band + LUMPS, band + LUMPS))
    for row in range(band + LUMPS):
        for col in range(band + LUMPS):
            value = rng.normal()
            if row < band and col < band:
                apart = abs(cell[row] - cell[col])
                local = where[1, row] < size[LOCAL, cell[row]] or where[1, col] < size[LOCAL, cell[col]]
                if apart > 1 or (apart == 1 and local):
                    continue
                value += 4.0 * (row == col)
            dense[row, col] = value
            block.add.py_func(m, where, row, col, value)
    return m, dense, where, size, rng


def test_solution_is_that_of_a_dense_solver() -> None:
    for seed in range(5):
        m, dense, where, size, rng = random_system(seed)
        scales = 10.0 ** rng.uniform(-12, 12, dense.shape[0])  # rows of very different size
        wanted = rng.normal(size=dense.shape[0])
        for row in range(dense.shape[0]):
            dense[row] *= scales[row]
            if row < where.shape[1]:
                m.blocks[where[0, row], where[1, row], :-1] *= scales[row]
            else:
                m.below[row - where.shape[1], :-1] *= scales[row]
        x = dense @ wanted
        assert block.factor(m, where, size) == 0
        block.solve(m, where, size, x)
        assert_allclose(x, wanted, rtol=1e-9, atol=1e-9)


def test_every_added_entry_has_its_place() -> None:
    m, dense, where, size, _ = random_system(3)
    total = np.abs(m.blocks).sum() + np.abs(m.below).sum()
    assert_allclose(total, np.abs(dense).sum(), rtol=1e-13)
    assert m.blocks.shape[1] == size[COUNT].max()


def test_a_singular_block_is_named() -> None:
    m, _, where, size, _ = random_system(1)
    m.blocks[4] = 0.0
    assert block.factor(m, where, size) == 5
