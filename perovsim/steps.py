"""Take a solver through the steps of a protocol: stored times, jumps, stop conditions, compliance; for every solver."""

from __future__ import annotations

import typing
from typing import Any

import numpy as np

from perovsim.errors import SimulationError
from perovsim.model import Protocol

FIRST_SHARE = 1e-3
"""The first stored time is at most this share of the duration of its step."""
JUMP_TIME = 1e-9
"""Time [s] in which a voltage that is set is reached: faster than any ion."""
SAME_VOLTAGE = 1e-12
LEAST_CARRIED = 0.5
"""A device carries its current where at most the rest of it still charges the stack when it meets the compliance."""

Watch = tuple[float, float]
"""Voltage of the stack, without series resistance [V], and +1 above or -1 below: crossing it ends a segment."""


class Solver(typing.Protocol):
    """What the steps need of a solver; times are local to a segment, `clock` [s] is moved on by the steps."""

    clock: float
    events: list[tuple[float, str, str]]
    series: float
    """Series resistance [ohm m^2]."""

    def equilibrate(self) -> None:
        """Let the ions reach equilibrium at zero bias with every reaction held."""

    def record_start(self) -> None:
        """Store the state at t = 0: at rest, reactions not yet begun."""

    def follow_current(
        self, current: float, light: float, times: np.ndarray, label: str, watches: list[Watch]
    ) -> tuple[float, int | None]:
        """Hold a terminal current [A/m^2] and store at `times`; the time reached and the watch that ended it."""

    def follow_voltage(self, start: float, rate: float, light: float, times: np.ndarray, label: str) -> None:
        """Hold start + rate t [V] at the terminals and store at `times`."""

    def jump(self, before: float, after: float, duration: float, light: float, label: str) -> None:
        """Take the terminal voltage from `before` to `after` [V] within `duration` [s], storing nothing."""

    def switch_beam(self, current_density: float) -> None:
        """Set the electron beam [A/m^2] of the segments that follow."""

    @property
    def voltage(self) -> float:
        """Voltage of the stack, without series resistance [V]."""

    @property
    def charging(self) -> float:
        """Part of the terminal current that charges the stack, C dV/dt [A/m^2]."""


def run_steps(solver: Solver, protocol: Protocol) -> None:
    """Take a solver at rest through a protocol."""
    if protocol.ions == "equilibrated":
        solver.equilibrate()
    solver.record_start()
    terminal = 0.0
    for number, step in enumerate(protocol.steps, 1):
        label, times, light = f"step {number} ({step.kind})", output_times(step, protocol), float(step.light)
        solver.switch_beam(float(step.beam_current_density))
        if step.kind in ("constant_current", "rest"):
            terminal, ended = _current(solver, step, times, light, label)
            if ended:
                return
        else:
            start, stop, rate = _ramp(step)
            if abs(terminal - start) > SAME_VOLTAGE:
                solver.jump(terminal, start, JUMP_TIME, light, label)
                solver.clock += JUMP_TIME
            solver.follow_voltage(start, rate, light, times, label)
            solver.clock += times[-1]
            terminal = stop


def output_times(step: Any, protocol: Protocol) -> np.ndarray:
    """Stored times of a step from its start [s]: even in a sweep, even per decade elsewhere."""
    end = float(step.duration)
    if step.kind == "sweep":
        return np.linspace(0.0, end, step.points)[1:]
    first = min(float(protocol.first_output), FIRST_SHARE * end)
    count = int(np.ceil(np.log10(end / first) * protocol.points_per_decade)) + 1
    times = np.geomspace(first, end, count)
    times[-1] = end
    return times


def _ramp(step: Any) -> tuple[float, float, float]:
    """Voltage at the start and at the end of a step [V], and its rate [V/s]."""
    if step.kind == "constant_voltage":
        return float(step.voltage), float(step.voltage), 0.0
    start, stop = float(step.start), float(step.stop)
    return start, stop, float(np.sign(stop - start)) * float(step.rate)


def _current(solver: Solver, step: Any, times: np.ndarray, light: float, label: str) -> tuple[float, bool]:
    """Hold a current, at the compliance that voltage; the terminal voltage [V] and whether the protocol ends."""
    current, limit = float(step.current_density), None if step.compliance is None else float(step.compliance)
    drop = current * solver.series
    stops, watches = _watches(step, limit, drop)
    reached, crossed = solver.follow_current(current, light, times, label, watches)
    began, solver.clock = solver.clock, solver.clock + reached
    if crossed is None:
        return solver.voltage + drop, False
    event = stops[crossed]
    solver.events.append((solver.clock, event.split()[0], event))
    if event.startswith("stop"):
        return solver.voltage + drop, True
    carried = current - solver.charging
    if carried < LEAST_CARRIED * current:
        raise SimulationError(
            f"{label}: {current:g} A/m^2 needs more than the compliance of {limit:g} V (there after {reached:.1e} s, "
            f"carrying {carried:.2g} A/m^2); lower the current or raise the compliance"
        )
    later = times[times > reached] - reached
    if later.size:
        solver.follow_voltage(limit, 0.0, light, later, label)
    solver.clock = began + times[-1]
    return limit, False


def _watches(step: Any, limit: float | None, drop: float) -> tuple[list[str], list[Watch]]:
    """What ends a step under current: its stop condition, its compliance; their names and voltages of the stack."""
    found = []
    if step.stop is not None:
        above = step.stop.voltage_above is not None
        level = float(step.stop.voltage_above if above else step.stop.voltage_below)
        found.append((f"stop condition at {level:g} V", (level - drop, 1.0 if above else -1.0)))
    if limit is not None:
        found.append((f"compliance {limit:g} V", (limit - drop, 1.0)))
    return [name for name, _ in found], [watch for _, watch in found]
