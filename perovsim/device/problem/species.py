"""Which species a device has besides the halides on their lattice, and where each of them lives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from perovsim.device.problem.films import LEAD
from perovsim.device.problem.sites import contact_side, split_site
from perovsim.model.equation import is_beside_sites

LEAST_SCALE = 1e20
"""Smallest unit of density of an ion [m^-3]."""
CARRIER_SCALE = 1e22
"""Unit of density of electrons and holes [m^-3]."""
JUNCTION_DEPTH = 1e-9
"""Depth [m] over which the density of traps at a junction makes the unit of their unknown."""
CRYSTALLINITY = "crystallinity"
"""Name of the order parameter of a lattice."""
ZETA, TAKEN = "zeta_", "taken_"
"""Before the name of a transformation: its Avrami state, and the share of the lead that it has taken."""
LEAD_CHARGE = -2
"""Charge of a Pb2+ site whose lead is metal, against the regular lattice."""


@dataclass(frozen=True)
class Place:
    """A species in one layer: D [m^2/s], solvation energy [eV], density at the start [m^-3], neutralised or not, sites
    that it can fill [m^-3], and the name under which others fill them too."""

    diffusivity: float
    solvation: float = 0.0
    density: float = 0.0
    compensated: bool = False
    sites: float = math.inf
    shares: str | None = None


@dataclass(frozen=True)
class TrapLevel:
    """One level of traps: density [m^-3], at a junction [m^-2], energy below vacuum [eV], charge number when empty.

    layer : where it is, or junction : the names of the two layers
    """

    kind: object
    density: float
    energy: float
    layer: str | None = None
    junction: tuple[str, str] | None = None

    @property
    def charge_empty(self) -> int:
        """Charge number of a trap without an electron."""
        return 1 if self.kind.charge == "donor" else 0

    @property
    def is_charged(self) -> bool:
        """Whether its occupation is a state of its own."""
        return self.kind.charge != "neutral"


def trap_levels(device) -> list[TrapLevel]:
    """Every level of every kind of trap in layers and at junctions."""
    found = []
    for layer in device.layers:
        for kind in layer.traps:
            found += [
                TrapLevel(kind, share * float(kind.density), energy, layer=layer.name)
                for share, energy in kind.share_and_energy
            ]
    for interface in device.interfaces:
        for kind in interface.traps:
            found += [
                TrapLevel(kind, share * float(kind.density), energy, junction=_in_order(device, interface.layers))
                for share, energy in kind.share_and_energy
            ]
    return found


def _in_order(device, pair: tuple[str, str]) -> tuple[str, str]:
    """Two neighbouring layers as they stand in the stack."""
    first, second = (name for name in (layer.name for layer in device.layers) if name in pair)
    return first, second


@dataclass(frozen=True)
class SpeciesPlan:
    """One species: charge number, unit of density [m^-3], places by layer; `formula` where reactions know it.

    traps : the level whose electrons it counts
    """

    name: str
    charge: int
    scale: float
    places: dict[str, Place] = field(default_factory=dict)
    formula: str | None = None
    is_state: bool = False
    """Whether it is no matter but a state of the lattice, of unit density, immobile and without charge."""
    traps: TrapLevel | None = None

    @property
    def is_local(self) -> bool:
        """Whether it couples to its own cell only."""
        at_junction = self.traps is not None and self.traps.junction is not None
        return not (self.is_mobile or at_junction or any(place.shares for place in self.places.values()))

    @property
    def is_mobile(self) -> bool:
        """Whether it moves anywhere."""
        return any(place.diffusivity > 0.0 for place in self.places.values())


def plan_species(device) -> list[SpeciesPlan]:
    """Electrons, holes, ions of the layers, dissolved species that a reaction uses, metallic lead."""
    conducting = {x.name: Place(1.0) for x in device.layers if x.transport}
    plans = [
        SpeciesPlan("electron", -1, CARRIER_SCALE, conducting, "e-"),
        SpeciesPlan("hole", 1, CARRIER_SCALE, conducting, "h+"),
    ]
    return plans + _layer_ions(device) + _dissolved(device) + _lead(device) + _trapped(device) + _states(device)


def _trapped(device) -> list[SpeciesPlan]:
    """Electrons on charged traps, one immobile species for each level; at a junction they stand in its left cell."""
    plans = []
    for number, level in enumerate(trap_levels(device)):
        if level.is_charged:
            place = level.layer if level.junction is None else level.junction[0]
            scale = level.density if level.junction is None else level.density / JUNCTION_DEPTH
            plans.append(
                SpeciesPlan(f"trapped_{level.kind.name}_{number}", -1, scale, {place: Place(0.0)}, traps=level)
            )
    return plans


def _layer_ions(device) -> list[SpeciesPlan]:
    found: dict[str, SpeciesPlan] = {}
    for layer in device.layers:
        for ion in layer.ions:
            diffusivity = ion.diffusivity(float(device.temperature))
            place = Place(
                diffusivity, 0.0, float(ion.density), ion.compensated, device.sites(layer.name, ion), ion.sites
            )
            plan = found.setdefault(ion.name, SpeciesPlan(ion.name, ion.charge, max(float(ion.density), LEAST_SCALE)))
            plan.places[layer.name] = place
    return list(found.values())


def _dissolved(device) -> list[SpeciesPlan]:
    plans = []
    for species in device.species:
        if any(_takes_part(device, species, reaction) for reaction in device.reactions):
            places = {
                name: Place(
                    float(x.diffusivity), float(x.solvation_energy), sites=device.sites(name, x), shares=x.sites
                )
                for name, x in species.layers.items()
            }
            plans.append(
                SpeciesPlan(species.name, species.charge, float(species.reference_density), places, species.formula)
            )
    return plans


def sharing(plans: list[SpeciesPlan], s: int, layer: str) -> list[int]:
    """Species on the same sites of a layer as species s, s among them, in their order."""
    own = plans[s].places.get(layer)
    if own is None or own.shares is None:
        return [s]
    places = [plan.places.get(layer) for plan in plans]
    return [t for t, other in enumerate(places) if other is not None and other.shares == own.shares]


def _takes_part(device, species, reaction) -> bool:
    """Whether a reaction consumes or makes this species in a layer where it lives; X- on a lattice is not dissolved."""
    if species.formula not in reaction.equation.species:
        return False
    site = split_site(reaction.site)
    names = site.layers or (device.layers[0 if contact_side(device, reaction) == 0 else -1].name,)
    apart = species.charge >= 0 or is_beside_sites(species.formula)
    return any(name in species.layers and (device.layer(name).lattice is None or apart) for name in names)


def _lead(device) -> list[SpeciesPlan]:
    """Metallic lead, where a reaction makes it or some stands there from the start."""
    makes = any(
        LEAD in reaction.equation.species and split_site(reaction.site).kind != "contact"
        for reaction in device.reactions
    )
    lattices = {
        x.name: x.lattice for x in device.layers if x.lattice is not None and x.lattice.lead_density is not None
    }
    if not (makes or any(x.initial_interfacial_lead for x in lattices.values())):
        return []
    scale = max((float(x.lead_density) for x in lattices.values()), default=0.0)
    places = {name: Place(0.0, compensated=True) for name in lattices}
    return [SpeciesPlan("Pb0", LEAD_CHARGE, scale, places, LEAD)] if lattices else []


def _states(device) -> list[SpeciesPlan]:
    """The order parameter of the lattices, one at the start, and the states of the transformations."""
    lattices = [layer.name for layer in device.layers if layer.lattice is not None]
    found = []
    if any(process.kind == "collapse" for process in device.enabled_processes):
        found.append((CRYSTALLINITY, {name: Place(0.0, density=1.0) for name in lattices}))
    for process in device.transformations:
        found += [(kind + process.name, {process.layer: Place(0.0)}) for kind in (ZETA, TAKEN)]
    return [SpeciesPlan(name, 0, 1.0, places, is_state=True) for name, places in found]
