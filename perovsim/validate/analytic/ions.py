"""Ions between blocking electrodes: double layers at rest, and how they charge."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import perovsim.simulation as simulation
from perovsim.constants import EPS_0, K_B, Q
from perovsim.model import Protocol, constant_voltage
from perovsim.validate.analytic.check import Check, Curve, Outcome, Panel, relative, worst
from perovsim.validate.analytic.stacks import TEMPERATURE, V_T, debye_length, halide_lattice, insulator, stack

EPSILON = 20.0
DENSITY = 1e24
D = 1e-14
"""Diffusivity [m^2/s]."""
DEBYE = debye_length(EPSILON, DENSITY)
LEAST_DRAWN = 0.02
"""Potentials [kT/q] in a figure: nearer to the bulk the field is next to nothing."""
SITES, CROWDED = 2e25, 0.05
"""Sites of the crowded lattice [m^-3], and the share of them that is vacant in its bulk."""


def cation(compensated: bool = True) -> dict:
    """A mobile cation, alone on a fixed background or not."""
    return {"name": "V", "charge": 1, "D": D, "density": DENSITY, "compensated": compensated}


def blocked(thickness: float, cells: int, *ions: dict, **values):
    """Ions between two metals of one work function."""
    return stack([insulator("ions", thickness, cells, permittivity=EPSILON, ion=ions, **values)])


# -- double layers at rest --------------------------------------------------------------------


def field_of_pair(u: np.ndarray, density: float) -> np.ndarray:
    """|E| [V/m], E^2 = (2 kT N/eps)(e^u + e^-u - 2): both signs mobile."""
    return np.sqrt(_twice_pressure(density)) * 2.0 * np.abs(np.sinh(0.5 * u))


def field_of_cation(u: np.ndarray, density: float) -> np.ndarray:
    """|E| [V/m], E^2 = (2 kT N/eps)(e^-u + u - 1): cations mobile on a fixed background."""
    return np.sqrt(_twice_pressure(density) * np.maximum(np.expm1(-u) + u, 0.0))


def field_of_lattice(u: np.ndarray, share: float, sites: float) -> np.ndarray:
    """|E| [V/m], E^2 = (2 kT N_X/eps)[ln(1 - theta + theta e^-u) + theta u]: vacancies exclude each other."""
    return np.sqrt(_twice_pressure(sites) * np.maximum(np.log1p(share * np.expm1(-u)) + share * u, 0.0))


def _twice_pressure(density: float) -> float:
    return 2.0 * K_B * TEMPERATURE * density / (EPSILON * EPS_0)


def at_rest(device, voltage: float):
    """Depth [m], u from the middle, |E| through the inner faces [V/m], u there, and the last state of a run."""
    run = simulation.simulate(device, Protocol([constant_voltage(voltage, "1e6 s")]))
    state = run.fields.isel(time=-1)
    x, width, potential = state["x"].values, state["cell_width"].values, state["potential"].values
    u = (potential - np.interp(0.5 * width.sum(), x, potential)) / V_T
    weight = width[:-1] / (width[:-1] + width[1:])
    return x, u, np.abs(np.diff(potential) / np.diff(x)), u[:-1] + weight * np.diff(u), state


def wall_checks(name: str, state, charge: np.ndarray, u: np.ndarray, voltage: float, law) -> list[Check]:
    """Field at both electrodes by Gauss's law from the charge [C/m^3] of each half, against law(u of the metal)."""
    x, width, potential = (state[key].values for key in ("x", "cell_width", "potential"))
    left = x < 0.5 * width.sum()
    middle = np.interp(0.5 * width.sum(), x, potential)
    checks = []
    for side, own, metal in (("cathode", left, -voltage), ("anode", ~left, 0.0)):
        found = abs((charge * width)[own].sum()) / (EPSILON * EPS_0)
        checks.append(relative(f"{name}: field at the {side}", found, law((metal - middle) / V_T), 1e-3, "V/m"))
    return checks


def gouy_chapman() -> Outcome:
    """A6: field against potential in the double layers of a pair, of one cation, of one on few sites, of a lattice."""
    voltage, thickness, cells = 8.0 * V_T, 60.0 * DEBYE, 500
    checks, curves = [], []

    def enter(name, device, density, law, bias=voltage) -> None:
        x, u, field, face, state = at_rest(device, bias)
        charge, own = density(state)
        checks.extend(wall_checks(name, state, charge, u, bias, lambda v: law(v, own)))
        checks.append(worst(f"{name}: field against potential", field, law(face, own), 1e-3, "V/m", field.max()))
        drawn = np.abs(face) > LEAST_DRAWN
        curves.append(Curve("", face[drawn], law(face[drawn], own), exact=True))
        curves.append(Curve(name, face[drawn], field[drawn]))

    def of_pair(state):
        c, a = state["c_V"].values, state["c_A"].values
        return Q * (c - a), float(np.interp(0.5 * thickness, state["x"].values, c))

    def of_cation(state):
        return Q * (state["c_V"].values - DENSITY), DENSITY

    def of_lattice(state):
        return Q * SITES * (state["theta_V"].values - CROWDED), CROWDED

    anion = {**cation(False), "name": "A", "charge": -1}
    enter("both signs", blocked(thickness, cells, cation(False), anion), of_pair, field_of_pair)
    enter("cations", blocked(thickness, cells, cation()), of_cation, field_of_cation)
    limited = blocked(thickness, cells, {**cation(), "site_density": DENSITY / CROWDED})
    own = DENSITY / CROWDED
    enter("limited sites", limited, of_cation, lambda u, _: field_of_lattice(u, CROWDED, own), 40.0 * V_T)
    crowded = blocked(thickness, cells, lattice=halide_lattice(SITES, CROWDED * SITES, x_cl=0.3))
    enter("crowded lattice", crowded, of_lattice, lambda u, own: field_of_lattice(u, own, SITES), 40.0 * V_T)
    panel = Panel("double layers", "potential from the bulk [kT/q]", "field [V/m]", tuple(curves), yscale="log")
    return Outcome(tuple(checks), (panel,))


# -- charging ---------------------------------------------------------------------------------


def charging_time(thickness: float, debye: float) -> float:
    """Slowest time constant [s] of small signals between blocking electrodes, all orders of lambda_D/L.

    (1/tau) = (2 D kappa^2/(k L)) tanh(k L/2), k^2 = kappa^2 - 1/(D tau), kappa = 1/lambda_D
    """

    def gap(share: float) -> float:
        k = share / debye
        return (1.0 - share**2) - 2.0 / (k * thickness) * np.tanh(0.5 * k * thickness)

    share = brentq(gap, 0.5, 1.0)
    return debye**2 / (D * (1.0 - share**2))


def measured_time(ratio: float, *ions: dict, debye: float = DEBYE):
    """Times [s] and currents [A/m^2] of a step of 0.1 kT/q, and the time constant between one and four of them."""
    thickness = ratio * debye
    tau = 0.5 * debye * thickness / D
    steps = Protocol([constant_voltage(0.1 * V_T, 5.0 * tau)], points_per_decade=30)
    run = simulation.simulate(blocked(thickness, 400, *ions), steps, rtol=1e-7)
    t, current = run.times, run.terminals["J"].values
    late = (t > tau) & (t < 4.0 * tau)
    return t, current, -1.0 / np.polyfit(t[late], np.log(np.abs(current[late])), 1)[0]


def blocking_electrodes() -> Outcome:
    """A7: time constant of charging at v << 1."""
    checks, curves = [], []
    pair = (cation(False), {**cation(False), "name": "A", "charge": -1})
    cases = [("one species", (cation(),), DEBYE, ratio) for ratio in (20.0, 50.0, 200.0)]
    cases.append(("a pair", pair, DEBYE / np.sqrt(2.0), 200.0))
    for name, ions, debye, ratio in cases:
        t, current, tau = measured_time(ratio, *ions, debye=debye)
        thickness, label = ratio * debye, f"{name}, L = {ratio:g} λ_D"
        if name == "one species":
            checks.append(relative(f"{label}: all orders", tau, charging_time(thickness, debye), 1e-3, "s"))
        if ratio >= 50.0:
            leading = 0.5 * debye * thickness / D
            checks.append(relative(f"{label}: λ_D L/2D", tau, leading, 3e-2, "s"))
            there = (t > 0.05 * leading) & (current != 0.0)
            first = np.abs(current[there])[0] * np.exp((t[there][0] - t[there]) / tau)
            curves += [
                Curve("", t[there] / leading, first / first[0], exact=True),
                Curve(label, t[there] / leading, np.abs(current[there]) / first[0]),
            ]
    panel = Panel("charging at v << 1", "time [λ_D L/2D]", "current / first", tuple(curves), yscale="log")
    return Outcome(tuple(checks), (panel,))


def drop_of(charge: float) -> float:
    """Potential across an accumulation and a depletion layer that hold this charge each [V], one mobile cation."""
    target = (charge / (EPSILON * EPS_0)) ** 2 / _twice_pressure(DENSITY)

    def excess(u: float) -> float:
        return np.exp(-u) + u - 1.0 - target

    if target == 0.0:
        return 0.0
    depleted = brentq(excess, 0.0, target + 2.0)
    accumulated = brentq(excess, -np.log(target + 2.0) - 1.0, 0.0)
    return V_T * (depleted - accumulated)


def surface_polarisation() -> Outcome:
    """A8: dQ/dt = (q^2 D N/kT) E_bulk, E_bulk = (V - drop(Q))/L: nonlinear charging of the double layers."""
    ratio, voltage = 400.0, 20.0 * V_T
    thickness = ratio * DEBYE
    unit = 0.5 * DEBYE * thickness / D
    run = simulation.simulate(
        blocked(thickness, 300, cation()), Protocol([constant_voltage(voltage, 30.0 * unit)]), rtol=1e-6
    )
    times = run.times[run.times > 1e-2 * unit]
    width, left = run.fields["cell_width"].values, run.fields["x"].values < 0.5 * thickness
    charge = Q * ((run.fields["c_V"].values - DENSITY) * width)[:, left].sum(axis=1)[run.times > 1e-2 * unit]
    conductivity = Q * D * DENSITY / V_T

    def rate(t, q):
        return [conductivity * (voltage - drop_of(q[0])) / thickness]

    exact = solve_ivp(rate, (0.0, times[-1]), [0.0], t_eval=times, rtol=1e-9, atol=1e-12).y[0]
    checks = [worst("charge of a double layer", charge, exact, 3e-2, "C/m^2", exact[-1])]
    curves = (Curve("slow equation", times, exact, exact=True), Curve("solver", times, charge))
    return Outcome(tuple(checks), (Panel("surface polarisation", "time [s]", "charge [C/m^2]", curves, "log"),))
