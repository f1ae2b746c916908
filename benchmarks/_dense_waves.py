"""Plane waves through a crystal by dense scattering matrices: a second route to what the crystal table holds.

psi(z + dz) = exp(i (D + sigma V(z)) dz) psi(z) for the beams (h, k) on the zone axis, D = -pi lambda |g|^2, V the mean
of the three-dimensional potential over a slab: no splitting into slices and propagation, no grid, no band limit but
the angle of the beams. The cell has the symmetry 4mm about its origin, so one beam stands for up to eight.
References: Kirkland, Advanced Computing in Electron Microscopy, section 6.2; scattering matrices, Sturkey, Proc. Phys.
Soc. 80, 321 (1962)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perovsim.microscopy.waves.optics import interaction, wavelength
from perovsim.microscopy.waves.potential import scattering_factor

ANGSTROM = 1e-10
TURNS = [(sx, sy, swap) for sx in (1, -1) for sy in (1, -1) for swap in (False, True)]
"""The eight operations of 4mm: signs of the two indices after they are swapped or not."""
ORDERS = 40
"""Fourier components along the beam on each side: 7 per angstrom, where blurred atoms have nothing left."""
BEFORE = 0.25
"""The crystal begins this share of a cell before its first layer, clear of all atoms."""


def dense_intensities(
    atoms: Any, displacements: Mapping[int, float], energy: float, angle: float, slabs: int, repeats: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return beams (h >= k >= 0, (n, 2)) and the intensity of each after some repeats, (repeat, n).

    atoms : a cubic cell with the symmetry 4mm, at rest; displacements : thermal, by atomic number [m], which blur
    angle : of the outermost beams [rad]; slabs : per cell; 0 for the potential projected along the whole cell
    """
    edge, lam = float(atoms.cell[0, 0]) * ANGSTROM, wavelength(energy)
    most = int(angle / lam * edge)
    beams = np.array([(h, k) for h in range(most + 1) for k in range(h + 1) if np.hypot(h, k) * lam <= angle * edge])
    members = np.array([len({turned(h, k, turn) for turn in TURNS}) for h, k in beams])
    free = -np.pi * lam * (beams**2).sum(axis=1) / edge**2
    step = np.eye(len(beams), dtype=complex)
    for potential in _slabs(atoms, displacements, 2 * most, slabs):
        matrix = np.zeros(step.shape)
        for turn in TURNS:
            other = np.array([turned(h, k, turn) for h, k in beams])
            rows, columns = (beams[:, None, axis] - other[None, :, axis] for axis in (0, 1))
            matrix += potential[rows + 2 * most, columns + 2 * most] / len(TURNS)
        matrix *= interaction(energy) * np.sqrt(members[:, None] * members)
        values, vectors = np.linalg.eigh(matrix + np.diag(free))
        step = (vectors * np.exp(1j * values * edge / max(slabs, 1))) @ vectors.T @ step
    found = [np.abs(np.linalg.matrix_power(step, number)[:, 0]) ** 2 / members for number in repeats]
    return beams, np.array(found)


def turned(h: int, k: int, turn: tuple[int, int, bool]) -> tuple[int, int]:
    """Return the beam that an operation of 4mm makes of (h, k)."""
    first, second = (k, h) if turn[2] else (h, k)
    return turn[0] * int(first), turn[1] * int(second)


def _slabs(atoms: Any, displacements: Mapping[int, float], most: int, slabs: int) -> list[np.ndarray]:
    """Return the Fourier coefficients (h, k = -most ... most) of the potential's mean over each slab [V]."""
    edge, places = float(atoms.cell[0, 0]) * ANGSTROM, atoms.positions / float(atoms.cell[0, 0])
    h = np.arange(-most, most + 1)
    square = (h[:, None] ** 2 + h**2) / edge**2
    middles = (np.arange(slabs) + 0.5) / slabs - BEFORE if slabs else np.zeros(1)
    found = [np.zeros(square.shape) for _ in middles]
    for order in range(-ORDERS, ORDERS + 1) if slabs else (0,):
        k2 = square + (order / edge) ** 2
        part = np.zeros(square.shape, complex)
        for number, (x, y, z) in zip(atoms.numbers, places, strict=True):
            blurred = scattering_factor(int(number), np.sqrt(k2)) * np.exp(
                -2 * np.pi**2 * displacements[int(number)] ** 2 * k2
            )
            part += blurred * np.exp(-2j * np.pi * (h[:, None] * x + h * y + order * z))
        for index, middle in enumerate(middles):
            weight = np.exp(2j * np.pi * order * middle) * (np.sinc(order / slabs) if slabs else 1)
            found[index] += (weight * part).real / edge**3
    return found
