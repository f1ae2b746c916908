"""What the probe meets: areal densities of the elements under each pixel of a scan, by depth.

The probe is a Gaussian as wide as its Airy disk, the image of the source, its cone and Reed's beam
spreading are together; channelling along atom columns is left out, which a pixel of many columns allows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

from perovsim.constants import N_A
from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.sample import Sample, sample_of

AIRY_FWHM = 0.51
"""Full width at half maximum of an Airy disk [lambda / semiangle]."""
FWHM = 2 * np.sqrt(2 * np.log(2))
REED = 7.21e5
"""Goldstein and Reed: b = 7.21e5 Z/E sqrt(rho/A) t^1.5 holds 90 % of the beam; cm, g, mol, eV."""
NINETY = 2 * np.sqrt(2 * np.log(10))
"""Diameter that holds 90 % of a round Gaussian, in standard deviations."""
REACH = 5.0
"""Atoms further than this from a pixel do not count [standard deviations of the probe]."""
DEPTHS = 16
"""Layers along the beam, at most: absorption changes by less than 1e-4 between 8 and 16."""


def probe_width(beam: Any, energy: float, thickness: float, number: float, density: float) -> float:
    """Return the standard deviation of the probe along x, averaged over the thickness [m].

    s^2 = (0.51 lambda/alpha / 2.355)^2 + s_source^2 + alpha^2 t^2/48 + s_Reed^2/4
    number : mean atomic number; density : atoms per volume [1/m^3]; focus in the middle
    References: Goldstein et al., in Scanning Electron Microscopy 1977, IITRI, vol. 1, 315
    """
    alpha, cm = float(beam.semiangle), 1e2
    airy = AIRY_FWHM * wavelength(energy) / alpha / FWHM
    spread = REED * number / energy * np.sqrt(density / cm**3 / N_A) * (thickness * cm) ** 1.5 / cm / NINETY
    variance = airy**2 + float(beam.source_size) ** 2 + (alpha * thickness) ** 2 / 48 + spread**2 / 4
    return float(np.sqrt(variance))


def illuminated(
    lamella: Any, beam: Any, energy: float, positions: np.ndarray, pixel: tuple[float, float | None]
) -> tuple[tuple[str, ...], np.ndarray, float]:
    """Return elements, areal densities (position, layer, element) [1/m^2] and the probe's width [m].

    positions : (n, 2) [m]; pixel : edges along x and y that the probe sweeps evenly [m], None for the whole height
    """
    from ase.data import chemical_symbols

    numbers = np.asarray(lamella.atoms.numbers)
    volume = np.prod([lamella.window[1] - lamella.window[0], lamella.height, lamella.thickness])
    width = probe_width(beam, energy, lamella.thickness, float(numbers.mean()), len(numbers) / volume)
    margin = REACH * width + 0.5 * pixel[0]
    span = positions[:, 0].min() - margin, positions[:, 0].max() + margin
    sample = sample_of(lamella, span, lamella.slice_thickness)
    if len(sample.numbers) == 0:
        raise PerovsimError("no atoms under the probe; move the positions into the lamella")
    kinds, kind = np.unique(sample.numbers, return_inverse=True)
    depths = min(DEPTHS, sample.slices)
    group = sample.layer * depths // sample.slices * len(kinds) + kind
    dense = np.stack([_under(at, sample, group, depths * len(kinds), width, pixel, lamella.height) for at in positions])
    symbols = tuple(chemical_symbols[int(number)] for number in kinds)
    return symbols, dense.reshape(len(positions), depths, len(kinds)), width


def _under(
    at: np.ndarray,
    sample: Sample,
    group: np.ndarray,
    groups: int,
    width: float,
    pixel: tuple[float, float | None],
    height: float,
) -> np.ndarray:
    """Return the areal density of each group of atoms under one pixel, (groups,) [1/m^2]."""
    near = np.abs(sample.xy[:, 0] - at[0]) < 0.5 * pixel[0] + REACH * width
    weight = _blurred_box(sample.xy[near, 0] - at[0], pixel[0], width)
    if pixel[1] is None:
        weight = weight / height
    else:
        offset = sample.xy[near, 1] - at[1]
        copies = int(np.ceil((0.5 * pixel[1] + REACH * width) / height))
        weight = weight * sum(
            _blurred_box(offset + copy * height, pixel[1], width) for copy in range(-copies, copies + 1)
        )
    return np.bincount(group[near], weight, groups)


def _blurred_box(offset: np.ndarray, edge: float, width: float) -> np.ndarray:
    """Return a box of unit area blurred by a Gaussian, at offsets from its centre [1/m]."""
    scale = np.sqrt(2) * width
    return (erf((offset + 0.5 * edge) / scale) - erf((offset - 0.5 * edge) / scale)) / (2 * edge)
