"""A number with its unit and its standing: measured, cited, derived or assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic_core import core_schema

from perovsim import units
from perovsim.errors import UnitError
from perovsim.model.names import did_you_mean

Status = Literal["measured", "cited", "derived", "assumed"]
STATUSES: tuple[str, ...] = get_args(Status)
_KEYS = ("value", "unit", "status", "source", "sigma", "range", "note")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value as the user wrote it, beside the same value in SI.

    value, unit : as written
    si, si_unit : float in SI (energies in eV); ``float(q) == q.si``
    status : "measured" | "cited" | "derived" | "assumed"
    source : key of models/sources.bib, or "user"
    sigma : standard deviation [si_unit], or None
    range : (low, high) [si_unit] of plausible values, or None
    note : one line on the choice
    """

    value: float
    unit: str
    si: float
    si_unit: str
    status: Status = "assumed"
    source: str = "user"
    sigma: float | None = None
    range: tuple[float, float] | None = None
    note: str = ""

    def __float__(self) -> float:
        return self.si

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a field accepts: SI unit(s), bounds in SI, and whether infinity has a meaning.

    `above` excludes the lower bound itself (a thickness of zero is no layer).
    """

    si_units: tuple[str, ...]
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    infinite: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validate)

    def _validate(self, raw: Any, info: core_schema.ValidationInfo) -> Quantity:
        context = info.context or {}
        quantity = self.read(raw, in_file=context.get("in_file", False))
        sources = context.get("sources")
        if sources is not None and quantity.source not in sources:
            raise UnitError(
                f"source '{quantity.source}' is not in sources.bib; " + did_you_mean(quantity.source, sources)
            )
        return quantity

    def read(self, raw: Any, in_file: bool = False) -> Quantity:
        """Read a Quantity, table, text or number; a bare number in a file has no unit."""
        if isinstance(raw, Quantity):
            quantity = raw if raw.si_unit in self.si_units else self._read_table(_as_table(raw))
        elif isinstance(raw, Mapping):
            quantity = self._read_table(raw)
        elif isinstance(raw, str):
            value, unit = units.split(raw)
            quantity = self._convert(value, unit, {})
        elif isinstance(raw, int | float) and not isinstance(raw, bool):
            unit = "" if in_file else self.si_units[0]
            quantity = self._convert(float(raw), unit, {})
        else:
            hint = units.example(self.si_units[0])
            raise UnitError(f"{raw!r} is not a number with a unit; {hint}")
        self._check_bounds(quantity)
        return quantity

    def _read_table(self, table: Mapping[str, Any]) -> Quantity:
        for key in table:
            if key not in _KEYS:
                raise UnitError(f"unknown key '{key}' of a number; {did_you_mean(key, _KEYS)}")
        if "value" not in table:
            raise UnitError("key 'value' is missing; write { value = 1.0, unit = \"…\" }")
        return self._convert(_number(table["value"], "value"), str(table.get("unit", "")), table)

    def _convert(self, value: float, unit: str, table: Mapping[str, Any]) -> Quantity:
        if math.isnan(value):
            raise UnitError("the value is NaN; give a number")
        si_unit = self._matching_unit(unit)
        scale, offset = units.conversion(unit, si_unit)
        sigma, span = table.get("sigma"), table.get("range")
        return Quantity(
            value=value,
            unit=unit,
            si=value * scale + offset,
            si_unit=si_unit,
            status=_status(table.get("status", "assumed")),
            source=str(table.get("source", "user")),
            sigma=None if sigma is None else _sigma(sigma) * scale,
            range=None if span is None else _range(span, value, unit, scale, offset),
            note=str(table.get("note", "")),
        )

    def _matching_unit(self, unit: str) -> str:
        failures: list[UnitError] = []
        for si_unit in self.si_units:
            try:
                units.conversion(unit, si_unit)
            except UnitError as error:
                failures.append(error)
            else:
                return si_unit
        if len(self.si_units) > 1 and unit:
            raise UnitError(f"unit '{unit}' fits none of: " + ", ".join(self.si_units))
        raise failures[0]

    def _check_bounds(self, quantity: Quantity) -> None:
        si = quantity.si
        below = si <= self.low if self.above else si < self.low
        infinite = math.isinf(si) and not self.infinite
        if below or si > self.high or infinite:
            raise UnitError(f"{quantity} is out of range; allowed: {self._bounds(quantity)}")

    def _bounds(self, quantity: Quantity) -> str:
        scale, offset = units.conversion(quantity.unit, quantity.si_unit)
        parts = []
        if self.low > -math.inf:
            word = "above" if self.above else "at least"
            parts.append(f"{word} {(self.low - offset) / scale:g} {quantity.unit}".rstrip())
        if self.high < math.inf:
            parts.append(f"at most {(self.high - offset) / scale:g} {quantity.unit}".rstrip())
        return " and ".join(parts) if parts else "any finite number"


def zero(si_unit: str) -> Quantity:
    """No amount of a unit: the default of what is left out."""
    return Dimension((si_unit,)).read(0.0)


def _as_table(quantity: Quantity) -> dict[str, Any]:
    scale, offset = units.conversion(quantity.unit, quantity.si_unit)
    table: dict[str, Any] = {key: getattr(quantity, key) for key in _KEYS}
    if quantity.sigma is not None:
        table["sigma"] = quantity.sigma / scale
    if quantity.range is not None:
        table["range"] = [(bound - offset) / scale for bound in quantity.range]
    return table


def as_table(quantity: Quantity) -> dict[str, Any]:
    """Return the TOML table of a quantity, without the keys that say nothing."""
    table = _as_table(quantity)
    return {key: item for key, item in table.items() if item not in (None, "") or key == "unit"}


def _number(raw: Any, key: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise UnitError(f"{key} = {raw!r} is not a number")
    return float(raw)


def _status(raw: Any) -> Any:
    if raw not in STATUSES:
        raise UnitError(f"status '{raw}' is not one of: " + ", ".join(STATUSES))
    return raw


def _sigma(raw: Any) -> float:
    sigma = _number(raw, "sigma")
    if not 0 <= sigma < math.inf:
        raise UnitError(f"sigma = {sigma:g} must be a finite number, not negative")
    return sigma


def _range(span: Any, value: float, unit: str, scale: float, offset: float) -> tuple[float, float]:
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise UnitError(f"range = {span!r} must be [low, high]")
    low, high = (_number(bound, "range") for bound in span)
    if not low <= value <= high:
        text = f"{value:g} {unit}".rstrip()
        raise UnitError(f"{text} is outside its own range [{low:g}, {high:g}] {unit}".rstrip())
    return low * scale + offset, high * scale + offset
