"""Crystals by name: cell, occupied sites, source and standing, read from crystals.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean

AMU_PER_A3 = 1.66053906660
"""Density of one dalton per cubic angstrom [g/cm3] (CODATA 2018)."""


@dataclass(frozen=True)
class Crystal:
    """One crystal structure.

    cell : (a, b, c, alpha, beta, gamma) [angstrom, degree]
    sites : (element, x, y, z) of the occupied sites, fractional
    status : "cited" or "assumed"
    mixed : element -> (other element, share of its sites that the other takes at random)
    """

    name: str
    spacegroup: int
    cell: tuple[float, ...]
    sites: tuple[tuple[str, float, float, float], ...]
    citation: str
    status: str
    note: str = ""
    mixed: tuple[tuple[str, str, float], ...] = ()

    def cite(self) -> str:
        """Return source and standing in one line."""
        note = f"; {self.note}" if self.note else ""
        return f"{self.name}: {self.citation} [{self.status}{note}]"


@lru_cache(maxsize=1)
def crystals() -> dict[str, Crystal]:
    """Return every crystal of the package's table."""
    text = files("perovsim.atoms").joinpath("crystals.toml").read_text(encoding="utf-8")
    return {name: _crystal(name, table) for name, table in tomllib.loads(text).items()}


def crystal(name: str) -> Crystal:
    """Return the crystal called `name`; PerovsimError when the table has none."""
    known = crystals()
    if name not in known:
        raise PerovsimError(f"no crystal '{name}'; {did_you_mean(name, known)}")
    return known[name]


def unit_cell(name: str) -> Any:
    """Return the conventional cell of a crystal as ASE Atoms [angstrom]."""
    from ase.spacegroup import crystal as ase_crystal

    found = crystal(name)
    return ase_crystal(
        [site[0] for site in found.sites],
        [site[1:] for site in found.sites],
        spacegroup=found.spacegroup,
        cellpar=found.cell,
        primitive_cell=False,
    )


def density(name: str) -> float:
    """Return the mass density of a perfect crystal [g/cm3]."""
    cell = unit_cell(name)
    return float(cell.get_masses().sum() / cell.get_volume() * AMU_PER_A3)


def atom_density(name: str) -> float:
    """Return the number of atoms per volume of a perfect crystal [1/angstrom^3]."""
    cell = unit_cell(name)
    return float(len(cell) / cell.get_volume())


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation matrix drawn uniformly over all orientations, (3, 3)."""
    from scipy.spatial.transform import Rotation

    return Rotation.random(rng=rng).as_matrix()


def lattice_points(name: str, rotation: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Return the atom positions of a rotated crystal inside a box, (n, 3) [angstrom]; see `lattice_atoms`."""
    return lattice_atoms(name, rotation, low, high)[1]


def lattice_atoms(
    name: str, rotation: np.ndarray, low: Any, high: Any, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return atomic numbers (n,) and positions (n, 3) [angstrom] of a rotated crystal inside a box.

    low, high : corners of the box, (3,) [angstrom]; the crystal passes through its centre
    scale : of the cell, 1 for that of the table
    """
    cell = unit_cell(name)
    cell.set_cell(cell.cell[:] * scale, scale_atoms=True)
    low, high = np.asarray(low, float), np.asarray(high, float)
    reach = 0.5 * np.linalg.norm(high - low) + np.linalg.norm(cell.cell.sum(axis=0))
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell.cell[:]), axis=0)
    spans = [np.arange(-n, n + 1) for n in np.ceil(reach / heights).astype(int)]
    shifts = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3) @ cell.cell[:]
    shifts = shifts[np.linalg.norm(shifts, axis=1) <= reach] @ rotation.T
    points = (shifts[:, None] + cell.positions @ rotation.T).reshape(-1, 3) + 0.5 * (low + high)
    inside = np.all((points >= low) & (points < high), axis=1)
    return np.tile(cell.numbers, len(shifts))[inside], points[inside]


def _crystal(name: str, table: dict[str, Any]) -> Crystal:
    return Crystal(
        name=name,
        spacegroup=table["spacegroup"],
        cell=tuple(float(item) for item in table["cell"]),
        sites=tuple((site[0], *map(float, site[1:])) for site in table["sites"]),
        citation=table["citation"],
        status=table["status"],
        note=table.get("note", ""),
        mixed=tuple((element, other, float(share)) for element, (other, share) in table.get("mixed", {}).items()),
    )
