"""What is done to a device in time: a list of steps, made in Python or read from a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from perovsim.model import dimensions as dim
from perovsim.model import library
from perovsim.model.base import ModelData
from perovsim.model.document import Document, parse_document, read_document
from perovsim.model.illumination import Illumination
from perovsim.model.quantity import Dimension
from perovsim.model.steps import (
    ConstantCurrent,
    ConstantVoltage,
    Impedance,
    PulseTrain,
    Rest,
    Staircase,
    Step,
    Sweep,
)
from perovsim.model.stop import StopCondition
from perovsim.model.validate import build


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
    _lines: tuple[int | None, ...] = PrivateAttr(default=())

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

    def place(self, number: int) -> str:
        """Return "file:line" of a step, counted from 1, or "" for a protocol made in Python."""
        return f"{self._source_path}:{self._lines[number - 1]}" if self._source_path is not None else ""

    @property
    def source_text(self) -> str:
        """The protocol as TOML that loads by itself."""
        from perovsim.model.write import protocol_toml

        return protocol_toml(self)


def _lit(
    light: float | None,
    illumination: Illumination | None,
    stop: StopCondition | None = None,
    beam: float | str | None = None,
) -> dict[str, Any]:
    """Keys that are given."""
    found = {"light": light, "illumination": illumination, "stop": stop, "beam_current_density": beam}
    return {name: item for name, item in found.items() if item is not None}


def constant_current(
    current_density: float | str,
    duration: float | str,
    stop: StopCondition | None = None,
    compliance: float | str | None = None,
    light: float | None = None,
    illumination: Illumination | None = None,
    beam: float | str | None = None,
) -> ConstantCurrent:
    """Hold a current density [A/m^2], or with its unit a current [A], for a duration [s]; > 0 enters at the anode.

    beam : current density of an electron beam [A/m^2]
    """
    key = "current_density"
    if isinstance(current_density, str) and Dimension(("A/m^2", "A")).read(current_density).si_unit == "A":
        key = "current"
    more = _lit(light, illumination, stop, beam)
    return ConstantCurrent(**{key: current_density}, duration=duration, compliance=compliance, **more)


def constant_voltage(
    voltage: float | str,
    duration: float | str,
    light: float | None = None,
    stop: StopCondition | None = None,
    illumination: Illumination | None = None,
    beam: float | str | None = None,
) -> ConstantVoltage:
    """Hold a voltage [V], anode minus cathode, for a duration [s], under an electron beam [A/m^2] if given."""
    return ConstantVoltage(voltage=voltage, duration=duration, **_lit(light, illumination, stop, beam))


def short_circuit(
    duration: float | str, light: float | None = None, illumination: Illumination | None = None
) -> ConstantVoltage:
    """Hold 0 V for a duration [s]."""
    return constant_voltage(0.0, duration, light, illumination=illumination)


def rest(
    duration: float | str,
    stop: StopCondition | None = None,
    light: float | None = None,
    illumination: Illumination | None = None,
    beam: float | str | None = None,
) -> Rest:
    """Leave the device at open circuit for a duration [s], under an electron beam [A/m^2] if given."""
    return Rest(duration=duration, **_lit(light, illumination, stop, beam))


def sweep(
    start: float | str,
    stop: float | str,
    rate: float | str,
    light: float | None = None,
    points: int = 101,
    back: bool = False,
    illumination: Illumination | None = None,
) -> Sweep:
    """Sweep the voltage from `start` to `stop` [V] at `rate` [V/s], always positive; `back`: and to `start` again."""
    return Sweep(start=start, stop=stop, rate=rate, points=points, back=back, **_lit(light, illumination))


def staircase(
    start: float | str,
    stop: float | str,
    points: int = 101,
    dwell: float | str | None = None,
    ions: Literal["moving", "equilibrated", "frozen"] = "moving",
    back: bool = False,
    light: float | None = None,
    illumination: Illumination | None = None,
) -> Staircase:
    """Hold `points` voltages from `start` to `stop` [V], each for `dwell` [s] or until steady."""
    more = _lit(light, illumination)
    return Staircase(start=start, stop=stop, points=points, dwell=dwell, ions=ions, back=back, **more)


def pulse_train(
    low: float | str,
    high: float | str,
    period: float | str,
    duty: float,
    count: int,
    rise_time: float | str = 0.0,
    points: int = 5,
    edge_points: int = 1,
    stop: StopCondition | None = None,
    light: float | None = None,
    illumination: Illumination | None = None,
) -> PulseTrain:
    """Pulses from `low` to `high` [A/m^2; text may say A or V] of a period [s], `duty` the share of it at `high`.

    points, edge_points : stored times of each plateau and of each edge
    """
    shape = dict(low=low, high=high, period=period, duty=duty, count=count, rise_time=rise_time, points=points)
    return PulseTrain(**shape, edge_points=edge_points, **_lit(light, illumination, stop))


def measure_impedance(lowest: float | str, highest: float | str, points: int = 50) -> Impedance:
    """Impedance about the state reached at frequencies from `lowest` to `highest` [Hz]."""
    return Impedance(lowest=lowest, highest=highest, points=points)


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
    protocol._lines = tuple(document.line(("step", k)) for k in range(len(protocol.steps)))
    return protocol
