"""Run a device through a protocol: `simulate(device, protocol) -> Result`."""

from __future__ import annotations

import platform
import sys
import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim import conservation
from perovsim.errors import SimulationError
from perovsim.steps import run_steps

if TYPE_CHECKING:
    import xarray as xr

    from perovsim.model import Device, Protocol
    from perovsim.result import Result

SOLVERS = ("bdf", "fipy")
EVENTS = (("event_time", "s", "when"), ("kind", "", "what"), ("detail", "", "details"))

Progress = Callable[[float, str], None]


def simulate(
    device: Device,
    protocol: Protocol,
    *,
    rtol: float = 1e-5,
    solver: str = "bdf",
    steps_per_output: int = 4,
    progress: Progress | None = None,
    check: bool = True,
) -> Result:
    """Integrate the device equations over the steps of the protocol.

    rtol : relative tolerance of the time integration of "bdf"
    solver : "bdf" (compiled, the default) or "fipy" (the readable reference: transport only)
    steps_per_output : equal steps of backward Euler that "fipy" takes from one stored time to the next
    progress : called as progress(time_s, label); None draws a line on a terminal
    check : whether a violated balance is an error

    Raises SimulationError when a step stalls (its `checkpoint` is the Result so far) and ConservationError when a
    balance is violated. Ctrl-C raises KeyboardInterrupt with the Result so far as its `checkpoint` attribute.
    """
    began = clock.perf_counter()
    progress = progress or _line_on_terminal(protocol.duration)
    if solver == "bdf":
        from perovsim.device.outputs.outputs import groups
        from perovsim.device.running.run import Runner

        running: Any = Runner(device, rtol, progress)
    elif solver == "fipy":
        from perovsim.fipy_device.drive import Drive
        from perovsim.fipy_device.outputs import groups

        running = Drive(device, steps_per_output, progress)
    else:
        raise SimulationError(f"solver '{solver}' is unknown; use {' or '.join(SOLVERS)}")

    def so_far() -> Result:
        return _collect(running, groups(running), protocol, solver, clock.perf_counter() - began)

    try:
        run_steps(running, protocol)
    except (SimulationError, KeyboardInterrupt) as error:
        error.checkpoint = so_far() if running.stored_count > 1 else None
        raise
    result = so_far()
    if check:
        conservation.check(result.balance, result.terminals["J"])
    return result


def _collect(running: Any, groups: dict[str, dict], protocol: Protocol, solver: str, seconds: float) -> Result:
    """A Result of the columns of a solver: name -> (values, unit, long name) by group."""
    import xarray as xr

    from perovsim import __version__
    from perovsim.result import Result

    device, mesh = running.device, running.mesh
    time = {"time": ("time", np.array(running.times), {"units": "s"})}
    depth = time | {
        "x": ("x", mesh.centres, {"units": "m"}),
        "cell_width": ("x", mesh.widths, {"units": "m"}),
        "layer": ("x", np.array([device.layers[k].name for k in mesh.layer])),
    }
    faces = time | {"x_face": ("x_face", mesh.faces, {"units": "m"})}
    found = [*running.warnings, *running.events]
    events = {
        name: (np.array([event[k] for event in found], dtype=str if k else float), unit, text)
        for k, (name, unit, text) in enumerate(EVENTS)
    }

    def variables(columns: dict, *dims: str) -> dict:
        return {n: (dims, v, {"units": u, "long_name": w}) for n, (v, u, w) in columns.items()}

    in_depth = variables(groups["fields"], "time", "x") | variables(groups["faces"], "time", "x_face")
    over_time = {
        name: xr.Dataset(variables(groups[name], "time"), time) for name in ("terminals", "interfaces", "balance")
    }
    return Result(
        fields=xr.Dataset(in_depth, depth | faces),
        **over_time,
        events=xr.Dataset(variables(events, "event")),
        impedance=_impedance(running, over_time["terminals"]),
        device=device,
        protocol=protocol,
        attrs=dict(
            perovsim_version=__version__,
            python=platform.python_version(),
            numpy=np.__version__,
            solver=solver,
            wall_seconds=seconds,
            cells=mesh.n,
            **running.statistics,
        ),
    )


def _impedance(running: Any, terminals: xr.Dataset) -> xr.Dataset | None:
    """Spectra of a run side by side over all their frequencies, NaN where one has no value."""
    import xarray as xr

    from perovsim.small_signal import columns

    spectra = getattr(running, "spectra", [])
    if not spectra:
        return None
    parts = [columns(one.frequencies, one.impedance) for one in spectra]
    together = xr.concat(parts, "spectrum", join="outer")
    at = terminals.isel(time=("spectrum", [one.index for one in spectra]))
    labels = ("spectrum", [one.label for one in spectra])
    return together.assign(V=at["V"], J=at["J"]).assign_coords(step=labels)


def _line_on_terminal(duration: float) -> Progress | None:
    """A line that is rewritten with the share done on a logarithmic time axis, on a terminal only."""
    if not sys.stderr.isatty():
        return None
    from perovsim.progress import Progress as Line
    from perovsim.progress import decades_done

    line = Line()

    def show(seconds: float, label: str) -> None:
        line(label, decades_done(seconds, duration))

    return show
