"""From fields to atoms: crystals, amorphous layers, clusters, films, and the lamella (ASE)."""

from __future__ import annotations

from perovsim.atoms.crystals import Crystal, crystal, unit_cell
from perovsim.atoms.figure import lamella_figure
from perovsim.atoms.irradiation import Irradiation
from perovsim.atoms.lamella import Lamella, build_lamella
from perovsim.atoms.outside import lamella_from_ase
from perovsim.atoms.preparation import Microstructure, Preparation

__all__ = [
    "Crystal",
    "Irradiation",
    "Lamella",
    "Microstructure",
    "Preparation",
    "build_lamella",
    "crystal",
    "lamella_figure",
    "lamella_from_ase",
    "unit_cell",
]
