"""The compiled device as the steps of a protocol see it: segments of one control each, polished outputs in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from perovsim.constants import Q
from perovsim.device.integrator import differences
from perovsim.device.integrator.bdf import Integrator, Polished, Stalled
from perovsim.device.integrator.equations import Equations
from perovsim.device.kernels.tables import (
    HALIDE,
    HOLE,
    QUADRATURES,
    SCALE,
    SIGN,
    SPECIES,
    VACANCY,
    Control,
    relaxing,
    with_generation,
    with_ions_held,
    without_reactions,
)
from perovsim.device.outputs.outputs import photon_energy
from perovsim.device.outputs.resolution import unresolved
from perovsim.device.outputs.trace import Trace
from perovsim.device.problem.build import Problem, build
from perovsim.device.problem.initial import equilibrium
from perovsim.device.problem.mesh import Mesh
from perovsim.device.running.clusters import Clusters
from perovsim.device.running.heat import Heat
from perovsim.device.running.illumination import generation
from perovsim.device.running.impedance import Spectrum, small_signal
from perovsim.device.running.steady import SteadyState
from perovsim.device.running.watches import Reading, Watching
from perovsim.errors import SimulationError

FIRST_SHARE = 1e-3
"""First step of a segment as a share of its first output time, and of the time in which the voltage moves by kT/q."""
FAST = 1e-9
"""Time [s] in which carriers move and ions do not; bounds the first step under a voltage."""
EQUILIBRATION = 1e4
"""Time [s] that stands for infinity when ions are equilibrated, each of which crosses its layer in about a second."""
POTENTIAL_TOLERANCE = 20.0
"""Absolute tolerance of potentials in units of rtol [kT/q]."""
CARRIER_FLOOR, ION_FLOOR = 1e16, 1e20
FIELD_FLOOR = 1e-2
LEAD_FLOOR, TRAP_FLOOR, VACANCY_FLOOR, HALIDE_FLOOR, FILM_FLOOR = 1e-4, 1e-3, 0.1, 0.1, 1e-2
"""Amounts below which a species is noise: [m^-3], [m^-3], shares of the lead sites, of the traps, of the vacancies at
the start, of the sites, in units of a film unknown; of the field in a film."""
CARRIER_THIN, BORN_THIN = 1e-2, 1e-6
"""Shares of the error allowed below which carriers, and what reactions make and use up, are thin: stepped by the
implicit Euler formula, which keeps them above nothing. Above it the one formula of all keeps the matrix good for
all."""
LEAST_VACANCIES = 1e-12
"""Vacancy fraction whose share is the floor where there is none at the start."""
SMALLEST_CURRENT = 1e-6
"""Current [A/m^2] that sets the first step of a rest."""
VOLTS = QUADRATURES.index("voltage")


class Runner:
    """Equations and integrator of one problem (a perovsim.steps.Solver); `state` moves on with every segment."""

    def __init__(self, device, rtol: float = 1e-5, progress: Callable | None = None):
        self.device, self.rtol, self.progress = device, rtol, progress
        self.problem: Problem = build(device)
        self.tables, problem = self.problem.tables, self.problem
        self.equations = Equations(problem)
        self.integrator = Integrator(self.equations, _tolerances(problem, rtol), rtol)
        self.trace, self.clock, self.reference_time, self.beam = Trace(), 0.0, np.inf, 0.0
        self.reading, self.heat = Reading(problem, self.integrator), Heat(device)
        self.illumination, self.held = None, {}
        self.events: list[tuple[float, str, str]] = []
        self.spectra: list[Spectrum] = []
        self.state = Polished(0.0, equilibrium(problem), np.zeros(problem.size), np.zeros(problem.quadratures))
        self.circuit, self.steady, self.clusters = device.circuit, SteadyState(self), Clusters(self)

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

    def switch_beam(self, current_density: float) -> None:
        """Set the beam [A/m^2] of the segments that follow; SimulationError where nothing in the device answers it."""
        answers = [x for x in self.device.enabled_processes if x.answers_beam]
        if current_density > 0.0 and not answers:
            raise SimulationError(
                f"device '{self.device.name}': no process answers to a beam of {current_density:g} A/m^2; add "
                'one of kind = "beam" or a reaction with drive = "beam", or take beam_current_density out of the step'
            )
        self.beam = current_density

    @property
    def warnings(self) -> list[tuple[float, str, str]]:
        """Events that say where the stored states are not to be trusted: time [s], kind, what to do."""
        found = unresolved(self.trace)
        return [] if found is None else [(found[0], "resolution", found[1])]

    # -- controls -------------------------------------------------------------------------------

    def current_control(self, current: float, light: float = 0.0, rate: float = 0.0) -> Control:
        """J + rate t [A/m^2] at the terminals, s J_x q + v V_t G_shunt = J."""
        s, shunted = self.tables.number[SIGN], self.problem.vt * self.circuit.shunt / Q
        return Control(1.0, s * shunted, s * current / Q, s * rate / Q, light, self.beam / Q)

    def voltage_control(self, voltage: float, rate: float = 0.0, light: float = 0.0) -> Control:
        """V + rate t [V] at the terminals, v V_t + R_s (s J_x q + v V_t G_shunt) = V."""
        s, vt, series = self.tables.number[SIGN], self.problem.vt, self.circuit.series
        shunted = 1.0 + series * self.circuit.shunt
        return Control(series * Q * s / vt, shunted, voltage / vt, rate / vt, light, self.beam / Q)

    # -- what the steps of a protocol need (perovsim.steps.Solver) -------------------------------

    def equilibrate(self) -> None:
        """Let the ions reach equilibrium at zero bias with every reaction held."""
        self.equations.tables = relaxing(without_reactions(self.tables), self.mesh.layer)
        self._integrate(
            lambda: self.voltage_control(0.0),
            np.array([EQUILIBRATION]),
            FIRST_SHARE * FAST,
            store=False,
            label="equilibration of the ions",
        )
        self.hold()
        self.state = replace(self.state, slope=np.zeros(self.problem.size), z=np.zeros(self.problem.quadratures))

    def record_start(self) -> None:
        """Store the state at t = 0: at rest, reactions not yet begun."""
        self.hold(reactions=True)
        self.equations.control = self.current_control(0.0)
        slope = self.equations.slope(0.0, self.state.y)
        self.state = replace(self.state, time=0.0, slope=slope)
        self._store(self.state)
        self.hold()

    def illuminate(self, illumination) -> None:
        """Let light of one generate what an illumination says; None: what the layers say."""
        self.illumination = illumination
        self._choose_tables()

    def hold(self, *, reactions: bool = False, ions: bool = False) -> None:
        """Hold reactions, or ions too, from now on; or let them go."""
        self.held = {"reactions": reactions, "ions": ions}
        self._choose_tables()

    def _choose_tables(self) -> None:
        """Tables of the equations: of the present temperature, under the illumination, without what is held."""
        tables = self.problem.tables
        if self.illumination is not None:
            tables = with_generation(tables, generation(self.problem, self.illumination))
        self.tables = tables
        if self.held.get("reactions"):
            tables = without_reactions(tables)
        self.equations.tables = with_ions_held(tables) if self.held.get("ions") else tables
        self.equations.forget()
        self.steady.forget()

    def follow_current(self, current, light, times, label, watches, rate=0.0) -> tuple[float, int | None]:
        """Hold current + rate t [A/m^2] at the terminals and store at `times`; time reached, watch that ended it."""
        largest = max(abs(current), abs(current + rate * times[-1]), SMALLEST_CURRENT)
        first = FIRST_SHARE * min(self.problem.vt * self.capacitance / largest, times[0])
        return self._integrate(lambda: self.current_control(current, light, rate), times, first, watches, label=label)

    def follow_voltage(self, start, rate, light, times, label, watches=()) -> tuple[float, int | None]:
        """Hold start + rate t [V] at the terminals and store at `times`; time reached, watch that ended it."""
        first = FIRST_SHARE * min(times[0], FAST)
        return self._integrate(lambda: self.voltage_control(start, rate, light), times, first, watches, label=label)

    def jump(self, before, after, duration, light, label) -> None:
        """Take the terminal voltage from `before` to `after` [V] within `duration` [s], storing nothing."""
        rate, first = (after - before) / duration, FIRST_SHARE**2 * duration
        ends = np.array([duration])
        self._integrate(lambda: self.voltage_control(before, rate, light), ends, first, store=False, label=label)

    def settle(self, before, after, duration, light, label) -> None:
        """Take the terminal voltage from `before` to `after` [V], wait until steady, which counts `duration`; store."""
        self.steady.settle(before, after, duration, light, label)
        self._store(self.state)
        if self.progress is not None:
            self.progress(self.clock + duration, label)

    def wait(self, voltage: float, duration: float, light: float, label: str) -> None:
        """Hold a terminal voltage [V] and follow time [s], storing nothing."""
        ends, first = np.array([duration]), FIRST_SHARE * FAST
        self._integrate(lambda: self.voltage_control(voltage, 0.0, light), ends, first, store=False, label=label)

    def impedance(self, frequencies, label) -> None:
        """Keep the small-signal impedance about the present state."""
        found = small_signal(self.equations, self.state.y, frequencies)
        self.spectra.append(Spectrum(label, self.stored_count - 1, frequencies, found))

    @property
    def capacitance(self) -> float:
        """Geometric capacitance and what is parallel to it [F/m^2]."""
        return self.problem.capacitance + self.circuit.capacitance

    @property
    def voltage(self) -> float:
        """Voltage of the stack, without series resistance [V]."""
        return float(self.state.y[self.problem.band]) * self.problem.vt

    @property
    def charging(self) -> float:
        """Part of the terminal current that charges the stack, C dV/dt [A/m^2]."""
        return self.problem.vt * self.capacitance * float(self.state.slope[self.problem.band])

    # -- integration ----------------------------------------------------------------------------

    def _integrate(self, make, times, first_step, watches=(), store=True, label="") -> tuple[float, int | None]:
        """One segment from local time 0 under the control make(), anew for each temperature of the tables.

        Returns the local time reached and the number of the watch that ended the segment.
        """
        run, watching = self.integrator, Watching(self.reading, watches)
        self.equations.control = make()
        run.begin(self.state.y, self.state.z, 0.0, first_step)
        self.clusters.begin()
        pending = list(times)
        try:
            while pending:
                run.step()
                self.heat.follow(run, self.reading)
                self.clusters.follow()
                self._take_reference()
                end, crossed = watching.first_crossing()
                if crossed is not None and end > times[-1]:
                    end, crossed = run.time, None
                while pending and pending[0] <= end:
                    self._arrive(pending.pop(0), store)
                if crossed is not None:
                    self._arrive(end, store)
                    self._stop(end)
                    return end, crossed
                if pending and self.heat.has_left_tables:
                    self.renew_tables()
                    self.equations.control = make()
                if self.progress is not None:
                    self.progress(self.clock + min(end, times[-1]), label)
        except Stalled as stop:
            raise self.failure(stop, label) from None
        self._stop(times[-1])
        return times[-1], watching.beyond_at(times[-1])

    def _arrive(self, time: float, store: bool) -> None:
        """Take the state at a time inside the last step."""
        self.state = self.integrator.polished(time)
        if store:
            self._store(self.state, self._elapsed(time))

    def _stop(self, time: float) -> None:
        """Leave what moves with the steps at a time inside the last one, whose state is the present one."""
        self.heat.stop(self._elapsed(time))
        self.clusters.stop(self._elapsed(time), self.state.y)

    def _elapsed(self, time: float) -> float:
        """A time inside the last step since its begin [s]."""
        return time - self.integrator.time + self.integrator.last_step

    def _take_reference(self) -> None:
        """Read the light of the reference where the last step has passed its time."""
        at = self.reference_time - self.clock
        if self.reading.reference is None and self.integrator.time >= at:
            self.reading.reference = self.reading.light(max(at, 0.0))

    def _store(self, state: Polished, elapsed: float | None = None) -> None:
        """Keep a state and what holds at its time, `elapsed` [s] after the begin of the last step; None: at present."""
        control = self.equations.control
        control = control._replace(c0=control.c0 + control.c1 * state.time, c1=0.0)
        at = replace(state, time=self.clock + state.time)
        temperature = self.heat.temperature if elapsed is None else self.heat.inside(elapsed)
        clusters = self.clusters.stored(elapsed, state.y)
        self.trace.add(at, control, self.equations.tables, self.problem, temperature, clusters, state.time)
        if self.heat.is_on:
            self.reading.photon_energy = photon_energy(self.trace.last)

    def renew_tables(self) -> None:
        """Tables of the present temperature; potentials count in its kT/q from here on."""
        old, self.problem = self.problem, self.heat.problem(self.device)
        factor = old.vt / self.problem.vt
        self.equations.problem = self.reading.problem = self.problem
        self._choose_tables()
        self.integrator.rescale(old.potentials, VOLTS, factor)
        self.state = self.state.rescaled(old.potentials, VOLTS, factor)

    def failure(self, stop: Stalled, label: str) -> SimulationError:
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
            put(slot[SPECIES + s], LEAD_FLOOR if plan.traps is None else TRAP_FLOOR)
    put(problem.band + 1 + np.arange(len(problem.products.keys)), FILM_FLOOR)
    if problem.products.conducts:
        put(np.array([problem.size - 2]), FIELD_FLOOR)
    return tolerance
