"""Annular dark field of thin material without channelling: every atom scatters on its own, once.

sigma_Z = integral over the annulus of (sigma_e V_Z(k))^2 d^2k, share = 1 - exp(-sum_Z n_Z sigma_Z)

References: Kirkland, Advanced Computing in Electron Microscopy, section 5.1 (first Born approximation)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from perovsim.microscopy.waves.optics import interaction, wavelength
from perovsim.microscopy.waves.potential import scattering_factor

POINTS = 400
"""Angles of the integral over an annulus: factors fall smoothly, 400 points are exact to 1e-5."""


@lru_cache(maxsize=256)
def annular_cross_section(number: int, energy: float, inner: float, outer: float) -> float:
    """Return the elastic cross-section of a neutral atom between two angles [m^2].

    number : atomic number; energy [eV]; inner, outer [rad]
    """
    k = np.linspace(inner, outer, POINTS) / wavelength(energy)
    amplitude = interaction(energy) * scattering_factor(number, k)
    return float(np.trapezoid(2 * np.pi * k * amplitude**2, k))


def annular_share(areal: Mapping[int, np.ndarray], energy: float, inner: float, outer: float) -> np.ndarray:
    """Return the share of the beam between two angles.

    areal : atomic number -> atoms per area [1/m^2], any shape
    """
    total = sum(np.asarray(n) * annular_cross_section(z, energy, inner, outer) for z, n in areal.items())
    return 1 - np.exp(-np.asarray(total, float))
