"""When a protocol ends before its last step is over."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData

T50_SHARE = 0.5


class StopCondition(ModelData):
    """Ends the whole protocol as soon as one of its conditions is true.

    voltage_above, voltage_below : terminal voltage [V], under a held current
    light_below : photons that leave, a share of those at the reference (1 s after the first current rise) or a
        flux [m^-2 s^-1]; 0.5 is T50
    current_below : terminal current, |J| [A/m^2] or [A], under a held voltage
    film_thickness_above : mean thickness of all films on the contact [m]
    """

    inline: ClassVar[bool] = True

    voltage_above: dim.PositiveVoltage | None = None
    voltage_below: dim.Voltage | None = None
    light_below: dim.LightLevel | None = None
    current_below: dim.CurrentLevel | None = None
    film_thickness_above: dim.Length | None = None

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if not dict(self.quantities()):
            raise ValueError("no condition is given; use " + ", ".join(type(self).model_fields))
        light = self.light_below
        if light is not None and light.si_unit == "" and light.si >= 1.0:
            raise ValueError(f"light_below {light} is a share of the light at the reference; allowed: below 1")
        return self

    def __str__(self) -> str:
        return " or ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.quantities())


def voltage_above(voltage: float | str) -> StopCondition:
    """Stop when the terminal voltage exceeds `voltage` [V]."""
    return StopCondition(voltage_above=voltage)


def voltage_below(voltage: float | str) -> StopCondition:
    """Stop when the terminal voltage falls below `voltage` [V]."""
    return StopCondition(voltage_below=voltage)


def light_below(light: float | str = T50_SHARE) -> StopCondition:
    """Stop when the light falls below a share of that at the reference, or below a photon flux [m^-2 s^-1]."""
    return StopCondition(light_below=light)


def current_below(current: float | str) -> StopCondition:
    """Stop when the terminal current, |J| [A/m^2] or [A], falls below `current`."""
    return StopCondition(current_below=current)


def film_thickness_above(thickness: float | str) -> StopCondition:
    """Stop when the films on the contact are thicker than `thickness` [m], on the mean."""
    return StopCondition(film_thickness_above=thickness)
