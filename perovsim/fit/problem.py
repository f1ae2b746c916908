"""`Problem`: a device whose numbers are partly priors, a protocol, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.errors import MeasurementError, ModelFileError, PerovsimError
from perovsim.fit.data import DataSet, Measured, measure
from perovsim.fit.paths import quantity_at, with_free
from perovsim.fit.priors import Parameter, Prior
from perovsim.fit.record import Record
from perovsim.fit.runs import Failure, Runs
from perovsim.model import Device, Protocol, load_protocol

if TYPE_CHECKING:
    from perovsim.fit.fit import Fit
    from perovsim.fit.posterior import Posterior

Raw = list[np.ndarray] | None
"""Model of every data set before scale and offset, (n, k) each; None where the run failed."""
Tell = Callable[[str], None]
MAIN = ""
"""Name of the protocol of the problem; data sets may name others."""


class Problem:
    """Which values make the model meet the data?

    data : measurements; free : path in the device, or protocol.step.N.key -> prior
    folder : of the runs, kept and used again; None: not kept; workers : processes; rtol : of the runs
    Raises ModelFileError and MeasurementError, with file and row, for what cannot be compared or be free.
    """

    def __init__(
        self,
        device: Device,
        protocol: Protocol | None = None,
        *,
        data: Iterable[DataSet],
        free: Mapping[str, Prior],
        folder: str | Path | None = None,
        workers: int | None = None,
        rtol: float = 1e-5,
        name: str = "fit",
    ) -> None:
        self.device, self.protocol, self.rtol, self.name = device, protocol, rtol, name
        sets = tuple(data)
        if not sets or not free:
            raise PerovsimError(f"{name}: nothing to fit: give at least one data set and one free number")
        self.protocols = self._protocols(sets)
        self.data: tuple[Measured, ...] = tuple(
            measure(one, device, self.protocols.get(one.protocol or MAIN)) for one in sets
        )
        _check_names([one.name for one in sets])
        self.parameters = self._parameters(free)
        self.count = len(free)
        fields = dict.fromkeys(name for one in sets for name in one.depth_fields)
        self.runs = Runs(None if folder is None else Path(folder), workers, tuple(fields))

    def _protocols(self, sets: Sequence[DataSet]) -> dict[str, Protocol]:
        found = {} if self.protocol is None else {MAIN: self.protocol}
        for one in sets:
            if one.protocol is not None:
                beside = one._folder / one.protocol
                found[one.protocol] = load_protocol(beside if beside.is_file() else one.protocol)
            elif one.kind.run and self.protocol is None:
                raise PerovsimError(f"data '{one.name}': {one.observable} needs a run; give the problem a protocol")
        return found

    def _parameters(self, free: Mapping[str, Prior]) -> tuple[Parameter, ...]:
        found = []
        for path, prior in free.items():
            number = quantity_at(self.device, self.protocol, path)
            found.append(Parameter(path, prior, number.si_unit))
        for data in self.data:
            first = next(iter(data.spec.y_units.values()))
            units = {"offset": first, "scale": "", "series_resistance": "ohm m^2"}
            found += [
                Parameter(f"{data.name}: {kind}", prior, units[kind]) for kind, prior in data.spec.nuisance.items()
            ]
        return tuple(found)

    # -- coordinates ----------------------------------------------------------------------------

    @property
    def low(self) -> np.ndarray:
        """Lower bounds of the coordinates."""
        return np.array([one.low for one in self.parameters])

    @property
    def high(self) -> np.ndarray:
        """Upper bounds of the coordinates."""
        return np.array([one.high for one in self.parameters])

    @property
    def spread(self) -> np.ndarray:
        """Standard deviations of the priors in the coordinates."""
        return np.array([one.spread for one in self.parameters])

    def values(self, u: np.ndarray) -> dict[str, float]:
        """Name -> value in SI at coordinates."""
        return {one.name: one.value(float(x)) for one, x in zip(self.parameters, u, strict=True)}

    def coordinates(self, values: Mapping[str, float]) -> np.ndarray:
        """Coordinates (n,) of values in SI by name."""
        return np.array([one.coordinate(values[one.name]) for one in self.parameters])

    # -- model ----------------------------------------------------------------------------------

    def raw(self, points: np.ndarray, rtol: float | None = None) -> list[Raw]:
        """Model before scale and offset at points (m, n), runs side by side."""
        built = [self._build(u) for u in points]
        needed = [(k, name) for k, one in enumerate(built) if one for name in self._needed()]
        cases = [(built[k][0], built[k][1][name], rtol or self.rtol) for k, name in needed]
        records = dict(zip(needed, self.runs.get(cases), strict=True))
        return [self._read(k, built[k], points[k], records) if built[k] else None for k in range(len(built))]

    def _needed(self) -> list[str]:
        """Protocols that have to be run."""
        return list(dict.fromkeys(one.spec.protocol or MAIN for one in self.data if one.spec.kind.run))

    def _build(self, u: np.ndarray) -> tuple[Device, dict[str, Protocol]] | None:
        values = self.values(u)
        free = {one.name: values[one.name] for one in self.parameters[: self.count]}
        try:
            return with_free(self.device, self.protocols, free)
        except ModelFileError as error:
            self.runs.failures[repr(sorted(free.items()))] = str(error)
            return None

    def _read(self, k: int, built: Any, u: np.ndarray, records: dict) -> Raw:
        device, protocols = built
        values, found = self.values(u), []
        for data in self.data:
            name = data.spec.protocol or MAIN
            record = records.get((k, name)) if data.spec.kind.run else None
            if isinstance(record, Failure):
                return None
            found.append(self._predict(data, record, device, values))
            if found[-1] is None:
                return None
        return found

    def _predict(self, data: Measured, record: Record | None, device: Device, values: dict) -> np.ndarray | None:
        resistance = values.get(f"{data.name}: series_resistance", 0.0)
        try:
            return data.spec.kind.predict(record, device, data, data.x, resistance)
        except MeasurementError as error:
            self.runs.failures[f"{data.name} {sorted(values.items())}"] = f"data '{data.name}': {error}"
            return None

    def model(self, points: np.ndarray, raw: list[np.ndarray]) -> list[np.ndarray]:
        """Models (m, n, k) of every data set, with scale and offset, at points (m, parameters)."""
        values = {one.name: one.value(points[:, k])[:, None, None] for k, one in enumerate(self.parameters)}
        return [
            values.get(f"{data.name}: scale", 1.0) * one + values.get(f"{data.name}: offset", 0.0)
            for data, one in zip(self.data, raw, strict=True)
        ]

    def at(self, u: np.ndarray) -> list[np.ndarray] | None:
        """Model (n, k) of every data set at a point; None where the run failed."""
        raw = self.raw(u[None])[0]
        return None if raw is None else [one[0] for one in self.model(u[None], [part[None] for part in raw])]

    def residuals(self, points: np.ndarray, rtol: float | None = None) -> np.ndarray:
        """Residuals (m, k) at points (m, n): of every datum, then of the normal priors; NaN rows where a run failed."""
        raw = self.raw(points, rtol)
        lost = [np.full(data.y.shape, np.nan) for data in self.data]
        return self.residuals_of(points, [np.array(part) for part in zip(*(one or lost for one in raw), strict=True)])

    def residuals_of(self, points: np.ndarray, raw: list[np.ndarray]) -> np.ndarray:
        """Residuals (m, k) of models (m, n, k) before scale and offset."""
        model = self.model(points, raw)
        of_data = [data.residuals(y) for data, y in zip(self.data, model, strict=True)]
        return np.concatenate([*of_data, points[:, [one.normal for one in self.parameters]]], axis=1)

    @property
    def size(self) -> int:
        """Number of data."""
        return sum(data.size for data in self.data)

    # -- what is asked of it --------------------------------------------------------------------

    def least_squares(self, starts: int = 4, seed: int = 1, tell: Tell = lambda text: None, **options: Any) -> Fit:
        """Best values from several starts drawn from the priors; options : loss, f_scale, steps (see Settings)."""
        from perovsim.fit.fit import least_squares

        return least_squares(self, starts, seed, tell, **options)

    def sample(self, start: Fit, samples: int = 10_000, seed: int = 1, tell: Tell = lambda text: None) -> Posterior:
        """Posterior about a fit, by emcee on an emulator of the runs whose error is measured."""
        from perovsim.fit.posterior import sample

        return sample(start, samples, seed, tell)

    def synthetic(self, values: Mapping[str, float], seed: int) -> Problem:
        """Return the same problem with data drawn from the model at these values [SI], with their noise."""
        u = self.coordinates(values)
        model = self.at(u)
        if model is None:
            raise PerovsimError("no synthetic data: the run failed: " + "; ".join(self.runs.failures.values()))
        generator = np.random.default_rng(seed)
        copy = object.__new__(Problem)
        copy.__dict__ = dict(self.__dict__)
        copy.data = tuple(data.with_values(data.draw(y, generator)) for data, y in zip(self.data, model, strict=True))
        return copy

    def close(self) -> None:
        """End the processes."""
        self.runs.close()


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise PerovsimError(f"data '{name}' is given twice; give each its own name")
