"""The same simulation by abTEM itself: what our loops are checked against, and timed against.

abTEM gets our projected potentials (exact positions) as its PotentialArray; probe, transmission,
propagation and detection are its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.multislice import Gratings

ANGSTROM = 1e-10
MRAD = 1e-3


def abtem_potential(gratings: Gratings, tiles: int = 1) -> Any:
    """Return the projected potentials of gratings made with fine = 1 as an abTEM PotentialArray.

    tiles : repetitions along y
    """
    import abtem

    if gratings.fine != 1:
        raise ValueError("abTEM takes potentials on the grid of the waves; use fine = 1")
    slices = [gratings.potential(index) / ANGSTROM for index in range(gratings.sample.slices)]
    array = np.tile(np.array(slices, np.float32), (1, 1, tiles))
    thickness = gratings.sample.thickness / ANGSTROM
    return abtem.PotentialArray(
        array, slice_thickness=[thickness] * len(slices), sampling=tuple(step / ANGSTROM for step in gratings.grid.step)
    )


def abtem_probe(grid: Grid, microscope: Any, beam: Any) -> Any:
    """Return abTEM's Probe for a mode of the microscope on a grid."""
    import abtem

    return abtem.Probe(
        energy=float(microscope.energy),
        semiangle_cutoff=float(beam.semiangle) / MRAD,
        gpts=grid.shape,
        extent=tuple(edge / ANGSTROM for edge in grid.size),
        defocus=float(beam.defocus) / ANGSTROM,
        Cs=float(beam.spherical_aberration) / ANGSTROM,
    )


def abtem_patterns(probe: Any, potential: Any, positions: np.ndarray) -> np.ndarray:
    """Return |F psi|^2 of probes at positions (n, 2) [m], centre first (FFT order), (n, nx, ny)."""
    import abtem

    with abtem.config.set({"diagnostics.progress_bar": None}):
        scan = abtem.CustomScan(np.asarray(positions) / ANGSTROM)
        waves = probe.multislice(potential, scan=scan, lazy=False)
    spectrum = np.fft.fft2(np.asarray(waves.array))  # abTEM: the squares of these sum to 1
    return np.abs(spectrum) ** 2
