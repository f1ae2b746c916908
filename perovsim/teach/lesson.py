"""What a lesson is: a question, controls, a view that answers to them, a check of understanding, a theory page.

A lesson is defined once; the marimo page (`page`) and the offline HTML file (`export`) show the same definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from perovsim.errors import PerovsimError

PLAIN_FROM, PLAIN_TO = 1e-3, 1e5
"""Numbers in this range are written without a power of ten."""
Value = float | bool
Settings = Mapping[str, Value]
"""Key of each control -> its value."""


@dataclass(frozen=True)
class Control:
    """A slider over `values`, or a switch where they are False and True.

    key : name in the settings; label, unit : words beside it; start : value at first
    words : what a value is called instead of its number
    """

    key: str
    label: str
    unit: str
    values: tuple[Value, ...]
    start: Value
    words: Mapping[Value, str] | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.values == (False, True)

    @property
    def title(self) -> str:
        """Label with the unit in brackets."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def shown(self, value: Value) -> str:
        """A value with its unit, as text."""
        if self.is_switch:
            return "on" if value else "off"
        if self.words is not None and value in self.words:
            return self.words[value]
        return f"{short(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Reading:
    """A number that the lesson shows, in `unit`; `digits` significant ones."""

    key: str
    name: str
    value: float
    unit: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The number with its unit."""
        return f"{short(self.value)} {self.unit}".strip()


@dataclass(frozen=True)
class View:
    """What the page shows for some settings: numbers, a sentence that reads them, a figure as SVG."""

    readings: tuple[Reading, ...]
    sentence: str
    figure: str

    def value(self, key: str) -> float:
        """Number of a reading by its key."""
        return next(reading.value for reading in self.readings if reading.key == key)


@dataclass(frozen=True)
class Option:
    """An answer, whether it is right, and what is said to whoever picks it."""

    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Check:
    """A question with one right answer."""

    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    key : its name in addresses; question : what the reader finds out; story, tries, limits : Markdown
    view : function of the settings of all controls; theory : page of the documentation, see `theory`
    """

    key: str
    title: str
    question: str
    story: str
    tries: tuple[str, ...]
    controls: tuple[Control, ...]
    view: Callable[[Settings], View]
    check: Check
    theory: str
    limits: str

    @property
    def start(self) -> dict[str, Value]:
        """Settings at first."""
        return {control.key: control.start for control in self.controls}

    def settings(self, **changed: Value) -> dict[str, Value]:
        """Settings at first with some values changed; PerovsimError for a value that no control has."""
        for key, value in changed.items():
            control = next((one for one in self.controls if one.key == key), None)
            if control is None or value not in control.values:
                known = ", ".join(one.key for one in self.controls)
                allowed = known if control is None else ", ".join(str(one) for one in control.values)
                raise PerovsimError(f"lesson '{self.key}': {key} = {value} is not offered; allowed: {allowed}")
        return {**self.start, **changed}

    def grid(self) -> list[dict[str, Value]]:
        """All settings that the controls can be in, the last control fastest."""
        keys = [control.key for control in self.controls]
        return [dict(zip(keys, point, strict=True)) for point in product(*(one.values for one in self.controls))]


def short(value: float) -> str:
    """A number with three digits as people write it, with a power of ten where small or large; – for NaN."""
    size = abs(value)
    if size != size:
        return "–"
    sign = "−" if value < 0.0 else ""
    if size == 0.0 or PLAIN_FROM <= size < PLAIN_TO:
        return f"{sign}{float(f'{size:.3g}'):g}"
    mantissa, exponent = f"{size:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return sign + (power(int(exponent)) if mantissa == "1" else f"{mantissa} × {power(int(exponent))}")


def power(exponent: int) -> str:
    """Ten to an exponent, as text."""
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
