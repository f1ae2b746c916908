"""What was known of a number before the fit: uniform, log-uniform or normal, between bounds, with its standing."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from perovsim.errors import ModelFileError, UnitError
from perovsim.model.base import ModelData
from perovsim.model.names import did_you_mean
from perovsim.model.quantity import Status
from perovsim.units import parse

Value = float | str
"""A number in SI, or text with its unit."""
NORMAL_REACH = 5.0
"""A normal prior without bounds ends this many standard deviations from its mean: beyond is 6e-7 of it."""


class Spread(ModelData):
    """Bounds of a number, status and source of this knowledge as of any number of a model file."""

    low: Value | None = None
    high: Value | None = None
    status: Status = "assumed"
    source: str = "user"
    note: str = ""

    @field_validator("source")
    @classmethod
    def _known_source(cls, source: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get("sources")
        if known is not None and source not in known:
            raise ValueError(f"source '{source}' is not in sources.bib; {did_you_mean(source, known)}")
        return source

    @property
    def standing(self) -> str:
        """Status and source in words."""
        return f"{self.status}, {self.source}"


class Uniform(Spread):
    """Every value between the bounds is equally likely."""

    prior: Literal["uniform"] = "uniform"
    low: Value
    high: Value

    def __init__(self, low: Value | None = None, high: Value | None = None, **fields: Any) -> None:
        super().__init__(**_given(low=low, high=high), **fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class LogUniform(Spread):
    """Every decade between the bounds, both above zero, is equally likely."""

    prior: Literal["log_uniform"] = "log_uniform"
    low: Value
    high: Value

    def __init__(self, low: Value | None = None, high: Value | None = None, **fields: Any) -> None:
        super().__init__(**_given(low=low, high=high), **fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Normal(Spread):
    """A mean with a standard deviation, cut off at the bounds where they are given."""

    prior: Literal["normal"] = "normal"
    mean: Value
    sigma: Value

    def __init__(self, mean: Value | None = None, sigma: Value | None = None, **fields: Any) -> None:
        super().__init__(**_given(mean=mean, sigma=sigma), **fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


Prior = Annotated[Uniform | LogUniform | Normal, Field(discriminator="prior")]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: item for name, item in fields.items() if item is not None}


class Parameter:
    """A free number in the coordinate of the optimiser: ln(value) of a log-uniform prior, else (value - origin)/width.

    name : path in the device or protocol, or "data set: nuisance"; unit : SI; low, high : bounds in the coordinate
    spread : standard deviation of the prior in the coordinate
    """

    def __init__(self, name: str, prior: Prior, unit: str, place: str | None = None) -> None:
        self.name, self.prior, self.unit = name, prior, unit
        self.log = isinstance(prior, LogUniform)
        self.normal = isinstance(prior, Normal)
        read = self._reader(place)
        if self.normal:
            self.origin, self.width = read(prior.mean), read(prior.sigma)
            if not self.width > 0.0:
                self._fail(place, f"sigma = {prior.sigma} must be above zero")
            reach = NORMAL_REACH * self.width
            ends = (
                self.origin - reach if prior.low is None else read(prior.low),
                self.origin + reach if prior.high is None else read(prior.high),
            )
        else:
            ends = read(prior.low), read(prior.high)
            self.origin, self.width = ends[0], (ends[1] - ends[0]) / math.sqrt(12.0)
        if not ends[0] < ends[1]:
            self._fail(place, f"low {prior.low} must be below high {prior.high}")
        if self.log and not ends[0] > 0.0:
            self._fail(place, f"low {prior.low} must be above zero for a log-uniform prior; take a uniform one")
        self.low, self.high = (self.coordinate(end) for end in ends)
        self.spread = 1.0 if not self.log else (self.high - self.low) / math.sqrt(12.0)

    def _reader(self, place: str | None):
        def read(value: Value) -> float:
            try:
                return parse(value, self.unit)
            except UnitError as error:
                self._fail(place, str(error))

        return read

    def _fail(self, place: str | None, message: str) -> NoReturn:
        raise ModelFileError(place, None, f"free '{self.name}': {message}")

    def coordinate(self, value: float) -> float:
        """Coordinate of a value in SI."""
        return math.log(value) if self.log else (value - self.origin) / self.width

    def value(self, coordinate):
        """Value in SI at a coordinate, or at an array of them."""
        return np.exp(coordinate) if self.log else self.origin + self.width * coordinate

    def slope(self, coordinate: float) -> float:
        """d value / d coordinate."""
        return self.value(coordinate) if self.log else self.width

    def quantile(self, share: float) -> float:
        """Coordinate below which a share of the prior lies."""
        if not self.normal:
            return self.low + share * (self.high - self.low)
        from scipy.stats import norm

        first, last = norm.cdf(self.low), norm.cdf(self.high)
        return float(norm.ppf(first + share * (last - first)))
