"""One reaction at one place as a row: affinity, activities, what changes, from the potentials of its participants.

Every participant has one electrochemical potential on one scale, electron energies against vacuum: mu(X-) = level(X) +
kT ln(theta_X theta_ref/theta_V) + excess - q phi on lattice sites, mu(Pb2+) = -2 E(Pb/PbBr2) + 2 q phi, metals and
gases of the elements 0, film compounds dGf, electrons E_F. Affinity, stoichiometry and the zero of the rate all follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import numpy as np

from perovsim.constants import N_A, Q
from perovsim.device.kernels.tables import (
    BAND,
    DEPENDS,
    ELECTRON,
    FILM_SCALE,
    FILM_SHARE,
    FREE,
    HALIDE,
    HOLE,
    LEFT,
    LINEAR,
    POWER,
    PRESENT,
    PSI,
    SITE,
    SPECIES,
    VACANCY,
)
from perovsim.device.problem.films import INTERLAYER, LEAD, LEAD_HALIDE, ContactProducts
from perovsim.device.problem.mesh import Mesh
from perovsim.device.problem.sites import Spot, split_site
from perovsim.device.problem.species import SpeciesPlan, sharing
from perovsim.errors import ModelFileError
from perovsim.model.equation import INTERSTITIAL, VACANT, is_beside_sites
from perovsim.model.films import FILM_HALIDE
from perovsim.physics.growth import LAWS, Growth
from perovsim.physics.thermochemistry import halide_level, lead_level, load_table

FILM_WORDS = ", ".join(FILM_HALIDE)
ELEMENTS = ("Al", "Cl2", "Br2", "I2")
CAESIUM = "Cs"
SALTS = {f"{CAESIUM}{halide}": halide for halide in ("Cl", "Br", "I")}
"""Solids into which a lattice loses caesium and a halide: of unit activity while there is some."""
NO_RETURN = 600.0
"""Energy [kT] of a step from which nothing comes back."""
SEED_FRACTION = 1e-4
"""Share of the lead sites that is metal above which clusters count as present."""
ROUNDING = 1e-9
"""Charges and orders smaller than this are rounding of fractions."""


@dataclass
class Row:
    """One row of the table while it is made; amounts per elementary step, products positive."""

    energy: float = 0.0
    links: dict[int, float] = field(default_factory=dict)
    forward: list[int] = field(default_factory=list)
    backward: list[int] = field(default_factory=list)
    change: dict[int, float] = field(default_factory=dict)
    face: np.ndarray = field(default_factory=lambda: np.zeros(2))
    charge: float = 0.0
    seed: int = -1
    """Activity of a product that has to nucleate over a barrier."""
    capture: float = 1.0
    """Densities that turn a capture coefficient into a rate."""

    def makes(self, unknown: int, amount: float) -> None:
        """Change an unknown by `amount` particles."""
        self.change[unknown] = self.change.get(unknown, 0.0) + amount

    def link(self, unknown: int, factor: float) -> None:
        """Let a potential enter the affinity."""
        self.links[unknown] = self.links.get(unknown, 0.0) + factor


@dataclass
class Context:
    """What the reactions of a device share: its parts, where every unknown stands, and the activities met so far."""

    device: object
    mesh: Mesh
    slots: np.ndarray
    plans: list[SpeciesPlan]
    products: ContactProducts
    vt: float
    theta_reference: float
    activities: dict[tuple, int] = field(default_factory=dict)
    keys: list[tuple] = field(default_factory=list)
    """Number of each, and back: kind, unknowns it depends on, carrier and its cell, two values."""

    @cached_property
    def band(self) -> int:
        """Index of the voltage; the products on the contacts follow it."""
        return int(self.slots.max()) + 1

    def layer(self, cell: int):
        """Layer of a cell."""
        return self.device.layers[self.mesh.layer[cell]]

    def slot(self, kind: int, cell: int) -> int:
        """Unknown of a kind in a cell, -1 where there is none."""
        return int(self.slots[kind, cell]) if cell >= 0 else -1

    @property
    def drop(self) -> int:
        """Unknown of the voltage across a film that conducts."""
        return self.band + 1 + len(self.products.keys) + 1

    def product(self, formula: str, side: int) -> int:
        """Unknown of a product on a contact."""
        return self.band + 1 + self.products.keys.index((formula, side))

    def activity(self, kind: int, *depends: int, value: float = 1.0, per: float = 1.0, carrier=(-1, -1)) -> int:
        """Number of an activity, made on first use."""
        padded = (*depends, -1, -1)[:DEPENDS]
        return self._numbered((kind, padded, carrier, value, per))

    def _numbered(self, key: tuple) -> int:
        number = self.activities.setdefault(key, len(self.activities))
        if number == len(self.keys):
            self.keys.append(key)
        return number

    def moved(self, number: int, cell: int, unknown: dict[int, int]) -> int:
        """Number of the same activity in another cell, whose unknowns stand in place of others."""
        kind, depends, (carrier, at), value, per = self.keys[number]
        there = tuple([unknown.get(k, k) for k in depends])
        return self._numbered((kind, there, (carrier, cell if at >= 0 else at), value, per))

    def film_share(self, formula: str) -> int:
        """Activity of a compound of the film: its mole fraction, zero where there is no film."""
        own = self.product(formula, self.products.side)
        others = [self.product(name, self.products.side) for name in self.products.film_names if name != formula]
        return self.activity(FILM_SHARE, own, *others[:1], value=self.products.existence / FILM_SCALE)

    def lead(self, cell: int) -> tuple[int, float]:
        """Unknown of metallic lead in a cell, and the share of the lead sites that one unit of it is."""
        s = next((k for k, plan in enumerate(self.plans) if plan.formula == LEAD), -1)
        unknown = self.slot(SPECIES + s, cell) if s >= 0 else -1
        if unknown < 0:
            return -1, 0.0
        return unknown, self.plans[s].scale / float(self.layer(cell).lattice.lead_density)


class Participants:
    """Adds the participants of one reaction to its rows."""

    def __init__(self, context: Context, reaction):
        self.at, self.reaction, self.net = context, reaction, reaction.equation.stoichiometry
        self.table = load_table(context.device.electrochemistry.thermochemistry_path)
        self.redox = float(context.device.electrochemistry.redox_level)

    @cached_property
    def is_at_contact(self) -> bool:
        """Whether the reaction happens on a contact itself."""
        return split_site(self.reaction.site).kind == "contact"

    @cached_property
    def growth(self) -> Growth:
        """How the thickness of the film on the contact slows this reaction."""
        reaction, products = self.reaction, self.at.products
        film = next((k for k, name in enumerate(products.film_names) if name in reaction.equation.species), None)
        if film is None:
            if reaction.growth_law != "interface":
                self.fail(f'growth_law = "{reaction.growth_law}" needs a film among the products, one of {FILM_WORDS}')
            return Growth()
        patches = 1.0 if products.blocking is None else float(products.blocking.avrami_exponent)
        if patches > 1.0 and products.cover > 0.0 and reaction.growth_law != "interface":
            self.fail("patches that begin infinitely high (avrami_exponent above 1) have no thickness for a growth law")
        law, first = LAWS[reaction.growth_law], products.existence * products.volume[film]
        value = float(getattr(reaction, law.needs)) if law.needs else 0.0
        return law.coefficients(value, float(reaction.alpha) / self.at.vt, first)

    def fail(self, text: str) -> NoReturn:
        """Raise with the name and the equation of the reaction."""
        raise ModelFileError(f"process '{self.reaction.name}' ({self.reaction.equation.text}): {text}")

    def row(self, spot: Spot) -> tuple[Row, float]:
        """The row of the reaction at a spot, and its rate constant [m^-2 s^-1]."""
        row, reaction = Row(), self.reaction
        for word, nu in self.net.items():
            self.participant(row, word, nu / reaction.elementary_steps, spot)
        if abs(row.charge) > ROUNDING:
            self.fail(f"charge {row.charge:+g} per step is left over at site '{reaction.site}'")
        if split_site(reaction.site).kind == "zone" and row.face.any():
            self.fail(
                "electrons of the metal would have to cross the layers between: write a neutral reaction "
                "(displacement or exchange) for this site"
            )
        if reaction.drive == "beam":
            self.driven(row, spot)
        row.change = {unknown: amount for unknown, amount in row.change.items() if abs(amount) > ROUNDING}
        rate = reaction.rate_at(float(self.at.device.temperature))
        if reaction.drive == "beam":
            rate *= row.capture
        elif reaction.rate_is_capture:
            rate *= row.capture * np.exp(-float(reaction.alpha) * row.energy)
        else:
            rate *= N_A
        return row, rate * spot.weight

    def driven(self, row: Row, spot: Spot) -> None:
        """Let the beam drive the row forward: sigma j_b/q theta_X of its one lattice halide, while lead is left for it.

        The rate of a step counts the halides that it takes, so d(theta_X)/dt = -sigma (j_b/q) theta_X.
        """
        net = self.net
        taken = [word for word, nu in net.items() if nu < 0 and word.endswith("-") and word != "e-"]
        if len(taken) != 1 or self.at.slot(VACANCY, spot.lattice) < 0:
            self.fail("a reaction that the beam drives takes one halide from a lattice; write one for each halide")
        layer = self.at.layer(spot.lattice)
        names, v, x = layer.lattice.halides, *(self.at.slot(kind, spot.lattice) for kind in (VACANCY, HALIDE))
        which = 0 if len(names) == 2 and taken[0][:-1] == names[0] else 1
        row.forward = [self.at.activity(SITE, v, x, value=0.0, carrier=(which, spot.lattice))]
        unknown, per = self.at.lead(spot.lattice)
        if "Pb2+" in net and unknown >= 0:
            row.forward.append(self.at.activity(LEFT, unknown, value=SEED_FRACTION, per=per))
        row.backward, row.links, row.energy = [], {}, NO_RETURN
        row.capture = float(layer.lattice.site_density) * self.reaction.elementary_steps / -net[taken[0]]

    def participant(self, row: Row, word: str, nu: float, spot: Spot) -> None:
        """Add nu particles per step of one species."""
        if word in FILM_HALIDE:
            self.film(row, word, nu)
        elif word in LEAD_HALIDE:
            self.lead_halide(row, word, nu, spot)
        elif word in INTERLAYER:
            self.interlayer(row, word, nu, spot)
        elif word == "Pb2+":
            self.lattice_lead(row, nu, spot.lattice)
        elif word == LEAD:
            self.lead_metal(row, nu, spot)
        elif word in ELEMENTS and not self.is_dissolved(word, spot):
            return
        elif word == "e-" and spot.metal >= 0:
            self.metal_electrons(row, nu, spot.metal)
        elif word in ("e-", "h+"):
            self.carrier(row, ELECTRON if word == "e-" else HOLE, nu, spot.carrier)
        elif word.endswith("-") and not is_beside_sites(word) and self.at.slot(VACANCY, spot.lattice) >= 0:
            self.lattice_halide(row, word[:-1], nu, spot.lattice)
        else:
            self.dissolved(row, word, nu, spot.dissolved if spot.dissolved >= 0 else spot.lattice)

    def is_dissolved(self, word: str, spot: Spot) -> bool:
        """Whether an element is a dissolved species at the spot, not the gas or the metal itself."""
        cell = spot.dissolved if spot.dissolved >= 0 else spot.lattice
        return any(
            plan.formula == word and self.at.slot(SPECIES + s, cell) >= 0 for s, plan in enumerate(self.at.plans)
        )

    def times(self, row: Row, nu: float, activity: int, count: float) -> None:
        """Let an activity enter the side of nu, `count` times per step."""
        if abs(count - round(count)) > ROUNDING or count < 0.5:
            self.fail(
                f"elementary_steps = {self.reaction.elementary_steps} gives the fractional order {count:g}; use the "
                "number of electrons or halides moved"
            )
        (row.backward if nu > 0 else row.forward).extend([activity] * round(count))

    def level(self, row: Row, nu: float, energy: float) -> None:
        """Standard part of the affinity, -nu mu0/kT, mu0 [eV]."""
        row.energy -= nu * energy / self.at.vt

    def lattice_halide(self, row: Row, halide: str, nu: float, cell: int) -> None:
        """X- on its lattice site; it takes the place of a vacancy."""
        layer = self.at.layer(cell)
        names = layer.lattice.halides
        if halide not in names:
            self.fail(f"layer '{layer.name}' holds {', '.join(names)} but no {halide}")
        v, x = self.at.slot(VACANCY, cell), self.at.slot(HALIDE, cell)
        self.level(row, nu, halide_level(halide, self.redox, self.table))
        row.link(self.at.slot(PSI, cell), nu)
        is_first = len(names) == 2 and halide == names[0]
        own = self.at.activity(SITE, v, x, carrier=(0 if is_first else 1, cell))
        if is_first:
            row.makes(x, nu)
        row.makes(v, -nu)
        self.times(row, nu, own, abs(nu))
        self.times(row, -nu, self.at.activity(LINEAR, v, value=1.0 / self.at.theta_reference), abs(nu))
        row.charge -= nu
        row.capture *= float(layer.lattice.site_density) if nu < 0 else 1.0

    def lattice_lead(self, row: Row, nu: float, cell: int) -> None:
        """Pb2+ on its site; its activity is the share of the sites that is not metal."""
        self.level(row, nu, lead_level(self.redox))
        row.link(self.at.slot(PSI, cell), -2.0 * nu)
        row.charge += 2.0 * nu
        unknown, per = self.at.lead(cell)
        if unknown >= 0:
            (row.backward if nu > 0 else row.forward).append(self.at.activity(POWER, unknown, value=abs(nu), per=per))

    def lead_halide(self, row: Row, word: str, nu: float, spot: Spot) -> None:
        """PbX2 of the lattice, one Pb2+ and two X-; a contact eats the salt itself, of unit activity while it lasts."""
        if spot.lattice < 0:
            self.fail(f"{word} needs a layer with a halide lattice at the site")
        if self.is_at_contact:
            self.level(row, nu, self.table.gibbs(word) / (N_A * Q))
            unknown = self.at.product(word, spot.metal)
            row.makes(unknown, nu)
            left = self.at.activity(PRESENT, unknown, value=self.at.products.existence / FILM_SCALE)
            (row.backward if nu > 0 else row.forward).append(left)
            return
        self.lattice_lead(row, nu, spot.lattice)
        self.lattice_halide(row, LEAD_HALIDE[word], 2.0 * nu, spot.lattice)

    def interlayer(self, row: Row, formula: str, nu: float, spot: Spot) -> None:
        """LiF on a contact or what it turns into: a solid of unit activity while there is some."""
        if not self.is_at_contact:
            self.fail(f'{formula} stands on a contact; write site = "contact:NAME"')
        self.level(row, nu, self.table.gibbs(formula) / (N_A * Q))
        unknown = self.at.product(formula, spot.metal)
        row.makes(unknown, nu)
        present = self.at.activity(PRESENT, unknown, value=self.at.products.existence / FILM_SCALE)
        (row.backward if nu > 0 else row.forward).append(present)

    def lead_metal(self, row: Row, nu: float, spot: Spot) -> None:
        """Metallic lead in a cell or on a contact; without a lead contact it has to nucleate first."""
        if self.is_at_contact:
            unknown, seed = self.at.product(LEAD, spot.metal), self.at.products.existence / FILM_SCALE
        else:
            unknown, per = self.at.lead(spot.lattice)
            seed = SEED_FRACTION / per
        row.makes(unknown, nu)
        if spot.metal >= 0 and self.at.device.contacts[spot.metal].material == LEAD:
            return
        present = self.at.activity(PRESENT, unknown, value=seed)
        if nu > 0 and self.reaction.nucleation_barrier is not None:
            row.seed = present
        else:
            (row.backward if nu > 0 else row.forward).append(present)

    def dissolved(self, row: Row, formula: str, nu: float, cell: int) -> None:
        """A dissolved species of this formula in a cell."""
        for s, plan in enumerate(self.at.plans):
            unknown = self.at.slot(SPECIES + s, cell)
            if plan.formula == formula and unknown >= 0:
                self.level(row, nu, self.reference(formula, cell) + plan.places[self.at.layer(cell).name].solvation)
                if plan.charge:
                    row.link(self.at.slot(PSI, cell), -plan.charge * nu)
                if formula in SALTS:
                    own = self.at.activity(PRESENT, unknown, value=SEED_FRACTION)
                    (row.backward if nu > 0 else row.forward).append(own)
                else:
                    self.times(row, nu, self.at.activity(LINEAR, unknown), abs(nu))
                    self.empty_sites(row, nu, s, cell)
                row.makes(unknown, nu)
                row.charge += plan.charge * nu
                row.capture *= plan.scale if nu < 0 else 1.0
                return
        self.fail(
            f"no species with formula '{formula}' in layer '{self.at.layer(cell).name}'; add a [[species]] entry for it"
        )

    def reference(self, formula: str, cell: int) -> float:
        """Level from which the solvation energy of a species counts [eV]: X- on its site; the salt of Cs; for a Cs site
        that is empty that of Cs+ on it, which with the last halide of the lattice beside it is the salt of both."""
        if formula in SALTS:
            return self.table.gibbs(formula) / (N_A * Q)
        if formula.startswith(VACANT):
            lattice = self.at.layer(cell).lattice
            if lattice is None or not formula.startswith(VACANT + CAESIUM):
                self.fail(f"{formula} is no empty site of a halide lattice here; those of caesium are, {VACANT}Cs-")
            halide = lattice.halides[-1]
            salt = self.table.gibbs(CAESIUM + halide) / (N_A * Q)
            return halide_level(halide, self.redox, self.table) - salt
        if formula.endswith("-"):
            return halide_level(formula[:-1].removesuffix(INTERSTITIAL), self.redox, self.table)
        return 0.0

    def empty_sites(self, row: Row, nu: float, s: int, cell: int) -> None:
        """What comes needs an empty site, and what goes leaves one, where sites are limited."""
        layer = self.at.layer(cell).name
        if math.isfinite(self.at.plans[s].places[layer].sites):
            others = [self.at.slot(SPECIES + t, cell) for t in sharing(self.at.plans, s, layer)]
            if len(others) > DEPENDS:
                self.fail(f"more than {DEPENDS} species share sites in layer '{layer}'; give some of them their own")
            self.times(row, -nu, self.at.activity(FREE, *others, carrier=(s, cell)), abs(nu))

    def carrier(self, row: Row, s: int, nu: float, cell: int) -> None:
        """Electrons or holes of a layer, standard state N_c or N_v at the band edge."""
        unknown = self.at.slot(SPECIES + s, cell)
        layer = self.at.layer(cell)
        if unknown < 0:
            self.fail(f"layer '{layer.name}' carries no electrons or holes")
        z = self.at.plans[s].charge
        states = float(layer.N_c if s == ELECTRON else layer.N_v)
        self.level(row, nu, -float(layer.electron_affinity) if s == ELECTRON else float(layer.ionisation_energy))
        row.link(self.at.slot(PSI, cell), -z * nu)
        mixed = (self.at.slot(VACANCY, cell), self.at.slot(HALIDE, cell)) if self.at.slot(HALIDE, cell) >= 0 else ()
        own = self.at.activity(BAND, unknown, *mixed, value=self.at.plans[s].scale / states, carrier=(s, cell))
        self.times(row, nu, own, abs(nu))
        row.makes(unknown, nu)
        row.charge += z * nu
        row.capture *= states if nu < 0 else 1.0

    def metal_electrons(self, row: Row, nu: float, side: int) -> None:
        """Electrons of a contact at its Fermi level, inside or outside the dipole of an interlayer."""
        contact = self.at.device.contacts[side]
        self.level(row, nu, -float(contact.bare if self.reaction.side == "bare" else contact.work_function))
        if side == 0:
            first, last = (float(x.work_function) for x in self.at.device.contacts)
            row.energy += nu * (last - first) / self.at.vt
            row.link(self.at.band, nu * (1.0 if contact.which == "anode" else -1.0))
        if (
            self.at.products.conducts and self.at.products.side == 1
        ):  # the last contact is then behind the film, and the zero of psi before it
            row.link(self.at.drop, -nu)
        row.face[side] += nu if side == 0 else -nu
        row.charge -= nu

    def film(self, row: Row, formula: str, nu: float) -> None:
        """AlX3 of a film."""
        self.level(row, nu, self.table.gibbs(formula) / (N_A * Q))
        self.times(row, nu, self.at.film_share(formula), 3.0 * abs(nu))
        row.makes(self.at.product(formula, self.at.products.side), nu)
