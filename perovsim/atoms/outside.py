"""A lamella from any structure that ASE can read, in place of one built from a device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from perovsim import units
from perovsim.atoms.checks import check_borders, leave_borders, off_border, raise_failures
from perovsim.atoms.lamella import Lamella
from perovsim.atoms.preparation import AXES
from perovsim.errors import PerovsimError

SQUARE = 1e-3
"""Cosine between cell vectors that still counts as a right angle."""
ORIGINS = 200
"""Places of the first slice border that are tried, so that as few atoms as possible lie on one."""


def lamella_from_ase(
    structure: Any,
    *,
    growth: str = "x",
    beam: str = "z",
    window: tuple[float | str, float | str] | None = None,
    interface: float | str | None = None,
    repeat: tuple[int, int, int] = (1, 1, 1),
    slice_thickness: float | str = "2 angstrom",
    name: str | None = None,
    citation: str = "structure given by the user",
) -> Lamella:
    """Make a lamella of a structure, to be scanned as one that was built.

    structure : ASE Atoms, or a file that ASE reads (CIF, POSCAR, xyz with a cell, …)
    growth, beam : which of its axes x, y, z become the lamella's x (not periodic) and z
    window : (x0, x1) [m] or text along the growth axis, the whole cell when None; atoms outside are left out
    interface : where x is counted from by scans [m] or text, the middle when None
    repeat : of the structure along its own axes, first of all; slice_thickness : wanted [m] or text
    Atoms with an array `phase` keep its names. Raises PerovsimError for a file that cannot be read, a cell
    without right angles, an empty window.
    """
    atoms = _read(structure)
    given = name or (str(structure) if isinstance(structure, str | Path) else atoms.get_chemical_formula())
    atoms = atoms.repeat(repeat)
    lengths, positions = _turned(atoms, growth, beam, given)
    low, high = (0.0, lengths[0]) if window is None else (units.parse(edge, "m") * 1e10 for edge in window)
    if low < -SQUARE or not low < high <= lengths[0] + SQUARE:
        raise PerovsimError(
            f"window {low / 10:.3g} to {high / 10:.3g} nm lies outside '{given}', which is "
            f"{lengths[0] / 10:.3g} nm long"
        )
    inside = (positions[:, 0] >= low) & (positions[:, 0] <= high)
    if not inside.any():
        raise PerovsimError(
            f"there is no atom of '{given}' between {low / 10:.3g} and {high / 10:.3g} nm; move the window"
        )
    positions = positions[inside] - [low, 0.0, 0.0]
    box = np.array([high - low, lengths[1], lengths[2]])
    slices = max(1, round(box[2] / (units.parse(slice_thickness, "m") * 1e10)))
    step = box[2] / slices
    positions[:, 2] = leave_borders((positions[:, 2] - _origin(positions[:, 2], step)) % box[2], step, box[2])
    check = check_borders(positions[:, 2], step)
    raise_failures((check,))
    made = _lamella_atoms(atoms, inside, positions, box)
    middle = 0.5 * (low + high) if interface is None else units.parse(interface, "m") * 1e10
    return _lamella(made, (low, high), middle, box, step, check, given, citation)


def _read(structure: Any) -> Any:
    if not isinstance(structure, str | Path):
        return structure.copy()
    import ase.io

    if not Path(structure).is_file():
        raise PerovsimError(f"{structure}: no such structure file")
    try:
        return ase.io.read(structure)
    except Exception as cause:  # every format of ASE raises its own kinds
        raise PerovsimError(
            f"{structure}: not a structure that ASE can read ({type(cause).__name__}: {cause}); convert it to CIF"
        ) from None


def _turned(atoms: Any, growth: str, beam: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return edge lengths and positions [angstrom] with the growth axis as x and the beam as z."""
    if growth not in AXES or beam not in AXES or growth == beam:
        raise PerovsimError(f"growth = '{growth}' and beam = '{beam}' must be two different ones of x, y, z")
    cell = atoms.cell[:]
    lengths = np.linalg.norm(cell, axis=1)
    if np.any(lengths == 0):
        raise PerovsimError(f"'{name}' has no cell; give atoms.cell, with vacuum where there is some")
    cosines = cell @ cell.T / np.outer(lengths, lengths) - np.eye(3)
    if np.abs(cosines).max() > SQUARE:
        angles = ", ".join(f"{angle:.2f}" for angle in atoms.cell.angles())
        raise PerovsimError(
            f"the cell of '{name}' has angles {angles} degrees, a lamella needs right ones; "
            "make an orthogonal supercell"
        )
    first, last = AXES.index(growth), AXES.index(beam)
    order = [first, 3 - first - last, last]
    positions = (atoms.get_scaled_positions() * lengths)[:, order]
    return lengths[order], positions


def _origin(z: np.ndarray, step: float) -> float:
    """Return the shift along the beam that keeps the most atoms off the borders of slices [angstrom]."""
    shifts = step * np.arange(ORIGINS) / ORIGINS
    reach = 0.25 * step
    cost = [np.exp(-np.abs(off_border(z - shift, step)) / (0.1 * reach)).sum() for shift in shifts]
    return float(shifts[int(np.argmin(cost))])


def _lamella_atoms(atoms: Any, inside: np.ndarray, positions: np.ndarray, box: np.ndarray) -> Any:
    from ase import Atoms

    made = Atoms(numbers=atoms.numbers[inside], positions=positions, cell=box, pbc=(False, True, True))
    phase = atoms.arrays.get("phase", np.full(len(atoms), "given"))
    made.set_array("phase", np.asarray(phase)[inside])
    made.set_array("residue", np.asarray(atoms.arrays.get("residue", np.zeros(len(atoms), int)))[inside])
    return made


def _lamella(
    atoms: Any, window: tuple, middle: float, box: np.ndarray, step: float, check: Any, name: str, citation: str
) -> Lamella:
    import xarray as xr

    return Lamella(
        atoms=atoms,
        window=(window[0] * 1e-10, window[1] * 1e-10),
        interface=middle * 1e-10,
        thickness=float(box[2]) * 1e-10,
        height=float(box[1]) * 1e-10,
        slice_thickness=step * 1e-10,
        reference_cell=float("nan"),
        truth=xr.Dataset(coords={"x": np.zeros(0)}),
        checks=(check,),
        citation=citation,
        seed=0,
        device=name,
        time=0.0,
        hypotheses=(),
        limits=("a structure that was given: nothing about it was checked but overlaps and slice borders",),
    )
