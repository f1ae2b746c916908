"""Plane waves through one crystal cell: intensities of all beams after every repeat.

In a crystal the wave k = u / lambda scatters to k + g only, so a full multislice needs the beams of one
cell. The wave stays within |k + g| <= limit, the transmission within |g| <= limit, both with the soft
edge of `Grid.limit`, as in a multislice on a grid. Fourier sums over so few beams are matrix products,
faster than FFTs here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.microscopy.table.crystal import CrystalCell
from perovsim.microscopy.waves.grid import CUTOFF, TAPER, fast_length
from perovsim.microscopy.waves.optics import wavelength

BATCH = 64
"""Waves that go through the slices together: their arrays stay in the cache of the processor."""


@dataclass(frozen=True)
class Band:
    """The physical band limit of waves and transmissions, that of a grid: 1 inside, a cosine edge, 0 outside.

    step : of the grid [m]
    """

    step: float

    @property
    def end(self) -> float:
        """Largest |k| [1/m]."""
        return CUTOFF / (2 * self.step)

    @property
    def width(self) -> float:
        """Width of the edge [1/m]."""
        return TAPER / self.step

    def __call__(self, k: np.ndarray) -> np.ndarray:
        """Return the limit at |k| [1/m]."""
        edge = 0.5 * (1 + np.cos(np.pi * np.clip((k - self.end) / self.width + 1, 0, 1)))
        return np.where(k > self.end, 0.0, edge)


class PlaneWaves:
    """A crystal cell prepared for plane waves of any direction."""

    def __init__(self, cell: CrystalCell, band: Band) -> None:
        self.cell, self.band, self.lam = cell, band, wavelength(cell.energy)
        self.reciprocal = cell.reciprocal
        widest = [int(band.end * length) for length in np.hypot(*cell.plane.T)]
        self.most = tuple(most + 1 for most in widest)
        spans = [np.arange(-m, m + 1) for m in self.most]
        self.g = np.stack(np.meshgrid(*spans, indexing="ij"), -1) @ self.reciprocal.T
        self._points = [fast_length(most + 2 * (most + 1) + 1) for most in widest]  # products do not alias
        self._to = [
            np.exp(2j * np.pi * np.outer(np.arange(n), span) / n).astype(np.complex64)
            for n, span in zip(self._points, spans, strict=True)
        ]
        self._layers = [self._grating(layer) for layer in cell.layers]

    def _grating(self, layer: np.ndarray) -> np.ndarray:
        """Return the band-limited transmission on the points of the cell."""
        rows, columns = (np.arange(-m, m + 1) for m in self.most)
        part = layer[np.ix_(rows % layer.shape[0], columns % layer.shape[1])] * self.band(np.hypot(*self.g.T).T)
        points = self._to[0] @ part.astype(np.complex64) @ self._to[1].T
        return points / np.float32(np.prod(self._points))

    def intensities(self, directions: np.ndarray, beams: np.ndarray, repeats: tuple[int, int]) -> np.ndarray:
        """Return |psi_g|^2 of beams after first ... last repeats.

        directions : of the waves relative to the zone axis, (n, 2) [rad]; beams : (h, k), (m, 2)
        Returns (repeat, beam, n), float32
        """
        parts = [
            self._batch(directions[first : first + BATCH], beams, repeats) for first in range(0, len(directions), BATCH)
        ]
        return np.concatenate(parts, axis=2)

    def _batch(self, directions: np.ndarray, beams: np.ndarray, repeats: tuple[int, int]) -> np.ndarray:
        count, (rows, columns) = len(directions), (len(self.g), len(self.g[0]))
        central = np.rint(directions / self.lam @ self.cell.plane.T).astype(int)
        k = (directions / self.lam - central @ self.reciprocal.T)[:, None, None] + self.g
        square = (k**2).sum(-1).transpose(1, 0, 2)
        limit = self.band(np.sqrt(square))
        steps = {
            distance: (limit * np.exp(-1j * np.pi * self.lam * distance * square)).astype(np.complex64)
            for distance in np.unique(self.cell.spacing)
        }
        wave, number = np.zeros((rows, count, columns), np.complex64), np.arange(count)
        wave[central[:, 0] + self.most[0], number, central[:, 1] + self.most[1]] = 1
        seen = central[:, None] + beams + np.array(self.most)
        inside = np.all((seen >= 0) & (seen <= 2 * np.array(self.most)), axis=-1)
        seen = np.where(inside[..., None], seen, 0)
        found = np.empty((repeats[1] - repeats[0] + 1, len(beams), count), np.float32)
        for repeat in range(repeats[1] + 1):
            for layer, distance in zip(self._layers, self.cell.spacing, strict=True) if repeat else ():
                wave = self._slice(wave, layer) * steps[distance]
            if repeat >= repeats[0]:
                intensity = wave.real**2 + wave.imag**2
                at = intensity[seen[..., 0], number[:, None], seen[..., 1]]
                found[repeat - repeats[0]] = (at * inside).T
        return found

    def _slice(self, wave: np.ndarray, layer: np.ndarray) -> np.ndarray:
        """Return the beams (g1, wave, g2) after one transmission."""
        rows, count, columns = wave.shape
        points = (self._to[0] @ wave.reshape(rows, -1)).reshape(-1, columns) @ self._to[1].T
        points = points.reshape(self._points[0], count, self._points[1])
        points *= layer[:, None, :]
        back = (points.reshape(-1, self._points[1]) @ self._to[1].conj()).reshape(self._points[0], -1)
        return (self._to[0].conj().T @ back).reshape(rows, count, columns)
