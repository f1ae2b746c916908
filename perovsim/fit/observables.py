"""What can be measured, and what the model says of it: one function for each, from a record or a device to numbers.

A value between stored ones is read off a monotone cubic through them (PCHIP), which makes no extrema of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.errors import MeasurementError
from perovsim.fit.record import Record
from perovsim.physics.emission import exciton_energy

if TYPE_CHECKING:
    from perovsim.fit.data import Measured
    from perovsim.model import Device

Columns = dict[str, np.ndarray]
THICKNESS = "interfaces/thickness_"
Z_EXPONENT = 1.7
"""HAADF intensity goes as Z to this power, between 2 of a bare nucleus and 1.6 of a screened one; assumed."""
ATOMIC_NUMBER = {"Cl": 17, "Br": 35, "Cs": 55, "Pb": 82}
LEAST_POINTS = 2


@dataclass(frozen=True)
class Observable:
    """A kind of measurement: its columns with their SI units, and what the model says at given x.

    predict(record, device, data, x, resistance) -> (n, y); x : column -> (n,); resistance : in series [ohm m^2]
    span(protocol, device, data) -> column -> (lowest, highest) that a run reaches
    run : whether it needs one; options : keys of a data set that it reads; arbitrary : may be in a unit of its own
    fields : depth fields that it reads
    """

    name: str
    title: str
    x: dict[str, str]
    y: dict[str, str]
    predict: Callable[..., np.ndarray]
    span: Callable[..., dict[str, tuple[float, float]]]
    run: bool = True
    options: tuple[str, ...] = ()
    resistance: bool = False
    arbitrary: bool = False
    fields: tuple[str, ...] = ()


def read_between(at: np.ndarray, known: np.ndarray, values: np.ndarray, what: str) -> np.ndarray:
    """Values at points inside the known ones; MeasurementError outside."""
    from scipy.interpolate import PchipInterpolator

    known, first = np.unique(known, return_index=True)
    values = values[first]
    good = np.isfinite(values)
    known, values = known[good], values[good]
    if known.size < LEAST_POINTS:
        raise MeasurementError(f"the run has no {what}")
    slack = 1e-9 * max(abs(known[0]), abs(known[-1]))
    outside = (at < known[0] - slack) | (at > known[-1] + slack)
    if outside.any():
        raise MeasurementError(
            f"the run has {what} from {known[0]:.4g} to {known[-1]:.4g}, the datum is at {at[outside][0]:.4g}"
        )
    return PchipInterpolator(known, values)(np.clip(at, known[0], known[-1]))


def _terminal(name: str, what: str):
    def predict(record: Record, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
        found = read_between(x["t"], record.times, record[f"terminals/{name}"], what)
        if resistance:
            found = found + resistance * read_between(x["t"], record.times, record["terminals/J"], "a current")
        return found[:, None]

    return predict


def _in_time(protocol: Any, device: Device, data: Measured) -> dict[str, tuple[float, float]]:
    return {"t": (0.0, protocol.duration)}


def _step(protocol: Any, data: Measured) -> tuple[Any, float, float]:
    """The sweep or staircase that the data belong to, and the times between which it runs [s]."""
    ramps = [k for k, step in enumerate(protocol.steps, 1) if step.kind in ("sweep", "staircase")]
    number = data.spec.step or (ramps[0] if ramps else 0)
    if number not in ramps:
        raise MeasurementError(f"data '{data.name}': step {number or '?'} of the protocol is no sweep and no staircase")
    ends = np.cumsum([0.0, *(step.duration.si for step in protocol.steps)])
    return protocol.steps[number - 1], ends[number - 1], ends[number]


def _on_curve(name: str, what: str):
    def predict(record: Record, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
        step, first, last = _step(data.protocol, data)
        middle = 0.5 * (first + last) if step.back else last
        begin, end = (middle, last) if data.spec.branch == "back" else (first, middle)
        slack = 1e-9 * last
        own = (record.times >= begin - slack) & (record.times <= end + slack)
        voltage = record["terminals/V"][own] + resistance * record["terminals/J"][own]
        return read_between(x["V"], voltage, record[f"terminals/{name}"][own], what)[:, None]

    return predict


def _in_sweep(protocol: Any, device: Device, data: Measured) -> dict[str, tuple[float, float]]:
    step, _, _ = _step(protocol, data)
    if data.spec.branch == "back" and not step.back:
        raise MeasurementError(f"data '{data.name}': branch = \"back\", but the {step.kind} does not come back")
    ends = sorted((step.start.si, step.stop.si))
    return {"V": (ends[0], ends[1])}


def _film(record: Record, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
    names = [name for name in record.arrays if name.startswith(THICKNESS)]
    wanted = names if data.spec.film is None else [THICKNESS + data.spec.film]
    if not set(wanted) <= set(names) or not wanted:
        known = ", ".join(name.removeprefix(THICKNESS) for name in names) or "none"
        raise MeasurementError(f"data '{data.name}': the run has no film {data.spec.film}; it has: {known}")
    total = sum(record[name] for name in wanted)
    return read_between(x["t"], record.times, total, "a film")[:, None]


def _spectrum(record: Record, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
    if "impedance/frequency" not in record:
        raise MeasurementError(f"data '{data.name}': the run measured no impedance")
    known, number = np.log(record["impedance/frequency"]), (data.spec.spectrum or 1) - 1
    parts = [
        read_between(np.log(x["f"]), known, record[f"impedance/{name}"][number], "an impedance")
        for name in ("Z_real", "Z_imag")
    ]
    return np.array([parts[0] + resistance, parts[1]]).T


def _in_frequency(protocol: Any, device: Device, data: Measured) -> dict[str, tuple[float, float]]:
    steps = [step for step in protocol.steps if step.kind == "impedance"]
    number = data.spec.spectrum or 1
    if number > len(steps):
        raise MeasurementError(f"data '{data.name}': the protocol measures {len(steps)} spectra, not {number}")
    return {"f": (steps[number - 1].lowest.si, steps[number - 1].highest.si)}


def at_time(record: Record, values: np.ndarray, time: float) -> np.ndarray:
    """A field (time, x) at a time [s], linear between the stored ones."""
    times = record.times
    right = int(np.clip(np.searchsorted(times, time), 1, times.size - 1))
    share = (time - times[right - 1]) / (times[right] - times[right - 1])
    return (1.0 - share) * values[right - 1] + share * values[right]


def _by_depth(values_of: Callable[[Record, Device, Measured], np.ndarray], what: str):
    """A profile at the times and depths of the data, smeared by the resolution of the instrument."""

    def predict(record: Record, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
        values, depth, found = values_of(record, device, data), record["fields/x"], np.empty(x["x"].size)
        if record.times[-1] < x["t"].max() * (1.0 - 1e-9):
            raise MeasurementError(f"the run ended at {record.times[-1]:.4g} s, a profile is at {x['t'].max():.4g} s")
        for time in np.unique(x["t"]):
            own = x["t"] == time
            profile = smeared(depth, record["fields/cell_width"], at_time(record, values, time), data.resolution)
            found[own] = read_between(x["x"][own], depth, profile, what)
        return found[:, None]

    return predict


def smeared(x: np.ndarray, width: np.ndarray, values: np.ndarray, sigma: float) -> np.ndarray:
    """Mean of the cells about each one, weighted by a Gaussian of sigma [m]; where there is nothing, nothing counts."""
    if sigma == 0.0:
        return values
    weight = np.exp(-0.5 * np.square((x[:, None] - x[None, :]) / sigma)) * width * np.isfinite(values)
    total = weight.sum(axis=1)
    mean = weight @ np.nan_to_num(values) / np.where(total > 0.0, total, 1.0)
    return np.where(np.isfinite(values), mean, np.nan)


def _field(record: Record, device: Device, data: Measured) -> np.ndarray:
    name = f"fields/{data.spec.field}"
    if name not in record:
        raise MeasurementError(f"data '{data.name}': the run has no field '{data.spec.field}'")
    return record[name]


def z_contrast(record: Record, device: Device, data: Measured) -> np.ndarray:
    """HAADF of incoherent scattering, sum of n_i Z_i^1.7 over the atoms of the emitter [m^-3], NaN elsewhere.

    No channelling, no thickness effects: scale and offset of the data set take those up as far as they are even
    """
    lattice = device.emitter.lattice
    cations = float(lattice.lead_density) * sum(ATOMIC_NUMBER[atom] ** Z_EXPONENT for atom in ("Cs", "Pb"))
    sites = float(lattice.site_density)
    halides = sum(ATOMIC_NUMBER[one] ** Z_EXPONENT * record[f"fields/theta_{one}"] for one in ("Cl", "Br"))
    inside = record["fields/layer"] == device.emitter.name
    return np.where(inside, cations + sites * halides, np.nan)


def _in_depth(protocol: Any, device: Device, data: Measured) -> dict[str, tuple[float, float]]:
    return {"t": (0.0, protocol.duration), "x": (0.0, device.thickness)}


def _exciton(record: None, device: Device, data: Measured, x: Columns, resistance: float) -> np.ndarray:
    lattice = device.emitter.lattice
    numbers = (float(getattr(lattice, name)) for name in ("exciton_energy_Br", "exciton_energy_Cl", "exciton_bowing"))
    return exciton_energy(x["x_Cl"], *numbers)[:, None]


def _composition(protocol: Any, device: Device, data: Measured) -> dict[str, tuple[float, float]]:
    return {"x_Cl": (0.0, 1.0)}


_T, _PROFILE = {"t": "s"}, {"t": "s", "x": "m"}
_ALL = (
    Observable("voltage", "voltage", _T, {"V": "V"}, _terminal("V", "a voltage"), _in_time, resistance=True),
    Observable("current", "current density", _T, {"J": "A/m^2"}, _terminal("J", "a current"), _in_time),
    Observable(
        "light", "photons that leave", _T, {"EL": "m^-2/s"}, _terminal("photon_flux", "light"), _in_time, arbitrary=True
    ),
    Observable(
        "luminance", "luminance", _T, {"L": "cd/m^2"}, _terminal("luminance", "light"), _in_time, arbitrary=True
    ),
    Observable(
        "peak_wavelength", "emission peak", _T, {"lambda": "m"}, _terminal("peak_wavelength", "an emission"), _in_time
    ),
    Observable(
        *("current_voltage", "current density", {"V": "V"}, {"J": "A/m^2"}, _on_curve("J", "a current"), _in_sweep),
        options=("step", "branch"),
        resistance=True,
    ),
    Observable(
        *("luminance_voltage", "luminance", {"V": "V"}, {"L": "cd/m^2"}, _on_curve("luminance", "light"), _in_sweep),
        options=("step", "branch"),
        resistance=True,
        arbitrary=True,
    ),
    Observable(
        *("impedance", "impedance", {"f": "Hz"}, {"Z_real": "ohm m^2", "Z_imag": "ohm m^2"}, _spectrum, _in_frequency),
        options=("spectrum",),
        resistance=True,
    ),
    Observable("film_thickness", "film thickness", _T, {"d": "m"}, _film, _in_time, options=("film",)),
    Observable(
        *("profile", "depth profile", _PROFILE, {"": ""}, _by_depth(_field, "a profile"), _in_depth),
        options=("field", "time", "resolution"),
    ),
    Observable(
        *("z_contrast", "HAADF line profile", _PROFILE, {"I": ""}, _by_depth(z_contrast, "an emitter"), _in_depth),
        options=("time", "resolution"),
        arbitrary=True,
        fields=("theta_Cl", "theta_Br"),
    ),
    Observable(
        *("exciton_energy", "exciton energy", {"x_Cl": ""}, {"E": "eV"}, _exciton, _composition),
        run=False,
    ),
)
FIELD_UNITS = {
    **{start: "" for start in ("theta_", "x_", "f_", "strain_")},
    **{start: "m^-3" for start in ("c_", "n", "p", "Pb0")},
    **{"potential": "V", "E_": "eV", "stress_": "Pa", "R_": "m^-3/s"},
}
"""SI unit of a field by how its name begins."""


def field_unit(name: str) -> str:
    """SI unit of a depth field of a result; MeasurementError for a name of none."""
    found = [unit for start, unit in FIELD_UNITS.items() if name == start or (name.startswith(start) and start != "n")]
    if not found or (name != "potential" and name[0] in "np" and len(name) > 1):
        raise MeasurementError(f"field '{name}' is none of a result; take for example x_Cl, theta_V or strain_lattice")
    return found[0]


OBSERVABLES: dict[str, Observable] = {one.name: one for one in _ALL}
"""Observables by name."""
