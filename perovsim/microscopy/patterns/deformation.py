"""Strain and rotation of one plane lattice against another, with standard errors.

F = (B B_ref^-1)^-T of reciprocal bases B, left polar decomposition F = V R, strain = V - 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from perovsim.errors import MeasurementError

LARGEST_STRAIN = 0.08
"""A lattice that differs from its reference by more is another lattice."""
HIGHEST_INDEX = 2
"""Indices of the found basis in the reference basis, at most."""
SMALL_STEP = 1e-6
"""Relative step of the difference that carries errors from the lattice to the strain; also what one radian of
rotation counts against one of strain when equivalent axes are chosen."""


def deformation(basis: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return (xx, yy, xy, rotation [rad]) of reciprocal bases against references, (..., 4).

    basis, base : vectors as columns, (..., 2, 2), of one unit
    """
    gradient = np.swapaxes(np.linalg.inv(basis @ np.linalg.inv(base)), -1, -2)
    v, turn = polar(gradient)
    return np.stack(
        [v[..., 0, 0] - 1, v[..., 1, 1] - 1, v[..., 0, 1], np.arctan2(turn[..., 1, 0], turn[..., 0, 0])], -1
    )


def polar(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the symmetric V and the rotation R of matrix = V R, (..., 2, 2)."""
    left, stretch, right = np.linalg.svd(matrix)
    return (left * stretch[..., None, :]) @ np.swapaxes(left, -1, -2), left @ right


def deformation_with_errors(
    basis: np.ndarray, covariance: np.ndarray, base: np.ndarray, base_covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (xx, yy, xy, rotation) and their standard errors.

    covariance : of the entries of a basis row by row, (..., 4, 4)
    """
    basis, base = np.broadcast_arrays(basis, base)
    value = deformation(basis, base)
    total = np.zeros((*value.shape, 4))
    for at, spread in ((0, covariance), (1, base_covariance)):
        jacobian = np.empty_like(total)
        step = SMALL_STEP * np.abs(base).max()
        for entry in range(4):
            pair = [basis, base]
            pair[at] = pair[at] + step * np.eye(4)[entry].reshape(2, 2)
            jacobian[..., entry] = (deformation(*pair) - value) / step
        total += jacobian @ spread @ np.swapaxes(jacobian, -1, -2)
    return value, np.sqrt(np.diagonal(total, axis1=-2, axis2=-1))


@lru_cache(maxsize=4)
def whole_matrices(highest: int, largest_determinant: int | None = None) -> np.ndarray:
    """Return all right-handed (2, 2) matrices of whole numbers up to `highest`, (n, 2, 2)."""
    span = np.arange(-highest, highest + 1.0)
    found = np.stack(np.meshgrid(span, span, span, span, indexing="ij"), -1).reshape(-1, 2, 2)
    size = np.linalg.det(found)
    return found[(size > 0.5) & (size < (largest_determinant or np.inf) + 0.5)]


def on_basis(base: np.ndarray, seen: np.ndarray, finer: bool = False) -> np.ndarray:
    """Return the reference basis [rad] expressed in the indices of the basis that was found.

    A pattern may show only every second reflection of the reference cell, or turned axes: the whole
    numbers N with the smallest strain between B and B_ref N are taken.
    finer : the reference is a pattern itself, which may lack reflections that this one shows: also B N and B_ref.
    The ratio of the areas of B and B_ref tells the two apart.
    Raises MeasurementError where none comes within LARGEST_STRAIN.
    """
    turns = whole_matrices(HIGHEST_INDEX)
    tried = base @ (np.concatenate([turns, np.linalg.inv(turns)]) if finer else turns)
    value = deformation(np.broadcast_to(seen, tried.shape), tried)
    strain = np.abs(value[:, :3]).max(axis=1)
    best = int(np.argmin(np.round((strain + SMALL_STEP * np.abs(value[:, 3])) / (0.1 * SMALL_STEP))))
    if strain[best] > LARGEST_STRAIN:
        lengths = " and ".join(f"{1e3 * np.hypot(*vector):.3f}" for vector in seen.T)
        raise MeasurementError(
            f"the lattice of the patterns ({lengths} mrad) differs from the reference by more than "
            f"{LARGEST_STRAIN:.0%}; check the detector pixel, the energy and the reference cell"
        )
    return tried[best]
