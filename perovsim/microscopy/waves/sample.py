"""Atoms as the beam meets them: a lamella continued beyond its window, cut into slices, in motion.

The growth direction x is not periodic. A probe near the end of the window has tails beyond it, so
the outermost cells are repeated there (a crystal goes on with its own spacing); what counts as
measured ends at the window. y and z are periodic; each atomic plane lies whole in one slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from perovsim.errors import PerovsimError

ANGSTROM = 1e-10
REPEATED = 1.8e-9
"""Outermost material that is repeated beyond the window, at most [m]: a few cells, so that an alloy
does not become a superlattice of one plane."""
SAME_PLANE = 1e-11
"""Atoms within this distance along x belong to one plane [m]."""
LATTICE_SHARE = 0.5
"""More than this share of an edge's atoms on the halide lattice makes it a crystal edge."""
OVERLAP = 0.6e-10
"""Closer than any bond (H-H 0.74 angstrom): two atoms on one place [m]."""


@dataclass(frozen=True)
class Sample:
    """Atoms for the multislice.

    numbers : atomic numbers, (n,); xy : positions across the beam, (n, 2) [m], x on the device axis
    layer : slice of each atom, counted along the beam, (n,)
    slices : their number; thickness : of one slice [m]; height : period along y [m]
    potential : electrostatic potential of the device over x, ([m], [V]), beside that of the atoms; None without
    """

    numbers: np.ndarray
    xy: np.ndarray
    layer: np.ndarray
    slices: int
    thickness: float
    height: float
    potential: tuple[np.ndarray, np.ndarray] | None = None

    def between(self, low: float, high: float) -> Sample:
        """Return the atoms with low <= x < high [m]."""
        keep = (self.xy[:, 0] >= low) & (self.xy[:, 0] < high)
        return replace(self, numbers=self.numbers[keep], xy=self.xy[keep], layer=self.layer[keep])

    def moved(self, sigmas: np.ndarray, rng: np.random.Generator) -> Sample:
        """Return a frozen-phonon snapshot: Gaussian displacements in x and y (Einstein model).

        sigmas : standard deviation of each atom, each direction, (n,) [m]
        """
        xy = self.xy + sigmas[:, None] * rng.standard_normal(self.xy.shape)
        return replace(self, xy=xy)


def sample_of(
    lamella: Any, span: tuple[float, float], slice_thickness: float, device_potential: bool = False
) -> Sample:
    """Return the atoms of a lamella between span = (x0, x1) [m] on the device axis, continued.

    slice_thickness : wanted [m]; the lamella's own slices are cut into the nearest odd number of
    parts, because even ones would put borders on atomic planes
    device_potential : with the electrostatic potential of the device
    Raises PerovsimError for atoms that overlap, or a lamella that knows no potential.
    """
    atoms = lamella.atoms
    check_overlap(atoms)
    numbers = np.asarray(atoms.numbers)
    positions = atoms.positions * ANGSTROM
    positions = positions + [lamella.window[0], 0.0, 0.0]
    parts = max(1, 2 * round(0.5 * (lamella.slice_thickness / slice_thickness - 1)) + 1)
    thickness = lamella.slice_thickness / parts
    slices = parts * round(lamella.thickness / lamella.slice_thickness)
    numbers, positions = _continue(lamella, numbers, positions, span)
    layer = np.clip(np.floor(positions[:, 2] / thickness).astype(int), 0, slices - 1)
    keep = (positions[:, 0] >= span[0]) & (positions[:, 0] < span[1])
    slow = slow_potential(lamella) if device_potential else None
    return Sample(numbers[keep], positions[keep, :2], layer[keep], slices, thickness, lamella.height, slow)


def slow_potential(lamella: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the electrostatic potential of the device that a lamella was built from, x [m] and [V], its mean zero."""
    if lamella.potential is None:
        raise PerovsimError(
            "the lamella knows no potential of a device (its result has no field 'potential'); build it from a result "
            "of simulate, or leave device_potential out"
        )
    x, values = lamella.potential["x"].values, lamella.potential.values
    inside = (x >= lamella.window[0]) & (x <= lamella.window[1])
    return x, values - (values[inside].mean() if inside.any() else values.mean())


def _continue(
    lamella: Any, numbers: np.ndarray, positions: np.ndarray, span: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Repeat the outermost slab on each side until the span is full."""
    all_numbers, all_positions = [numbers], [positions]
    x = positions[:, 0]
    for side, edge in ((-1, span[0]), (1, span[1])):
        end = x.min() if side < 0 else x.max()
        width = _repeat_width(lamella, x, end, side)
        slab = side * (end - x) < width - SAME_PLANE
        copies = int(np.ceil(max(side * (edge - end), 0.0) / width))
        for copy in range(1, copies + 1):
            all_numbers.append(numbers[slab])
            all_positions.append(positions[slab] + [side * copy * width, 0.0, 0.0])
    return np.concatenate(all_numbers), np.concatenate(all_positions)


def _repeat_width(lamella: Any, x: np.ndarray, end: float, side: int) -> float:
    """Return the width of the slab that is repeated: whole cells of a crystal edge."""
    length = min(REPEATED, x.max() - x.min())
    near = side * (end - x) < length
    phase = np.asarray(lamella.atoms.arrays["phase"])[near]
    truth = lamella.truth
    if (phase == "perovskite").mean() <= LATTICE_SHARE or truth.sizes.get("x", 0) == 0:
        return length
    nearest = int(np.abs(truth["x"].values - end).argmin())
    cell = lamella.reference_cell * (1 + float(truth["strain_xx"].values[nearest]))
    return cell * max(1, int(length / cell))


def check_overlap(atoms: Any) -> None:
    """Raise PerovsimError when two atoms of an ASE structure lie on one place."""
    box = atoms.cell.lengths()
    wide = 4.0 * (box[0] + float(np.abs(atoms.positions[:, 0]).max(initial=0.0))) + 1.0
    points = atoms.positions + [0.25 * wide, 0.0, 0.0]
    points[:, 1:] %= box[1:]
    points[:, 1:] = np.where(points[:, 1:] >= box[1:], 0.0, points[:, 1:])
    pairs = cKDTree(points, boxsize=[wide, box[1], box[2]]).query_pairs(OVERLAP / ANGSTROM, output_type="ndarray")
    if len(pairs):
        first, second = (int(index) for index in pairs[0])
        symbols = atoms.get_chemical_symbols()
        place = ", ".join(f"{value:.2f}" for value in atoms.positions[first])
        raise PerovsimError(
            f"the structure has {len(pairs)} pairs of overlapping atoms, such as {symbols[first]} "
            f"(atom {first}) and {symbols[second]} (atom {second}) at ({place}) angstrom; no two "
            f"atoms may be closer than {OVERLAP / ANGSTROM:g} angstrom: remove one of each pair"
        )


def thermal_sigmas(numbers: np.ndarray, displacements: Mapping[str, Any], microscope: str) -> np.ndarray:
    """Return the displacement of each atom [m] from a table per element.

    Raises PerovsimError naming the elements that the microscope file says nothing about.
    """
    from ase.data import atomic_numbers, chemical_symbols

    known = {atomic_numbers[name]: float(value) for name, value in displacements.items()}
    missing = [chemical_symbols[n] for n in np.unique(numbers) if int(n) not in known]
    if missing:
        raise PerovsimError(
            f"microscope '{microscope}' gives no thermal displacement of {', '.join(missing)}; add "
            f'{missing[0]} = "0.1 angstrom" to its table [displacements]'
        )
    return np.array([known[int(number)] for number in numbers])
