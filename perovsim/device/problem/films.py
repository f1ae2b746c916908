"""What grows on the contacts: product films, plated lead, lead halide that the contact has eaten away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import N_A
from perovsim.device.kernels.powers import power
from perovsim.device.problem.sites import contact_side, side_of, split_site
from perovsim.errors import ModelFileError
from perovsim.model.films import FILM_HALIDE, FilmBlocking, FilmLoss
from perovsim.physics.thermochemistry import load_table

LEAD_HALIDE = {"PbCl2": "Cl", "PbBr2": "Br", "PbI2": "I"}
LEAD = "Pb"
INTERLAYER = ("LiF", "LiCl", "AlF3")
"""Solids of a lithium fluoride interlayer and of what it turns into, on a contact."""
EXISTENCE = 1e18
"""Amount [m^-2] above which a product counts as present, unless the device says otherwise: a tenth of a layer."""


@dataclass(frozen=True)
class ContactProducts:
    """Amounts on the contacts, one unknown each after the voltage: films, then deposits and the salt that is left.

    keys : (formula, side) in the order of the unknowns; films : how many of them are films, all on one side
    start : amounts at the start [m^-2]: of a salt, all of the layer at the contact; of LiF that of the contact; of the
    others none
    volume : of a formula unit of each film [m^3]; existence, cover : amounts [m^-2] above which a product is present,
    and that blocks 1 - 1/e of the contact (0: none)
    blocking : the process that says how films act on the contact, if any
    """

    keys: tuple[tuple[str, int], ...]
    films: int
    start: np.ndarray
    volume: np.ndarray
    existence: float
    cover: float
    blocking: FilmBlocking | None

    @property
    def film_names(self) -> tuple[str, ...]:
        """Formulas of the films."""
        return tuple(formula for formula, _ in self.keys[: self.films])

    @property
    def conducts(self) -> bool:
        """Whether films are closed and conduct, with the field in them as the last unknown."""
        return bool(self.films) and self.blocking is not None and self.blocking.conduction != "tunnel"

    def covered(self, amount: np.ndarray) -> np.ndarray:
        """Share of the contact under an amount of films [m^-2]: 1 - exp[-(n/n_c)^m]; a closed film covers it all."""
        if self.conducts:
            return -np.expm1(-amount / self.existence)
        if not self.cover > 0.0:
            return np.zeros_like(amount)
        exponent = float(self.blocking.avrami_exponent)
        return -np.expm1(-np.array([power(x, exponent)[0] for x in amount / self.cover]))

    @property
    def side(self) -> int:
        """Contact of the films, -1 without one."""
        return self.keys[0][1] if self.films else -1


def plan_products(device) -> ContactProducts:
    """Products of the reactions on the contacts, and how a blocking process lets films act on a contact."""
    films: dict[tuple[str, int], None] = {}
    others: dict[tuple[str, int], None] = {}
    for reaction in device.reactions:
        for word in reaction.equation.species:
            if word in FILM_HALIDE:
                films[word, contact_side(device, reaction)] = None
            elif split_site(reaction.site).kind == "contact" and word in (LEAD, *LEAD_HALIDE, *INTERLAYER):
                others[word, contact_side(device, reaction)] = None
    if len({side for _, side in films}) > 1:
        raise ModelFileError("films on both contacts are not modelled; let every reaction with AlX3 name one contact")
    table = load_table(device.electrochemistry.thermochemistry_path) if films else None
    volume = np.array([table.molar_volume(formula) / N_A for formula, _ in films])
    blocking = next((x for x in device.enabled_processes if x.kind == "film_blocking"), None)
    patchy = bool(films) and blocking is not None and blocking.conduction == "tunnel"
    cover = float(blocking.coverage_amount) * N_A if patchy else 0.0
    existence = EXISTENCE if blocking is None else float(blocking.existence_amount) * N_A
    keys = (*films, *others)
    start = np.array([_start(device, formula, side) for formula, side in keys])
    return ContactProducts(keys, len(films), start, volume, existence, cover, blocking)


def losses(device, products: ContactProducts) -> list[FilmLoss]:
    """Enabled processes that take away a film which the reactions can make."""
    found = [process for process in device.enabled_processes if isinstance(process, FilmLoss)]
    return [process for process in found if (process.film, side_of(device, process.contact)) in products.keys]


def _start(device, formula: str, side: int) -> float:
    """Formula units of a product per area of the contact at the start [m^-2]."""
    if formula == "LiF":
        amount = device.contacts[side].lithium_fluoride
        return 0.0 if amount is None else float(amount) * N_A
    return _salt(device, side) if formula in LEAD_HALIDE else 0.0


def _salt(device, side: int) -> float:
    """Formula units per area in the layer at a contact [m^-2]; 0 without a lattice, which the reaction refuses."""
    layer = device.layers[0 if side == 0 else -1]
    return 0.0 if layer.lattice is None else float(layer.lattice.lead_density) * float(layer.thickness)
