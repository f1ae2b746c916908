"""A stack as the steps of a protocol see it: backward Euler, a fixed number of steps between two stored times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from perovsim.constants import Q
from perovsim.errors import SimulationError
from perovsim.fipy_device import fipy
from perovsim.fipy_device.equations import Circuit, Equations, State
from perovsim.fipy_device.initial import equilibrium
from perovsim.fipy_device.newton import Newton, NotConverged
from perovsim.fipy_device.stack import Stack

JUMP_STEP = 0.25
"""Largest change of the voltage in one step of such a jump [V]."""
EQUILIBRATION = np.geomspace(1e-9, 1e10, 20)
"""Ends [s] of the steps that bring the ions to equilibrium; the last stands for infinity."""
INTERACTIONS = (
    "mixing_energy",
    "stress_coupling",
    "moving_lattice",
    "activation_volume",
    "affinity_strain_slope",
    "ionisation_strain_slope",
)
"""Numbers and switches of a halide lattice beyond ideal mixing of vacancies and halides."""
MOST_HALVINGS = 20
CROSSING = 1e-12
"""Relative accuracy of the time at which a voltage is crossed."""


@dataclass(frozen=True)
class Stored:
    """A stored time [s], since the control was set too: its state, displacement current through the faces
    [q m^-2 s^-1], charge passed [C/m^2]."""

    time: float
    since: float
    state: State
    displacement: np.ndarray
    passed: float


class Drive:
    """State of one stack that moves on with every step of the protocol; `stored` and `events` remember the way."""

    warnings: tuple[tuple[float, str, str], ...] = ()
    """What the reference solver has to say about its mesh: nothing."""

    def __init__(self, device, steps_per_output: int = 4, progress: Callable | None = None):
        _refuse_reactions(device)
        _refuse_carriers(device)
        for name in ("parallel_capacitance", "thermal_resistance"):
            if getattr(device, name) is not None:
                raise SimulationError(f"solver 'fipy' has no {name}; remove it, or use solver=\"bdf\"")
        _refuse_interactions(device)
        if steps_per_output < 1:
            raise SimulationError(f"steps_per_output = {steps_per_output}; allowed: 1 and more")
        stack = self.stack = Stack(device)
        self.device, self.mesh, self.steps, self.progress = device, stack.mesh, steps_per_output, progress
        self.equations = Equations(stack)
        self.newton = Newton(self.equations)
        self.state = equilibrium(self.equations)
        self.clock = self.passed = 0.0
        self.taken = self.halved = 0
        self.displacement = np.zeros(stack.n + 3)
        self.stored: list[Stored] = []
        self.events: list[tuple[float, str, str]] = []
        self.reference_time = np.inf
        self.circuit = device.circuit

    @property
    def times(self) -> list[float]:
        """Stored times [s]."""
        return [one.time for one in self.stored]

    @property
    def stored_count(self) -> int:
        """Number of stored times."""
        return len(self.stored)

    @property
    def statistics(self) -> dict[str, float | str]:
        """Version of FiPy, unknowns, steps so far and those that were halved, factorisations."""
        return dict(
            fipy=fipy.__version__,
            unknowns=self.mesh.n * self.equations.size,
            steps_per_output=self.steps,
            steps=self.taken,
            halved_steps=self.halved,
            factorisations=self.newton.corrections,
        )

    def switch_beam(self, current_density: float) -> None:
        """Refuse a beam [A/m^2]."""
        if current_density > 0.0:
            raise SimulationError('solver "fipy" has no electron beam; use solver="bdf"')

    # -- circuits -------------------------------------------------------------------------------

    def current_source(self, current: float, light: float = 0.0) -> Circuit:
        """J [A/m^2] at the terminals: s q I + v V_t/R_shunt = J."""
        s, stack = self.stack.sign, self.stack
        return Circuit(1.0, s * stack.vt * self.circuit.shunt / Q, s * current / Q, light)

    def voltage_source(self, voltage: float, light: float = 0.0) -> Circuit:
        """V [V] at the terminals: v V_t + R_s (s q I + v V_t/R_shunt) = V."""
        s, vt, series = self.stack.sign, self.stack.vt, self.circuit.series
        return Circuit(series * Q * s / vt, 1.0 + series * self.circuit.shunt, voltage / vt, light)

    @property
    def charging(self) -> float:
        """C_geo dV/dt [A/m^2] of the last step: the mean of the displacement over the dielectric thickness."""
        share = np.divide(
            1.0, self.stack.permittance, out=np.zeros(self.stack.n + 3), where=self.stack.permittance > 0.0
        )
        return float(self.stack.sign * Q * (self.displacement @ share) / share.sum())

    def terminal_current(self, state: State) -> float:
        """J [A/m^2] of a state, the shunt included."""
        inner = self.stack.sign * Q * state.feed[0] * self.stack.width[0]
        return inner + self.stack.vt * self.equations.voltage(state) * self.circuit.shunt

    # -- what the steps of a protocol need (perovsim.steps.Solver) -------------------------------

    def equilibrate(self) -> None:
        """Let the ions reach equilibrium at zero bias."""
        before = 0.0
        for time in EQUILIBRATION:
            self._advance(lambda _: self.voltage_source(0.0), before, time - before, "equilibration of the ions")
            before = time
        self.displacement, self.passed = np.zeros(self.stack.n + 3), 0.0

    def record_start(self) -> None:
        """Store the state at t = 0, at rest; ions may move at once."""
        slope, feed = self.newton.slope(self.state, self.current_source(0.0))
        self.displacement = self.equations.polarisation(slope)
        self.state = replace(self.state, feed=feed)
        self._store(0.0)

    def illuminate(self, illumination) -> None:
        """Only the uniform generation of the layers is known here."""
        if illumination is not None:
            self._refuse("illuminations; give `generation` of the layers and `light`")

    def hold(self, *, reactions: bool = False, ions: bool = False) -> None:
        """There are no reactions here; ions cannot be held."""
        if ions:
            self._refuse("frozen ions")

    def follow_current(self, current, light, times, label, watches, rate=0.0) -> tuple[float, int | None]:
        """Hold current + rate t [A/m^2] at the terminals and store at `times`; time reached, watch that ended it."""
        return self._integrate(lambda t: self.current_source(current + rate * t, light), times, label, watches)

    def follow_voltage(self, start, rate, light, times, label, watches=()) -> tuple[float, int | None]:
        """Hold start + rate t [V] at the terminals and store at `times`; time reached, watch that ended it."""
        return self._integrate(lambda t: self.voltage_source(start + rate * t, light), times, label, watches)

    def settle(self, before, after, duration, light, label) -> None:
        """Not known here."""
        self._refuse("steady points; give the staircase a dwell")

    def impedance(self, frequencies, label) -> None:
        """Not known here."""
        self._refuse("impedance")

    def _refuse(self, what: str) -> NoReturn:
        raise SimulationError(f"solver 'fipy' has no {what}, or use solver=\"bdf\"")

    def jump(self, before, after, duration, light, label) -> None:
        """Take the terminal voltage from `before` to `after` [V] within `duration` [s], storing nothing."""
        count = int(np.ceil(abs(after - before) / JUMP_STEP))
        for k in range(count):
            self._advance(
                lambda t: self.voltage_source(before + (after - before) * t / duration, light),
                k * duration / count,
                duration / count,
                label,
            )

    # -- time -----------------------------------------------------------------------------------

    def _integrate(self, source, times, label, watches=()) -> tuple[float, int | None]:
        """Follow a circuit source(t) from local time 0 through `times`; watches of the voltage end it.

        Returns the local time reached and the number of the watch that ended it.
        """
        before = 0.0
        for watch in watches:
            if watch.quantity != "voltage":
                self._refuse(f"stop condition on '{watch.event}'")
        for time in times:
            dt = (time - before) / self.steps
            for k in range(self.steps):
                start, state, passed = before + k * dt, self.state, self.passed
                self._advance(source, start, dt, label)
                for which, watch in enumerate(watches):
                    if watch.direction * (self.voltage - watch.level) > 0.0:
                        end = start + self._crossing(source, start, dt, label, watch.level, state, passed)
                        self._store(end)
                        return end, which
                if self.progress is not None:
                    self.progress(self.clock + start + dt, label)
            self._store(time)
            before = time
        return before, None

    def _advance(self, source, start: float, dt: float, label: str, depth: int = 0) -> None:
        """One step of backward Euler, or two of half its length where Newton's iteration fails."""
        try:
            new, moved = self.newton.step(self.state, dt, source(start + dt))
        except NotConverged as stop:
            if depth == MOST_HALVINGS:
                raise self._failure(stop, self.clock + start, dt, label) from None
            self.halved += 1
            self._advance(source, start, 0.5 * dt, label, depth + 1)
            self._advance(source, start + 0.5 * dt, 0.5 * dt, label, depth + 1)
            return
        self.displacement = self.equations.polarisation(moved) / dt
        self.state = new
        self.passed += self.terminal_current(new) * dt
        self.taken += 1

    def _crossing(self, source, start, dt, label, level, state, passed) -> float:
        """Length of the step from `state` that ends at the voltage `level` (regula falsi, Illinois variant)."""
        a, b, side = 0.0, dt, 0
        at_b, self.state = self.voltage - level, state
        at_a = self.voltage - level
        if (at_a > 0.0) == (at_b > 0.0):  # beyond the level from the start
            self.passed = passed
            return 0.0
        for _ in range(60):
            middle = b - at_b * (b - a) / (at_b - at_a)
            self.state, self.passed = state, passed
            self._advance(source, start, middle, label)
            at = self.voltage - level
            if at == 0.0 or abs(b - a) <= CROSSING * dt or abs(at) <= CROSSING * max(abs(level), self.stack.vt):
                return middle
            if (at > 0.0) == (at_b > 0.0):
                b, at_b, at_a, side = middle, at, at_a * (0.5 if side == 1 else 1.0), 1
            else:
                a, at_a, at_b, side = middle, at, at_b * (0.5 if side == -1 else 1.0), -1
        return middle

    @property
    def voltage(self) -> float:
        """Voltage of the stack [V]."""
        return self.stack.vt * self.equations.voltage(self.state)

    def _store(self, since: float) -> None:
        self.stored.append(Stored(self.clock + since, since, self.state, self.displacement, self.passed))

    def _failure(self, stop: NotConverged, time: float, dt: float, label: str) -> SimulationError:
        cell = min(max(stop.cell, 1), self.stack.n)
        layer = self.stack.device.layers[self.stack.layer[cell]].name
        return SimulationError(
            f"{label}: stalled at t = {time:.3e} s, V = {self.voltage:.3f} V: Newton's iteration fails "
            f"for steps of {dt:.1e} s, last change {stop.size:.1e} in layer '{layer}'. Lower the current, set a "
            f"compliance, refine that layer, or raise steps_per_output (now {self.steps})"
        )


def _refuse_carriers(device) -> None:
    """Statistics, traps and field-dependent laws are not in this solver."""
    beyond = [f"statistics of layer '{x.name}'" for x in device.layers if x.statistics != "boltzmann"]
    beyond += [f"traps of layer '{x.name}'" for x in device.layers if x.traps]
    beyond += [f"traps at '{x.between}'" for x in device.interfaces if x.traps]
    beyond += [f"image_lowering of contact '{x.name}'" for x in device.contacts if x.image_lowering]
    beyond += [
        f"{name} of layer '{x.name}'"
        for x in device.layers
        for name in ("field_factor_electron", "field_factor_hole", "langevin_prefactor", "exciton_formation")
        if getattr(x, name)
    ]
    if beyond:
        raise SimulationError(
            f"device '{device.name}': the FiPy backend covers Boltzmann carriers with lifetimes, not {beyond[0]}; "
            'leave it out, or use solver="bdf"'
        )


def _refuse_reactions(device) -> None:
    """Reactions are not in this solver.

    Of the other processes film_blocking acts on films, which only reactions make, and lead_traps on lead: that of the
    start stays, and is in `recombination`.
    """
    if device.reactions:
        names = ", ".join(process.name for process in device.reactions)
        raise SimulationError(
            f"device '{device.name}': solver 'fipy' has no reactions, and {len(device.reactions)} are enabled "
            f"({names}); "
            'switch them off with device.with_hypotheses("field_drift"), or use solver="bdf"'
        )


def _refuse_interactions(device) -> None:
    """The halides of this solver mix ideally, feel no stress, and stay in their layer."""
    used = [
        f"{name} of layer '{layer.name}'"
        for layer in device.layers
        if layer.lattice is not None
        for name in INTERACTIONS
        if (value := getattr(layer.lattice, name)) is not None and float(value) != 0.0
    ]
    used += [
        f"site_density of ion '{ion.name}' in layer '{layer.name}'"
        for layer in device.layers
        for ion in layer.ions
        if ion.site_density is not None
    ]
    used += [f"halides = \"open\" at '{item.between}'" for item in device.interfaces if item.halides == "open"]
    if used:
        raise SimulationError(
            f"device '{device.name}': solver 'fipy' has no {', '.join(used)}; leave that out, or use solver=\"bdf\""
        )
