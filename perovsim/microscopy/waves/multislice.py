"""The multislice loop, forward and transposed, streamed: one slice is made, used and dropped.

psi_out = (P T_n) ... (P T_2) (P T_1) psi_in: T transmits, P propagates to the next slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.fft as fft

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
            wave[...] = propagated(wave)

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
            wave[...] = propagated(wave)
            view = wave.reshape(grating.shape[0], -1, grating.shape[1])
            view *= grating[:, None, :]

        workers.each(pass_slice, len(waves))


class Propagation:
    """Multiplication by `step` in Fourier space; columns of the spectrum that the band limit empties are left out.

    step : band-limited propagator in FFT order, (nx, ny)
    """

    def __init__(self, step: np.ndarray) -> None:
        count = step.shape[1]
        lit = np.flatnonzero(step.any(axis=0))
        self._most = int(np.minimum(lit, count - lit).max())
        self._count = min(2 * self._most + 1, count)
        self._step = self._inner(step) / np.float32(step.size)

    def _inner(self, spectrum: np.ndarray) -> np.ndarray:
        """Return the columns inside the band, in FFT order."""
        if self._count == spectrum.shape[-1]:
            return spectrum
        return np.concatenate([spectrum[..., : self._most + 1], spectrum[..., -self._most :]], axis=-1)

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Return propagated waves, (..., nx, ny)."""
        rows = fft.fft(wave, axis=-1, overwrite_x=True)
        inner = fft.fft(self._inner(rows), axis=-2, overwrite_x=True)
        inner *= self._step
        inner = fft.ifft(inner, axis=-2, overwrite_x=True, norm="forward")
        if self._count < rows.shape[-1]:
            rows[..., : self._most + 1] = inner[..., : self._most + 1]
            rows[..., self._most + 1 : -self._most] = 0
            rows[..., -self._most :] = inner[..., self._most + 1 :]
            inner = rows
        return fft.ifft(inner, axis=-1, overwrite_x=True, norm="forward")


def convolved(wave: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the wave after multiplication by `step` in Fourier space."""
    return Propagation(step)(wave)
