"""The probe: its spectrum on a grid, and whether the cell holds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft as fft

from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.bullseye import bullseye
from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.optics import aberration_phase, aperture

RAYLEIGH = 0.61
"""Radius of the first dark ring of an Airy probe [lambda / semiangle]."""
TAILS = 0.05
"""Share of a probe that may lie beyond the circle inscribed in its cell."""


def probe_spectrum(grid: Grid, lam: float, beam: Any, edge: tuple[float, float] | None = None) -> np.ndarray:
    """Return A(k) exp(-i chi(k)) normalised to sum |.|^2 = 1, complex128 (nx, ny).

    beam : mode of the microscope: semiangle, bullseye, defocus, spherical_aberration
    edge : width of the aperture's edge along x and y [1/m]; one pixel of the grid when None
    """
    grid.require(float(beam.semiangle), lam, f"semiangle of mode '{beam.name}'")
    kx, ky = grid.frequencies()
    width = grid.pixel if edge is None else edge
    amplitude = aperture(kx, ky, lam, float(beam.semiangle), width)
    if beam.bullseye is not None:
        amplitude = amplitude * bullseye(kx, ky, lam, float(beam.semiangle), width, beam.bullseye)
    phase = aberration_phase(grid.angles(lam), lam, float(beam.defocus), float(beam.spherical_aberration))
    return amplitude * np.exp(-1j * phase) / np.sqrt((amplitude**2).sum())


def refocused(spectrum: np.ndarray, grid: Grid, lam: float, change: float) -> np.ndarray:
    """Return the spectrum of a probe whose defocus is larger by `change` [m]."""
    return spectrum if change == 0 else spectrum * np.exp(-1j * aberration_phase(grid.angles(lam), lam, change))


def probe_wave(spectrum: np.ndarray, grid: Grid, at: np.ndarray, dtype: type = np.complex64) -> np.ndarray:
    """Return the wave of a probe at (x, y) [m] of its grid, (nx, ny)."""
    kx, ky = grid.frequencies()
    shift = np.exp(-2j * np.pi * kx * at[0]) * np.exp(-2j * np.pi * ky * at[1])
    return fft.ifft2((spectrum * shift).astype(dtype)) * np.float32(spectrum.size)


def check_contained(spectrum: np.ndarray, grid: Grid, beam: Any) -> float:
    """Return the share of the probe beyond the cell's inscribed circle; raise above TAILS."""
    intensity = np.abs(np.fft.ifft2(spectrum)) ** 2
    x, y = (np.fft.fftfreq(n) * n * d for n, d in zip(grid.shape, grid.step, strict=True))
    outside = np.hypot(x[:, None], y[None, :]) > 0.5 * min(grid.size)
    share = float(intensity[outside].sum() / intensity.sum())
    if share > TAILS:
        raise PerovsimError(
            f"mode '{beam.name}': {share:.0%} of the probe lies beyond its cell of "
            f"{min(grid.size) * 1e9:.2f} nm and would wrap onto itself (at most {TAILS:.0%}); "
            "reduce defocus and spherical_aberration, or build a larger lamella"
        )
    return share
