"""Take a solver through the steps of a protocol: stored times, edges, stop conditions, compliance; for every solver."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.errors import SimulationError
from perovsim.model import Protocol
from perovsim.model.steps import STEADY

FIRST_SHARE = 1e-3
"""The first stored time is at most this share of the duration of its step."""
JUMP_TIME = 1e-9
"""Time [s] in which a voltage that is set is reached: faster than any ion."""
SAME_VOLTAGE = 1e-12
LEAST_CARRIED = 0.5
"""A device carries its current where at most the rest of it still charges the stack when it meets the compliance."""
REFERENCE_DELAY = 1.0
"""The light of stop conditions refers to this time [s] after the first step that drives the device forward; in a train
of pulses to the end of the next one."""
PULSE_END = 0.99
"""Share of the time at `high` that counts as its end."""


@dataclass(frozen=True)
class Watch:
    """What ends a segment: a quantity beyond a level, +1 above or -1 below; `event` says so in words.

    quantity : "voltage" of the stack, without series resistance [V]; "light" [m^-2 s^-1]; "light_share" of the
        reference; "current", |J| [A/m^2]; "film", mean thickness of all films [m]
    """

    quantity: str
    level: float
    direction: float
    event: str


class Solver(typing.Protocol):
    """What the steps need of a solver; times are local to a segment, `clock` [s] is moved on by the steps."""

    device: Any
    clock: float
    events: list[tuple[float, str, str]]
    reference_time: float
    """When the light of the reference is taken [s]; infinity before the first forward step."""

    def equilibrate(self) -> None:
        """Let the ions reach equilibrium at zero bias with every reaction held."""

    def record_start(self) -> None:
        """Store the state at t = 0: at rest, reactions not yet begun."""

    def illuminate(self, illumination: Any) -> None:
        """Let light of one generate what an illumination says; None: what the layers say."""

    def hold(self, *, reactions: bool = False, ions: bool = False) -> None:
        """Hold reactions, or ions too, from now on; or let them go."""

    def follow_current(
        self, current: float, light: float, times: np.ndarray, label: str, watches: Sequence[Watch], rate: float = 0.0
    ) -> tuple[float, int | None]:
        """Hold current + rate t [A/m^2] at the terminals and store at `times`; time reached, watch that ended it."""

    def follow_voltage(
        self, start: float, rate: float, light: float, times: np.ndarray, label: str, watches: Sequence[Watch] = ()
    ) -> tuple[float, int | None]:
        """Hold start + rate t [V] at the terminals and store at `times`; time reached, watch that ended it."""

    def jump(self, before: float, after: float, duration: float, light: float, label: str) -> None:
        """Take the terminal voltage from `before` to `after` [V] within `duration` [s], storing nothing."""

    def settle(self, before: float, after: float, duration: float, light: float, label: str) -> None:
        """Take the terminal voltage from `before` to `after` [V], wait until steady, which counts `duration`; store."""

    def impedance(self, frequencies: np.ndarray, label: str) -> None:
        """Keep the small-signal impedance about the present state."""

    def switch_beam(self, current_density: float) -> None:
        """Set the electron beam [A/m^2] of the segments that follow."""

    @property
    def voltage(self) -> float:
        """Voltage of the stack, without series resistance [V]."""

    @property
    def charging(self) -> float:
        """Part of the terminal current that charges the stack, C dV/dt [A/m^2]."""


def run_steps(solver: Solver, protocol: Protocol) -> None:
    """Take a solver at rest through a protocol; an error names the step and where it stands in the file."""
    if protocol.ions == "equilibrated":
        solver.equilibrate()
    solver.record_start()
    walk = _Walk(solver, protocol)
    for number, step in enumerate(protocol.steps, 1):
        try:
            ended = walk.take(step, f"step {number} ({step.kind})")
        except SimulationError as error:
            raise error.at(protocol.place(number)) from None
        if ended:
            return


def output_times(duration: float, protocol: Protocol) -> np.ndarray:
    """Stored times of a held current or voltage from its start [s], even per decade."""
    first = min(float(protocol.first_output), FIRST_SHARE * duration)
    count = int(np.ceil(np.log10(duration / first) * protocol.points_per_decade)) + 1
    return _geometric(first, duration, count)


def _geometric(first: float, end: float, count: int) -> np.ndarray:
    times = np.geomspace(first, end, count)
    times[-1] = end
    return times


class _Walk:
    """A solver on its way through the steps; `terminal` is the terminal voltage [V]."""

    def __init__(self, solver: Solver, protocol: Protocol):
        self.solver, self.protocol, self.circuit = solver, protocol, solver.device.circuit
        self.terminal, self.label, self.light = 0.0, "", 0.0

    def take(self, step: Any, label: str) -> bool:
        """Take one step; whether the protocol ends with it."""
        kinds: dict[str, Callable[[Any], bool]] = {
            "constant_current": self._constant_current,
            "constant_voltage": self._constant_voltage,
            "rest": self._constant_current,
            "sweep": self._sweep,
            "staircase": self._staircase,
            "pulse_train": self._pulses,
            "impedance": self._impedance,
        }
        self.label = label
        if step.kind != "impedance":
            self.light = float(step.light)
            self.solver.illuminate(step.illumination)
            self.solver.switch_beam(float(step.beam_current_density))
        return kinds[step.kind](step)

    # -- kinds of steps -------------------------------------------------------------------------

    def _constant_current(self, step: Any) -> bool:
        current, duration = self.circuit.density(step.drive), float(step.duration)
        limit = None if step.compliance is None else float(np.copysign(float(step.compliance), current))
        return self._hold_current(current, output_times(duration, self.protocol), step.stop, limit)

    def _constant_voltage(self, step: Any) -> bool:
        self._reach(float(step.voltage))
        return self._hold_voltage(output_times(float(step.duration), self.protocol), step.stop)

    def _sweep(self, step: Any) -> bool:
        start, stop, rate = float(step.start), float(step.stop), float(step.rate)
        self._reach(start)
        for begin, end in ((start, stop), (stop, start))[: step.ways]:
            times = np.linspace(0.0, abs(end - begin) / rate, step.points)[1:]
            self._ramp_voltage(end, times, ())
        return False

    def _staircase(self, step: Any) -> bool:
        there = np.linspace(float(step.start), float(step.stop), step.points)
        self.solver.hold(reactions=step.ions != "moving", ions=step.ions == "frozen")
        for voltage in np.concatenate((there, there[-2::-1])) if step.back else there:
            if step.dwell is None:
                self._forward(voltage)
                self.solver.settle(self.terminal, voltage, STEADY, self.light, self.label)
                self.solver.clock += STEADY
                self.terminal = voltage
            else:
                self._reach(voltage)
                self._hold_voltage(np.array([float(step.dwell)]), None)
        self.solver.hold()
        return False

    def _pulses(self, step: Any) -> bool:
        low, high = (float(x) if step.is_voltage else self.circuit.density(x) for x in (step.low, step.high))
        edge = float(step.rise_time) or (JUMP_TIME if step.is_voltage else 0.0)
        plateaus = step.on_time - edge, float(step.period) - step.on_time - edge
        if min(plateaus) <= 0.0:
            raise SimulationError(f"{self.label}: plateaus must be longer than {edge:g} s, in which a voltage is set")
        first = float(self.protocol.first_output)
        times = [_geometric(min(first, FIRST_SHARE * length), length, step.points) for length in plateaus]
        edges = _geometric(min(first, FIRST_SHARE * edge), edge, step.edge_points) if edge > 0.0 else np.empty(0)
        pulse = self._voltage_pulse if step.is_voltage else self._current_pulse
        if step.is_voltage:
            self._reach(low)
        if high > 0.0 and not np.isfinite(self.solver.reference_time):
            number = min(np.ceil(REFERENCE_DELAY / float(step.period)), step.count - 1)
            self.solver.reference_time = self.solver.clock + number * float(step.period) + PULSE_END * step.on_time
        return any(pulse(low, high, edges, times, step.stop) for _ in range(step.count))

    def _impedance(self, step: Any) -> bool:
        frequencies = np.geomspace(float(step.lowest), float(step.highest), step.points)
        self.solver.impedance(frequencies, self.label)
        return False

    # -- what they are made of ------------------------------------------------------------------

    def _current_pulse(self, low: float, high: float, edge: np.ndarray, times: list[np.ndarray], stop: Any) -> bool:
        for begin, end, own, ends in ((low, high, times[0], stop), (high, low, times[1], None)):
            if edge.size:
                self._forward(end)
                rate = (end - begin) / edge[-1]
                reached, _ = self.solver.follow_current(begin, self.light, edge, self.label, (), rate)
                self.solver.clock += reached
            if self._hold_current(end, own, ends, None):
                return True
        return False

    def _voltage_pulse(self, low: float, high: float, edge: np.ndarray, times: list[np.ndarray], stop: Any) -> bool:
        for end, own, ends in ((high, times[0], stop), (low, times[1], None)):
            if edge[-1] > JUMP_TIME:
                self._ramp_voltage(end, edge, ())
            else:
                self._reach(end)
            if self._hold_voltage(own, ends):
                return True
        return False

    def _forward(self, drive: float) -> None:
        """Let the reference follow the first forward drive."""
        if drive > 0.0 and not np.isfinite(self.solver.reference_time):
            self.solver.reference_time = self.solver.clock + REFERENCE_DELAY

    def _reach(self, voltage: float) -> None:
        """Jump to a terminal voltage [V]."""
        if abs(self.terminal - voltage) > SAME_VOLTAGE:
            self._forward(voltage)
            self.solver.jump(self.terminal, voltage, JUMP_TIME, self.light, self.label)
            self.solver.clock += JUMP_TIME
            self.terminal = voltage

    def _ramp_voltage(self, end: float, times: np.ndarray, watches: Sequence[Watch]) -> int | None:
        """Take the terminal voltage evenly to `end` [V] until the last of `times`; the watch that ended it."""
        start, rate = self.terminal, (end - self.terminal) / times[-1]
        self._forward(max(start, end))
        reached, crossed = self.solver.follow_voltage(start, rate, self.light, times, self.label, watches)
        self.solver.clock += reached
        self.terminal = end if crossed is None else start + rate * reached
        return crossed

    def _hold_voltage(self, times: np.ndarray, stop: Any) -> bool:
        watches = self._watches(stop, 0.0)
        self._forward(self.terminal)
        crossed = self._ramp_voltage(self.terminal, self._with_reference(times, watches), watches)
        return self._ends(watches, crossed)

    def _hold_current(self, current: float, times: np.ndarray, stop: Any, limit: float | None) -> bool:
        """Hold a current [A/m^2], at the compliance that voltage; whether the protocol ends."""
        solver, drop = self.solver, current * self.circuit.series
        watches = self._watches(stop, drop)
        count = len(watches)
        if limit is not None:
            watches.append(Watch("voltage", limit - drop, float(np.copysign(1.0, limit)), f"compliance {limit:g} V"))
        self._forward(current)
        times = self._with_reference(times, watches)
        reached, crossed = solver.follow_current(current, self.light, times, self.label, watches)
        solver.clock += reached
        self.terminal = solver.voltage + drop
        if crossed is None or crossed < count:
            return self._ends(watches, crossed)
        solver.events.append((solver.clock, "compliance", watches[crossed].event))
        self._check_carried(current, limit, reached)
        self.terminal, later = limit, times[times > reached] - reached
        return bool(later.size) and self._hold_voltage(later, _without_voltage(stop))

    def _check_carried(self, current: float, limit: float, reached: float) -> None:
        carried = current - self.solver.charging
        if np.sign(current) * carried < LEAST_CARRIED * abs(current):
            raise SimulationError(
                f"{self.label}: {current:g} A/m^2 needs more than the compliance of {limit:g} V (there after "
                f"{reached:.1e} s, carrying {carried:.2g} A/m^2); lower the current or raise the compliance"
            )

    def _watches(self, stop: Any, drop: float) -> list[Watch]:
        """Watches of a stop condition; `drop` [V] is that of the series resistance."""
        found = []
        for name, given in () if stop is None else stop.quantities():
            what, _, side = name.rpartition("_")
            level, quantity = float(given), {"film_thickness": "film"}.get(what, what)
            if what == "voltage":
                level -= drop
            elif what == "current":
                level = self.circuit.density(given)
            elif what == "light" and given.si_unit == "":
                quantity = "light_share"
            direction = 1.0 if side == "above" else -1.0
            found.append(Watch(quantity, level, direction, f"{name.replace('_', ' ')} {given}"))
        return found

    def _with_reference(self, times: np.ndarray, watches: list[Watch]) -> np.ndarray:
        """Stored times of a segment, with that of the reference where a watch refers to it."""
        at = self.solver.reference_time - self.solver.clock
        inside = 0.0 < at < times[-1] and any(watch.quantity == "light_share" for watch in watches)
        return np.union1d(times, [at]) if inside else times

    def _ends(self, watches: list[Watch], crossed: int | None) -> bool:
        """Note the stop condition that ended a segment, if one did."""
        if crossed is not None:
            self.solver.events.append((self.solver.clock, "stop", watches[crossed].event))
        return crossed is not None


def _without_voltage(stop: Any) -> Any:
    """What is left of a stop condition once the voltage is held; None for nothing."""
    if stop is None or not any(not name.startswith("voltage") for name, _ in stop.quantities()):
        return None
    return stop.replace(voltage_above=None, voltage_below=None)
