"""One case through the solver: curves beside those of the peer, and how far they are apart."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

from perovsim.constants import Q
from perovsim.device.outputs.outputs import groups
from perovsim.model import Device, Protocol
from perovsim.simulation import simulate
from perovsim.steps import run_steps
from perovsim.validate.peers.case import ALONG, LIGHT, Comparison, LoadedPeer, load_peer_case
from perovsim.validate.peers.first_order import FirstOrderRunner
from perovsim.validate.peers.profiles import on_peer_points

if TYPE_CHECKING:
    import xarray as xr

UNITS = {"J": "A/m²", "V": "V", "EL": "A/m²", "V_oc": "V", "potential": "V"}
"""Of each quantity; of the others m⁻³."""
SAME_TIME, JUMPS = 1e-12, 4e-9
"""Share of the clock within which two times are one; what jumps of the voltage may have added to it [s]."""


@dataclass(frozen=True)
class Terminals:
    """Terminals over time [s] of one run: voltage [V], current and emission [A/m^2]; its fields, where kept."""

    time: np.ndarray
    V: np.ndarray
    J: np.ndarray
    EL: np.ndarray
    fields: xr.Dataset | None = None


@dataclass(frozen=True)
class Deviation:
    """One comparison: points x [V, s or m], the peer, the solver, and their distance over the scale.

    deviation : (points,), a share, or in `unit` where the tolerance is absolute
    """

    case: str
    comparison: Comparison
    x: np.ndarray
    peer: np.ndarray
    solver: np.ndarray
    deviation: np.ndarray

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return UNITS.get(self.comparison.quantity, "m⁻³")

    @property
    def maximum(self) -> float:
        """Largest deviation; NaN where one is not a number."""
        return float(np.max(np.abs(self.deviation)))

    @property
    def median(self) -> float:
        """Median of the deviations."""
        return float(np.median(np.abs(self.deviation)))

    @property
    def worst(self) -> float:
        """Where the deviation is largest [V, s or m]."""
        return float(self.x[np.argmax(np.abs(self.deviation))])

    @property
    def beyond(self) -> int:
        """Number of points beyond the tolerance."""
        return int(np.sum(~(np.abs(self.deviation) <= self.comparison.tolerance)))

    @property
    def passes(self) -> bool:
        """Whether every point is within the tolerance."""
        return self.beyond == 0


@dataclass(frozen=True)
class PeerRun:
    """One case: its comparisons and the wall time of the run with the solver's own steps [s]."""

    loaded: LoadedPeer
    deviations: tuple[Deviation, ...]
    seconds: float


def run_case(name: str | Path, cells: tuple[int, ...] | None = None) -> PeerRun:
    """Run a case and compare it with its data.

    name : of a shipped case ("05_pin_ions_steady" or "05"), or a folder like one
    cells : of the layers, None for those of its device file

    Raises ModelFileError where the case is broken, SimulationError where the run stalls.
    """
    loaded = load_peer_case(name)
    if cells is not None:
        layers = (one.replace(cells=count) for one, count in zip(loaded.device.layers, cells, strict=True))
        loaded = replace(loaded, device=loaded.device.replace(layers=tuple(layers)))
    began = clock.perf_counter()
    own = own_steps(loaded.device, loaded.protocol)
    seconds = clock.perf_counter() - began
    found = []
    for one in loaded.case.comparisons:
        terminals = own if one.time_steps == "own" else _steps_of_peer(loaded, one)
        found.append(compare(loaded, one, terminals))
    return PeerRun(loaded, tuple(found), seconds)


def compare(loaded: LoadedPeer, one: Comparison, run: Terminals) -> Deviation:
    """The curve of a run beside the column of data.csv that a comparison names."""
    if one.along == "depth":
        found = on_peer_points(loaded, one, run, _window(loaded.protocol, one))
        return _deviation(loaded, one, *found)
    data, column = loaded.data, loaded.data[one.column]
    x = data[ALONG[one.along]]
    chosen = (x > one.since) & (x <= one.until) & np.isfinite(column)
    if one.light is not None:
        chosen &= data[LIGHT] == one.light
    x, peer = x[chosen], column[chosen]
    own_x, own_y = _curve(loaded.protocol, one, run)
    if one.quantity == "V_oc":
        peer, solver = np.array([_root(x, peer)]), np.array([_root(own_x, own_y)])
        x = peer
    else:
        solver = _interpolated(one.along, own_x, own_y, x)
    return _deviation(loaded, one, x, peer, solver)


def _deviation(loaded: LoadedPeer, one: Comparison, x: np.ndarray, peer: np.ndarray, solver: np.ndarray) -> Deviation:
    """The two curves and their distance over the scale of the comparison."""
    scale: float | np.ndarray = one.scale if isinstance(one.scale, float) else 1.0
    if one.scale == "pointwise":
        large = np.abs(peer) > one.above * np.abs(peer).max()
        x, peer, solver = x[large], peer[large], solver[large]
        scale = np.abs(peer)
    elif one.scale == "maximum":
        scale = float(np.abs(peer).max())
    return Deviation(loaded.case.name, one, x, peer, solver, (solver - peer) / scale)


def own_steps(device: Device, protocol: Protocol) -> Terminals:
    result = simulate(device, protocol, progress=lambda *_: None)
    columns = result.terminals
    emission = Q * columns["photon_flux"].values
    return Terminals(result.times, columns["V"].values, columns["J"].values, emission, result.fields)


def _steps_of_peer(loaded: LoadedPeer, one: Comparison) -> Terminals:
    """The run with the time steps of the peer from the first step of the comparison on."""
    begin, _ = _window(loaded.protocol, one)
    runner = FirstOrderRunner(loaded.device, begin + loaded.data[ALONG["time"]])
    run_steps(runner, loaded.protocol)
    columns = groups(runner)["terminals"]
    return Terminals(np.array(runner.times), columns["V"][0], columns["J"][0], Q * columns["photon_flux"][0])


def _window(protocol: Protocol, one: Comparison) -> tuple[float, float]:
    """Begin and end of the steps of a comparison on the clock of the run [s]."""
    ends = np.concatenate(([0.0], np.cumsum([float(step.duration) for step in protocol.steps])))
    return float(ends[one.steps[0] - 1]), float(ends[one.steps[-1]])


def _curve(protocol: Protocol, one: Comparison, run: Terminals) -> tuple[np.ndarray, np.ndarray]:
    """Voltage [V] or time since the first step [s] of a run, rising, and the quantity over it."""
    begin, end = _window(protocol, one)
    slack = SAME_TIME * end
    inside = (run.time >= begin - slack) & (run.time <= end + JUMPS + slack)
    y = getattr(run, {"V_oc": "J"}.get(one.quantity, one.quantity))[inside]
    x = run.V[inside] if one.along == "voltage" else run.time[inside] - begin
    x, first = np.unique(x, return_index=True)
    return x, y[first]


def _interpolated(along: str, own_x: np.ndarray, own_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of the solver at the points of the peer, monotone cubic; over the logarithm of time."""
    if along == "voltage":
        return PchipInterpolator(own_x, own_y)(x)
    later = own_x > 0.0
    return PchipInterpolator(np.log(own_x[later]), own_y[later])(np.log(x))


def _root(x: np.ndarray, y: np.ndarray) -> float:
    """Where a rising curve crosses zero, linear between its points."""
    return float(np.interp(0.0, y, x))
