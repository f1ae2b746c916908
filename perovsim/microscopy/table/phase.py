"""A crystalline phase as the crystal table needs it: an orthogonal cell whose sites one composition changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms.crystals import unit_cell
from perovsim.errors import PerovsimError

ANGSTROM = 1e-10
RIGHT = 1e-6
"""Cosine of two edges that still counts as a right angle."""
ORDERS = {"a": (1, 2, 0), "b": (2, 0, 1), "c": (0, 1, 2)}
"""Edges of the cell along x, y and the beam, by the edge along the beam."""


@dataclass(frozen=True)
class Phase:
    """An orthogonal cell, beam along its third edge.

    edges : (a, b, c) [m], the unstrained cell; places : fractional, (site, 3)
    first, second : element on each site at composition 0 and 1
    """

    name: str
    edges: tuple[float, float, float]
    places: tuple[tuple[float, float, float], ...]
    first: tuple[str, ...]
    second: tuple[str, ...]

    @property
    def alloy(self) -> bool:
        """Whether composition changes the phase."""
        return self.first != self.second

    def occupants(self, composition: float) -> list[dict[str, float]]:
        """Return the share of each element on each site."""
        return [
            {one: 1.0} if one == other else {one: 1.0 - composition, other: composition}
            for one, other in zip(self.first, self.second, strict=True)
        ]

    def atoms(self, strain: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Any:
        """Return the cell of composition 0 as ASE Atoms, its plane strained by (exx, eyy, exy)."""
        from ase import Atoms

        exx, eyy, exy = strain
        a, b, c = (edge / ANGSTROM for edge in self.edges)
        cell = np.array([[a * (1 + exx), a * exy, 0], [b * exy, b * (1 + eyy), 0], [0, 0, c]])
        return Atoms(self.first, scaled_positions=self.places, cell=cell, pbc=True)


def crystal_phase(
    first: str | Any, second: str | Any | None = None, *, beam: str = "c", cell: float | None = None
) -> Phase:
    """Return a phase from the table of crystals, or an alloy of two of them on the cell of the first.

    first, second : names in the table of crystals, or ASE Atoms with the same sites
    beam : edge along the beam, "a", "b" or "c"; cell : edge that takes the place of a [m], for strains
    relative to another reference (b and c scale with it)
    Raises PerovsimError for a cell without right angles, or two crystals whose sites differ.
    """
    names = [_name(one) for one in (first, second) if one is not None]
    cells = [unit_cell(one) if isinstance(one, str) else one for one in (first, second) if one is not None]
    for name, one in zip(names, cells, strict=True):
        _require_right(name, one)
    if beam not in ORDERS:
        raise PerovsimError(f"beam = '{beam}': the edge along the beam is 'a', 'b' or 'c'")
    order = list(ORDERS[beam])
    places, ends = cells[0].get_scaled_positions() % 1.0, [one.get_chemical_symbols() for one in cells]
    if len(cells) == 2:
        other = cells[1].get_scaled_positions() % 1.0
        if places.shape != other.shape or not np.allclose(places, other, atol=RIGHT):
            raise PerovsimError(f"{names[0]} and {names[1]} have different sites; an alloy needs the same ones")
    edges = cells[0].cell.lengths() * ANGSTROM
    if cell is not None:
        edges = edges * (cell / edges[0])
    return Phase(
        "-".join(names),
        tuple(float(edge) for edge in edges[order]),
        tuple(tuple(float(f) for f in place) for place in places[:, order]),
        tuple(ends[0]),
        tuple(ends[-1]),
    )


def _name(one: str | Any) -> str:
    return one if isinstance(one, str) else one.get_chemical_formula()


def _require_right(name: str, atoms: Any) -> None:
    edges = atoms.cell[:] / atoms.cell.lengths()[:, None]
    if np.abs(edges @ edges.T - np.eye(3)).max() > RIGHT:
        angles = ", ".join(f"{angle:.1f}" for angle in atoms.cell.angles())
        raise PerovsimError(
            f"{name}: a crystal table needs a cell with right angles, this one has {angles} degrees; "
            "give an orthogonal supercell as ASE Atoms"
        )
