"""Amorphous layers: a random packing at a stated density that keeps a shortest distance."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from perovsim.atoms.crystals import AMU_PER_A3
from perovsim.atoms.piece import Piece, periodic_pairs, wrap
from perovsim.errors import PerovsimError

_ROUNDS = 200
_OVERSHOOT = 1.05
"""Pairs are pushed a little beyond the limit, so that the rounds converge in a finite number."""
_KICK = 0.05
"""Standard deviation of the kicks in each direction [angstrom]."""


@dataclass(frozen=True)
class Recipe:
    """Composition of one unit, density [g/cm3] and shortest distance [angstrom]."""

    name: str
    formula: str
    density: float
    shortest: float
    note: str = ""

    @property
    def composition(self) -> dict[str, int]:
        """Return the number of atoms per element in one unit."""
        return _parse_formula(self.formula)

    @property
    def atom_density(self) -> float:
        """Return the number of atoms per volume [1/angstrom^3]."""
        numbers, masses = _numbers_and_masses(self.composition)
        return self.density / AMU_PER_A3 / masses.sum() * len(numbers)

    def cite(self) -> str:
        """Return the standing in one line."""
        return f"{self.name}: {self.formula}, {self.density:g} g/cm3, random packing [assumed]"


@lru_cache(maxsize=1)
def recipes() -> dict[str, Recipe]:
    """Return every amorphous material by its plain name (lower case, letters and digits)."""
    text = files("perovsim.atoms").joinpath("amorphous.toml").read_text(encoding="utf-8")
    found = {}
    for name, table in tomllib.loads(text).items():
        aliases = table.pop("aliases", [])
        for word in (name, *aliases):
            found[plain(word)] = Recipe(name, **table)
    return found


def plain(name: str) -> str:
    """Return a material name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def recipe(material: str) -> Recipe:
    """Return the recipe of a material; PerovsimError when there is none."""
    known = recipes()
    if plain(material) not in known:
        names = ", ".join(sorted({item.name for item in known.values()}))
        raise PerovsimError(f"no atomic structure for material '{material}'; known amorphous materials: {names}")
    return known[plain(material)]


def pack(
    found: Recipe,
    low: np.ndarray,
    high: np.ndarray,
    box: np.ndarray,
    volume: float,
    rng: np.random.Generator,
) -> Piece:
    """Fill a slab at random and push atoms apart until the shortest distance holds.

    low, high : x range open to atoms [angstrom]; y and z are periodic with `box`
    volume : volume that the stated density refers to [angstrom^3]
    """
    count = round(found.atom_density * volume)
    numbers = _draw_elements(found.composition, count, rng)
    start = rng.random((count, 3)) * [high - low, box[1], box[2]] + [low, 0.0, 0.0]
    positions = push_apart(start, low, high, box, found.shortest, found.name)
    return Piece(numbers, positions, found.name, np.zeros(count, int))


def push_apart(
    positions: np.ndarray,
    low: float,
    high: float,
    box: np.ndarray,
    shortest: float,
    name: str,
    fixed: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Move every pair closer than `shortest` apart along its line, until none is left.

    low, high : x range open to the atoms [angstrom]; fixed : atoms that stay, (m, 3), which the others leave
    rng : of kicks that free atoms caught between one that stays and the end of the range
    Raises PerovsimError where the room is too small.
    """
    target, count = shortest * _OVERSHOOT, len(positions)
    still = np.zeros((0, 3)) if fixed is None else fixed
    for _ in range(_ROUNDS):
        pairs, vectors = periodic_pairs(np.concatenate([positions, still]), target, box)
        moving = pairs < count
        chosen = moving.any(axis=1)
        pairs, vectors, moving = pairs[chosen], vectors[chosen], moving[chosen]
        distance = np.linalg.norm(vectors, axis=1)
        if len(pairs) == 0 or distance.min() >= shortest:
            return positions
        share = np.where(moving.all(axis=1), 0.5, 1.0)
        step = (share * (target - distance) / np.maximum(distance, 1e-3))[:, None] * vectors
        for axis in range(3):
            for side, sign in ((1, 1.0), (0, -1.0)):
                own = moving[:, side]
                positions[:, axis] += sign * np.bincount(pairs[own, side], step[own, axis], count)
        if rng is not None:
            caught = np.unique(pairs[(distance < shortest)[:, None] & moving])
            positions[caught] += _KICK * rng.standard_normal((len(caught), 3))
        positions[:, 0] = np.clip(positions[:, 0], low, high)
        positions = wrap(positions, box)
    raise PerovsimError(
        f"amorphous {name}: atoms stay closer than {shortest:g} angstrom after {_ROUNDS} rounds; "
        f"the slab of {high - low:.1f} angstrom is too thin for its density, widen the window"
    )


def _draw_elements(composition: dict[str, int], count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` atomic numbers in the ratio of the formula (to one unit), shuffled."""
    numbers, _ = _numbers_and_masses(composition)
    whole, rest = divmod(count, len(numbers))
    drawn = np.concatenate([np.tile(numbers, whole), rng.permutation(numbers)[:rest]])
    return rng.permutation(drawn)


def _numbers_and_masses(composition: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    from ase.data import atomic_masses, atomic_numbers

    kinds = [atomic_numbers[symbol] for symbol in composition]
    numbers = np.repeat(kinds, list(composition.values()))
    return numbers, atomic_masses[numbers]


def _parse_formula(formula: str) -> dict[str, int]:
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    return {symbol: int(number or 1) for symbol, number in parts}
