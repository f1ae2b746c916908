"""Materials: electronic properties of a layer and the halide lattice that some layers have."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from perovsim.constants import K_B, Q
from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.names import Name
from perovsim.model.quantity import Quantity
from perovsim.physics.emission import exciton_energy

Halide = Literal["Cl", "Br", "I"]
ROOM_TEMPERATURE = 298.15
"""Reference temperature [K] of a diffusivity or rate that states none."""


def arrhenius(energy: Quantity | None, reference: Quantity | None, temperature: float) -> float:
    """exp[-(E/k)(1/T - 1/T_reference)], E [eV]; 1 without an energy, room temperature without a reference."""
    kelvin = ROOM_TEMPERATURE if reference is None else float(reference)
    return 1.0 if energy is None else math.exp(-float(energy) * Q / K_B * (1.0 / temperature - 1.0 / kelvin))


ELASTIC_NEEDS = ("lattice_parameter_Br", "lattice_parameter_Cl", "youngs_modulus", "poisson_ratio")
STRESS_USES = ("stress_coupling", "activation_volume", "affinity_strain_slope", "ionisation_strain_slope",
               "fracture_energy")  # fmt: skip
"""What needs the elastic constants of a lattice."""


class HalideLattice(ModelData):
    """The anion sublattice: halides and vacancies that share a fixed number of sites.

    theta_Cl + theta_Br + theta_V = 1; x_Cl = theta_Cl / (theta_Cl + theta_Br). Chloride stands first in `halides`.
    mixing_energy : w of the regular solution [eV per halide], g = w x (1 - x); segregates above 2 kT. There is no
    gradient energy: inside the spinodal the shortest wave of the mesh grows fastest, and cells set the domain size
    moving_lattice : Darken's limit, vacancies held by sources and the lattice free to shift: halides exchange only;
    false: they move by vacancies on a lattice that stands
    stress_coupling : whether the stress of the clamped film drives halides, -Omega_X sigma_h
    vacancy_strain : d(eps0)/d(theta_V); lead_strain : d(eps0)/d(share of the lead that is metal), outputs only
    activation_volume : E_migration rises by pressure times it; *_strain_slope : of the level with the trace of the
    elastic strain [eV]; critical_strain, fracture_energy : what the strain is compared with
    initial_interfacial_strain, initial_interfacial_lead : what stands at both faces before operation,
    falling off over its decay length into the layer; strain elastic and out of plane, metallic lead as a density [m^-3]
    """

    halides: tuple[Halide, ...] = ("Cl", "Br")
    x_Cl: dim.Fraction | None = None
    site_density: dim.PositiveDensity | None = None
    vacancy_density: dim.PositiveDensity | None = None
    theta_reference: dim.Fraction | None = None
    D_vacancy: dim.Diffusivity | None = None
    D_ratio_Cl: dim.PositiveRatio | None = None
    E_migration: dim.Barrier | None = None
    T_reference: dim.Temperature | None = None
    lead_density: dim.PositiveDensity | None = None
    mixing_energy: dim.Energy | None = None
    moving_lattice: bool = False

    lattice_parameter_Br: dim.Length | None = None
    lattice_parameter_Cl: dim.Length | None = None
    youngs_modulus: dim.Modulus | None = None
    poisson_ratio: dim.PoissonRatio | None = None
    initial_interfacial_strain: dim.Strain | None = None
    initial_strain_decay_length: dim.Length | None = None
    misfit_strain: dim.Strain | None = None
    vacancy_strain: dim.Strain | None = None
    lead_strain: dim.Strain | None = None
    stress_coupling: bool = False
    activation_volume: dim.ActivationVolume | None = None
    affinity_strain_slope: dim.Energy | None = None
    ionisation_strain_slope: dim.Energy | None = None
    critical_strain: dim.Fraction | None = None
    fracture_energy: dim.FractureEnergy | None = None
    initial_interfacial_lead: dim.Density | None = None
    initial_lead_decay_length: dim.Length | None = None

    exciton_energy_Br: dim.Level | None = None
    exciton_energy_Cl: dim.Level | None = None
    exciton_bowing: dim.Energy | None = None
    stokes_shift: dim.Barrier | None = None
    linewidth: dim.Barrier | None = None
    affinity_slope: dim.Energy | None = None
    ionisation_slope: dim.Energy | None = None

    @field_validator("halides")
    @classmethod
    def _put_chloride_first(cls, halides: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(halides, key=lambda name: name != "Cl"))

    @model_validator(mode="after")
    def _check_profiles(self) -> Self:
        pairs = (
            ("initial_interfacial_strain", "initial_strain_decay_length"),
            ("initial_interfacial_lead", "initial_lead_decay_length"),
        )
        for name, length in pairs:
            if getattr(self, name) is not None and getattr(self, length) is None:
                raise ValueError(f"{name} is given without {length}; add how far it reaches into the layer")
        return self

    @model_validator(mode="after")
    def _check_elastic(self) -> Self:
        uses = [name for name in STRESS_USES if getattr(self, name)]
        missing = [name for name in ELASTIC_NEEDS if getattr(self, name) is None]
        if uses and missing:
            raise ValueError(f"{uses[0]} needs {', '.join(missing)} of the lattice; add them, or leave it out")
        profile = 0.0 if self.initial_interfacial_strain is None else float(self.initial_interfacial_strain)
        if self.has_strain and profile != 0.0 and (self.poisson_ratio is None or float(self.poisson_ratio) == 0.0):
            raise ValueError(
                f"initial_interfacial_strain {self.initial_interfacial_strain} is out of plane, and without a "
                "poisson_ratio other than 0 no stress in plane makes it; give one, or misfit_strain instead"
            )
        return self

    @model_validator(mode="after")
    def _check_moving(self) -> Self:
        if self.moving_lattice and len(self.halides) != 2:
            raise ValueError("moving_lattice = true exchanges two halides; give both in `halides`, or set it to false")
        return self

    @property
    def has_strain(self) -> bool:
        """Whether the lattice parameters that strain is counted from are known."""
        return self.lattice_parameter_Br is not None and self.lattice_parameter_Cl is not None

    def diffusivity(self, temperature: float) -> float:
        """D(T) = D_vacancy exp[-(E_migration/k)(1/T - 1/T_reference)] [m^2/s], temperature in K."""
        return float(self.D_vacancy) * arrhenius(self.E_migration, self.T_reference, temperature)

    def emission_energy(self, x: Any) -> Any:
        """Energy of the emission maximum [eV] at the composition x: the exciton less its Stokes shift."""
        ends = float(self.exciton_energy_Br), float(self.exciton_energy_Cl), float(self.exciton_bowing)
        return exciton_energy(x, *ends) - (0.0 if self.stokes_shift is None else float(self.stokes_shift))

    def missing(self) -> list[str]:
        """Return what the transport of halides needs and this lattice lacks."""
        needed = ["x_Cl", "site_density", "vacancy_density", "D_vacancy", "lead_density"]
        return [name for name in needed if getattr(self, name) is None]


class DiluteIon(ModelData):
    """A mobile ion of low density, with a fixed neutralising background if `compensated`.

    D : at T_reference; E_migration : its activation energy [eV]; site_density : most of it that the layer can hold, N
    of mu = kT ln[c/(1 - c/N)]; None = no limit. sites : a name; what has the same one in a layer
    shares the sites there, mu = kT ln[c/(1 - sum c/N)], and one of them gives N
    """

    name: Name
    charge: int
    D: dim.Diffusivity
    E_migration: dim.Barrier | None = None
    T_reference: dim.Temperature | None = None
    density: dim.Density
    compensated: bool = True
    site_density: dim.PositiveDensity | None = None
    sites: Name | None = None

    def diffusivity(self, temperature: float) -> float:
        """D(T) = D exp[-(E_migration/k)(1/T - 1/T_reference)] [m^2/s], temperature in K."""
        return float(self.D) * arrhenius(self.E_migration, self.T_reference, temperature)

    @model_validator(mode="after")
    def _check_charge(self) -> Self:
        if not 1 <= abs(self.charge) <= 4:
            raise ValueError(f"charge = {self.charge} of an ion; allowed: -4 to -1 and 1 to 4")
        if self.site_density is not None and self.density.si >= self.site_density.si:
            raise ValueError(f"density {self.density} of an ion must be below site_density {self.site_density}")
        return self


class ElectronicProperties(ModelData):
    """What a layer or a material file says about electrons and holes; None = not given.

    Energies are positive below vacuum; `trap_energy` likewise. A lifetime that is not given is
    infinite: no SRH recombination. `generation` : electron-hole pairs per volume and time under
    `light = 1` of a protocol step. disorder_* : standard deviation of a Gaussian density of states
    [eV], for statistics = "gauss_fermi". field_factor_* : beta of a Poole-Frenkel mobility
    mu exp(beta sqrt|F|) [sqrt(m/V)]. langevin_prefactor : gamma in k = gamma q (mu_n + mu_p)/eps,
    bimolecular recombination without light in addition to k_radiative.
    exciton_* : bound pairs, all five or none: they form with the coefficient `formation`, dissociate against
    the binding energy with the density of free pairs `states` (mu kT/2 pi hbar^2)^(3/2), and decay with and without
    light; they stay where they form and follow the carriers at once (perovsim.physics.excitons).
    """

    permittivity: dim.Permittivity | None = None
    electron_affinity: dim.Level | None = None
    ionisation_energy: dim.Level | None = None
    N_c: dim.PositiveDensity | None = None
    N_v: dim.PositiveDensity | None = None
    mobility_electron: dim.Mobility | None = None
    mobility_hole: dim.Mobility | None = None
    disorder_electron: dim.Barrier | None = None
    disorder_hole: dim.Barrier | None = None
    field_factor_electron: dim.FieldFactor | None = None
    field_factor_hole: dim.FieldFactor | None = None
    donor_density: dim.Density | None = None
    acceptor_density: dim.Density | None = None
    k_radiative: dim.Capture | None = None
    langevin_prefactor: dim.Fraction | None = None
    k_auger_electron: dim.AugerCoefficient | None = None
    k_auger_hole: dim.AugerCoefficient | None = None
    lifetime_electron: dim.Lifetime | None = None
    lifetime_hole: dim.Lifetime | None = None
    trap_energy: dim.Level | None = None
    generation: dim.GenerationRate | None = None
    exciton_formation: dim.Capture | None = None
    exciton_binding_energy: dim.Barrier | None = None
    exciton_states: dim.PositiveDensity | None = None
    exciton_radiative_rate: dim.RateConstant | None = None
    exciton_nonradiative_rate: dim.RateConstant | None = None


ELECTRONIC_KEYS: tuple[str, ...] = tuple(ElectronicProperties.model_fields)
LATTICE_KEYS: tuple[str, ...] = tuple(HalideLattice.model_fields)
EXCITON_KEYS = tuple(key for key in ELECTRONIC_KEYS if key.startswith("exciton_"))
TRANSPORT_NEEDS = (
    "electron_affinity",
    "ionisation_energy",
    "N_c",
    "N_v",
    "mobility_electron",
    "mobility_hole",
)


class Material(ElectronicProperties):
    """A material file: what any device may take over for a layer or a contact."""

    name: str
    formula: str = ""
    description: str = ""
    work_function: dim.Level | None = None
    lattice: HalideLattice | None = None
