"""The halide lattice: whole pseudo-cubic cells, composition drawn per site, strain applied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perovsim.atoms.crystals import crystal
from perovsim.atoms.octahedra import octahedral_shift
from perovsim.atoms.piece import Piece
from perovsim.atoms.preparation import CUBIC
from perovsim.atoms.stack import Region
from perovsim.atoms.state import DeviceState, Displacement

CS, PB, CL, BR = 55, 82, 17, 35
_SITES = np.array([[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.75, 0.75, 0.25], [0.75, 0.25, 0.75], [0.25, 0.75, 0.75]])
"""Cs, Pb and three halides, moved by a/4 so that no atom lies on a cell face or slice border."""
_HALIDE_SITES = slice(2, 5)


@dataclass(frozen=True)
class Frame:
    """The lamella's box: whole cells in y and z.

    cell : reference lattice parameter [m]; in_plane : strained lattice parameter in y and z [m]
    repeats : number of cells along y and z
    window : (x0, x1) [m] on the deformed device axis
    """

    cell: float
    in_plane: float
    repeats: tuple[int, int]
    window: tuple[float, float]

    @property
    def box(self) -> np.ndarray:
        """Return the edge lengths [angstrom]."""
        y, z = (count * self.in_plane * 1e10 for count in self.repeats)
        return np.array([(self.window[1] - self.window[0]) * 1e10, y, z])

    @property
    def reference_area(self) -> float:
        """Return the unstrained area in y and z [m^2], which densities on the mesh refer to."""
        return self.repeats[0] * self.repeats[1] * self.cell**2

    def to_box(self, x: np.ndarray) -> np.ndarray:
        """Return positions along the growth direction in the box [angstrom] from x [m]."""
        return (np.asarray(x) - self.window[0]) * 1e10


@dataclass(frozen=True)
class Lattice:
    """Sites of the halide lattice; `numbers` is 0 where a site is empty.

    material_x : x of each site before displacement [m]; site : 0 Cs, 1 Pb, 2 to 4 halide
    chances : (n, 3) fractions of Cl, Br and vacancy that the site was drawn from
    """

    numbers: np.ndarray
    positions: np.ndarray
    material_x: np.ndarray
    site: np.ndarray
    chances: np.ndarray
    residue: np.ndarray
    span: tuple[float, float]

    @property
    def halide(self) -> np.ndarray:
        """Return the mask of the halide sites."""
        return self.site >= _HALIDE_SITES.start

    def emptied(self, mask: np.ndarray) -> Lattice:
        """Return a copy whose chosen sites do not exist any more (another phase stands there)."""
        keep = ~mask
        return replace(
            self,
            **{
                name: getattr(self, name)[keep]
                for name in ("numbers", "positions", "material_x", "site", "chances", "residue")
            },
        )

    def without_atoms(self, indices: np.ndarray) -> Lattice:
        """Return a copy whose chosen sites are vacant."""
        numbers = self.numbers.copy()
        numbers[indices] = 0
        return replace(self, numbers=numbers)

    def piece(self) -> Piece:
        """Return the atoms of the occupied sites."""
        there = self.numbers > 0
        return Piece(self.numbers[there], self.positions[there], "perovskite", self.residue[there])


def fill_lattice(
    region: Region,
    state: DeviceState,
    frame: Frame,
    move: Displacement,
    anchor: float,
    rng: np.random.Generator,
    octahedra: str = "cubic",
) -> Lattice:
    """Fill the part of a halide layer inside the window with whole cells.

    octahedra : "cubic", or the axis of the long period of tilted octahedra

    Cells are counted from the layer's face that is nearer to the anchor; each halide site is Cl,
    Br or vacant with the fractions theta_Cl, theta_Br, theta_V of the device at its place.
    """
    lows = _cell_edges(region, frame, move, anchor)
    ny, nz = frame.repeats
    index = np.stack(np.meshgrid(lows, np.arange(ny), np.arange(nz), indexing="ij"), -1)
    index = np.repeat(index.reshape(-1, 1, 3), len(_SITES), axis=1)
    material_x = (index[..., 0] + _SITES[:, 0] * frame.cell).ravel()
    positions = np.empty((len(material_x), 3))
    positions[:, 0] = frame.to_box(move(material_x))
    for axis in (1, 2):
        fraction = index[..., axis] + _SITES[:, axis]
        positions[:, axis] = (fraction * frame.in_plane * 1e10).ravel()
    site = np.tile(np.arange(len(_SITES)), len(lows) * ny * nz)
    if octahedra != CUBIC:
        cells = np.stack(np.unravel_index(np.arange(len(lows) * ny * nz), (len(lows), ny, nz)), axis=-1)
        shift = octahedral_shift(np.repeat(cells, len(_SITES), axis=0), site, _SITES, octahedra)
        positions += shift * 1e10 * np.array([frame.cell, frame.in_plane, frame.in_plane])
    chances = halide_chances(state, region, material_x)
    numbers = _draw(site, chances, rng)
    residue = np.repeat(np.arange(len(lows) * ny * nz), len(_SITES))
    return Lattice(numbers, positions, material_x, site, chances, residue, (region.x0, region.x1))


def halide_chances(state: DeviceState, region: Region, x: np.ndarray) -> np.ndarray:
    """Return (theta_Cl, theta_Br, theta_V) at material points x [m], normalised, (n, 3)."""
    parts = [np.clip(state.profile(f"theta_{name}", x, region.x0, region.x1), 0.0, 1.0) for name in ("Cl", "Br", "V")]
    theta = np.stack(parts, axis=-1)
    total = theta.sum(axis=-1, keepdims=True)
    return theta / np.where(total > 0, total, 1.0)


def reference_cell(device: Any, layer: Any) -> float:
    """Return the pseudo-cubic lattice parameter of the composition that strain refers to [m]."""
    lattice = layer.lattice
    a_br, a_cl = (
        float(given) if given is not None else crystal(name).cell[0] * 1e-10
        for given, name in ((lattice.lattice_parameter_Br, "CsPbBr3"), (lattice.lattice_parameter_Cl, "CsPbCl3"))
    )
    reference = getattr(device, "x_reference", None)
    reference = lattice.x_Cl if reference is None else reference
    return a_br + (a_cl - a_br) * float(reference)


def in_plane_strain(layer: Any) -> float:
    """Return the lattice strain in y and z of a film that is held by its substrate."""
    misfit = layer.lattice.misfit_strain
    return 0.0 if misfit is None else float(misfit)


def _cell_edges(region: Region, frame: Frame, move: Displacement, anchor: float) -> np.ndarray:
    """Return the low edges [m] of the whole cells whose planes lie inside the window."""
    count = int((region.x1 - region.x0) / frame.cell + 1e-9)
    steps = np.arange(count) * frame.cell
    from_high = abs(anchor - region.x1) < abs(anchor - region.x0)
    lows = (region.x1 - frame.cell - steps)[::-1] if from_high else region.x0 + steps
    inside = (move(lows) >= frame.window[0]) & (move(lows + frame.cell) <= frame.window[1])
    return lows[inside]


def _draw(site: np.ndarray, chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    numbers = np.where(site == 0, CS, PB)
    draw = rng.random(len(site))
    halide = np.where(draw < chances[:, 0], CL, np.where(draw < chances[:, :2].sum(1), BR, 0))
    return np.where(site >= _HALIDE_SITES.start, halide, numbers)
