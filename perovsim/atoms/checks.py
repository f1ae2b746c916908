"""Checks of a lamella: shortest distances, density, stoichiometry, slice borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.atoms.amorphous import recipe
from perovsim.atoms.clusters import Clusters
from perovsim.atoms.crystals import atom_density
from perovsim.atoms.film import Film
from perovsim.atoms.perovskite import BR, CL, PB, Frame, Lattice
from perovsim.atoms.piece import Piece, periodic_pairs
from perovsim.atoms.stack import Region
from perovsim.errors import PerovsimError

SIGMAS = 5.0
"""A drawn number may differ from its expectation by this many binomial standard deviations."""
METAL_SEAM = 2.0
"""Width lost at a seam or face of a metal grain [angstrom], less than one Al-Al distance."""
PROFILE = 0.005
"""Relative allowance for reading a profile at lattice planes instead of integrating it."""
SITE_MISMATCH = 0.05
"""The device's site density may differ from three per reference cell by this."""
BORDER = 0.01
"""No atom lies closer to a slice border than this [angstrom]."""
CRYSTAL_LIMIT = 2.0
"""Shortest distance allowed between atoms outside one amorphous layer [angstrom]."""
ORGANIC_LIMIT = 1.5
"""Shortest distance allowed between an amorphous layer and another phase [angstrom]."""
SLACK = 0.06
"""Distances may fall short of their limit by this, after atoms moved off slice borders [A]."""


@dataclass(frozen=True)
class Check:
    """One check: what was found, what was expected, how far they may differ."""

    name: str
    value: float
    expected: float
    tolerance: float
    unit: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Return whether value and expectation agree within the tolerance."""
        return bool(abs(self.value - self.expected) <= self.tolerance)

    def __str__(self) -> str:
        verdict = "ok" if self.passed else "FAILED"
        note = f" ({self.note})" if self.note else ""
        return (
            f"{self.name}: {self.value:.6g} {self.unit} expected {self.expected:.6g} "
            f"± {self.tolerance:.3g} {verdict}{note}"
        )


def raise_failures(checks: tuple[Check, ...]) -> None:
    """Raise PerovsimError when a check fails, with every failure in the message."""
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        raise PerovsimError("the lamella fails its checks: " + "; ".join(failed))


def check_composition(name: str, lattice: Lattice) -> list[Check]:
    """Compare drawn halides and vacancies with the sum of the chances of their sites."""
    halide = lattice.halide
    numbers, chances = lattice.numbers[halide], lattice.chances[halide]
    rows = []
    for column, (label, number) in enumerate((("Cl", CL), ("Br", BR), ("halide vacancies", 0))):
        p = chances[:, column]
        sigma = float(np.sqrt((p * (1 - p)).sum()))
        count = float((numbers == number).sum())
        rows.append(
            Check(
                f"{label} in {name}",
                count,
                float(p.sum()),
                SIGMAS * sigma + 1.0,
                "atoms",
                f"binomial sigma {sigma:.3g}",
            )
        )
    return rows


def check_fields(
    name: str, before: Lattice, fields: dict[str, float], site_density: float, frame: Frame
) -> list[Check]:
    """Compare the drawn halides with the integral of the device's own halide density.

    fields : element -> integral of its site fraction over the cells [m]
    Independent of the draw: site density of the device times the unstrained area. The tolerance
    holds the binomial scatter, PROFILE for profiles between planes, and the difference of the site
    density from three per cell, which must itself stay within SITE_MISMATCH.
    """
    mismatch = site_density * frame.cell**3 / 3 - 1
    rows = [Check(f"site density of {name} against 3 per cell", mismatch, 0.0, SITE_MISMATCH)]
    sites = float(before.halide.sum())
    for label, integral in fields.items():
        expected = site_density * integral * frame.reference_area
        count = float((before.numbers == {"Cl": CL, "Br": BR}[label]).sum())
        sigma = np.sqrt(max(expected * (1 - min(expected / sites, 1.0)), 1.0))
        tolerance = SIGMAS * sigma + (PROFILE + abs(mismatch)) * expected
        rows.append(
            Check(
                f"{label} of {name} against the fields",
                count,
                expected,
                float(tolerance),
                "atoms",
                f"binomial sigma {sigma:.3g}",
            )
        )
    return rows


def check_lead(name: str, clusters: Clusters, lattice: Lattice, cells: int) -> list[Check]:
    """Compare Pb0 with the fields, and all lead with the sites it came from."""
    count = len(clusters.piece)
    rows = [Check(f"Pb0 in {name}", count, clusters.expected, 1.0, "atoms")]
    left = float((lattice.numbers == PB).sum())
    gone = clusters.displaced.get(PB, 0) + clusters.reduced
    rows.append(
        Check(
            f"lead sites of {name}",
            left + gone,
            cells,
            0.0,
            "atoms",
            f"{gone} emptied, {clusters.reduced} of them without a cluster on the site",
        )
    )
    return rows


def check_film(film: Film, cut: bool) -> list[Check]:
    """Compare the film's formula units with the amount of the device state."""
    if cut:
        return []
    tolerance = max(1.0, 0.02 * film.expected_units)
    return [Check("AlX3 units of the film", film.units, film.expected_units, tolerance, "units")]


def check_density(region: Region, count: int, volume: float, box: np.ndarray, excluded: float = 0.0) -> Check:
    """Compare the atom density of a metal or an amorphous layer with the stated one.

    excluded : volume taken by the film [angstrom^3]; the periodic seam of a turned crystal and the
    gaps at the faces cost up to METAL_SEAM in each direction, walls of film islands as much again
    """
    metal = region.kind == "metal"
    stated = atom_density(region.material) if metal else recipe(region.material).atom_density
    thickness = (volume - excluded) / (box[1] * box[2])
    gap = METAL_SEAM * (1 / box[1] + 1 / box[2] + 1 / max(thickness, 1.0))
    seam = gap * (2.0 if excluded > 0 else 1.0) if metal else 0.02
    slab = 4.0 / (stated * volume) ** 0.5 if volume > 0 else 1.0
    value = count / max(volume - excluded, 1e-9)
    return Check(f"density of {region.name}", value, stated, stated * min(seam + slab, 0.9), "1/A^3", region.material)


def check_lattice_density(name: str, lattice: Lattice, frame: Frame, strain: float) -> Check:
    """Compare the sites per volume of an untouched lattice with 5 per strained cell."""
    x = np.unique(lattice.positions[:, 0])
    length = x[-1] - x[0] + 0.5 * frame.cell * 1e10 * (1 + strain)
    value = len(lattice.numbers) / (length * frame.box[1] * frame.box[2])
    cell = (frame.in_plane * 1e10) ** 2 * frame.cell * 1e10 * (1 + strain)
    return Check(f"sites per volume of {name}", value, 5.0 / cell, 0.01 * 5.0 / cell, "1/A^3")


def check_distances(pieces: list[Piece], box: np.ndarray) -> list[Check]:
    """Check the shortest distance in each amorphous layer, at phase borders, and elsewhere."""
    positions = np.concatenate([piece.positions for piece in pieces])
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    limits = np.array([_inner_limit(piece) for piece in pieces])
    pairs, vectors = periodic_pairs(positions, CRYSTAL_LIMIT + 0.5, box)
    distance = np.linalg.norm(vectors, axis=1)
    first, second = owner[pairs[:, 0]], owner[pairs[:, 1]]
    soft = limits < CRYSTAL_LIMIT
    limit = np.where(first == second, limits[first], np.where(soft[first] | soft[second], ORGANIC_LIMIT, CRYSTAL_LIMIT))
    margin = distance - limit
    worst = int(np.argmin(margin)) if len(margin) else None
    value = 0.0 if worst is None else min(float(margin[worst]), 0.0)
    note = (
        ""
        if worst is None
        else (
            f"closest against its limit: {distance[worst]:.2f} of {limit[worst]:.2f} A, "
            f"{pieces[first[worst]].phase} to {pieces[second[worst]].phase}"
        )
    )
    return [Check("shortest distances below their limit", value, 0.0, SLACK, "A", note)]


def clashes(pieces: list[Piece], box: np.ndarray) -> list[np.ndarray]:
    """Return, per piece, the mask of atoms that clash with a piece listed before it."""
    keep = []
    positions = np.concatenate([piece.positions for piece in pieces])
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    soft = np.array([_inner_limit(piece) < CRYSTAL_LIMIT for piece in pieces])
    pairs, vectors = periodic_pairs(positions, CRYSTAL_LIMIT, box)
    first, second = owner[pairs[:, 0]], owner[pairs[:, 1]]
    distance = np.linalg.norm(vectors, axis=1)
    limit = np.where(soft[first] | soft[second], ORGANIC_LIMIT, CRYSTAL_LIMIT)
    bad = np.zeros(len(positions), bool)
    pairs = pairs[(first != second) & (distance < limit)]
    later = np.where(owner[pairs[:, 0]] > owner[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    bad[later] = True
    for index in range(len(pieces)):
        keep.append(bad[owner == index])
    return keep


def check_borders(z: np.ndarray, slice_thickness: float) -> Check:
    """Check that no atom lies on a border between slices, z = 0 included [angstrom]."""
    gap = off_border(z, slice_thickness)
    closest = float(np.abs(gap).min(initial=slice_thickness))
    return Check(
        "distance to slice borders too small by", max(0.0, BORDER - closest), 0.0, 0.0, "A", f"closest {closest:.3f} A"
    )


def off_border(z: np.ndarray, slice_thickness: float) -> np.ndarray:
    """Return the signed distance to the nearest slice border [angstrom]."""
    return z - slice_thickness * np.round(z / slice_thickness)


def leave_borders(z: np.ndarray, slice_thickness: float, length: float) -> np.ndarray:
    """Return z with atoms closer than BORDER to a slice border moved to twice that distance from it [angstrom]."""
    gap = off_border(z, slice_thickness)
    close = np.abs(gap) < BORDER
    moved = z.copy()
    moved[close] += np.where(gap[close] < 0, -1.0, 1.0) * 2 * BORDER - gap[close]
    return moved % length


def _inner_limit(piece: Piece) -> float:
    try:
        return recipe(piece.phase).shortest
    except PerovsimError:
        return CRYSTAL_LIMIT
