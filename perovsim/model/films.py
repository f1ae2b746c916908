"""Films of aluminium halide on a contact: how they block it, and how they are lost where their face is exposed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from perovsim.constants import N_A
from perovsim.model import dimensions as dim
from perovsim.model.process import ProcessData
from perovsim.model.quantity import Dimension, Quantity
from perovsim.physics.film_loss import arrhenius, hertz_knudsen

FILM_HALIDE = {"AlCl3": "Cl", "AlBr3": "Br", "AlI3": "I"}
"""Films that are known, with their halide."""


def _one() -> Quantity:
    return Dimension(("",), low=0, high=1).read({"value": 1.0, "note": "every molecule that strikes sticks"})


def _vacuum() -> Quantity:
    return Dimension(("Pa",), low=0).read(0.0)


def _room() -> Quantity:
    return Dimension(("K",)).read(298.15)


class FilmBlocking(ProcessData):
    """A film on a contact that blocks area and has to be tunnelled through.

    Blocked area theta_b = 1 - exp(-n / coverage_amount), n [mol/m^2];
    injection through the film falls as exp(-tunnel_decay h).
    existence_amount : activity n/(n + n_0) of a film that hardly exists
    """

    kind: Literal["film_blocking"]
    contact: str
    coverage_amount: dim.ArealAmount
    tunnel_decay: dim.InverseLength
    existence_amount: dim.ArealAmount

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        return f"blocks 1 - 1/e of {self.contact} at {self.coverage_amount}, lets through exp(-{self.tunnel_decay} h)"


class FilmLoss(ProcessData):
    """What takes a film away where its face is exposed; amounts lost are counted.

    exposed_fraction : share of the area of the contact through which that happens
    T_reference : temperature [K] of the numbers given
    """

    film: Literal["AlCl3", "AlBr3", "AlI3"]
    contact: str
    exposed_fraction: dim.Fraction
    T_reference: dim.Temperature = Field(default_factory=_room)

    def rates(self, temperature: float) -> tuple[float, float]:
        """Loss and return of a pure film [m^-2 s^-1] of formula units at a temperature [K]."""
        raise NotImplementedError

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        away, back = (rate / N_A for rate in self.rates(temperature))
        return f"takes {away:.3g} mol/m^2/s of {self.film} from {self.contact}, brings back {back:.3g}"


class Sublimation(FilmLoss):
    """Evaporation into vacuum or a background of the same vapour: alpha f (P(T) y - p)/sqrt(2 pi m k T).

    vapour_pressure : P [Pa] of the molecule over the pure film at T_reference; y is the mole fraction (Raoult)
    sublimation_energy : [eV] per molecule, Clausius-Clapeyron
    molar_mass : of the molecule; formula_units : how many of the film it holds, two in Al2Cl6
    sticking : alpha; background_pressure : p [Pa]
    """

    kind: Literal["sublimation"]
    vapour_pressure: dim.PositivePressure
    sublimation_energy: dim.Barrier
    molar_mass: dim.MolarMass
    formula_units: int = Field(default=2, ge=1, le=4)
    sticking: dim.Fraction = Field(default_factory=_one)
    background_pressure: dim.Pressure = Field(default_factory=_vacuum)

    def rates(self, temperature: float) -> tuple[float, float]:
        """Loss and return of a pure film [m^-2 s^-1] of formula units at a temperature [K]."""
        pressure = arrhenius(
            float(self.vapour_pressure), float(self.sublimation_energy), temperature, float(self.T_reference)
        )
        per_pascal = hertz_knudsen(1.0, float(self.molar_mass), temperature) * self.formula_units
        per_pascal *= float(self.sticking) * float(self.exposed_fraction)
        return per_pascal * pressure, per_pascal * float(self.background_pressure)


class Hydrolysis(FilmLoss):
    """Water turns the film into hydroxide and acid vapour, both lost: k(T) f RH y, irreversible.

    rate : k [mol/m^2/s] of the pure film in saturated air at T_reference
    activation_energy : [eV]
    """

    kind: Literal["hydrolysis"]
    rate: dim.ArealRate
    activation_energy: dim.Barrier
    relative_humidity: dim.Fraction

    def rates(self, temperature: float) -> tuple[float, float]:
        """Loss and return of a pure film [m^-2 s^-1] of formula units at a temperature [K]."""
        rate = arrhenius(float(self.rate), float(self.activation_energy), temperature, float(self.T_reference))
        return rate * N_A * float(self.exposed_fraction) * float(self.relative_humidity), 0.0
