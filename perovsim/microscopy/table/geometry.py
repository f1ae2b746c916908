"""Where a strained and turned lattice puts its disks on a camera, F = V R, and what its cell feels, R^T strain R."""

from __future__ import annotations

import numpy as np

from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.draw import MARGIN

STRAINS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]]], float)
"""Tensors of unit exx, eyy and exy."""


def own_strain(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return R^T strain R in the axes of the cell (3,), and its derivatives by exx, eyy, exy and rotation, (3, 4)."""
    exx, eyy, exy, rotation = state[:4]
    strain, (cos, sin) = np.array([[exx, exy], [exy, eyy]]), (np.cos(rotation), np.sin(rotation))
    turn, quarter = np.array([[cos, -sin], [sin, cos]]), np.array([[-sin, -cos], [cos, -sin]])
    tensors = [turn.T @ unit @ turn for unit in (strain, *STRAINS)]
    tensors.append(quarter.T @ strain @ turn + turn.T @ strain @ quarter)
    parts = np.array([[m[0, 0], m[1, 1], m[0, 1]] for m in tensors])
    return parts[0], parts[1:].T


class Geometry:
    """Where a lattice puts its disks: B = V^-1 R B0.

    centres : of all beams, (beam, 2) [pixel]; moves : their derivatives by exx, eyy, exy and rotation, (beam, 4, 2)
    own, strains : strain in the axes of the cell (3,) and its derivatives (3, 4); seen : beams that touch the camera
    """

    def __init__(self, state: np.ndarray, beams: np.ndarray, reciprocal: np.ndarray, camera: Camera) -> None:
        exx, eyy, exy, rotation = state[:4]
        strain = np.array([[exx, exy], [exy, eyy]])
        inverse = np.linalg.inv(np.eye(2) + strain)
        cos, sin = np.cos(rotation), np.sin(rotation)
        turn, quarter = np.array([[cos, -sin], [sin, cos]]), np.array([[-sin, -cos], [cos, -sin]])
        g = beams * reciprocal / camera.pixel
        bases = [-inverse @ unit @ inverse @ turn for unit in STRAINS] + [inverse @ quarter]
        middle = 0.5 * (np.array(camera.shape[::-1]) - 1) + state[8:10] / camera.pixel
        self.centres = middle + g @ (inverse @ turn).T
        self.moves = np.stack([g @ base.T for base in bases], axis=1)
        self.own, self.strains = own_strain(state)
        radius, edge, _ = camera.profile
        reach = radius + (MARGIN * edge if edge else 1)
        high = np.array(camera.shape[::-1]) - 1 + reach
        seen = np.all((self.centres > -reach) & (self.centres < high), axis=1)
        away = np.hypot(*(self.centres - 0.5 * (np.array(camera.shape[::-1]) - 1)).T)
        self.seen = np.flatnonzero(seen & (away < camera.field / camera.pixel + reach))


def turned(vector: np.ndarray, angle: float) -> np.ndarray:
    """Return a vector turned by an angle [rad]."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])
