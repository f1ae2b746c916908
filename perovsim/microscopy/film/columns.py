"""What stands where across the stack at one time: layers, their borders, and the lattice under each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms.perovskite import halide_chances, in_plane_strain, reference_cell
from perovsim.atoms.stack import Region, regions
from perovsim.atoms.state import Displacement, displacement, lattice_strain, state_at
from perovsim.errors import PerovsimError

FINE = 5e-11
"""Step on which material points are found from places [m]: a quarter of a plane spacing."""


@dataclass(frozen=True)
class Columns:
    """The stack at one time, under columns x [m] of the deformed device.

    layers : the regions; borders : first and last x of each, deformed [m]; move : from material points to places
    exx, composition, lead : of the lattice nearest to each column; lead is the share of it that is metal
    """

    x: np.ndarray
    layers: tuple[Region, ...]
    borders: np.ndarray
    exx: np.ndarray
    composition: np.ndarray
    lead: np.ndarray
    move: Displacement


def lattice_of(device: Any) -> Region:
    """Return the halide lattice of a device; PerovsimError where it has none, or several."""
    found = [part for part in regions(device) if part.kind == "lattice"]
    if len(found) != 1:
        raise PerovsimError(f"device '{device.name}' has {len(found)} halide lattices; a film needs one")
    return found[0]


def cells_of(device: Any) -> tuple[float, float]:
    """Return the reference cell of a device's lattice [m] and its strain in the plane of the interfaces."""
    layer = lattice_of(device).layer
    return reference_cell(device, layer), in_plane_strain(layer)


def columns_at(result: Any, time: float, x: np.ndarray) -> Columns:
    """Read the stack at a time [s] under columns x [m]; the far face of the lattice stays in place."""
    state, lattice = state_at(result, time), lattice_of(result.device)
    span = lattice.x0, lattice.x1
    move = displacement(state, [span], lattice.x1, 0.0)
    grid = np.arange(*span, FINE)
    material = np.clip(np.interp(x, move(grid), grid), *span)
    chances = halide_chances(state, lattice, material)
    halides = np.maximum(chances[:, :2].sum(axis=1), np.finfo(float).tiny)
    layers = tuple(regions(result.device))
    borders = np.array([[float(move(part.x0)), float(move(part.x1))] for part in layers])
    lead = state.profile("Pb0", material, *span) * cells_of(result.device)[0] ** 3
    strain = lattice_strain(state, [span], material, 0.0)
    return Columns(x, layers, borders, strain, chances[:, 0] / halides, lead, move)
