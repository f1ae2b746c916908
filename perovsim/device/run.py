"""The compiled device as the steps of a protocol see it: segments of one control each, polished outputs in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from perovsim.constants import Q
from perovsim.device import differences
from perovsim.device.bdf import Integrator, Polished, Stalled
from perovsim.device.build import Problem, build
from perovsim.device.equations import Equations
from perovsim.device.initial import equilibrium
from perovsim.device.mesh import Mesh
from perovsim.device.tables import HALIDE, HOLE, SCALE, SIGN, SPECIES, VACANCY, Control, relaxing, without_reactions
from perovsim.errors import SimulationError

FIRST_SHARE = 1e-3
"""First step of a segment as a share of its first output time, and of the time in which the voltage moves by kT/q."""
FAST = 1e-9
"""Time [s] in which carriers move and ions do not; bounds the first step under a voltage."""
EQUILIBRATION = 1e4
"""Time [s] that stands for infinity when ions are equilibrated, each of which crosses its layer in about a second."""
POTENTIAL_TOLERANCE = 20.0
"""Absolute tolerance of potentials in units of rtol [kT/q]."""
CARRIER_FLOOR, ION_FLOOR, LEAD_FLOOR, VACANCY_FLOOR, HALIDE_FLOOR, FILM_FLOOR = 1e16, 1e20, 1e-4, 0.1, 0.1, 1e-2
"""Amounts below which a species is noise: [m^-3], [m^-3], share of the lead sites, of the vacancies at the start, of
the sites, and in units of a film unknown."""
CARRIER_THIN, BORN_THIN = 1e-2, 1e-6
"""Shares of the error allowed below which carriers, and what reactions make and use up, are thin: stepped by the
implicit Euler formula, which keeps them above nothing. Above it the one formula of all keeps the matrix good for all."""
LEAST_VACANCIES = 1e-12
"""Vacancy fraction whose share is the floor where there is none at the start."""
SMALLEST_CURRENT = 1e-6
"""Current [A/m^2] that sets the first step of a rest."""


@dataclass
class Trace:
    """Polished states of a run with the control that held there."""

    states: list[Polished] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)


class Runner:
    """Equations and integrator of one problem (a perovsim.steps.Solver); `state` moves on with every segment."""

    def __init__(self, device, rtol: float = 1e-5, progress: Callable | None = None):
        self.device, self.rtol, self.progress = device, rtol, progress
        self.problem: Problem = build(device)
        self.tables, problem = self.problem.tables, self.problem
        self.equations = Equations(problem)
        self.integrator = Integrator(self.equations, _tolerances(problem, rtol), rtol)
        self.trace, self.clock = Trace(), 0.0
        self.events: list[tuple[float, str, str]] = []
        self.state = Polished(0.0, equilibrium(problem), np.zeros(problem.size), np.zeros(problem.quadratures))
        self.series = 0.0 if device.series_resistance is None else float(device.series_resistance)
        self.shunt = 0.0 if device.shunt_resistance is None else 1.0 / float(device.shunt_resistance)

    @property
    def mesh(self) -> Mesh:
        """Cells of the layers."""
        return self.problem.mesh

    @property
    def times(self) -> list[float]:
        """Stored times [s]."""
        return [state.time for state in self.trace.states]

    @property
    def stored_count(self) -> int:
        """Number of stored times."""
        return len(self.trace.states)

    @property
    def statistics(self) -> dict[str, float]:
        """Tolerance, unknowns, steps, rejected steps, factorisations and evaluations so far."""
        return dict(
            rtol=self.rtol,
            unknowns=self.problem.size,
            steps=self.integrator.steps,
            rejected=self.integrator.rejected,
            factorisations=self.equations.factorisations,
            evaluations=self.equations.evaluations,
        )

    # -- controls -------------------------------------------------------------------------------

    def current_control(self, current: float, light: float = 0.0) -> Control:
        """J [A/m^2] at the terminals, s J_x q + v V_t/R_shunt = J."""
        s = self.tables.number[SIGN]
        return Control(1.0, s * self.problem.vt * self.shunt / Q, s * current / Q, 0.0, light)

    def voltage_control(self, voltage: float, rate: float = 0.0, light: float = 0.0) -> Control:
        """V + rate t [V] at the terminals, v V_t + R_s (s J_x q + v V_t/R_shunt) = V."""
        s, vt = self.tables.number[SIGN], self.problem.vt
        return Control(self.series * Q * s / vt, 1.0 + self.series * self.shunt, voltage / vt, rate / vt, light)

    # -- what the steps of a protocol need (perovsim.steps.Solver) -------------------------------

    def equilibrate(self) -> None:
        """Let the ions reach equilibrium at zero bias with every reaction held."""
        self.equations.tables = relaxing(without_reactions(self.tables), self.mesh.layer)
        self._integrate(
            self.voltage_control(0.0),
            np.array([EQUILIBRATION]),
            FIRST_SHARE * FAST,
            store=False,
            label="equilibration of the ions",
        )
        self.equations.tables = self.tables
        self.state = replace(self.state, slope=np.zeros(self.problem.size), z=np.zeros(self.problem.quadratures))

    def record_start(self) -> None:
        """Store the state at t = 0: at rest, reactions not yet begun."""
        self.equations.tables, self.equations.control = without_reactions(self.tables), self.current_control(0.0)
        slope = self.equations.slope(0.0, self.state.y)
        self.equations.tables = self.tables
        self._store(replace(self.state, time=0.0, slope=slope), self.equations.control)

    def follow_current(self, current, light, times, label, watches) -> tuple[float, int | None]:
        """Hold a terminal current [A/m^2] and store at `times`; the time reached and the watch that ended it."""
        vt = self.problem.vt
        charging = vt * self.problem.capacitance / max(abs(current), SMALLEST_CURRENT)
        levels = [(level / vt, direction) for level, direction in watches]
        first = FIRST_SHARE * min(charging, times[0])
        return self._integrate(self.current_control(current, light), times, first, levels, label=label)

    def follow_voltage(self, start, rate, light, times, label) -> None:
        """Hold start + rate t [V] at the terminals and store at `times`."""
        self._integrate(self.voltage_control(start, rate, light), times, FIRST_SHARE * min(times[0], FAST), label=label)

    def jump(self, before, after, duration, light, label) -> None:
        """Take the terminal voltage from `before` to `after` [V] within `duration` [s], storing nothing."""
        ramp = self.voltage_control(before, (after - before) / duration, light)
        self._integrate(ramp, np.array([duration]), FIRST_SHARE**2 * duration, store=False, label=label)

    @property
    def voltage(self) -> float:
        """Voltage of the stack, without series resistance [V]."""
        return float(self.state.y[self.problem.band]) * self.problem.vt

    @property
    def charging(self) -> float:
        """Part of the terminal current that charges the stack, C dV/dt [A/m^2]."""
        return self.problem.vt * self.problem.capacitance * float(self.state.slope[self.problem.band])

    # -- integration ----------------------------------------------------------------------------

    def _integrate(self, control, times, first_step, watches=(), store=True, label="") -> tuple[float, int | None]:
        """One segment from local time 0; watches = (level, direction) of the voltage that end it.

        Returns the local time reached and the number of the watch that ended the segment.
        """
        run = self.integrator
        self.equations.control = control
        run.begin(self.state.y, self.state.z, 0.0, first_step)
        pending = list(times)
        try:
            while pending:
                run.step()
                end, crossed = self._first_crossing(watches)
                while pending and pending[0] <= end:
                    self.state = run.polished(pending.pop(0))
                    if store:
                        self._store(self.state, control)
                if crossed is not None:
                    self.state = run.polished(end)
                    if store:
                        self._store(self.state, control)
                    return end, crossed
                if self.progress is not None:
                    self.progress(self.clock + min(end, times[-1]), label)
        except Stalled as stop:
            raise self._failure(stop, label) from None
        return times[-1], None

    def _first_crossing(self, watches) -> tuple[float, int | None]:
        """Earliest time in the last step at which the voltage meets a watch, else the end of the step."""
        run, unknown = self.integrator, self.problem.band
        now = run.value(unknown)
        crossed = [
            (run.crossing(unknown, level), number)
            for number, (level, direction) in enumerate(watches)
            if direction * (now - level) > 0.0
        ]
        return min(crossed, default=(run.time, None))

    def _store(self, state: Polished, control: Control) -> None:
        self.trace.states.append(replace(state, time=self.clock + state.time))
        self.trace.controls.append(control)

    def _failure(self, stop: Stalled, label: str) -> SimulationError:
        voltage = self.integrator.value(self.problem.band) * self.problem.vt
        return SimulationError(
            f"{label}: stalled at t = {self.clock + self.integrator.time:.3e} s, V = {voltage:.3f} V: {stop.reason}; "
            f"worst unknown is the {self.problem.name_of(stop.unknown)}. Lower the current, set a compliance, refine "
            f"that layer, or change rtol (now {self.rtol:g})"
        )


def _tolerances(problem: Problem, rtol: float) -> np.ndarray:
    """Tolerances of every unknown (3, size): rows ABSOLUTE, RELATIVE and THIN_VALUE of the integrator.

    What reactions make and use up stays above nothing like the carriers: below it, some would run backwards, and fast.
    """
    slot, scale = problem.tables.slot, problem.tables.species[SCALE]
    tolerance = np.zeros((3, problem.size))
    tolerance[differences.ABSOLUTE] = POTENTIAL_TOLERANCE

    def put(unknowns, least, thin=0.0):
        there = unknowns[unknowns >= 0]
        tolerance[:, there] = np.array([[least], [1.0], [thin]])

    vacancies = VACANCY_FLOOR * max(problem.theta_start.max(), LEAST_VACANCIES)
    put(slot[VACANCY], vacancies, BORN_THIN * rtol * vacancies)
    put(slot[HALIDE], HALIDE_FLOOR, BORN_THIN * rtol * HALIDE_FLOOR)
    for s, plan in enumerate(problem.plans):
        floor = (CARRIER_FLOOR if s <= HOLE else ION_FLOOR) / scale[s]
        thin = CARRIER_THIN if s <= HOLE else BORN_THIN if plan.formula is not None else 0.0
        if plan.is_mobile:
            put(slot[SPECIES + s], floor, rtol * floor * thin)
        else:
            put(slot[SPECIES + s], LEAD_FLOOR)
    put(problem.band + 1 + np.arange(len(problem.products.keys)), FILM_FLOOR)
    return tolerance
