"""The exciton in a table of optical constants: one search for every table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perovsim.constants import C_LIGHT, H, Q
from perovsim.errors import PerovsimError

Search = Callable[[np.ndarray, np.ndarray], float]
THINNINGS = 2
"""A table is thinned to every second sample; there are two ways to do it."""


def photon_energy(wavelength):
    """E = h c / lambda [eV]; wavelength [m]."""
    return H * C_LIGHT / (Q * np.asarray(wavelength, float))


def exciton_peak(wavelength, k) -> float:
    """Photon energy [eV] of the maximum of k, by the parabola through it and its two neighbours.

    wavelength : (n,) [m], any order; k : (n,) extinction coefficient
    PerovsimError where the maximum is at an end of the table: then it holds no exciton
    """
    wavelength, k = _sorted(wavelength, k)
    top = int(np.argmax(k))
    return float(photon_energy(_vertex(wavelength, k, top, "maximum of k")))


def steepest_edge(wavelength, k) -> float:
    """Photon energy [eV] below the exciton peak at which dk/dE is largest, refined by a parabola.

    wavelength : (n,) [m], any order; k : (n,) extinction coefficient; dk/dE by central differences
    PerovsimError where the steepest point is at the end of the table: then the edge is cut off
    """
    wavelength, k = _sorted(wavelength, k)
    energy = photon_energy(wavelength)
    slope = np.gradient(k, energy)
    top = int(np.argmax(k))
    steepest = top + int(np.argmax(slope[top:]))
    return float(_vertex(energy, slope, steepest, "steepest point of k"))


def sampling_uncertainty(search: Search, wavelength, k) -> float:
    """Largest shift [eV] of what `search` finds when only every second sample is kept.

    An upper bound: the error of the full table is smaller, as its step is half of that.
    """
    wavelength, k = _sorted(wavelength, k)
    full = search(wavelength, k)
    found = [search(wavelength[start::THINNINGS], k[start::THINNINGS]) for start in range(THINNINGS)]
    return float(max(abs(energy - full) for energy in found))


def _sorted(wavelength, k) -> tuple[np.ndarray, np.ndarray]:
    wavelength, k = np.asarray(wavelength, float), np.asarray(k, float)
    if wavelength.shape != k.shape or wavelength.ndim != 1 or np.unique(wavelength).size != wavelength.size:
        raise PerovsimError(
            f"a table of k needs one value at each of its wavelengths; given: {wavelength.size} "
            f"wavelengths ({np.unique(wavelength).size} different) and {k.size} values; "
            "hand over one material at a time"
        )
    order = np.argsort(wavelength)
    return wavelength[order], k[order]


def _vertex(x: np.ndarray, y: np.ndarray, middle: int, what: str) -> float:
    """Place of the extremum of the parabola through points middle - 1, middle, middle + 1."""
    if not 0 < middle < x.size - 1:
        place = f"point {middle + 1} of {x.size}"
        raise PerovsimError(
            f"the {what} is at the end of the table ({place}); it must lie inside: "
            "give a range of wavelengths that encloses the exciton peak and its edge"
        )
    left, right = x[middle - 1] - x[middle], x[middle + 1] - x[middle]
    down_left, down_right = y[middle - 1] - y[middle], y[middle + 1] - y[middle]
    curved = (down_left / left - down_right / right) / (left - right)
    tilted = down_left / left - curved * left
    return x[middle] if curved == 0.0 else x[middle] - tilted / (2.0 * curved)
