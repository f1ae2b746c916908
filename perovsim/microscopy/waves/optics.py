"""The electron beam: wavelength, interaction with a potential, aperture and aberrations of a probe."""

from __future__ import annotations

import numpy as np

from perovsim.constants import C_LIGHT, ELECTRON_MASS, H, Q


def wavelength(energy: float) -> float:
    """Return the relativistic wavelength, lambda = h c / sqrt(E (E + 2 m c^2)).

    energy : kinetic energy [eV]; returns [m]
    References: Kirkland, Advanced Computing in Electron Microscopy, eq. 2.5
    """
    kinetic = energy * Q
    return H * C_LIGHT / np.sqrt(kinetic * (kinetic + 2 * ELECTRON_MASS * C_LIGHT**2))


def interaction(energy: float) -> float:
    """Return the phase per projected potential, sigma = 2 pi gamma m e lambda / h^2.

    energy : kinetic energy [eV]; returns [rad/(V m)]
    References: Kirkland, Advanced Computing in Electron Microscopy, eq. 5.6
    """
    gamma = 1 + energy * Q / (ELECTRON_MASS * C_LIGHT**2)
    return 2 * np.pi * gamma * ELECTRON_MASS * Q * wavelength(energy) / H**2


def aberration_phase(angle: np.ndarray, lam: float, defocus: float = 0.0, spherical: float = 0.0) -> np.ndarray:
    """Return chi = (2 pi / lambda) (-defocus a^2 / 2 + Cs a^4 / 4).

    angle : [rad]; lam : wavelength [m]; defocus > 0 is underfocus (a weaker lens) [m]; spherical [m]
    """
    return 2 * np.pi / lam * (-0.5 * defocus * angle**2 + 0.25 * spherical * angle**4)


def aperture(kx: np.ndarray, ky: np.ndarray, lam: float, semiangle: float, pixel: tuple[float, float]) -> np.ndarray:
    """Return a round aperture whose edge is one pixel wide, as abTEM draws it.

    A = clip((semiangle - a) / da + 1/2, 0, 1), da = pixel along the direction of a
    kx, ky : broadcastable frequencies [1/m]; pixel : their steps [1/m]; semiangle [rad]
    """
    angle = lam * np.hypot(kx, ky)
    azimuth = np.arctan2(ky, kx)
    width = lam * np.hypot(pixel[0] * np.cos(azimuth), pixel[1] * np.sin(azimuth))
    return np.clip((semiangle - angle) / width + 0.5, 0.0, 1.0)
