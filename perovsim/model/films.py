"""Films of aluminium halide on a contact: how they block it, and how they are lost where their face is exposed."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from perovsim.constants import N_A
from perovsim.model import dimensions as dim
from perovsim.model.base import PlacedError
from perovsim.model.process import ProcessData
from perovsim.model.quantity import Dimension, Quantity
from perovsim.physics.film_loss import arrhenius, hertz_knudsen

FILM_HALIDE = {"AlCl3": "Cl", "AlBr3": "Br", "AlI3": "I"}
"""Films that are known, with their halide."""


def _one() -> Quantity:
    return Dimension(("",), low=0, high=1).read({"value": 1.0, "note": "every molecule that strikes sticks"})


def _first_order() -> Quantity:
    return Dimension(("",), low=0, above=True).read({"value": 1.0, "note": "flat patches of one height"})


def _vacuum() -> Quantity:
    return Dimension(("Pa",), low=0).read(0.0)


def _room() -> Quantity:
    return Dimension(("K",)).read(298.15)


CONDUCTION = {
    "tunnel": ("coverage_amount", "tunnel_decay"),
    "ohmic": ("conductivity", "permittivity"),
    "poole_frenkel": ("conductivity", "permittivity"),
}
"""What each way of conduction through a film needs."""


class FilmBlocking(ProcessData):
    """A film on a contact that the current has to pass; `conduction` says how.

    tunnel : patches block theta_b = 1 - exp[-(n/coverage_amount)^avrami_exponent] of the area, n [mol/m^2], and what
        passes them falls as exp(-tunnel_decay h), h their own thickness
    ohmic, poole_frenkel : a closed film, in series with the stack: j = conductivity F exp(b sqrt F), b = 0 or
        sqrt(q^3/(pi eps))/kT, with the displacement current of `permittivity` beside it; the drop is F h
    avrami_exponent : 1 for flat patches of one height (2-D nucleation), 2/3 for islands that grow in height as well
    existence_amount : activity n/(n + n_0) of a film that hardly exists
    """

    kind: Literal["film_blocking"]
    contact: str
    existence_amount: dim.ArealAmount
    conduction: Literal["tunnel", "ohmic", "poole_frenkel"] = "tunnel"
    coverage_amount: dim.ArealAmount | None = None
    avrami_exponent: dim.AvramiExponent = Field(default_factory=_first_order)
    tunnel_decay: dim.InverseLength | None = None
    conductivity: dim.Conductivity | None = None
    permittivity: dim.Permittivity | None = None

    @model_validator(mode="after")
    def _check_conduction(self) -> Self:
        missing = [name for name in CONDUCTION[self.conduction] if getattr(self, name) is None]
        if missing:
            message = f'conduction = "{self.conduction}" needs {" and ".join(missing)}; give it first'
            raise PlacedError(message, "conduction")
        return self

    def told(self, temperature: float) -> str:
        """What it does, in a few words."""
        if self.conduction == "tunnel":
            exponent = "" if self.avrami_exponent.si == 1.0 else f", exponent {self.avrami_exponent}"
            patches = f"patches block 1 - 1/e of {self.contact} at {self.coverage_amount}{exponent}"
            return f"{patches}; through them exp(-{self.tunnel_decay} h)"
        return f"closed film on {self.contact} conducts, {self.conduction}, {self.conductivity}"


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
