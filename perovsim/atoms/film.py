"""The halide film at a metal contact: whole formula units of layered AlCl3, patchy when thin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from perovsim.atoms.crystals import crystal, lattice_atoms, random_rotation, unit_cell
from perovsim.atoms.piece import Piece, drop_seam, near, wrap

PIXEL = 2.0
"""Grid of the patch map [angstrom]."""
PATCH_LENGTH = 8.0
"""Smoothing length of the patch map, half the typical patch [angstrom]; assumed."""
SHORTEST = 2.0
"""No two atoms of different phases come closer [angstrom]; Al-Cl is 2.32."""
METAL_GAP = 1.3
"""First metal atoms stay this far from the face of the next layer [angstrom]."""


@dataclass(frozen=True)
class FilmState:
    """What the device state says about the film.

    units : formula units per area [1/angstrom^2]
    thickness : mean thickness [angstrom]
    bromide_fraction : share of AlBr3 among the units
    coverage : area fraction under the film, at most 1
    """

    units: float
    thickness: float
    bromide_fraction: float
    coverage: float


@dataclass(frozen=True)
class Film:
    """Atoms of the film and the number of molecular layers above any point of the interface."""

    piece: Piece
    expected_units: int
    units: int
    layer_height: float
    ranks: np.ndarray
    top_key: float
    coverage: float

    def layers_at(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the number of film layers at points of the interface plane."""
        return self._layers(_look_up(self.ranks, y, z))

    def mean_height(self, limit: float) -> float:
        """Return the height that metal gives way to, averaged over the interface, within `limit` of it [angstrom]."""
        return float(np.minimum(self._layers(self.ranks) * self.layer_height, limit).mean())

    def _layers(self, ranks: np.ndarray) -> np.ndarray:
        rank = ranks / self.coverage
        return np.where(rank < 1.0, np.maximum(np.floor(self.top_key - rank) + 1.0, 0.0), 0.0)


def build_film(state: FilmState, edge: float, sign: int, box: np.ndarray, rng: np.random.Generator) -> Film:
    """Build the film on the metal's side of `edge` [angstrom]; sign +1 when the metal is at +x.

    The number of formula units is that of the device state. Layers lie parallel to the interface;
    within the covered area they fill one by one, the last one in patches.
    """
    expected = round(state.units * box[1] * box[2])
    scale = (state.thickness / state.units / _unit_volume()) ** (1 / 3) if expected else 1.0
    height = scale * _layer_height()
    ranks = _patch_map(box, rng)
    coverage = state.coverage
    if expected == 0:
        empty = Piece(np.zeros(0, int), np.zeros((0, 3)), "AlCl3", np.zeros(0, int))
        return Film(empty, 0, 0, height, ranks, -2.0, coverage)
    layers = int(np.ceil(1.1 * state.thickness / height / coverage)) + 2
    units, level = _candidates(layers, scale, box, rng)
    key = level + _look_up(ranks, units[:, 0, 1], units[:, 0, 2]) / coverage
    key[key - level >= 1.0] = np.inf
    order = np.argsort(key, kind="stable")[: min(expected, int(np.isfinite(key).sum()))]
    piece = _as_piece(units[order], state.bromide_fraction, edge, sign, box, rng)
    top = float(key[order[-1]])
    return Film(piece, expected, len(order), height, ranks, top, coverage)


def build_metal(
    name: str,
    edge: float,
    sign: int,
    far: float,
    film: Film | None,
    box: np.ndarray,
    rng: np.random.Generator,
) -> Piece:
    """Fill a crystalline contact with one randomly oriented grain, outside the film."""
    low, high = sorted((edge + sign * METAL_GAP, far))
    numbers, points = lattice_atoms(name, random_rotation(rng), [low, 0.0, 0.0], [max(high, low), box[1], box[2]])
    if film is not None and len(film.piece):
        depth = sign * (points[:, 0] - edge)
        outside = depth > film.layers_at(points[:, 1], points[:, 2]) * film.layer_height
        outside &= ~near(points, film.piece.positions, SHORTEST, box)
        numbers, points = numbers[outside], points[outside]
    kept = drop_seam(points, max(0.85 * _nearest(name), SHORTEST), box)
    return Piece(_mixed(name, numbers[kept], rng), points[kept], name, np.zeros(int(kept.sum()), int))


def _mixed(name: str, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put the other elements of a mixed crystal on their share of the sites, at random."""
    from ase.data import atomic_numbers

    for element, other, share in crystal(name).mixed:
        sites = np.flatnonzero(numbers == atomic_numbers[element])
        numbers[rng.permutation(sites)[: round(share * len(sites))]] = atomic_numbers[other]
    return numbers


def _candidates(layers: int, scale: float, box: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return formula units (n, 4, 3), x from the interface, and the layer of each."""
    cell = unit_cell("AlCl3")
    a, b, c = cell.cell[:] * scale
    reach = np.hypot(box[1], box[2]) + layers * abs(c[0])
    i, j = np.meshgrid(*(np.arange(-n, n + 1) for n in (int(reach / a[0]), int(reach / b[1]))))
    flat = np.outer(i.ravel(), a) + np.outer(j.ravel(), b)
    motif = _formula_units(cell) * scale
    turn = 2 * np.pi * rng.random()
    cos, sin = np.cos(turn), np.sin(turn)
    found, levels = [], []
    for k in range(layers):
        units = (flat[:, None, None] + motif + k * c).reshape(-1, 4, 3)
        x = units[..., 2] + 0.5 * c[2]
        y, z = cos * units[..., 0] - sin * units[..., 1], sin * units[..., 0] + cos * units[..., 1]
        units = np.stack([x, y + 0.5 * box[1], z + 0.5 * box[2]], axis=-1)
        inside = np.all((units[:, 0, 1:] >= 0) & (units[:, 0, 1:] < box[1:]), axis=1)
        units = units[inside]
        units = units[_without_seam(units, box)]
        found.append(units)
        levels.append(np.full(len(units), float(k)))
    return np.concatenate(found), np.concatenate(levels)


def _without_seam(units: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Drop one unit of each pair that clashes across the periodic border."""
    owner = np.repeat(np.arange(len(units)), 4)
    keep = np.ones(len(units), bool)
    atoms = wrap(units.reshape(-1, 3).copy(), box)
    bad = owner[~drop_seam(atoms, SHORTEST, box)]
    keep[bad] = False
    return keep


def _formula_units(cell: object) -> np.ndarray:
    """Return the four units of the C2/m cell: Al with its three upper or three lower Cl."""
    from ase.geometry import find_mic

    positions, symbols = cell.positions, np.array(cell.get_chemical_symbols())
    metal, anion = positions[symbols == "Al"], positions[symbols == "Cl"]
    upper_one = np.round(cell.get_scaled_positions()[symbols == "Al"], 3)
    units = []
    for place, fraction in zip(metal, upper_one, strict=True):
        vectors, distance = find_mic(anion - place, cell.cell[:])
        bonded = vectors[distance < 2.6]
        side = 1.0 if _is_first_kind(fraction) else -1.0
        units.append(np.vstack([place, place + bonded[side * bonded[:, 2] > 0]]))
    return np.array(units)


def _is_first_kind(fraction: np.ndarray) -> bool:
    """Tell Al at (0, y, 0) and its centred copy from Al at (0, -y, 0)."""
    y = (fraction[1] - 0.5 * (abs(fraction[0] - 0.5) < 0.25)) % 1.0
    return bool(y < 0.5)


def _as_piece(
    units: np.ndarray,
    bromide: float,
    edge: float,
    sign: int,
    box: np.ndarray,
    rng: np.random.Generator,
) -> Piece:
    count = len(units)
    halide = np.full(count, 17)
    halide[rng.permutation(count)[: round(bromide * count)]] = 35
    numbers = np.column_stack([np.full(count, 13), halide, halide, halide]).ravel()
    positions = units.reshape(-1, 3).copy()
    positions[:, 0] = edge + sign * positions[:, 0]
    return Piece(numbers, wrap(positions, box), "AlCl3", np.repeat(np.arange(count), 4))


def _patch_map(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth periodic random map whose values are uniform in (0, 1]."""
    shape = [max(2, round(length / PIXEL)) for length in box[1:]]
    smooth = gaussian_filter(rng.standard_normal(shape), PATCH_LENGTH / PIXEL, mode="wrap")
    return (rankdata(smooth) / smooth.size).reshape(shape)


def _look_up(ranks: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    rows = (np.asarray(y) / PIXEL).astype(int) % ranks.shape[0]
    columns = (np.asarray(z) / PIXEL).astype(int) % ranks.shape[1]
    return ranks[rows, columns]


def _layer_height() -> float:
    return float(unit_cell("AlCl3").cell[2][2])


def _unit_volume() -> float:
    return float(unit_cell("AlCl3").get_volume() / 4)


def _nearest(name: str) -> float:
    return float(unit_cell(name).repeat(2).get_all_distances(mic=True)[0, 1:].min())
