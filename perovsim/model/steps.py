"""The kinds of steps that a protocol is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.illumination import Illumination
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.stop import StopCondition

STEADY = 1e6
"""Time [s] that a point of a steady staircase counts: long beside every relaxation of carriers and ions."""


def _of(unit: str, value: float) -> Quantity:
    return Dimension((unit,)).read(value)


class Lit(ModelData):
    """What a step has of light and beam: `light` multiplies what the layers generate, or the `illumination`; 0 is dark.

    beam_current_density : of an electron beam [A/m^2]
    """

    light: dim.Light = Field(default_factory=lambda: _of("", 0.0))
    illumination: Illumination | None = None
    beam_current_density: dim.BeamCurrent = Field(default_factory=lambda: _of("A/m^2", 0.0))

    @model_validator(mode="before")
    @classmethod
    def _shine(cls, data: Any) -> Any:
        """An illumination without a factor shines once."""
        if isinstance(data, Mapping) and data.get("illumination") is not None and "light" not in data:
            return {**data, "light": 1.0}
        return data


def _refuse(stop: StopCondition | None, names: tuple[str, ...], why: str) -> None:
    for name in names:
        if stop is not None and getattr(stop, name) is not None:
            raise ValueError(f"stop condition {name} has no meaning where {why}; remove it")


class ConstantCurrent(Lit):
    """Hold the terminal current, as a density [A/m^2] or of the whole device [A]; at `compliance` [V] the voltage."""

    kind: Literal["constant_current"] = "constant_current"
    current_density: dim.CurrentDensity | None = None
    current: dim.Current | None = None
    duration: dim.Duration
    stop: StopCondition | None = None
    compliance: dim.PositiveVoltage | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.current_density is None) == (self.current is None):
            raise ValueError("give one of current_density [A/m^2] and current [A]")
        _refuse(self.stop, ("current_below",), "the current is held")
        return self

    @property
    def drive(self) -> Quantity:
        """The current or its density, as given."""
        return self.current_density or self.current


class ConstantVoltage(Lit):
    """Hold the terminal voltage [V]."""

    kind: Literal["constant_voltage"] = "constant_voltage"
    voltage: dim.Voltage
    duration: dim.Duration
    stop: StopCondition | None = None

    @model_validator(mode="after")
    def _check_stop(self) -> Self:
        _refuse(self.stop, ("voltage_above", "voltage_below"), "the voltage is held")
        return self


class Rest(Lit):
    """Open circuit: no terminal current; under light the open-circuit voltage."""

    kind: Literal["rest"] = "rest"
    duration: dim.Duration
    stop: StopCondition | None = None

    @model_validator(mode="after")
    def _check_stop(self) -> Self:
        _refuse(self.stop, ("current_below",), "no current flows")
        return self

    @property
    def drive(self) -> Quantity:
        """Zero [A/m^2]."""
        return _of("A/m^2", 0.0)

    @property
    def compliance(self) -> None:
        """No limit at rest."""
        return None


class Ramp(Lit):
    """From `start` to `stop` [V], with `back` to `start` again; `points` are those of one way, both ends counted."""

    start: dim.Voltage
    stop: dim.Voltage
    points: int = Field(default=101, ge=2, le=100_000)
    back: bool = False

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.start.si == self.stop.si:
            raise ValueError(f"start and stop are both {self.start}; a {self.kind} needs a span")
        return self

    @property
    def ways(self) -> int:
        """2 there and back, else 1."""
        return 2 if self.back else 1


class Sweep(Ramp):
    """Change the voltage from `start` to `stop` at a constant `rate` [V/s], stored at even points."""

    kind: Literal["sweep"] = "sweep"
    rate: dim.SweepRate

    @property
    def duration(self) -> Quantity:
        """|stop - start| / rate [s], twice that there and back."""
        return _of("s", self.ways * abs(self.stop.si - self.start.si) / self.rate.si)


class Staircase(Ramp):
    """Hold one voltage after another, each stored at the end of its hold.

    dwell : time of each hold [s]; None = until steady
    ions : "moving", with reactions, for a dwell; "equilibrated" or "frozen", with every reaction held
    """

    kind: Literal["staircase"] = "staircase"
    dwell: dim.Duration | None = None
    ions: Literal["moving", "equilibrated", "frozen"] = "moving"

    @model_validator(mode="after")
    def _check_dwell(self) -> Self:
        if self.ions == "moving" and self.dwell is None:
            raise ValueError('moving ions need a dwell; give one, or ions = "equilibrated" or "frozen"')
        if self.ions == "equilibrated" and self.dwell is not None:
            raise ValueError('equilibrated ions are held until steady; remove dwell, or give ions = "moving"')
        return self

    @property
    def stairs(self) -> int:
        """Number of holds."""
        return self.ways * (self.points - 1) + 1

    @property
    def duration(self) -> Quantity:
        """Sum of the holds [s]; a steady one counts `STEADY`."""
        return _of("s", self.stairs * (STEADY if self.dwell is None else self.dwell.si))


class PulseTrain(Lit):
    """Trapezoids from `low` to `high`, both currents [A/m^2 or A] or both voltages [V].

    period : [s]; duty : share of the period at `high`, its rise counted; rise_time : of each edge [s]
    points, edge_points : stored times of each plateau and of each edge, even in the logarithm
    """

    kind: Literal["pulse_train"] = "pulse_train"
    low: dim.Drive
    high: dim.Drive
    period: dim.Duration
    duty: dim.Duty
    count: int = Field(ge=1, le=1_000_000)
    rise_time: dim.Time = Field(default_factory=lambda: _of("s", 0.0))
    points: int = Field(default=5, ge=1, le=1000)
    edge_points: int = Field(default=1, ge=1, le=1000)
    stop: StopCondition | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        if self.low.si_unit != self.high.si_unit:
            raise ValueError(f"low {self.low} and high {self.high} must have one unit: V, A/m^2 or A")
        shorter = min(self.on_time, self.period.si - self.on_time)
        if self.rise_time.si >= shorter:
            raise ValueError(f"rise_time {self.rise_time} must be shorter than both plateaus; allowed: < {shorter:g} s")
        why = "the voltage is held" if self.is_voltage else "the current is held"
        _refuse(self.stop, ("voltage_above", "voltage_below") if self.is_voltage else ("current_below",), why)
        return self

    @property
    def is_voltage(self) -> bool:
        """Whether the pulses are voltages."""
        return self.low.si_unit == "V"

    @property
    def on_time(self) -> float:
        """Time from the begin of a rise to the begin of the fall [s]."""
        return self.duty.si * self.period.si

    @property
    def duration(self) -> Quantity:
        """count times period [s]."""
        return _of("s", self.count * self.period.si)


class Impedance(ModelData):
    """Small-signal impedance about the state reached, `points` frequencies even in the logarithm; takes no time."""

    kind: Literal["impedance"] = "impedance"
    lowest: dim.Frequency
    highest: dim.Frequency
    points: int = Field(default=50, ge=1, le=10_000)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.lowest.si > self.highest.si:
            raise ValueError(f"lowest {self.lowest} is above highest {self.highest}; exchange them")
        return self

    @property
    def duration(self) -> Quantity:
        """None [s]."""
        return _of("s", 0.0)


Step = Annotated[
    ConstantCurrent | ConstantVoltage | Rest | Sweep | Staircase | PulseTrain | Impedance,
    Field(discriminator="kind"),
]
