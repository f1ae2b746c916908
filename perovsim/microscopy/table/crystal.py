"""Annular images of a perfect crystal from one unit cell: all thicknesses, any probe, in seconds.

In a crystal a plane wave k scatters to k + G only. For each wave q0 of the first Brillouin zone the
slices of one repeat make a matrix K over the beams q0 + G; its powers give every thickness, and the
element <G|K^n|G'> is the amplitude at detector angle q0 + G of the probe's plane wave q0 + G'.
Thermal motion enters as the mean transmission <exp(i sigma V)> of independent atoms (Debye-Waller
factor and absorption of the coherent wave); thermal diffuse electrons are not added back.
References: Born and Wolf, Principles of Optics, for the mean of a transmission; matrices of slices,
Sturkey, Proc. Phys. Soc. 80, 321 (1962).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft as fft

from perovsim.microscopy.waves.grid import CUTOFF, fast_length
from perovsim.microscopy.waves.optics import aberration_phase, interaction, wavelength
from perovsim.microscopy.waves.potential import scattering_factor
from perovsim.microscopy.waves.work import Workers

ANGSTROM = 1e-10
FINE_STEP = 4e-12
"""Step on which a mean transmission is made [m]: half of a small thermal displacement."""
ATOM_REACH = 6e-10
"""The potential of a neutral atom is negligible (< 0.05 V angstrom) beyond this [m]."""
SAME_LAYER = 2e-11
"""Atoms whose heights differ by less lie in one slice [m]."""


@dataclass(frozen=True)
class CrystalCell:
    """One repeat of a crystal along the beam.

    plane : the two edges across the beam, rows, (2, 2) [m]; depth : edge along the beam [m]; energy [eV]
    layers : Fourier coefficients of the mean transmission of each slice, (slice, g1, g2) in FFT
    order; spacing : distance from each slice to the next [m]
    """

    plane: np.ndarray
    depth: float
    energy: float
    layers: np.ndarray
    spacing: np.ndarray

    @property
    def size(self) -> tuple[float, float, float]:
        """Lengths of the three edges [m]."""
        return (*map(float, np.hypot(*self.plane.T)), self.depth)

    @property
    def reciprocal(self) -> np.ndarray:
        """Reciprocal vectors of the plane, columns, (2, 2) [1/m]."""
        return np.linalg.inv(self.plane)


def crystal_cell(
    atoms: Any,
    energy: float,
    displacements: Mapping[str, float],
    occupants: Sequence[Mapping[str, float]] | None = None,
    limit: float = np.inf,
) -> CrystalCell:
    """Cut a cell (ASE Atoms, beam along z, the other two edges across it) into its atomic layers.

    displacements : standard deviation of the thermal motion per element and direction [m]
    occupants : share of each element on the site of each atom; the atom itself when None
    limit : band limit of the potential [1/m]; the grid is then no finer than products need
    """
    plane, depth = atoms.cell[:2, :2] * ANGSTROM, float(atoms.cell[2, 2]) * ANGSTROM
    if occupants is None:
        occupants = [{symbol: 1.0} for symbol in atoms.get_chemical_symbols()]
    groups, spacing = atomic_layers(atoms)
    medium = _Medium(plane, energy, displacements, limit)
    xy = atoms.positions[:, :2] * ANGSTROM
    layers = [medium.transmission([(xy[site], occupants[site]) for site in group]) for group in groups]
    return CrystalCell(plane, depth, energy, np.array(layers), spacing)


def atomic_layers(atoms: Any) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the atoms of each layer along z, and the distance from each layer to the next [m]."""
    depth = float(atoms.cell[2, 2]) * ANGSTROM
    z = (atoms.positions[:, 2] * ANGSTROM + 0.5 * SAME_LAYER) % depth - 0.5 * SAME_LAYER
    order = np.argsort(z, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(z[order]) > SAME_LAYER) + 1)
    heights = np.array([z[group].mean() for group in groups])
    return groups, np.diff(np.append(heights, heights[0] + depth))


class _Medium:
    """Mean transmissions of atoms that move independently, on one plane cell."""

    def __init__(self, plane: np.ndarray, energy: float, displacements: Mapping[str, float], limit: float) -> None:
        lengths = np.hypot(*plane.T)
        self.energy, self.displacements, self.limit = energy, displacements, limit
        step = max(FINE_STEP, CUTOFF / (2 * limit))
        self.shape = tuple(fast_length(int(np.ceil(edge / step - 1e-9))) for edge in lengths)
        self.copies = tuple(int(np.ceil(2 * ATOM_REACH / edge)) for edge in lengths)
        turns = [np.fft.fftfreq(n * c, 1 / n) for n, c in zip(self.shape, self.copies, strict=True)]
        inverse = np.linalg.inv(plane)
        self.kx, self.ky = (row[0] * turns[0][:, None] + row[1] * turns[1][None, :] for row in inverse)
        self.k = np.hypot(self.kx, self.ky)
        self.area = abs(np.linalg.det(plane)) / np.prod(self.shape)
        self._scattered: dict[str, np.ndarray] = {}

    def transmission(self, sites: Iterable[tuple[np.ndarray, Mapping[str, float]]]) -> np.ndarray:
        """Return Fourier coefficients of prod_j <exp(i sigma v_j)>, the product over all images of sites.

        sites : place (x, y) [m] and the share of each element
        """
        total = np.ones(self.shape, complex)
        for (x, y), shares in sites:
            scattered = sum(share * self._of(symbol) for symbol, share in shares.items() if share)
            scattered = scattered * np.exp(-2j * np.pi * (self.kx * x + self.ky * y))
            images = 1 + fft.ifft2(scattered).reshape(self.copies[0], self.shape[0], self.copies[1], self.shape[1])
            total *= images.prod(axis=(0, 2))
        return fft.fft2(total) / total.size

    def _of(self, symbol: str) -> np.ndarray:
        """Return the transform of <exp(i sigma v)> - 1 of an atom at the origin."""
        if symbol not in self._scattered:
            from ase.data import atomic_numbers

            factor = np.where(self.k <= self.limit, scattering_factor(atomic_numbers[symbol], self.k), 0)
            potential = fft.ifft2(factor).real / self.area
            scattered = fft.fft2(np.exp(1j * interaction(self.energy) * potential) - 1)
            spread = self.displacements[symbol]
            self._scattered[symbol] = scattered * np.exp(-2 * np.pi**2 * spread**2 * self.k**2)
        return self._scattered[symbol]


@dataclass(frozen=True)
class Zone:
    """Amplitudes for one wave vector of the first Brillouin zone.

    index : (gx, gy) of the beams, (n, 2); kx, ky : their wave vectors [1/m]
    amplitude : repeats n -> <beam|K^n|beam'>, (beams, beams)
    """

    index: np.ndarray
    kx: np.ndarray
    ky: np.ndarray
    amplitude: dict[int, np.ndarray]


class CrystalTable:
    """Amplitudes of a crystal cell for some thicknesses; images for any probe and annulus.

    angle : largest angle of probe and detector [rad]; beams : largest angle of beams kept [rad]
    repeats : thicknesses in cells, ascending; tilt : of the crystal, (x, y) [rad]
    zones : points of the Brillouin zone along x and y
    """

    def __init__(
        self,
        cell: CrystalCell,
        angle: float,
        beams: float,
        repeats: Iterable[int],
        tilt: tuple[float, float] = (0.0, 0.0),
        zones: tuple[int, int] = (4, 4),
        workers: Workers | None = None,
    ) -> None:
        self.cell, self.lam, self.repeats = cell, wavelength(cell.energy), tuple(repeats)
        points = [
            ((i + 0.5) / zones[0] - 0.5, (j + 0.5) / zones[1] - 0.5) for i in range(zones[0]) for j in range(zones[1])
        ]

        def make(point: tuple[float, float]) -> Zone:
            return self._zone(point, angle, beams, tilt)

        self.zones = [make(p) for p in points] if workers is None else list(workers.ahead(make, points))

    def _zone(self, point: tuple[float, float], angle: float, beams: float, tilt: tuple) -> Zone:
        a, b, _ = self.cell.size
        most = [int(beams / self.lam * edge) + 1 for edge in (a, b)]
        gx, gy = (grid.ravel() for grid in np.meshgrid(*[np.arange(-m, m + 1) for m in most], indexing="ij"))
        kx, ky = (gx + point[0]) / a, (gy + point[1]) / b
        keep = self.lam * np.hypot(kx, ky) <= beams
        gx, gy, kx, ky = gx[keep], gy[keep], kx[keep], ky[keep]
        step = self._repeat(gx, gy, kx, ky, tilt)
        seen = np.flatnonzero(self.lam * np.hypot(kx, ky) <= angle)
        rows = np.zeros((len(seen), len(gx)), np.complex64)
        rows[np.arange(len(seen)), seen] = 1
        amplitude, powers, done = {}, {}, 0
        for number in self.repeats:
            more = number - done
            if more not in powers:
                powers[more] = np.linalg.matrix_power(step, more)
            rows, done = rows @ powers[more], number
            amplitude[number] = rows[:, seen]
        return Zone(np.stack([gx[seen], gy[seen]], axis=1), kx[seen], ky[seen], amplitude)

    def _repeat(self, gx: np.ndarray, gy: np.ndarray, kx: np.ndarray, ky: np.ndarray, tilt: tuple) -> np.ndarray:
        """Return the matrix of one repeat, the product of P T over its slices."""
        shape = self.cell.layers.shape[1:]
        rows, columns = (g[:, None] - g[None, :] for g in (gx, gy))
        step = np.eye(len(gx), dtype=np.complex64)
        for layer, distance in zip(self.cell.layers, self.cell.spacing, strict=True):
            phase = np.pi * distance * (2 * (kx * tilt[0] + ky * tilt[1]) - self.lam * (kx**2 + ky**2))
            slice_matrix = layer[rows % shape[0], columns % shape[1]] * np.exp(1j * phase)[:, None]
            step = slice_matrix.astype(np.complex64) @ step
        return step

    def annular(
        self,
        repeats: int,
        semiangle: float,
        inner: float,
        outer: float,
        defocus: float = 0.0,
        spherical: float = 0.0,
    ) -> np.ndarray:
        """Return Fourier coefficients of the image over the probe position, (gx, gy) in FFT order.

        I(r) = sum_g c_g exp(2 pi i g.r) [fraction of the beam], r : probe position
        repeats : thickness in cells, one of the table's
        semiangle, inner, outer : probe and detector [rad]; edges are as wide as the zone points
        """
        most = 2 * np.max([np.abs(zone.index).max(axis=0) for zone in self.zones], axis=0) + 2
        shape = tuple(fast_length(int(2 * m)) for m in most)
        image, beam = np.zeros(shape), 0.0
        blur = self._spacing()
        for zone in self.zones:
            angle = self.lam * np.hypot(zone.kx, zone.ky)
            probe = np.clip((semiangle - angle) / blur + 0.5, 0, 1)
            beam += float((probe**2).sum())
            probe = probe * np.exp(-1j * aberration_phase(angle, self.lam, defocus, spherical))
            weight = np.clip((angle - inner) / blur + 0.5, 0, 1) * np.clip((outer - angle) / blur + 0.5, 0, 1)
            seen, lit = np.flatnonzero(weight > 0), np.flatnonzero(np.abs(probe) > 0)
            part = np.zeros((len(seen), *shape), np.complex64)
            at = zone.index[lit] % np.array(shape)
            part[:, at[:, 0], at[:, 1]] = zone.amplitude[repeats][np.ix_(seen, lit)] * probe[lit]
            waves = fft.fft2(part, overwrite_x=True)
            image += np.tensordot(weight[seen], waves.real**2 + waves.imag**2, axes=1)
        return fft.fft2(image / beam) / image.size

    def _spacing(self) -> float:
        """Return the distance of wave vectors [rad], the mean of both directions."""
        a, b, _ = self.cell.size
        count = len(self.zones)
        return self.lam / np.sqrt(a * b * count)
