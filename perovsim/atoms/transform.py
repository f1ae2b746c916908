"""Perovskite that has become something else: amorphous where order is lost, PbX2, CsPb2X5, Cs4PbX6, CsX grains.

Whole cells change in lumps, as many in every plane as the device state says. Products are crystals of random
orientation, one per lump, in the room of the cells that they are made of; formula units that find no room there
stand disordered at the grain boundaries. Every atom of the cells is kept, so Cs, Pb, Cl and Br are conserved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label

from perovsim.atoms.amorphous import push_apart
from perovsim.atoms.checks import Check
from perovsim.atoms.crystals import lattice_atoms, random_rotation, unit_cell
from perovsim.atoms.fields import parted, smooth_map, take_cells
from perovsim.atoms.perovskite import BR, CL, CS, PB, Frame, Lattice
from perovsim.atoms.piece import Piece, distance_to, wrap
from perovsim.atoms.state import DeviceState, Displacement

GRAIN = 15.0
"""Size of the lumps [angstrom]; assumed."""
SCATTER = 0.5
"""Atoms of a disordered cell leave their sites by this [cells], in each direction: (100) falls to exp(-2 pi^2/4)."""
SHORTEST = 2.3
"""Shortest distance in disordered halides [angstrom]: Pb-Cl is 2.7 in crystals, fewer contacts come closer."""
GAP = 2.3
"""Product crystals stay this far from what stands already [angstrom]."""
TRIES = 20
"""Random points of which one, that with the most room, takes a disordered atom of a grain boundary."""
DISORDERED = "amorphous perovskite"
PRODUCTS = {
    "PbX2": ("PbBr2", "PbCl2", {PB: 1}, 2),
    "CsPb2X5": ("CsPb2Br5", "CsPb2Cl5", {CS: 1, PB: 2}, 5),
    "Cs4PbX6": ("Cs4PbBr6", "Cs4PbCl6", {CS: 4, PB: 1}, 6),
    "CsX": ("CsBr", "CsCl", {CS: 1}, 1),
}
"""Phase -> bromide, chloride, cations and halides of a formula unit."""
REACTIONS = {"PbX2": ("PbX2", "CsX"), "CsPb2X5": ("CsPb2X5", "CsX"), "Cs4PbX6": ("Cs4PbX6", "PbX2")}
"""CsPbX3 -> PbX2 + CsX; 2 CsPbX3 -> CsPb2X5 + CsX; 4 CsPbX3 -> Cs4PbX6 + 3 PbX2."""


@dataclass(frozen=True)
class Transformed:
    """What is left of the lattice, the new pieces, and what was checked."""

    lattice: Lattice
    pieces: list[Piece]
    rows: list[Check]


def transform(
    name: str,
    whole: Lattice,
    left: Lattice,
    state: DeviceState,
    frame: Frame,
    move: Displacement,
    fixed: list[Piece],
    rng: np.random.Generator,
) -> Transformed:
    """Turn cells of a lattice into the phases and the disorder of the device state.

    whole : the lattice before clusters took their room, left : after; fixed : pieces that stand already
    Raises PerovsimError where disordered atoms find no room.
    """
    shape = (len(whole.residue) // (whole.site.max() + 1) // (frame.repeats[0] * frame.repeats[1]), *frame.repeats)
    lows = whole.material_x[whole.site == 0].reshape(shape)[:, 0, 0] - 0.25 * frame.cell
    shares = phase_shares(state, lows + 0.5 * frame.cell, whole.span)
    if not any(share.any() for share in shares.values()):
        return Transformed(left, [], [])
    grid, before = _Grid(shape, lows, frame, move), left.piece()
    rows, pieces, loose = [], [], []
    free = np.ones(shape, bool)
    for kind, share in shares.items():
        cells = take_cells(smooth_map(shape, GRAIN / grid.edge, rng), free, share, rng)
        free &= ~cells
        expected, found = float(share.sum() * shape[1] * shape[2]), int(cells.sum())
        rows.append(Check(f"cells of {name} turned into {kind}", found, expected, 1.0, "cells"))
        gone = np.isin(left.residue, np.flatnonzero(cells))
        atoms = gone & (left.numbers > 0)
        numbers, places = left.numbers[atoms], left.positions[atoms]
        left = left.emptied(gone)
        if kind == DISORDERED:
            scattered = places + SCATTER * grid.edge * rng.standard_normal(places.shape)
            loose.append((numbers, scattered, None))
        elif len(numbers):
            stand = [left.piece(), *fixed, *pieces]
            grains, rest = _products(kind, numbers, cells, grid, stand, rng)
            pieces += grains
            loose.append(rest)
    pieces = _settle(loose, pieces, [left.piece(), *fixed], grid, rng)
    rows += _conserved(name, before, [left.piece(), *pieces])
    return Transformed(left, pieces, rows)


def _conserved(name: str, before: Piece, after: list[Piece]) -> list[Check]:
    """Compare the atoms of each element before and after the change."""
    numbers = np.concatenate([piece.numbers for piece in after])
    return [
        Check(f"{symbol} of {name} kept by its phases", (numbers == n).sum(), (before.numbers == n).sum(), 0.0, "atoms")
        for symbol, n in (("Cs", CS), ("Pb", PB), ("Cl", CL), ("Br", BR))
    ]


def phase_shares(state: DeviceState, x: np.ndarray, span: tuple[float, float]) -> dict[str, np.ndarray]:
    """Return the share of the cells at x [m] that each reaction, and disorder, has taken.

    PbX2 comes of two reactions: t1 = f_PbX2 - 3 f_Cs4PbX6, t2 = f_CsPb2X5, t3 = 4 f_Cs4PbX6; of what is left, the
    order parameter C, the Bragg amplitude, leaves C crystalline: 1 - C is disordered.
    """
    found = {key: np.clip(state.profile(f"f_{key}", x, *span), 0.0, 1.0) for key in REACTIONS}
    salt = 4 * found["Cs4PbX6"]
    shares = {
        "PbX2": np.clip(found["PbX2"] - 0.75 * salt, 0.0, 1.0),
        "CsPb2X5": found["CsPb2X5"],
        "Cs4PbX6": np.clip(salt, 0.0, 1.0),
    }
    shares[DISORDERED] = (1 - crystallinity(state, x, span)) * np.clip(1 - sum(shares.values()), 0.0, 1.0)
    return shares


def crystallinity(state: DeviceState, x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Return the order parameter at x [m]; 1 where the device does not follow it."""
    if "crystallinity" not in state.profiles:
        return np.ones_like(x)
    return np.clip(state.profile("crystallinity", x, *span), 0.0, 1.0)


class _Grid:
    """Cells of the lattice in the box: which cell a point lies in, random points of cells."""

    def __init__(self, shape: tuple[int, int, int], lows: np.ndarray, frame: Frame, move: Displacement) -> None:
        self.shape, self.box, self.edge = shape, frame.box, frame.in_plane * 1e10
        self.starts = np.asarray(frame.to_box(move(lows)))
        self.ends = np.asarray(frame.to_box(move(lows + frame.cell)))

    def inside(self, points: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Return the mask of the points that lie in the chosen cells."""
        plane = np.searchsorted(self.starts, points[:, 0], side="right") - 1
        row, column = (np.floor(points[:, axis] / self.edge).astype(int) for axis in (1, 2))
        good = (plane >= 0) & (points[:, 0] < self.ends[np.maximum(plane, 0)])
        good &= (row >= 0) & (row < self.shape[1]) & (column >= 0) & (column < self.shape[2])
        good[good] = cells[plane[good], row[good], column[good]]
        return good

    def corners(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return low and high corner of the box around cells [angstrom]."""
        index = np.argwhere(cells)
        low, high = index.min(axis=0), index.max(axis=0)
        return (
            np.array([self.starts[low[0]], low[1] * self.edge, low[2] * self.edge]),
            np.array([self.ends[high[0]], (high[1] + 1) * self.edge, (high[2] + 1) * self.edge]),
        )

    def points(self, cells: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return random points in the cells, (count, 3) [angstrom]."""
        index = np.argwhere(cells)[rng.integers(0, int(cells.sum()), count)]
        part = rng.random((count, 3))
        x = self.starts[index[:, 0]] + part[:, 0] * (self.ends - self.starts)[index[:, 0]]
        return np.column_stack([x, (index[:, 1:] + part[:, 1:]) * self.edge])


def _products(
    kind: str, numbers: np.ndarray, cells: np.ndarray, grid: _Grid, stand: list[Piece], rng: np.random.Generator
) -> tuple[list[Piece], tuple[np.ndarray, None, np.ndarray]]:
    """Return the product grains of one reaction, the atoms that found no place in them, and the cells for those."""
    have = {number: int((numbers == number).sum()) for number in (CS, PB, CL, BR)}
    units = _formula_units(kind, have)
    chloride = have[CL] / max(have[CL] + have[BR], 1)
    volumes = np.array([units[name] * _volume(name, chloride) for name in units])
    grains: list[Piece] = []
    left = {CS: have[CS], PB: have[PB]}
    sites = 0
    for name, part in zip(units, parted(smooth_map(cells.shape, GRAIN / grid.edge, rng), cells, volumes), strict=True):
        grown = _grow(name, units[name], chloride, part, grid, [*stand, *grains], rng)
        grains += grown
        for number in left:
            left[number] -= sum(int((grain.numbers == number).sum()) for grain in grown)
        sites += sum(int((grain.numbers == BR).sum()) for grain in grown)
    halides = np.repeat([CL, BR, 0], [have[CL], have[BR], max(_sites(units) - have[CL] - have[BR], 0)])
    halides = rng.permutation(halides)
    filled = _with_halides(grains, halides[:sites])
    rest = np.concatenate([np.repeat(list(left), list(left.values())), halides[sites:]])
    rest = rest[rest > 0].astype(int)
    return filled, (rest, None, cells)


def _formula_units(kind: str, have: dict[int, int]) -> dict[str, int]:
    """Return how many units of each product the atoms make."""
    cs, pb = have[CS], have[PB]
    if kind == "PbX2":
        return {"PbX2": pb, "CsX": cs}
    if kind == "CsPb2X5":
        made = min(pb // 2, cs)
        return {"CsPb2X5": made, "CsX": cs - made}
    made = min(cs // 4, pb)
    return {"Cs4PbX6": made, "PbX2": pb - made}


def _sites(units: dict[str, int]) -> int:
    return sum(count * PRODUCTS[name][3] for name, count in units.items())


def _volume(name: str, chloride: float) -> float:
    """Return the volume of a formula unit by Vegard's law for lengths [angstrom^3]."""
    bromide, _, cations, _ = PRODUCTS[name]
    cell = unit_cell(bromide)
    number, per_unit = next(iter(cations.items()))
    return _scale(name, chloride) ** 3 * cell.get_volume() / ((cell.numbers == number).sum() / per_unit)


def _scale(name: str, chloride: float) -> float:
    small, large = (unit_cell(PRODUCTS[name][k]).get_volume() for k in (1, 0))
    return 1 + chloride * ((small / large) ** (1 / 3) - 1)


def _grow(
    name: str,
    units: int,
    chloride: float,
    cells: np.ndarray,
    grid: _Grid,
    stand: list[Piece],
    rng: np.random.Generator,
) -> list[Piece]:
    """Fill every lump of the cells with a crystal, atoms furthest from what stands first; halides as Br."""
    bromide, _, cations, halides = PRODUCTS[name]
    lumps, count = label(cells)
    per_lump = np.bincount(lumps.ravel(), minlength=count + 1)[1:]
    share = np.floor(np.cumsum(per_lump) / max(per_lump.sum(), 1) * units + 1e-9).astype(int)
    wanted = np.diff(np.concatenate([[0], share]))
    others = np.concatenate([piece.positions for piece in stand])
    found = []
    for lump, number in enumerate(wanted, start=1):
        if number == 0:
            continue
        here = lumps == lump
        kinds, points = lattice_atoms(bromide, random_rotation(rng), *grid.corners(here), _scale(name, chloride))
        inside = grid.inside(points, here)
        kinds, points = kinds[inside], points[inside]
        if len(points) == 0:
            continue
        room = distance_to(points, others, grid.box)
        kept = _deepest(kinds, room, {**{k: n * number for k, n in cations.items()}, BR: halides * number})
        found.append(Piece(kinds[kept], points[kept], name, np.full(len(kept), lump)))
        others = np.concatenate([others, points[kept]])
    return found


def _deepest(kinds: np.ndarray, room: np.ndarray, wanted: dict[int, int]) -> np.ndarray:
    """Return the atoms of each element with the most room, at most the wanted number, none closer than GAP."""
    order = np.argsort(-room, kind="stable")
    order = order[room[order] >= GAP]
    return np.sort(np.concatenate([order[kinds[order] == kind][:count] for kind, count in wanted.items()]))


def _with_halides(grains: list[Piece], drawn: np.ndarray) -> list[Piece]:
    """Put the drawn halides and vacancies on the halide sites of the grains."""
    filled, start = [], 0
    for grain in grains:
        numbers = grain.numbers.copy()
        sites = np.flatnonzero(numbers == BR)
        numbers[sites] = drawn[start : start + len(sites)]
        start += len(sites)
        piece = Piece(numbers, grain.positions, grain.phase, grain.residue)
        filled.append(piece.keep(numbers > 0))
    return filled


def _settle(loose: list, grains: list[Piece], stand: list[Piece], grid: _Grid, rng: np.random.Generator) -> list[Piece]:
    """Push disordered atoms off each other and off what stands, within the lattice's part of the window.

    loose : (numbers, positions or None, cells for those without positions); grains give way where they are pushed
    """
    fixed = np.concatenate([piece.positions for piece in stand])
    grown = np.concatenate([np.zeros((0, 3)), *(piece.positions for piece in grains)])
    taken = np.concatenate([fixed, grown])
    starts = []
    for numbers, positions, cells in loose:
        starts.append(_roomy(len(numbers), cells, taken, grid, rng) if positions is None else positions)
        taken = np.concatenate([taken, starts[-1]])
    numbers = np.concatenate([part[0] for part in loose])
    positions = np.concatenate([*starts, grown])
    low, high = max(grid.starts[0], 0.0), min(grid.ends[-1], grid.box[0])
    positions[:, 0] = np.clip(positions[:, 0], low, high)
    settled = push_apart(wrap(positions, grid.box), low, high, grid.box, SHORTEST, DISORDERED, fixed, rng)
    ends = np.cumsum([len(numbers), *(len(piece) for piece in grains)])
    found = [Piece(numbers, settled[: ends[0]], DISORDERED, np.zeros(len(numbers), int))]
    for piece, start, end in zip(grains, ends[:-1], ends[1:], strict=True):
        found.append(Piece(piece.numbers, settled[start:end], piece.phase, piece.residue))
    return found


def _roomy(count: int, cells: np.ndarray, taken: np.ndarray, grid: _Grid, rng: np.random.Generator) -> np.ndarray:
    """Return the places with the most room among random points of the cells, (count, 3) [angstrom]."""
    if count == 0:
        return np.zeros((0, 3))
    points = grid.points(cells, TRIES * count, rng)
    room = distance_to(points, taken, grid.box)
    return points[np.argsort(-room, kind="stable")[:count]]
