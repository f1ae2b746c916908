"""What is done to a device in time: a list of steps, made in Python or read from a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from perovsim.model import dimensions as dim
from perovsim.model import library
from perovsim.model.base import ModelData
from perovsim.model.document import Document, parse_document, read_document
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.validate import build


class StopCondition(ModelData):
    """Ends the whole protocol when it becomes true."""

    voltage_above: dim.PositiveVoltage | None = None
    voltage_below: dim.Voltage | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.voltage_above is None) == (self.voltage_below is None):
            raise ValueError("give one stop condition: voltage_above or voltage_below")
        return self


class Lit(ModelData):
    """What every step has: `light` multiplies the generation of the layers, 0 is dark; the electron beam [A/m^2]."""

    light: dim.Light = Field(default_factory=lambda: Dimension(("",)).read(0.0))
    beam_current_density: dim.BeamCurrent = Field(default_factory=lambda: Dimension(("A/m^2",)).read(0.0))


class ConstantCurrent(Lit):
    """Hold the terminal current density [A/m^2]; at `compliance` [V] the voltage is held."""

    kind: Literal["constant_current"] = "constant_current"
    current_density: dim.CurrentDensity
    duration: dim.Duration
    stop: StopCondition | None = None
    compliance: dim.PositiveVoltage | None = None


class ConstantVoltage(Lit):
    """Hold the terminal voltage [V]."""

    kind: Literal["constant_voltage"] = "constant_voltage"
    voltage: dim.Voltage
    duration: dim.Duration
    stop: None = None


class Rest(Lit):
    """Open circuit: no terminal current."""

    kind: Literal["rest"] = "rest"
    duration: dim.Duration
    stop: StopCondition | None = None

    @property
    def current_density(self) -> Quantity:
        """Zero [A/m^2]."""
        return Dimension(("A/m^2",)).read(0.0)

    @property
    def compliance(self) -> None:
        """No limit at rest."""
        return None


class Sweep(Lit):
    """Change the voltage from `start` to `stop` [V] at a constant `rate` [V/s], stored at `points` even points."""

    kind: Literal["sweep"] = "sweep"
    start: dim.Voltage
    stop: dim.Voltage
    rate: dim.SweepRate
    points: int = Field(default=101, ge=2, le=100_000)

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.start.si == self.stop.si:
            raise ValueError(f"start and stop are both {self.start}; a sweep needs a span")
        return self

    @property
    def duration(self) -> Quantity:
        """|stop - start| / rate [s]."""
        return Dimension(("s",)).read(abs(self.stop.si - self.start.si) / self.rate.si)


Step = Annotated[ConstantCurrent | ConstantVoltage | Rest | Sweep, Field(discriminator="kind")]


class Protocol(ModelData):
    """Steps in order, the initial state of the ions, and how densely output is stored.

    ions : "uniform" as built, or "equilibrated" at zero bias before the first step
    first_output : earliest stored time after each change of control [s]
    points_per_decade : stored times per decade after it
    """

    steps: tuple[Step, ...] = Field(alias="step", min_length=1)
    name: str = ""
    description: str = ""
    ions: Literal["uniform", "equilibrated"] = "uniform"
    points_per_decade: int = Field(default=10, ge=1, le=1000)
    first_output: dim.Duration = Field(default_factory=lambda: Dimension(("s",), low=0, above=True).read("1 ns"))

    _source_path: Path | None = PrivateAttr(default=None)

    def __init__(self, steps: Iterable[Any] | None = None, **fields: Any) -> None:
        if steps is not None:
            fields["steps"] = tuple(steps)
        super().__init__(**fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def duration(self) -> float:
        """Sum of the durations of the steps [s]."""
        return sum(step.duration.si for step in self.steps)

    @property
    def source_path(self) -> Path | None:
        """The protocol file, or None when made in Python."""
        return self._source_path

    @property
    def source_text(self) -> str:
        """The protocol as TOML that loads by itself."""
        from perovsim.model.write import protocol_toml

        return protocol_toml(self)


def constant_current(
    current_density: float | str,
    duration: float | str,
    stop: StopCondition | None = None,
    compliance: float | str | None = None,
    light: float = 0.0,
    beam: float | str = 0.0,
) -> ConstantCurrent:
    """Hold a current density [A/m^2] for a duration [s], under a beam [A/m^2] if given; J > 0 enters at the anode."""
    return ConstantCurrent(
        current_density=current_density,
        duration=duration,
        stop=stop,
        compliance=compliance,
        light=light,
        beam_current_density=beam,
    )


def constant_voltage(
    voltage: float | str, duration: float | str, light: float = 0.0, beam: float | str = 0.0
) -> ConstantVoltage:
    """Hold a voltage [V], anode minus cathode, for a duration [s], under a beam [A/m^2] if given."""
    return ConstantVoltage(voltage=voltage, duration=duration, light=light, beam_current_density=beam)


def short_circuit(duration: float | str, light: float = 0.0) -> ConstantVoltage:
    """Hold 0 V for a duration [s]."""
    return constant_voltage(0.0, duration, light)


def rest(duration: float | str, stop: StopCondition | None = None, light: float = 0.0, beam: float | str = 0.0) -> Rest:
    """Leave the device at open circuit for a duration [s], under a beam [A/m^2] if given."""
    return Rest(duration=duration, stop=stop, light=light, beam_current_density=beam)


def sweep(start: float | str, stop: float | str, rate: float | str, light: float = 0.0, points: int = 101) -> Sweep:
    """Sweep the voltage from `start` to `stop` [V] at `rate` [V/s], always positive."""
    return Sweep(start=start, stop=stop, rate=rate, light=light, points=points)


def voltage_above(voltage: float | str) -> StopCondition:
    """Stop when the terminal voltage exceeds `voltage` [V]."""
    return StopCondition(voltage_above=voltage)


def voltage_below(voltage: float | str) -> StopCondition:
    """Stop when the terminal voltage falls below `voltage` [V]."""
    return StopCondition(voltage_below=voltage)


def load_protocol(path: str | Path) -> Protocol:
    """Read a protocol file."""
    return protocol_from(read_document(library.find(path, "protocol")))


def protocol_from_text(text: str, path: str | Path | None = None) -> Protocol:
    """Read a protocol from TOML text, e.g. the one stored in a result."""
    return protocol_from(parse_document(text, None if path is None else Path(path)))


def protocol_from(document: Document) -> Protocol:
    """Build a protocol from a parsed file."""
    protocol = build(Protocol, document.body("protocol"), document)
    protocol._source_path = document.path
    return protocol
