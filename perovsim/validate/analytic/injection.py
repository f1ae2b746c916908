"""Space-charge-limited currents of one carrier whose mobility rises with the field, or that deep traps hold back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad, solve_bvp
from scipy.optimize import brentq

from perovsim import simulation
from perovsim.constants import EPS_0, Q
from perovsim.model import Protocol, staircase
from perovsim.physics.transport import WEAK
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute, relative, worst
from perovsim.validate.analytic.stacks import V_T, layer, stack


@dataclass(frozen=True)
class OneCarrier:
    """Electrons alone between two contacts `barrier` [eV] below the band, in SI.

    gamma : of mu exp(gamma sqrt F) [(m/V)^1/2]
    traps : density of acceptor traps [m^-3], all `depth` [eV] below the band
    """

    thickness: float
    permittivity: float
    mobility: float
    barrier: float
    cells: int
    states: float = 1e26
    gamma: float = 0.0
    traps: float = 0.0
    depth: float = 0.0

    @property
    def density(self) -> float:
        """At the contacts [m^-3]."""
        return self.states * float(np.exp(-self.barrier / V_T))

    @property
    def emission(self) -> float:
        """Density of electrons that leaves a trap half filled [m^-3]."""
        return self.states * float(np.exp(-self.depth / V_T))

    @property
    def device(self):
        """The same for the solver, with holes too few to matter."""
        values = dict(
            permittivity=self.permittivity, electron_affinity=AFFINITY, ionisation_energy=AFFINITY + GAP,
            N_c=self.states, N_v=self.states, mobility_electron=self.mobility, mobility_hole=self.mobility,
            field_factor_electron=self.gamma,
        )  # fmt: skip
        if self.traps:
            own = dict(name="deep", density=self.traps, energy=AFFINITY + self.depth, charge="acceptor")
            values["trap"] = [{**own, "capture_electron": CAPTURE, "capture_hole": CAPTURE}]
        level = AFFINITY + self.barrier
        return stack([layer("layer", self.thickness, self.cells, **values)], level, level)

    def faster(self, field):
        """mu/mu_0 at a field [V/m], as the device has it: 1 at the field of kT/q per WEAK."""
        weak = V_T * WEAK
        return np.exp(self.gamma * ((field**2 + weak**2) ** 0.25 - weak**0.5))


AFFINITY, GAP = 3.0, 2.5
CAPTURE = 1e-12
"""Of the traps [m^3/s]; it does not matter at steady state."""


# -- the exact current ------------------------------------------------------------------------

TOLERANCE, MOST_NODES = 1e-3, 100_000
"""Of the collocation, against whose Airy solution without traps and fields the current is then within 1e-8."""
DEEPEST, HIGHEST = -300.0, 100.0
"""ln n of Newton's iterates on the way stays within these."""
FIRST, LEAST = 0.4, 1e-3
"""First and least step [kT/q] from one voltage to the next, or from no traps to all of them."""


class Collocation:
    """Drift, diffusion and Poisson's equation between contacts of fixed density, by scipy's solve_bvp.

    In units of kT/q, L and the density n_0 at the contacts: d(ln n)/ds = psi' - j/(m n),
    psi'' = k [n + (N_t/n_0)/(1 + n_1/n)], m the mobility over mu_0, k = q n_0 L^2/(eps kT/q)
    """

    def __init__(self, case: OneCarrier):
        self.case = case
        self.k = Q * case.density * case.thickness**2 / (case.permittivity * EPS_0 * V_T)
        self.unit = Q * case.mobility * V_T * case.density / case.thickness
        near = 1e-2 / np.sqrt(self.k)
        half = np.concatenate(([0.0], np.geomspace(near, 0.5, 150)))
        self.mesh = np.concatenate((half, 1.0 - half[-2::-1]))
        log_n = -2.0 * np.log1p(np.sqrt(0.5 * self.k) * np.minimum(self.mesh, 1.0 - self.mesh))
        self.y, self.j = np.array([log_n, log_n, np.gradient(log_n, self.mesh)]), 0.0
        self.share, self.voltage = 0.0, 0.0
        self._solve(0.0, 0.0)
        if case.traps:
            self._go(1.0, lambda share: self._solve(share, 0.0), "share")

    def current(self, voltage: float) -> float:
        """J [A/m^2] at a voltage; that of the voltages before must be lower."""
        self._go(voltage / V_T, lambda v: self._solve(self.share, v), "voltage")
        return self.unit * self.j

    def _go(self, end: float, solve: Callable[[float], bool], name: str) -> None:
        """Take `share` or `voltage` to its end in steps that double, and halve where one fails."""
        step = FIRST
        while (at := getattr(self, name)) < end:
            if solve(min(at + step, end)):
                step *= 2.0
            elif (step := 0.25 * step) < LEAST:
                raise ArithmeticError(f"no reference current beyond {name} = {at:g}")

    def _solve(self, share: float, voltage: float) -> bool:
        traps, emission = share * self.case.traps / self.case.density, self.case.emission / self.case.density

        def slopes(_s, y, j):
            n = np.exp(np.clip(y[0], DEEPEST, HIGHEST))
            drag = j[0] / (n * self.case.faster(y[2] * V_T / self.case.thickness))
            return np.array([y[2] - drag, y[2], self.k * (n + traps / (1.0 + emission / n))])

        def ends(a, b, _j):
            return np.array([a[0], b[0], a[1], b[1] - voltage])

        with np.errstate(all="ignore"):
            found = solve_bvp(slopes, ends, self.mesh, self.y, p=[self.j], tol=TOLERANCE, max_nodes=MOST_NODES)
        if found.success:
            self.mesh, self.y, self.j, self.share, self.voltage = found.x, found.y, found.p[0], share, voltage
        return bool(found.success)


def exact_currents(case: OneCarrier, voltages: np.ndarray) -> np.ndarray:
    """J [A/m^2] at rising voltages [V] with drift, diffusion and contacts."""
    solution = Collocation(case)
    return np.array([solution.current(float(v)) for v in voltages])


def steady_stairs(case: OneCarrier, top: float, stairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Even voltages [V] above 0 up to `top` and the steady current of the solver at each [A/m^2]."""
    steps = Protocol([staircase(0.0, top, points=stairs + 1, ions="frozen")])
    run = simulation.simulate(case.device, steps, rtol=1e-7)
    return run.terminals["V"].values[-stairs:], run.terminals["J"].values[-stairs:]


# -- mobility that rises with the field -------------------------------------------------------

FASTER = OneCarrier(thickness=200e-9, permittivity=20.0, mobility=1e-7, barrier=0.1, cells=600, gamma=2e-4)


def drift_of_faster(case: OneCarrier, voltage: float) -> float:
    """J [A/m^2] without diffusion: J L = eps int mu F dF, J V = eps int mu F^2 dF from 0 to the field at the anode."""
    permittivity, scale = case.permittivity * EPS_0, case.mobility

    def moment(power: int, top: float) -> float:
        return permittivity * scale * quad(lambda f: case.faster(f) * f**power, 0.0, top)[0]

    def excess(top: float) -> float:
        return moment(2, top) / moment(1, top) * case.thickness - voltage

    mean = voltage / case.thickness
    return moment(1, brentq(excess, mean, 2.0 * mean)) / case.thickness


MURGATROYD = 0.891
"""Murgatroyd's exponent over gamma sqrt(V/L)."""


def poole_frenkel() -> Outcome:
    """A3: mu exp(gamma sqrt F) with diffusion and contacts; its ratio to drift alone falls towards one."""
    case = FASTER
    voltages, found = steady_stairs(case, 10.0, 20)
    exact = exact_currents(case, voltages)
    drift = np.array([drift_of_faster(case, v) for v in voltages])
    ratio = found / drift
    field = voltages / case.thickness
    fit = 9.0 / 8.0 * case.permittivity * EPS_0 * case.mobility * field**2 / case.thickness
    fit = fit * case.faster(MURGATROYD**2 * field)
    checks = (
        worst("current of one carrier, mobility of the field", found, exact, 1e-3, "A/m^2"),
        absolute("voltages at which the ratio to drift alone rises", np.count_nonzero(np.diff(ratio) >= 0.0), 0.0, 0.0),
        absolute("current at 10 V over that of drift alone", ratio[-1], 1.0, 5e-2),
    )
    curves = (
        Curve("drift, diffusion, contacts", voltages, exact, exact=True),
        Curve("Murgatroyd's fit to drift alone", voltages, fit, exact=True),
        Curve("solver", voltages, found),
    )
    panel = Panel("mobility that rises with the field", "voltage [V]", "current [A/m²]", curves, "log", "log")
    return Outcome(checks, (panel,))


# -- deep traps -------------------------------------------------------------------------------

SHALLOW_FILL = OneCarrier(
    thickness=1e-6, permittivity=3.0, mobility=1e-8, barrier=0.2, cells=600, traps=3e21, depth=0.5
)
SHARP_FILL = OneCarrier(thickness=1e-6, permittivity=3.0, mobility=1e-8, barrier=0.1, cells=600, traps=1e23, depth=0.6)
"""The second beside so many volts that what the contacts fill by diffusion does not matter."""


def filling_voltage(case: OneCarrier) -> float:
    """q N_t L^2/(2 eps) [V]: the field of filled traps alone."""
    return 0.5 * Q * case.traps * case.thickness**2 / (case.permittivity * EPS_0)


def drift_of_filled(case: OneCarrier, voltage: float) -> float:
    """J [A/m^2] without diffusion where all traps are filled: dF/dx = (q N_t/eps)(1 + a/F), a = J/(q mu N_t).

    L = l(F) [F - a ln(1 + F/a)], V = l(F) [F^2/2 - a F + a^2 ln(1 + F/a)], l = eps/(q N_t), F the field at the anode
    """
    per_field = case.permittivity * EPS_0 / (Q * case.traps)
    least = case.thickness / per_field

    def voltage_of(a: float) -> float:
        def excess(f: float) -> float:
            return f - a * np.log1p(f / a) - least

        f = brentq(excess, least, 10.0 * (least + np.sqrt(a * least)), rtol=1e-14)
        return per_field * (0.5 * f * f - a * f + a * a * np.log1p(f / a))

    log_a = brentq(lambda log_a: voltage_of(np.exp(log_a)) - voltage, *(np.log(least * np.array([1e-8, 1e3]))))
    return float(np.exp(log_a)) * Q * case.mobility * case.traps


def trap_filled() -> Outcome:
    """A3: deep traps with diffusion and contacts; the current rises at q N_t L^2/2 eps, beyond it drift takes over."""
    voltages, found = steady_stairs(SHALLOW_FILL, 20.0, 20)
    exact = exact_currents(SHALLOW_FILL, voltages)
    volts, sharp = steady_stairs(SHARP_FILL, 600.0, 40)
    limit = filling_voltage(SHARP_FILL)
    k = int(np.argmax(np.diff(np.log(sharp)) / np.diff(np.log(volts))))
    beyond = volts > 1.2 * limit
    law = np.array([drift_of_filled(SHARP_FILL, v) for v in volts[beyond]])
    ratio = sharp[beyond] / law
    rise, rising = 0.5 * (volts[k] + volts[k + 1]), np.count_nonzero(np.diff(ratio) >= 0.0)
    twice = np.interp(2.0 * limit, volts[beyond], ratio)
    checks = (
        worst("current of one carrier amid deep traps", found, exact, 1e-3, "A/m^2"),
        relative("trap-filled limit, middle of the steepest rise", rise, limit, 5e-2, "V"),
        absolute("voltages beyond it at which the ratio to drift rises", rising, 0.0, 0.0),
        absolute("current at twice the limit over that of drift", twice, 1.0, 2e-2),
    )
    free = 9.0 / 8.0 * SHARP_FILL.permittivity * EPS_0 * SHARP_FILL.mobility * volts**2 / SHARP_FILL.thickness**3
    panels = (
        Panel("deep traps, exact", "voltage [V]", "current [A/m²]",
              (Curve("drift, diffusion, contacts", voltages, exact, exact=True), Curve("solver", voltages, found)),
              "log", "log"),
        Panel("trap-filled limit", "voltage / (q N_t L²/2ε)", "current [A/m²]",
              (Curve("filled traps, drift", volts[beyond] / limit, law, exact=True),
               Curve("no traps, (9/8) ε μ V²/L³", volts / limit, free, exact=True),
               Curve("solver", volts / limit, sharp)), "log", "log"),
    )  # fmt: skip
    return Outcome(checks, panels)
