"""The grid of a wave function: points with small factors, frequencies, the angles that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from perovsim.errors import PerovsimError

CUTOFF = 0.6666666
"""Waves are limited to this share of the Nyquist frequency, abTEM's value: products do not alias."""
TAPER = 0.01
"""The limit falls off over this many inverse steps, abTEM's value."""
FACTORS = (2, 3, 5)
"""Prime factors of grid lengths: the FFT of other lengths is several times slower."""


def fast_length(least: int) -> int:
    """Return the smallest length >= `least` whose prime factors are 2, 3 and 5."""
    length = max(int(least), 1)
    while not _is_fast(length):
        length += 1
    return length


def _is_fast(length: int) -> bool:
    for factor in FACTORS:
        while length % factor == 0:
            length //= factor
    return length == 1


@dataclass(frozen=True)
class Grid:
    """A rectangular grid that is periodic in x and y.

    shape : points along x and y; step : their distances [m]
    """

    shape: tuple[int, int]
    step: tuple[float, float]

    @classmethod
    def over(cls, size: tuple[float, float], sampling: float) -> Grid:
        """Return the grid over a cell (size [m]) with steps <= sampling and fast lengths."""
        shape = tuple(fast_length(int(np.ceil(length / sampling - 1e-9))) for length in size)
        return cls(shape, tuple(length / count for length, count in zip(size, shape, strict=True)))

    @property
    def size(self) -> tuple[float, float]:
        """Edge lengths [m]."""
        return self.shape[0] * self.step[0], self.shape[1] * self.step[1]

    @property
    def pixel(self) -> tuple[float, float]:
        """Steps in frequency [1/m]."""
        return 1 / self.size[0], 1 / self.size[1]

    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kx (nx, 1) and ky (1, ny) in FFT order [1/m]."""
        kx, ky = (np.fft.fftfreq(n, d) for n, d in zip(self.shape, self.step, strict=True))
        return kx[:, None], ky[None, :]

    def angles(self, lam: float) -> np.ndarray:
        """Return the scattering angle lambda |k| of every frequency [rad], (nx, ny)."""
        return lam * np.hypot(*self.frequencies())

    def limit(self) -> np.ndarray:
        """Return the band limit: 1 inside, a cosine edge, 0 outside; float32 (nx, ny)."""
        return _limit(self)

    def kept(self, lam: float) -> float:
        """Return the largest angle that the band limit leaves whole [rad]."""
        return lam * (CUTOFF / 2 - TAPER) / max(self.step)

    def require(self, angle: float, lam: float, what: str) -> None:
        """Raise PerovsimError when `what` (a detector, an aperture) reaches beyond the kept angle."""
        if angle > self.kept(lam):
            needed = lam * (CUTOFF / 2 - TAPER) / angle
            raise PerovsimError(
                f"{what} reaches {angle * 1e3:.4g} mrad, but a grid of {max(self.step) * 1e10:.3g} "
                f"angstrom keeps angles up to {self.kept(lam) * 1e3:.4g} mrad; "
                f"give the mode a sampling of at most {_down(needed * 1e10)} angstrom"
            )


@lru_cache(maxsize=4)
def _limit(grid: Grid) -> np.ndarray:
    cutoff, taper = CUTOFF / (2 * max(grid.step)), TAPER / max(grid.step)
    k = np.hypot(*grid.frequencies())
    edge = 0.5 * (1 + np.cos(np.pi * np.clip((k - cutoff) / taper + 1, 0, 1)))
    return np.where(k > cutoff, 0.0, edge).astype(np.float32)


def _down(number: float) -> str:
    """Write a positive number with two digits, rounded down."""
    scale = 10.0 ** (np.floor(np.log10(number)) - 1)
    return f"{np.floor(number / scale) * scale:.2g}"


def propagator(grid: Grid, lam: float, distance: float, tilt: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Return the band-limited Fresnel propagator exp(-i pi distance (lambda k^2 + 2 k.tilt)), complex64 (nx, ny).

    tilt : direction of the beam relative to z (x, y) [rad]; frequencies are counted from the beam
    References: Kirkland, Advanced Computing in Electron Microscopy, eq. 6.65 and section 6.6 (tilt)
    """
    kx, ky = grid.frequencies()
    phase = -np.pi * distance * (lam * (kx**2 + ky**2) + 2 * (kx * tilt[0] + ky * tilt[1]))
    return (np.exp(1j * phase) * grid.limit()).astype(np.complex64)
