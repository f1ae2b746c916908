"""Units at the border: text such as "10 mA/cm^2" becomes a float in SI.

The only file that imports pint, and only when a unit other than the wanted one is met.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from perovsim.errors import UnitError

_NUMBER = re.compile(r"^\s*([+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf\b|nan\b))\s*(.*?)\s*$")


def parse(value: float | str, si_unit: str) -> float:
    """Return `value` as a float in `si_unit`; text carries its own unit, a number is SI.

    Raises UnitError when the text has no number, no unit or a unit of another dimension.
    """
    if isinstance(value, str):
        number, unit = split(value)
        return convert(number, unit, si_unit)
    return float(value)


def split(text: str) -> tuple[float, str]:
    """Split "10 mA/cm^2" into (10.0, "mA/cm^2"); the unit may be empty."""
    match = _NUMBER.match(text)
    if match is None:
        raise UnitError(f"'{text}' is not a number with a unit; write for example \"50 nm\"")
    return float(match.group(1)), match.group(2)


def convert(value: float, unit: str, si_unit: str) -> float:
    """Convert `value` from `unit` to `si_unit` (exact when both are the same text)."""
    scale, offset = conversion(unit, si_unit)
    return value * scale + offset


@lru_cache(maxsize=1024)
def conversion(unit: str, si_unit: str) -> tuple[float, float]:
    """Return (scale, offset) with si = scale value + offset; the offset is for degC only."""
    if unit == si_unit:
        return 1.0, 0.0
    if not unit:
        raise UnitError(f"the unit is missing; {example(si_unit)}")
    registry = _registry()
    try:
        zero = float(registry.Quantity(0.0, unit).to(si_unit or "dimensionless").magnitude)
        one = float(registry.Quantity(1.0, unit).to(si_unit or "dimensionless").magnitude)
    except Exception as error:
        raise UnitError(_reason(error, unit, si_unit)) from None
    if not math.isfinite(one):
        raise UnitError(f"unit '{unit}' cannot be converted to '{si_unit}'")
    return one - zero, zero


def example(si_unit: str) -> str:
    """Say which unit is wanted."""
    return f"give one that converts to {si_unit}" if si_unit else "give a number without a unit"


def _reason(error: Exception, unit: str, si_unit: str) -> str:
    if type(error).__name__ == "DimensionalityError":
        return f"unit '{unit}' has the wrong dimension; {example(si_unit)}"
    return f"unit '{unit}' is not known; {example(si_unit)}"


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry()
    registry.define("electron = 1")
    return registry
