"""Metallic lead: fcc clusters whose atoms add up to the Pb0 of the device in the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.atoms.crystals import atom_density, lattice_points, random_rotation
from perovsim.atoms.perovskite import PB, Frame, Lattice
from perovsim.atoms.piece import Piece, near, wrap
from perovsim.atoms.state import DeviceState, Displacement
from perovsim.errors import PerovsimError

CLUSTER_GAP = 2.6
"""Lattice atoms closer than this to a cluster atom give way to it [angstrom]."""
NOMINAL = 10.0
"""Radius of clusters where neither the device nor the user says it [angstrom], assumed."""
SEPARATION = 4.0
"""Free distance between two clusters [angstrom]."""
_TRIES = 400
_STEP = 2e-11


@dataclass(frozen=True)
class Clusters:
    """Lead clusters and what their making took from the lattice.

    expected : atoms of Pb0 in the window from the fields (a real number)
    displaced : lattice atoms that gave way, per atomic number
    reduced : lead atoms taken from lattice sites, so that lead is conserved
    """

    piece: Piece
    expected: float
    sizes: tuple[int, ...]
    displaced: dict[int, int]
    reduced: int


def build_clusters(
    lattice: Lattice,
    state: DeviceState,
    frame: Frame,
    move: Displacement,
    radius: float | None,
    rng: np.random.Generator,
    spread: float = 0.0,
) -> tuple[Clusters, Lattice]:
    """Place the Pb0 of the window as fcc spheres and return them with the lattice that is left.

    radius : nominal radius [angstrom]; the number of clusters follows from it. None for number and sizes of the
    device's own clusters (process "lead_clusters"), NOMINAL where it has none
    spread : standard deviation of ln(radius), 0 for clusters of one size; the device's own comes first
    Pb0 beyond that of the first output time came from the lattice: as many lead sites are emptied.
    """
    if len(lattice.material_x) == 0:
        return _none(), lattice
    grid, total, fresh = _lead_profile(lattice, state, frame)
    expected = float(total.sum())
    count = int(expected + rng.random())
    if count == 0:
        return _none(expected), lattice
    known = recorded(state, grid, lattice.span, frame.reference_area) if radius is None else None
    largest = 0.5 * (frame.box[1:].min() - SEPARATION)
    if known is None:
        number = count / _atoms(min(NOMINAL if radius is None else radius, largest))
    else:
        number, spread = max(known[0], count / _atoms(largest)), known[1]
    sizes = _sizes(count, max(1, round(number)), spread, rng)
    piece = _place(sizes, grid, total, lattice, frame, move, rng)
    hit = near(lattice.positions, piece.positions, CLUSTER_GAP, frame.box)
    gone = lattice.numbers[hit]
    displaced = {int(n): int((gone == n).sum()) for n in np.unique(gone) if n > 0}
    left = lattice.emptied(hit)
    wanted = round(count * float(fresh.sum()) / expected) - displaced.get(PB, 0)
    left, reduced = _reduce(left, grid, fresh, wanted, rng)
    return Clusters(piece, expected, sizes, displaced, reduced), left


def recorded(
    state: DeviceState, grid: np.ndarray, span: tuple[float, float], area: float
) -> tuple[float, float] | None:
    """Return number and spread (standard deviation of ln(radius)) of the device's clusters; None where it has none.

    The mean radius m and standard deviation s over the window make s_ln = sqrt(ln(1 + (s / m)^2)), as of a log-normal
    distribution. grid : places [m]; span : of the lattice [m]; area : across the growth direction [m^2]
    """
    if "pb_cluster_density" not in state.profiles:
        return None
    density, mean, deviation = (
        np.maximum(state.profile(f"pb_cluster_{name}", grid, *span), 0.0)
        for name in ("density", "mean_radius", "radius_spread")
    )
    total = density.sum()
    if total == 0 or (density * mean).sum() == 0:
        return None
    middle = (density * mean).sum() / total
    variance = (density * (mean**2 + deviation**2)).sum() / total - middle**2
    number = total * (grid[1] - grid[0]) * area
    return float(number), float(np.sqrt(np.log1p(max(variance, 0.0) / middle**2)))


def _atoms(radius: float) -> float:
    """Return the atoms of a sphere of lead; radius [angstrom]."""
    return atom_density("Pb") * 4.0 / 3.0 * np.pi * radius**3


def _none(expected: float = 0.0) -> Clusters:
    empty = Piece(np.zeros(0, int), np.zeros((0, 3)), "Pb", np.zeros(0, int))
    return Clusters(empty, expected, (), {}, 0)


def _lead_profile(lattice: Lattice, state: DeviceState, frame: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, atoms of Pb0 per step, and of those the ones made since the first output."""
    margin = 0.25 * frame.cell
    low, high = lattice.material_x.min() - margin, lattice.material_x.max() + margin
    edges = np.linspace(low, high, max(2, int((high - low) / _STEP)))
    grid, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    span = lattice.span
    now = np.clip(state.profile("Pb0", grid, *span), 0.0, None)
    inside = (state.x > span[0]) & (state.x < span[1])
    start = np.interp(grid, state.x[inside], state.lead_at_start[inside]) if inside.any() else 0.0
    per_step = width * frame.reference_area
    return grid, now * per_step, np.clip(now - start, 0.0, None) * per_step


def _sizes(count: int, number: int, spread: float, rng: np.random.Generator) -> tuple[int, ...]:
    """Return atoms per cluster, largest first, `count` in all; their radii are log-normal."""
    volumes = np.sort(np.exp(3 * spread * rng.standard_normal(number)))[::-1] if spread else np.ones(number)
    ends = np.floor(np.cumsum(volumes) / volumes.sum() * count + 0.5).astype(int)
    sizes = np.diff(np.concatenate([[0], ends]))
    return tuple(int(size) for size in sorted(sizes, reverse=True) if size > 0)


def _place(
    sizes: tuple[int, ...],
    grid: np.ndarray,
    weight: np.ndarray,
    lattice: Lattice,
    frame: Frame,
    move: Displacement,
    rng: np.random.Generator,
) -> Piece:
    """Draw centres from the Pb0 profile, apart from each other, and cut spheres out of fcc lead."""
    box = frame.box
    low, high = lattice.positions[:, 0].min(), lattice.positions[:, 0].max()
    centres, radii, parts, residues = [], [], [], []
    for number, size in enumerate(sizes, start=1):
        radius = (3 * size / (4 * np.pi * atom_density("Pb"))) ** (1 / 3)
        for _ in range(_TRIES):
            x = float(frame.to_box(move(rng.choice(grid, p=weight / weight.sum()))))
            inner = min(radius, 0.5 * (high - low))
            centre = np.array([np.clip(x, low + inner, high - inner), *(rng.random(2) * box[1:])])
            if _is_free(centre, radius, centres, radii, box):
                break
        else:
            raise PerovsimError(
                f"{len(sizes)} Pb clusters of {radius / 10:.2g} nm radius find no free place in "
                f"the window; ask for larger clusters (cluster_radius) or a larger lamella"
            )
        centres.append(centre)
        radii.append(radius)
        parts.append(_sphere(centre, radius, size, rng))
        residues.append(np.full(size, number))
    positions = wrap(np.concatenate(parts), box)
    return Piece(np.full(len(positions), PB), positions, "Pb", np.concatenate(residues))


def _is_free(centre: np.ndarray, radius: float, centres: list, radii: list, box: np.ndarray) -> bool:
    if 2 * radius + SEPARATION > box[1:].min() and centres:
        return False
    for other, size in zip(centres, radii, strict=True):
        gap = centre - other
        gap[1:] -= box[1:] * np.round(gap[1:] / box[1:])
        if np.linalg.norm(gap) < radius + size + SEPARATION:
            return False
    return True


def _sphere(centre: np.ndarray, radius: float, size: int, rng: np.random.Generator) -> np.ndarray:
    reach = radius + 5.0
    points = lattice_points("Pb", random_rotation(rng), centre - reach, centre + reach)
    order = np.argsort(np.linalg.norm(points - centre, axis=1), kind="stable")
    return points[order[:size]]


def _reduce(
    lattice: Lattice, grid: np.ndarray, fresh: np.ndarray, wanted: int, rng: np.random.Generator
) -> tuple[Lattice, int]:
    """Empty `wanted` lead sites, drawn with the profile of the lead made during the run."""
    sites = np.flatnonzero(lattice.numbers == PB)
    if wanted <= 0:
        return lattice, 0
    weight = np.interp(lattice.material_x[sites], grid, fresh)
    if wanted > np.count_nonzero(weight):
        raise PerovsimError(
            f"the device state has {wanted} more atoms of Pb0 in the window than lattice lead is "
            f"left to make it ({np.count_nonzero(weight)}); the lattice has ended there"
        )
    chosen = rng.choice(sites, wanted, replace=False, p=weight / weight.sum())
    return lattice.without_atoms(chosen), wanted
