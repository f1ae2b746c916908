"""The parts of a stack: layers, the two contacts, the junctions between layers, emission."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.material import (
    EXCITON_KEYS,
    TRANSPORT_NEEDS,
    DiluteIon,
    ElectronicProperties,
    HalideLattice,
)
from perovsim.model.names import Name
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.traps import InterfaceTrap, Trap


class Layer(ElectronicProperties):
    """One layer with every material parameter resolved.

    `transport = false`: no electrons or holes inside (an ionic or insulating layer).
    statistics : of electrons and holes; "gauss_fermi" needs disorder_electron and disorder_hole
    """

    name: Name
    thickness: dim.Length
    material: str = ""
    cells: int | None = Field(default=None, ge=1, le=100_000)
    role: str = ""
    transport: bool = True
    statistics: Literal["boltzmann", "fermi_dirac", "blakemore", "gauss_fermi"] = "boltzmann"
    lattice: HalideLattice | None = None
    ions: tuple[DiluteIon, ...] = Field(default=(), alias="ion")
    traps: tuple[Trap, ...] = Field(default=(), alias="trap")

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        needed = ("permittivity", *(TRANSPORT_NEEDS if self.transport else ()))
        if self.statistics == "gauss_fermi":
            needed = (*needed, "disorder_electron", "disorder_hole")
        missing = [name for name in needed if getattr(self, name) is None]
        missing += self.lattice.missing() if self.lattice is not None else []
        if any(getattr(self, name) is not None for name in EXCITON_KEYS):
            missing += [name for name in EXCITON_KEYS if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{', '.join(missing)} not given; add to the material file or [layer.values]")
        return self

    @property
    def affinity_slope(self) -> Quantity | None:
        """d(electron_affinity)/dx_Cl of the lattice [eV], or None."""
        return None if self.lattice is None else self.lattice.affinity_slope

    @property
    def ionisation_slope(self) -> Quantity | None:
        """d(ionisation_energy)/dx_Cl of the lattice [eV], or None."""
        return None if self.lattice is None else self.lattice.ionisation_slope

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        chi, ionisation = self.electron_affinity, self.ionisation_energy
        if chi is not None and ionisation is not None and ionisation.si <= chi.si:
            raise ValueError(f"ionisation_energy {ionisation} must be larger than electron_affinity {chi}")
        return self

    @model_validator(mode="after")
    def _check_vacancies(self) -> Self:
        lattice = self.lattice
        if lattice is not None and lattice.vacancy_density.si >= lattice.site_density.si:
            raise ValueError(
                f"vacancy_density {lattice.vacancy_density} must be below site_density {lattice.site_density}"
            )
        return self


def _ohmic() -> Quantity:
    return Dimension(("m/s",), infinite=True).read(math.inf)


class Contact(ModelData):
    """A metal contact, named by the forward direction: `anode` or `cathode`.

    work_function : effective, with the dipole of an interlayer such as LiF [eV]
    work_function_bare : of the metal itself [eV]; None = the same
    lithium_fluoride : amount [mol/m^2] between the metal and the layers that reactions with LiF may use up (1 nm is
        1.02e-4); the dipole that it makes is in work_function and stays
    recombination_velocity_* : exchange with the layer [m/s]; inf = ohmic
    image_lowering : whether the image force raises a finite exchange velocity where the field pulls carriers away
    permeability : of an interlayer such as LiF for dissolved species, J = P (c_layer - c_metal) [m/s]; None = no
    interlayer. It stands before the last cell of the layer, which is what the reactions of the contact see
    """

    which: Literal["anode", "cathode"]
    name: Name
    work_function: dim.Level
    work_function_bare: dim.Level | None = None
    material: str = ""
    lithium_fluoride: dim.ArealAmount | None = None
    recombination_velocity_electron: dim.ExchangeVelocity = Field(default_factory=_ohmic)
    recombination_velocity_hole: dim.ExchangeVelocity = Field(default_factory=_ohmic)
    image_lowering: bool = False
    permeability: dim.Velocity | None = None

    @property
    def bare(self) -> Quantity:
        """Work function of the metal without the interlayer's dipole [eV]."""
        return self.work_function_bare or self.work_function


class Interface(ModelData):
    """The junction of two neighbouring layers, ``between = "emitter|etl"``.

    thermionic : emission velocity over the band step [m/s]; None = continuous quasi-Fermi level
    permeability : of the junction for dissolved species, J = P (c_1 - c_2 of the equilibrium with c_1) [m/s], c_1 on
    the side where they are less at home; None = no resistance
    halides : "open" where the sites of two halide lattices are neighbours, "blocked" where nothing passes
    """

    between: str
    thermionic: dim.ExchangeVelocity | None = None
    permeability: dim.Velocity | None = None
    halides: Literal["blocked", "open"] = "blocked"
    traps: tuple[InterfaceTrap, ...] = Field(default=(), alias="trap")

    @field_validator("between")
    @classmethod
    def _check_pair(cls, between: str) -> str:
        parts = [part.strip() for part in between.split("|")]
        if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
            raise ValueError(f"'{between}' does not name two layers; write \"emitter|etl\"")
        return "|".join(parts)

    @property
    def thermionic_velocity(self) -> Quantity | None:
        """The same as `thermionic`."""
        return self.thermionic

    @property
    def layers(self) -> tuple[str, str]:
        """Names of the two layers, as written."""
        first, second = self.between.split("|")
        return first, second


def _assumed_outcoupling() -> Quantity:
    note = "planar device, n about 2: 1/(2 n^2) = 0.125, with recycling about 0.2"
    table = {"value": 0.2, "note": note}
    return Dimension(("",), low=0, high=1).read(table)


class Emission(ModelData):
    """How much of the generated light leaves the device."""

    outcoupling: dim.Fraction = Field(default_factory=_assumed_outcoupling)
