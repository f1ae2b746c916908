"""Voltages of the reactions of a device and its redox levels, from its thermodynamic table.

Charged species are counted against Pb | lead halide in the same crystal: an electron stands at the
level of that couple and X- is half of PbX2 + 2 e- -> Pb + 2 X-. So the energy of a half-reaction is
that of the whole reaction with lead halide as its other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perovsim.constants import F
from perovsim.errors import PerovsimError
from perovsim.model import Device
from perovsim.model.equation import VACANT, Equation, composition, parse_equation
from perovsim.physics.thermochemistry import halide_level, load_table

KILO = 1e3
HALOGENS = ("F", "Cl", "Br", "I")
COUPLE = "2 Al + 3 Pb{0}2 -> 2 Al{0}3 + 3 Pb"


@dataclass(frozen=True)
class Voltage:
    """Standard Gibbs energy of a reaction [kJ/mol] and its voltage [V].

    relative : whether a level had to be chosen: charged species against Pb | lead halide, neutral
    halogen atoms as the element
    """

    equation: Equation
    gibbs: float
    volt: float
    relative: bool


@dataclass(frozen=True)
class Level:
    """A redox couple as an electron energy against vacuum [eV]; family picks its line."""

    name: str
    energy: float
    family: str


def voltage(device: Device, equation: Equation) -> Voltage | None:
    """Return dG [kJ/mol] and V = -dG/(n F) of a reaction; None if the table lacks a compound."""
    table = load_table(device.electrochemistry.thermochemistry_path)
    try:
        gibbs = sum(number * _standard_energy(word, table) for word, number in equation.stoichiometry.items())
    except PerovsimError:
        return None
    relative = any(composition(word)[1] or word in HALOGENS for word in equation.species)
    volt = 0.0 if gibbs == 0 else -gibbs / (transfers(equation) * F)
    return Voltage(equation, gibbs / KILO, volt, relative)


def corrosion_couples(device: Device) -> list[Voltage]:
    """Return aluminium against each lead halide of the device, if it has an Al contact."""
    if not any(contact.material == "Al" for contact in device.contacts):
        return []
    equations = [parse_equation(COUPLE.format(halide)) for halide in halides(device)]
    found = (voltage(device, equation) for equation in equations)
    return [couple for couple in found if couple is not None]


def redox_levels(device: Device) -> list[Level]:
    """Return Pb | lead halide, X2 | X- and Al | AlX3 of the halides of the device."""
    electrochemistry = device.electrochemistry
    if electrochemistry is None or not halides(device):
        return []
    table, lead = load_table(electrochemistry.thermochemistry_path), electrochemistry.redox_level.si
    levels = [Level("Pb | lead halide", lead, "Pb")]
    levels += [
        Level(f"{halide}$_2$ | {halide}$^-$", halide_level(halide, lead, table), "halogen")
        for halide in halides(device)
    ]
    couples = corrosion_couples(device)
    return levels + [
        Level(f"Al | Al{halide}$_3$", lead + couple.volt, "Al")
        for halide in halides(device)
        for couple in couples
        if couple.equation.text == COUPLE.format(halide)
    ]


def halides(device: Device) -> tuple[str, ...]:
    """Return the halides of the lattices of the device, each once."""
    found = [h for layer in device.layers if layer.lattice for h in layer.lattice.halides]
    return tuple(dict.fromkeys(found))


def transfers(equation: Equation) -> int:
    """Return the electrons that a reaction gives off or takes, else the halides it moves."""
    if equation.electrons:
        return abs(equation.electrons)
    moved = dict.fromkeys(HALOGENS, 0)
    for word, number in equation.products.items():
        for element, count in composition(word)[0].items():
            if element in moved:
                moved[element] += number * count
    return max(1, *moved.values())


def _standard_energy(word: str, table: Any) -> float:
    """Return the standard energy of a species [J/mol] with electrons at Pb | lead halide as 0."""
    atoms, charge = composition(word)
    if word in ("e-", "h+", "Pb2+") or len(atoms) == 1 and not charge:
        return 0.0
    if word.startswith(VACANT):
        raise PerovsimError(f"the level of {word} depends on the lattice")
    if charge:
        (halide,) = atoms
        return 0.5 * table.gibbs(f"Pb{halide}2")
    return table.gibbs(word)
