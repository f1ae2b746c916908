"""The far field of a wave at any angles: a Fourier sum at the pixels of a detector, whatever the cell's size."""

from __future__ import annotations

import numpy as np

from perovsim.microscopy.waves.grid import Grid


class FarField:
    """I(q) = |sum_r psi(r) exp(-2 pi i q.r / lambda)|^2 of waves on a grid.

    q : angles along x and along y, evenly spaced [rad]; lam : wavelength [m]
    """

    def __init__(self, grid: Grid, lam: float, q: np.ndarray) -> None:
        self.grid = grid
        self._to_x, self._to_y = (
            np.exp(-2j * np.pi / lam * np.outer(q, step * np.arange(count)))
            for count, step in zip(grid.shape, grid.step, strict=True)
        )
        self._share = float(np.prod(grid.size)) * ((q[1] - q[0]) / lam) ** 2

    def __call__(self, wave: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the intensity (qy, qx), 1 in all for the whole beam.

        at : place of the probe (x, y) on the grid [m]. The wave is periodic, the pixels are not multiples of its
        period: the probe goes to the middle first.
        """
        middle = 0.5 * np.array(self.grid.size) - at
        wave = np.roll(wave, tuple(np.rint(middle / self.grid.step).astype(int)), axis=(0, 1))
        amplitude = self._to_x @ (wave @ self._to_y.T) / wave.size
        return self._share * (amplitude.real**2 + amplitude.imag**2).T
