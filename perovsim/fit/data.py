"""A data set: what was measured, from which table, with which noise and which nuisances."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, PrivateAttr, model_validator

from perovsim.errors import MeasurementError, ModelFileError, PerovsimError
from perovsim.fit.columns import Table, Wanted, read_table
from perovsim.fit.noise import Noise, normal_residuals, poisson_residuals
from perovsim.fit.observables import OBSERVABLES, Observable, field_unit
from perovsim.fit.priors import Prior
from perovsim.model.base import ModelData
from perovsim.model.names import Name, did_you_mean
from perovsim.units import parse

NUISANCES = ("offset", "scale", "series_resistance")
OPTIONS = ("time", "step", "branch", "spectrum", "film", "field", "resolution")


class DataSet(ModelData):
    """One measurement of one observable.

    file : CSV beside the fit file; table : instead, column -> values in SI
    protocol : of this data set alone; rename : name of a column as asked for -> as it is in the file
    nuisance : "offset" [unit of the datum], "scale", "series_resistance" [ohm m^2] -> prior; model = scale y + offset
    time : of a profile without a column t; step, branch : of a sweep; spectrum : number of an impedance; film : formula
    field, resolution : of a profile, the latter a Gaussian sigma
    """

    name: Name
    observable: str
    file: str | None = None
    table: Any = None
    noise: Noise
    nuisance: dict[Literal["offset", "scale", "series_resistance"], Prior] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    protocol: str | None = None
    standing: Literal["measured", "synthetic"] = "measured"
    source: str = "user"
    note: str = ""
    time: float | str | None = None
    step: int | None = Field(default=None, ge=1)
    branch: Literal["forward", "back"] = "forward"
    spectrum: int | None = Field(default=None, ge=1)
    film: str | None = None
    field: str | None = None
    resolution: float | str = 0.0

    _folder: Path = PrivateAttr(default=Path("."))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.observable not in OBSERVABLES:
            raise ValueError(
                f"observable '{self.observable}' is not known; {did_you_mean(self.observable, OBSERVABLES)}"
            )
        kind = OBSERVABLES[self.observable]
        if (self.file is None) == (self.table is None):
            raise ValueError("give `file`, a CSV")
        if "series_resistance" in self.nuisance and not kind.resistance:
            raise ValueError(f"a series resistance does not change '{self.observable}'; remove it")
        for option in OPTIONS:
            if getattr(self, option) != type(self).model_fields[option].default and option not in kind.options:
                raise ValueError(f"'{option}' means nothing to observable '{self.observable}'; remove it")
        if "field" in kind.options and self.field is None:
            raise ValueError("a profile needs its `field`, such as x_Cl or strain_lattice")
        return self

    def beside(self, folder: Path) -> Self:
        """Return a copy that looks for its file in a folder."""
        copy = self.model_copy()
        copy._folder = folder
        return copy

    @property
    def kind(self) -> Observable:
        """The observable."""
        return OBSERVABLES[self.observable]

    @property
    def y_units(self) -> dict[str, str]:
        """SI unit of each measured column, by name."""
        if self.field is not None:
            return {self.field: field_unit(self.field)}
        return self.kind.y

    @property
    def depth_fields(self) -> tuple[str, ...]:
        """Depth fields of a run that are needed."""
        return self.kind.fields if self.field is None else (self.field,)

    @property
    def has_time(self) -> bool:
        """Whether the times are a column of the table."""
        return "t" in self.kind.x and self.time is None


@dataclass(frozen=True)
class Measured:
    """A data set with its numbers in SI, checked against what the model can reach.

    x : column -> (n,); y, sigma : (n, k), sigma NaN for counts; rows : of the file
    """

    spec: DataSet
    protocol: Any
    x: dict[str, np.ndarray]
    y: np.ndarray
    sigma: np.ndarray
    unit: str
    table: Table

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.spec.name

    @property
    def resolution(self) -> float:
        """Gaussian sigma of the instrument [m]."""
        return parse(self.spec.resolution, "m")

    @property
    def size(self) -> int:
        """Number of data."""
        return self.y.size

    def residuals(self, model: np.ndarray) -> np.ndarray:
        """Residuals (m, n k) of models (m, n, k), each with variance one."""
        if self.spec.noise.poisson:
            return poisson_residuals(model, self.y).reshape(len(model), -1)
        return normal_residuals(model, self.y, self.sigma).reshape(len(model), -1)

    def draw(self, model: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Synthetic data (n, k): the model with this noise, whose size is that of the model."""
        if self.spec.noise.poisson:
            return generator.poisson(np.maximum(model, 0.0)).astype(float)
        return model + _sigma(self.spec, self.table, model, self.unit) * generator.standard_normal(model.shape)

    def with_values(self, y: np.ndarray) -> Measured:
        """Return a copy that measured y (n, k)."""
        sigma = _sigma(self.spec, self.table, y, self.unit)
        return Measured(self.spec, self.protocol, self.x, y, sigma, self.unit, self.table)


def measure(spec: DataSet, device: Any, protocol: Any) -> Measured:
    """Read a data set; ModelFileError with file and row where it cannot be compared with the model."""
    table = _read(spec)
    x = {name: table.columns[spec.rename.get(name, name)] for name in spec.kind.x if name != "t" or spec.has_time}
    if "t" in spec.kind.x and not spec.has_time:
        x["t"] = np.full(table.rows.size, parse(spec.time, "s"))
    y = np.array([table.columns[spec.rename.get(name, name)] for name in spec.y_units]).T
    first = next(iter(spec.y_units))
    unit = table.units[spec.rename.get(first, first)]
    _check_order(spec, table, x)
    if spec.noise.poisson and (y < 0.0).any():
        table.fail(int(np.argmax((y < 0.0).any(axis=1))), f"{y.min():g} counts; counts are never negative")
    sigma = _sigma(spec, table, y, unit)
    found = Measured(spec, protocol, x, y, sigma, unit, table)
    _check_span(found, device)
    return found


def _read(spec: DataSet) -> Table:
    free = spec.kind.arbitrary and "scale" in spec.nuisance
    needed = {name: unit for name, unit in spec.kind.x.items() if name != "t" or spec.has_time}
    wanted = [Wanted(spec.rename.get(name, name), unit) for name, unit in needed.items()]
    wanted += [Wanted(spec.rename.get(name, name), unit, free) for name, unit in spec.y_units.items()]
    if spec.noise.column is not None:
        first = next(iter(spec.y_units.values()))
        wanted.append(Wanted(spec.noise.column, first, free))
    if spec.table is None:
        return read_table(spec._folder / spec.file, wanted)
    columns = {}
    for column in wanted:
        if column.name not in spec.table:
            hint = did_you_mean(column.name, spec.table)
            raise MeasurementError(f"data '{spec.name}': column '{column.name}' is missing; {hint}")
        columns[column.name] = np.atleast_1d(np.asarray(spec.table[column.name], float))
    rows = np.arange(1, 1 + next(iter(columns.values())).size)
    table = Table(Path(f"data '{spec.name}'"), columns, {one.name: one.unit for one in wanted}, rows)
    for name, values in columns.items():
        if values.shape != rows.shape or not np.isfinite(values).all():
            raise MeasurementError(f"data '{spec.name}': column '{name}' must be {rows.size} finite numbers")
    return table


def _check_order(spec: DataSet, table: Table, x: dict[str, np.ndarray]) -> None:
    """Times must rise; those of profiles may stay the same while the depth rises."""
    if not spec.has_time:
        return
    step = np.diff(x["t"])
    bad = (step < 0.0) if "x" in x else (step <= 0.0)
    if bad.any():
        k = int(np.argmax(bad)) + 1
        table.fail(k, f"t = {x['t'][k]:g} s after {x['t'][k - 1]:g} s; times must rise from row to row: sort the table")


def _sigma(spec: DataSet, table: Table, y: np.ndarray, unit: str) -> np.ndarray:
    noise = spec.noise
    if noise.poisson:
        return np.full(y.shape, np.nan)
    if noise.column is not None:
        found = np.repeat(table.columns[noise.column][:, None], y.shape[1], axis=1)
    else:
        absolute = 0.0 if noise.absolute is None else _absolute(spec, unit)
        found = np.hypot(absolute, (noise.relative or 0.0) * np.abs(y))
    if not (found > 0.0).all():
        k = int(np.argmax((found <= 0.0).any(axis=1)))
        table.fail(
            k, f"the noise ({noise.told}) is {found[k].min():g} here; it must be above zero: add an absolute part"
        )
    return found


def _absolute(spec: DataSet, unit: str) -> float:
    """Absolute noise in SI, or as it stands where the datum has a unit of its own."""
    wanted = next(iter(spec.y_units.values()))
    try:
        return parse(spec.noise.absolute, wanted)
    except PerovsimError as error:
        if spec.kind.arbitrary and "scale" in spec.nuisance:
            return parse(str(spec.noise.absolute).removesuffix(unit), "")
        raise ModelFileError(None, None, f"data '{spec.name}': noise: {error}") from None


def _check_span(data: Measured, device: Any) -> None:
    for name, (low, high) in data.spec.kind.span(data.protocol, device, data).items():
        slack = 1e-9 * max(abs(low), abs(high))
        outside = (data.x[name] < low - slack) | (data.x[name] > high + slack)
        if outside.any():
            k = int(np.argmax(outside))
            whole = "no datum overlaps with it" if outside.all() else f"{outside.sum()} of {outside.size} are outside"
            what = "the model holds" if data.protocol is None else "the protocol runs"
            message = f"{name} = {data.x[name][k]:g} is outside what {what}, {low:g} to {high:g}; {whole}"
            data.table.fail(k, f"{message}: cut the table, or change the protocol")
