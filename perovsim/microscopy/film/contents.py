"""Atoms per area under each column of a film, and the annular dark field that they scatter."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.atoms.amorphous import recipe
from perovsim.atoms.crystals import atom_density
from perovsim.microscopy.film.columns import Columns, cells_of
from perovsim.microscopy.film.mixture import NEGLIGIBLE, shares
from perovsim.microscopy.film.sources import Optics
from perovsim.microscopy.waves.incoherent import annular_share

CUBIC_ANGSTROM = 1e-30
CAESIUM, LEAD, CHLORINE, BROMINE = 55, 82, 17, 35
HALIDES = 3
"""Halide sites per cell of the perovskite."""


def dark_field_share(result: Any, view: Optics, columns: Columns, inner: float, outer: float) -> np.ndarray:
    """Return the share of the beam between two angles [rad] at each column, single scattering."""
    part, total = shares(columns, view), 0.0
    for number, layer in enumerate(columns.layers):
        if part[:, number].max() > NEGLIGIBLE:
            areal = {z: density * view.thickness for z, density in _density(result, layer, columns).items()}
            energy = float(view.microscope.energy)
            total = total + part[:, number] * annular_share(areal, energy, inner, outer)
    return np.asarray(total)


def _density(result: Any, layer: Any, columns: Columns) -> dict[int, np.ndarray]:
    """Return atoms per volume of each element of a layer under the columns [1/m^3]."""
    from ase.data import atomic_numbers

    if layer.kind == "lattice":
        cell, in_plane = cells_of(result.device)
        volume = cell**3 * (1 + columns.exx) * (1 + in_plane) ** 2
        halides = HALIDES / volume
        x = columns.composition
        return {CAESIUM: 1 / volume, LEAD: 1 / volume, CHLORINE: halides * x, BROMINE: halides * (1 - x)}
    if layer.kind == "metal":
        return {atomic_numbers[layer.material]: np.array(atom_density(layer.material) / CUBIC_ANGSTROM)}
    found = recipe(layer.material)
    unit = found.atom_density / CUBIC_ANGSTROM / sum(found.composition.values())
    return {atomic_numbers[symbol]: np.array(unit * count) for symbol, count in found.composition.items()}
