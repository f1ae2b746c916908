"""Zone-axis patterns of the crystals of the phase table: plane reciprocal lattices and kinematic amplitudes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from math import gcd

import numpy as np

from perovsim.atoms.crystals import unit_cell
from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.lattice import reduced

HIGHEST_ZONE = 2
"""Indices of the zone axes that are tried, at most: higher zones have few reflections."""
FINEST = 1.0e-10
"""Spacing of the finest reflections kept [m]."""
EXTINCT = 0.02
"""Reflections below this share of the strongest amplitude are forbidden, or as good as that."""
ALIKE = 1e-3
"""Zones whose lattices and amplitudes differ by less are one by symmetry."""
ANGSTROM = 1e-10


@dataclass(frozen=True)
class ZonePattern:
    """Zero-order Laue zone of a crystal.

    phase : its name; zone : [uvw]; basis : reciprocal vectors as columns, reduced, (2, 2) [1/m]
    hkl : their Miller indices, rows; index : (h, k) of the reflections on the basis, (n, 2), without the
    direct beam; amplitude : |F| of each, strongest 1
    """

    phase: str
    zone: tuple[int, int, int]
    basis: np.ndarray
    hkl: np.ndarray
    index: np.ndarray = field(repr=False)
    amplitude: np.ndarray = field(repr=False)

    @property
    def name(self) -> str:
        """Phase and zone axis in words."""
        return f"{self.phase} [{' '.join(str(number) for number in self.zone)}]"

    def amplitude_at(self, index: np.ndarray) -> np.ndarray:
        """Return |F| at (h, k), zero where no reflection is, (n,)."""
        return np.array([self._table.get((int(h), int(k)), 0.0) for h, k in index])

    @cached_property
    def _table(self) -> dict[tuple[int, int], float]:
        return {(int(h), int(k)): float(a) for (h, k), a in zip(self.index, self.amplitude, strict=True)}


def zone_pattern(phase: str, zone: tuple[int, int, int], finest: float = FINEST) -> ZonePattern:
    """Return the pattern of a crystal of the phase table along [uvw].

    F_hkl = sum_j f_j(|g|) exp(2 pi i hkl.r_j), f_j : electron scattering factors of Lobato and Van Dyck
    Raises MeasurementError where the zone has no two reflections down to the finest spacing [m].
    """
    hkl, g, amplitude = _reflections(phase, finest)
    flat = hkl @ np.array(zone) == 0
    hkl, g, amplitude = hkl[flat], g[flat], amplitude[flat]
    bright = amplitude > EXTINCT
    if np.linalg.matrix_rank(g[bright], tol=1.0) < 2:
        words = " ".join(map(str, zone))
        raise MeasurementError(
            f"{phase} along [{words}] has no two reflections down to {finest / ANGSTROM:.2g} angstrom"
        )
    plane = g @ _frame(phase, zone).T
    basis = _generating(plane[bright])
    index = np.rint(np.linalg.solve(basis, plane.T).T).astype(int)
    own = np.hypot(*(index @ basis.T - plane).T) < ALIKE * np.linalg.norm(basis, axis=0).min()
    rows = np.array([hkl[own][np.all(index[own] == step, axis=1)][0] for step in ((1, 0), (0, 1))])
    return ZonePattern(phase, tuple(zone), basis, rows, index[own], amplitude[own] / amplitude[own].max())


@lru_cache(maxsize=32)
def zone_patterns(phase: str, finest: float = FINEST) -> tuple[ZonePattern, ...]:
    """Return the patterns of all zones up to HIGHEST_ZONE that differ from each other."""
    found: dict[tuple, ZonePattern] = {}
    span = range(-HIGHEST_ZONE, HIGHEST_ZONE + 1)
    for zone in sorted(product(span, repeat=3), key=lambda uvw: (sum(map(abs, uvw)), tuple(-n for n in uvw))):
        if gcd(*zone) != 1 or next(n for n in zone if n) < 0:
            continue
        try:
            pattern = zone_pattern(phase, zone, finest)
        except MeasurementError:  # a zone without two reflections cannot be recognised
            continue
        found.setdefault(_signature(pattern), pattern)
    return tuple(found.values())


@lru_cache(maxsize=32)
def _reflections(phase: str, finest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hkl (n, 3), g (n, 3) [1/m] and |F| relative to the strongest, without 000."""
    from perovsim.microscopy.waves.potential import scattering_factor

    cell = unit_cell(phase)
    reciprocal = np.linalg.inv(cell.cell[:] * ANGSTROM).T
    most = np.ceil(np.linalg.norm(cell.cell[:] * ANGSTROM, axis=1) / finest).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij"), -1).reshape(-1, 3)
    g = hkl @ reciprocal
    length = np.linalg.norm(g, axis=1)
    keep = (length > 0) & (length <= 1 / finest)
    hkl, g, length = hkl[keep], g[keep], length[keep]
    scaled = cell.get_scaled_positions()
    total = np.zeros(len(hkl), complex)
    for number in np.unique(cell.numbers):
        waves = np.exp(2j * np.pi * hkl @ scaled[cell.numbers == number].T).sum(axis=1)
        total += scattering_factor(int(number), length) * waves
    return hkl, g, np.abs(total) / np.abs(total).max()


def _frame(phase: str, zone: tuple[int, int, int]) -> np.ndarray:
    """Return two orthogonal unit vectors across the zone axis, rows; seen along the beam they are right-handed."""
    beam = np.array(zone) @ unit_cell(phase).cell[:]
    beam = beam / np.linalg.norm(beam)
    across = np.eye(3)[np.abs(beam).argmin()]
    first = np.cross(beam, across)
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(beam, first)])


def _generating(points: np.ndarray) -> np.ndarray:
    """Return the reduced basis of the lattice that points (n, 2) generate, columns."""
    order = points[np.argsort(np.hypot(*points.T))]
    first = order[0]
    cross = np.abs(order[:, 0] * first[1] - order[:, 1] * first[0])
    scale = float(first @ first)
    basis = np.stack([first, order[np.flatnonzero(cross > ALIKE * scale)[0]]], axis=1)
    while True:
        place = np.linalg.solve(basis, order.T).T
        rest = place - np.rint(place)
        off = np.flatnonzero(np.abs(rest).max(axis=1) > ALIKE)
        if len(off) == 0:
            return reduced(basis)
        extra = basis @ rest[off[0]]
        pairs = [np.stack(pair, axis=1) for pair in ((basis[:, 0], extra), (basis[:, 1], extra))]
        basis = min((pair for pair in pairs if abs(np.linalg.det(pair)) > ALIKE * scale), key=_area)


def _area(basis: np.ndarray) -> float:
    return abs(float(np.linalg.det(basis)))


def _signature(pattern: ZonePattern) -> tuple:
    """Return what symmetric zones share: lengths and amplitudes of the reflections, in steps of ALIKE."""
    lengths = np.hypot(*(pattern.basis @ pattern.index.T)) * FINEST
    order = np.lexsort((pattern.amplitude.round(2), lengths.round(2)))
    return (
        len(order),
        tuple(lengths[order].round(2)),
        tuple(pattern.amplitude[order].round(2)),
    )
