"""The multislice loop, forward and transposed, streamed: one slice is made, used and dropped.

psi_out = (P T_n) ... (P T_2) (P T_1) psi_in: T transmits, P propagates to the next slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from ducc0.fft import c2c

from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.potential import POSITIONS, AbtemProjector, Projector, transmission
from perovsim.microscopy.waves.sample import Sample
from perovsim.microscopy.waves.work import Workers

FINE = 2
"""Potentials are exponentiated on a grid this much finer than the waves'. HAADF (60 to 100 mrad, 10 nm of
CsPbBr3, 0.06 angstrom) of Pb, Cs and Br columns is then off by +1, +3 and +1 % from a grid of 0.03
angstrom; on the waves' own grid cores alias (+20, +10, +4 %), and 3 loses what scatters far (-6, -1, -1)."""


class Gratings:
    """Transmission functions of a sample, slice by slice, on one cell.

    origin : (x, y) of the first grid point [m]; grid : of the waves; the cell of the grid is
    periodic, atoms beyond it are wrapped into it
    projection : POSITIONS, or ABTEM (its infinite projection, on the grid of the waves)
    """

    def __init__(
        self,
        sample: Sample,
        grid: Grid,
        origin: tuple[float, float],
        energy: float,
        fine: int | None = None,
        projection: str = POSITIONS,
    ) -> None:
        if fine is None:
            fine = FINE if projection == POSITIONS else 1
        self.sample, self.grid, self.energy, self.fine = sample, grid, energy, fine
        self._xy = sample.xy - np.asarray(origin)
        self._slow = None
        if sample.potential is not None:
            x = origin[0] + grid.step[0] / fine * np.arange(grid.shape[0] * fine)
            self._slow = (sample.thickness * np.interp(x, *sample.potential)[:, None]).astype(np.float32)
        shape = (grid.shape[0] * fine, grid.shape[1] * fine)
        projector = Projector if projection == POSITIONS else AbtemProjector
        self._projector = projector(Grid(shape, (grid.step[0] / fine, grid.step[1] / fine)), sample.numbers)

    def potential(self, index: int) -> np.ndarray:
        """Return the projected potential of a slice on the fine grid [V m]: of its atoms, and the device's own."""
        inside = self.sample.layer == index
        found = self._projector.project(self.sample.numbers[inside], self._xy[inside])
        return found if self._slow is None else found + self._slow

    def make(self, index: int) -> np.ndarray:
        """Return the transmission function of a slice, complex64 (nx, ny)."""
        return transmission(self.potential(index), self.energy, self.grid, self.fine)

    def stream(self, workers: Workers, backward: bool = False) -> Iterator[np.ndarray]:
        """Yield every transmission function; the next ones are made while one is used."""
        order = range(self.sample.slices)
        yield from workers.ahead(self.make, reversed(order) if backward else order)


def forward(
    waves: list[np.ndarray],
    gratings: Iterator[np.ndarray],
    step: np.ndarray,
    workers: Workers,
    cut: Callable[[np.ndarray, int], np.ndarray],
) -> None:
    """Send waves (each (nx, ny) complex64, changed in place) through the slices.

    step : propagator; cut(grating, number) : the part of a transmission function that the wave
    `number` meets, broadcastable to the wave
    """
    propagated = Propagation(step)
    for grating in gratings:

        def pass_slice(number: int, grating: np.ndarray = grating) -> None:
            wave = waves[number]
            part = cut(grating, number)
            view = wave.reshape(part.shape[0], -1, part.shape[1])
            view *= part[:, None, :]
            propagated(wave)

        workers.each(pass_slice, len(waves))


def backward(
    waves: list[np.ndarray],
    gratings: Iterator[np.ndarray],
    step: np.ndarray,
    workers: Workers,
) -> None:
    """Send waves through the transposed multislice, T_1 P ... T_n P (P is symmetric), in place.

    gratings : from the last slice to the first
    """
    propagated = Propagation(step)
    for grating in gratings:

        def pass_slice(number: int, grating: np.ndarray = grating) -> None:
            wave = waves[number]
            propagated(wave)
            view = wave.reshape(grating.shape[0], -1, grating.shape[1])
            view *= grating[:, None, :]

        workers.each(pass_slice, len(waves))


class Propagation:
    """Multiplication by `step` in Fourier space; columns of the spectrum that the band limit empties are left out.

    step : band-limited propagator in FFT order, (nx, ny)
    The transforms are DUCC's: some 1.5 times faster here than scipy's, and like those the same to the last bit in
    every run, which plans that are chosen by timing (FFTW) are not.
    """

    def __init__(self, step: np.ndarray) -> None:
        count = step.shape[1]
        lit = np.flatnonzero(step.any(axis=0))
        most = int(np.minimum(lit, count - lit).max())
        whole = 2 * most + 1 >= count
        self._dark = slice(most + 1, most + 1 if whole else count - most)
        bands = [slice(None)] if whole else [slice(0, most + 1), slice(count - most, count)]
        self._bands = [(band, step[:, band] / np.float32(step.size)) for band in bands]

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Propagate waves in place and return them, (..., nx, ny)."""
        rows, columns = wave.ndim - 2, wave.ndim - 1
        c2c(wave, axes=(columns,), out=wave)
        for band, step in self._bands:
            inner = wave[..., band]
            c2c(inner, axes=(rows,), out=inner)
            inner *= step
            c2c(inner, axes=(rows,), forward=False, out=inner)
        wave[..., self._dark] = 0
        return c2c(wave, axes=(columns,), forward=False, out=wave)


def convolved(wave: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the wave after multiplication by `step` in Fourier space; it is changed in place."""
    return Propagation(step)(wave)
