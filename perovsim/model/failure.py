"""What ends a crystal: the collapse of its lattice, its transformation into other solids."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from perovsim.constants import K_B, Q
from perovsim.model import dimensions as dim
from perovsim.model.process import ProcessData
from perovsim.model.quantity import Dimension, Quantity
from perovsim.physics.film_loss import arrhenius
from perovsim.physics.phases import drive


def _no_barrier() -> Quantity:
    return Dimension(("eV",), low=0).read(0.0)


def _room() -> Quantity:
    return Dimension(("K",)).read(298.15)


class Collapse(ProcessData):
    """Every halide lattice loses its order: dC/dt = -k C (theta_V/theta_c - 1)_+ - (j_b/q) C/D_e, C = 1 at the start.

    C multiplies the Bragg amplitude; what it has lost is amorphous.
    rate : k [1/s] at T_reference, activation_energy [eV]
    critical_vacancies : theta_c, from which on the lattice collapses
    beam_dose : D_e [m^-2] of an electron beam in which C falls to 1/e; none: the beam does nothing to it
    """

    kind: Literal["collapse"]
    rate: dim.RateConstant
    critical_vacancies: dim.PositiveRatio
    activation_energy: dim.Barrier = Field(default_factory=_no_barrier)
    T_reference: dim.Temperature = Field(default_factory=_room)
    beam_dose: dim.Dose | None = None

    @property
    def answers_beam(self) -> bool:
        """Whether an electron beam has a part in it."""
        return self.beam_dose is not None

    def rate_at(self, temperature: float) -> float:
        """k [1/s] at a temperature [K]."""
        return arrhenius(float(self.rate), float(self.activation_energy), temperature, float(self.T_reference))

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        beam = "" if self.beam_dose is None else f"; to 1/e within {self.beam_dose} of a beam"
        return f"lattices with more than {self.critical_vacancies} vacancies per site lose their order{beam}"


class Transformation(ProcessData):
    """CsPbX3 of a layer turns into another solid by nucleation and growth (perovsim.physics.phases), within each cell.

    product : "PbX2" (with CsX), "CsPb2X5" (with CsX) or "Cs4PbX6" (with PbX2)
    rate : k_0 [1/s] far from equilibrium at T_reference, activation_energy [eV]; k = k_0 [1 - exp(dG/kT)], at least 0
    gibbs_energy : dG [eV per CsPbX3]; no public value is known for the ternary phases: a prior, with its range
    avrami_exponent : n >= 1
    vacancies : vacancy fraction at which that is k; k is then proportional to it. None: the same k at any
    """

    kind: Literal["transformation"]
    layer: str
    product: Literal["PbX2", "CsPb2X5", "Cs4PbX6"]
    rate: dim.RateConstant
    gibbs_energy: dim.Energy
    avrami_exponent: dim.GrowthExponent
    activation_energy: dim.Barrier = Field(default_factory=_no_barrier)
    T_reference: dim.Temperature = Field(default_factory=_room)
    vacancies: dim.PositiveRatio | None = None

    def pace(self, temperature: float) -> float:
        """k [1/s] at a temperature [K]."""
        rate = arrhenius(float(self.rate), float(self.activation_energy), temperature, float(self.T_reference))
        return rate * drive(float(self.gibbs_energy), K_B * temperature / Q)

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        beside = {"PbX2": "CsX", "CsPb2X5": "CsX", "Cs4PbX6": "PbX2"}[self.product]
        return f"{self.layer}: CsPbX3 -> {self.product} + {beside}, k = {self.pace(temperature):.3g} 1/s"
