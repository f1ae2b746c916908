"""Processes that a device file can switch: reactions, blocking films, traps from lead.

This is what the file says. Balance, affinity and rate come from `perovsim.processes`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from perovsim.errors import ModelFileError
from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData, PlacedError
from perovsim.model.equation import Equation, parse_equation
from perovsim.model.failure import Collapse, Transformation
from perovsim.model.films import FilmBlocking, Hydrolysis, Sublimation
from perovsim.model.material import arrhenius
from perovsim.model.names import Name
from perovsim.model.process import ProcessData
from perovsim.model.quantity import Dimension, Quantity
from perovsim.physics.beam import beam_pairs
from perovsim.physics.growth import LAWS

_SITE = re.compile(r"(layer:[^|:]+|contact:[^|:]+(\|layer:[^|:]+)?|interface:[^|:]+\|[^|:]+)")
SITE_FORMS = '"layer:NAME", "contact:NAME", "contact:NAME|layer:NAME" or "interface:A|B"'
RATE_UNITS = {"affinity": ("mol/m^3/s", "m^3/s"), "beam": ("m^2",)}
"""Units of the rate of a reaction in a layer, by what drives it."""


class Electrochemistry(ModelData):
    """One thermodynamic table and one alignment of its potentials to the vacuum level.

    redox_level : electron energy of Pb/PbBr2 against vacuum [eV], negative
    stabilisation_energy : of the perovskite against its binary halides [eV per formula]
    """

    thermochemistry: str = "thermochemistry.csv"
    redox_level: dim.Energy
    stabilisation_energy: dim.Energy | None = None

    _directory: Path | None = PrivateAttr(default=None)

    @property
    def thermochemistry_path(self) -> Path:
        """The table: beside the device file, or the one of the package."""
        package = Path(__file__).resolve().parents[1] / "data"
        for folder in (self._directory, package):
            if folder is not None and (folder / self.thermochemistry).is_file():
                return folder / self.thermochemistry
        raise ModelFileError(
            f"electrochemistry.thermochemistry: no table '{self.thermochemistry}' beside the "
            'device file or in the package; give "thermochemistry.csv"'
        )


class SpeciesInLayer(ModelData):
    """A dilute species in one layer; `solvation_energy` [eV] lowers or raises its level there.

    Counted from X- on its site for an anion, from the element for a neutral atom, and for a cation from the element and
    an electron in vacuum: that of X+ holds its ionisation energy; for V_Cs- from Cs+ that leaves with the last halide
    of the lattice as a salt, for a salt from its own free energy. site_density : most of it that the layer can hold,
    N of mu = kT ln[c/(1 - c/N)]; None = no limit. sites : a name; what has the same one in a layer
    shares the sites there, mu = kT ln[c/(1 - sum c/N)], and one of them gives N
    """

    diffusivity: dim.Diffusivity
    solvation_energy: dim.Energy
    site_density: dim.PositiveDensity | None = None
    sites: Name | None = None


class Species(ModelData):
    """A species beside lattice halides and carriers: Cl, Cl+, or Cl_i- for an ion between the sites, V_Cs- for an empty
    site of caesium, CsCl for a solid that the lattice gives off."""

    name: Name
    formula: str
    charge: int = Field(default=0, ge=-4, le=4)
    reference_density: dim.PositiveDensity
    layers: dict[str, SpeciesInLayer] = Field(min_length=1)


def _three_gaps() -> Quantity:
    return Dimension(("",), low=0, above=True).read({"value": 3.0, "note": "usual in semiconductors, 2.5 to 3.5"})


def _half() -> Quantity:
    return Dimension(("",), low=0, high=1).read({"value": 0.5, "note": "symmetric barrier"})


def _alike() -> Quantity:
    return Dimension(("",), low=0, high=1).read({"value": 0.0, "note": "of one size"})


class Reaction(ProcessData):
    """A reaction written as chemistry, e.g. ``2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb``.

    rate : r0 [mol/m^2/s] at a contact or interface; [mol/m^3/s] or a capture coefficient
        [m^3/s] in the bulk
    activation_energy : of the rate [eV], which is that at T_reference
    alpha : symmetry factor of the elementary step
    elementary_steps : steps that share the affinity of the reaction as written
    side : on which side of the interlayer dipole the metal reacts, "inner" or "bare"
    nucleation_barrier : B = (16 pi/3) gamma^3 v^2 f [eV^3] of the factor exp(-B/(A^2 kT)), A the affinity per atom of
        lead
    drive : "affinity", or "beam": it only runs forward, d(theta_X)/dt = -rate (j_b/q) theta_X of the one lattice halide
        that it takes, rate a cross section [m^2]
    growth_law : how the film that it makes slows it (perovsim.physics.growth.LAWS), with the one parameter of that law:
        transition_thickness [m] where transport through the film takes over; jump_distance [m] of an ion in the field,
        which moves the charge of one elementary step; film_field [V/m] of the point-defect model. Those of other laws
        may stand beside it, so that one word switches the law
    """

    kind: Literal["reaction"]
    reaction: str
    site: str
    rate: dim.ReactionRate
    activation_energy: dim.Barrier | None = None
    T_reference: dim.Temperature | None = None
    drive: Literal["affinity", "beam"] = "affinity"
    alpha: dim.Fraction = Field(default_factory=_half)
    elementary_steps: int = Field(default=1, ge=1, le=24)
    zone_depth: dim.Length | None = None
    area_fraction: dim.Fraction | None = None
    side: Literal["inner", "bare"] | None = None
    nucleation_barrier: dim.CubedEnergy | None = None
    lead_site_density: dim.PositiveDensity | None = None
    growth_law: Literal["interface", "parabolic", "linear_parabolic", "cabrera_mott", "point_defect"] = "interface"
    transition_thickness: dim.Length | None = None
    jump_distance: dim.Length | None = None
    film_field: dim.Field | None = None

    @property
    def equation(self) -> Equation:
        """The reaction, parsed: text, reactants, products, stoichiometry, species."""
        return parse_equation(self.reaction)

    def rate_at(self, temperature: float) -> float:
        """r0(T) = rate exp[-(E/k)(1/T - 1/T_reference)], temperature in K."""
        return float(self.rate) * arrhenius(self.activation_energy, self.T_reference, temperature)

    @property
    def answers_beam(self) -> bool:
        """Whether an electron beam has a part in it."""
        return self.drive == "beam"

    @property
    def rate_is_capture(self) -> bool:
        """Whether `rate` is a capture coefficient [m^3/s]."""
        return self.rate.si_unit == "m^3/s"

    @field_validator("reaction")
    @classmethod
    def _check_balance(cls, reaction: str) -> str:
        return parse_equation(reaction).text

    @field_validator("site")
    @classmethod
    def _check_site(cls, site: str) -> str:
        if _SITE.fullmatch(site) is None:
            raise ValueError(f"site '{site}' is not one of the forms {SITE_FORMS}")
        return site

    @model_validator(mode="after")
    def _check_rate_unit(self) -> Self:
        units = RATE_UNITS[self.drive] if self.site.startswith("layer:") or self.drive == "beam" else ("mol/m^2/s",)
        if self.rate.si_unit not in units:
            wanted = " or ".join(units)
            message = f"{self.rate} at site '{self.site}' must be in {wanted}"
            raise PlacedError(message, "rate")
        if self.drive == "beam" and not self.site.startswith("layer:"):
            raise PlacedError('what the beam drives happens in a layer; write site = "layer:NAME"', "site")
        return self

    @model_validator(mode="after")
    def _check_growth_law(self) -> Self:
        needs = LAWS[self.growth_law].needs
        if needs and getattr(self, needs) is None:
            raise PlacedError(f'growth_law = "{self.growth_law}" needs {needs}; give it first', "growth_law")
        if self.growth_law != "interface" and self.nucleation_barrier is not None:
            message = "a film that nucleates over a barrier grows by the interface law only"
            raise PlacedError(message, "nucleation_barrier")
        return self


class Beam(ProcessData):
    """Pairs that an electron beam makes in every layer with a halide lattice, G = (j_b/q) S/(gaps_per_pair E_g).

    stopping_power : energy that one beam electron loses per depth, S [eV/m]; j_b is that of the step of the protocol
    gaps_per_pair : energy of one pair in gaps
    """

    kind: Literal["beam"]
    stopping_power: dim.StoppingPower
    gaps_per_pair: dim.PositiveRatio = Field(default_factory=_three_gaps)

    @property
    def answers_beam(self) -> bool:
        """Whether an electron beam has a part in it."""
        return True

    def pairs(self, gap: float) -> float:
        """Pairs that one beam electron makes per depth in a material with this gap [eV] [1/m]."""
        return beam_pairs(float(self.stopping_power), gap, float(self.gaps_per_pair))

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        return f"an electron makes one pair per {self.gaps_per_pair} gaps of the {self.stopping_power} that it loses"


class LeadTraps(ProcessData):
    """Metallic lead as recombination centres (SRH), `trap_energy` below vacuum."""

    kind: Literal["lead_traps"]
    traps_per_atom: dim.Fraction
    capture_electron: dim.Capture
    capture_hole: dim.Capture
    trap_energy: dim.Level

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        return f"{self.traps_per_atom} centres per atom of metallic lead, {self.trap_energy} below vacuum"


class LeadClusters(ProcessData):
    """Clusters of the metallic lead in a layer: number, mean radius and spread (perovsim.device.running.clusters).

    reaction : the one over whose nucleation_barrier they form, at its affinity
    rate : nuclei per volume and time without a barrier [m^-3/s]; surface_energy : gamma [J/m^2] of lead in the layer
    initial_density : clusters at the start [m^-3], those of the lead that stands there, or sites where lead begins
    initial_spread : standard deviation of their radii over the mean
    """

    kind: Literal["lead_clusters"]
    reaction: str
    rate: dim.GenerationRate
    surface_energy: dim.FractureEnergy
    initial_density: dim.PositiveDensity
    initial_spread: dim.Fraction = Field(default_factory=_alike)

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        return f"lead of '{self.reaction}' in clusters, {self.initial_density} at the start, {self.surface_energy}"


Process = Annotated[
    Reaction | FilmBlocking | Sublimation | Hydrolysis | Beam | LeadTraps | LeadClusters | Collapse | Transformation,
    Field(discriminator="kind"),
]
