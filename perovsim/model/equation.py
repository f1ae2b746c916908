"""Reactions written as chemistry: parsed, and checked for elements and charge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

INTERSTITIAL = "_i"
"""Mark of an ion off the sites of its lattice, between them or in the next layer: Cl_i- has left one, Cl- is on one."""
VACANT = "V_"
"""Mark of a cation site of a lattice that is empty: V_Cs- has its charge, and counts as the atom that is not there."""
_TERM = re.compile(r"^\s*(\d+)?\s*((?:V_)?[A-Z][A-Za-z0-9]*(?:_i)?(?:\d*[+-])?|e-|h\+)\s*$")
_CHARGE = re.compile(r"(\d*)([+-])$")
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")
_SPLIT = re.compile(r"\s+\+\s+")
FORM = '"2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb"'


@dataclass(frozen=True, slots=True)
class Equation:
    """A balanced reaction; `str` gives it back as written."""

    text: str
    reactants: dict[str, int]
    products: dict[str, int]

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def stoichiometry(self) -> dict[str, int]:
        """Net coefficient of each species, products positive."""
        net = Counter(self.products)
        net.subtract(self.reactants)
        return {word: number for word, number in net.items() if number}

    @property
    def species(self) -> tuple[str, ...]:
        """Every species once, reactants first."""
        return tuple(dict.fromkeys((*self.reactants, *self.products)))

    @property
    def electrons(self) -> int:
        """Net electrons given off as written (negative: taken up), holes counted as taken."""
        net = self.stoichiometry
        return net.get("e-", 0) - net.get("h+", 0)


@lru_cache(maxsize=256)
def parse_equation(text: str) -> Equation:
    """Parse ``a A + b B -> c C``; raises ValueError if unreadable or not balanced."""
    sides = text.split("->")
    if len(sides) != 2 or not all(side.strip() for side in sides):
        raise ValueError(f"'{text}' is not a reaction; write for example {FORM}")
    equation = Equation(text.strip(), _side(sides[0], text), _side(sides[1], text))
    _check_balance(equation)
    return equation


def is_beside_sites(word: str) -> bool:
    """Whether an anion stands beside the halide sites of a lattice: between them, or an empty cation site."""
    return INTERSTITIAL in word or word.startswith(VACANT)


@lru_cache(maxsize=256)
def composition(word: str) -> tuple[dict[str, int], int]:
    """Return (atoms per element, charge number) of a species word; e- and h+ hold no atoms, V_Cs- one Cs less."""
    match = _CHARGE.search(word)
    charge, formula = 0, word
    if match:
        charge = int(match.group(1) or 1) * (1 if match.group(2) == "+" else -1)
        formula = word[: match.start()]
    if formula in ("e", "h"):
        return {}, charge
    atoms: Counter[str] = Counter()
    sign = -1 if formula.startswith(VACANT) else 1
    for element, number in _ELEMENT.findall(formula.removeprefix(VACANT).removesuffix(INTERSTITIAL)):
        atoms[element] += sign * int(number or 1)
    return dict(atoms), charge


def _side(side: str, text: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for term in _SPLIT.split(side.strip()):
        match = _TERM.match(term)
        if match is None:
            raise ValueError(
                f"'{term}' in '{text}' is not a species; write for example {FORM}, with charges as Cl-, Pb2+, e-, h+"
            )
        found[match.group(2)] += int(match.group(1) or 1)
    return dict(found)


def _check_balance(equation: Equation) -> None:
    atoms: Counter[str] = Counter()
    charge = 0
    for word, number in equation.stoichiometry.items():
        inside, sign = composition(word)
        charge += number * sign
        for element, count in inside.items():
            atoms[element] += number * count
    uneven = {element: count for element, count in atoms.items() if count}
    if uneven or charge:
        raise ValueError(
            f"'{equation.text}' is not balanced: {_surplus(uneven.items(), charge)} "
            "(right minus left); correct the coefficients"
        )


def _surplus(uneven: Iterable[tuple[str, int]], charge: int) -> str:
    words = [f"{element} {count:+d}" for element, count in uneven]
    return ", ".join([*words, f"charge {charge:+d}"] if charge else words)
