"""Gaussian columns: the rival model of an image, a Gaussian at every atomic column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import least_squares

from perovsim.microscopy.images.abf_fit import Measured

WIDTHS = (0.4e-10, 0.6e-10)
"""Starting widths of the columns [m]."""


@dataclass(frozen=True)
class GaussianColumns:
    """Depth [counts x m^2] and width [m] of each kind of column; model coefficients and misfit."""

    depths: dict[str, float]
    widths: dict[str, float]
    shift: np.ndarray
    model: np.ndarray = field(repr=False)
    misfit: float


def fit_columns(
    measured: Measured, columns: Mapping[str, np.ndarray], area: float, shift: np.ndarray
) -> GaussianColumns:
    """Fit a Gaussian of its own depth and width to each kind of column, and one common shift.

    c_g = -sum_kind depth exp(-2 pi^2 width^2 g^2) sum_j exp(-2 pi i g.r_j) exp(2 pi i g.shift) / area
    columns : kind -> fractional positions in the cell, (n, 2); area : of the cell [m^2]
    """
    names = list(columns)
    waves = (
        np.stack(
            [np.exp(-2j * np.pi * measured.index @ np.asarray(at).T).sum(axis=1) for at in columns.values()], axis=1
        )
        / area
    )
    c, g2 = measured.coefficients, measured.g**2

    def parts(p: np.ndarray) -> np.ndarray:
        moved = np.exp(2j * np.pi * measured.index @ p[:2])
        blur = np.exp(-2 * np.pi**2 * (p[2:] * 1e-10) ** 2 * g2[:, None])
        return -waves * blur * moved[:, None]

    def solve(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        basis = parts(p)
        stacked = np.concatenate([basis.real, basis.imag])
        depth = np.linalg.lstsq(stacked, np.concatenate([c.real, c.imag]), rcond=None)[0]
        return depth, basis @ depth

    def residual(p: np.ndarray) -> np.ndarray:
        left = (c - solve(p)[1]) / np.linalg.norm(c)
        return np.concatenate([left.real, left.imag])

    starts = [np.r_[shift, np.full(len(names), width * 1e10)] for width in WIDTHS]
    best = min((least_squares(residual, start) for start in starts), key=lambda found: found.cost)
    depth, model = solve(best.x)
    widths = np.abs(best.x[2:]) * 1e-10
    return GaussianColumns(
        dict(zip(names, map(float, depth), strict=True)),
        dict(zip(names, map(float, widths), strict=True)),
        best.x[:2],
        model,
        float(2 * best.cost),
    )
