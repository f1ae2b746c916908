"""An ion consumed at an electrode and brought there by diffusion alone: Cottrell and Sand.

Hundreds of times as many inert ions screen the field (a supporting electrolyte), so the transport number of the
vacancies that react is nil. A spacer without a halide lattice blocks them at the far end of their layer, while the
inert ions carry the current on to the counter electrode.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from perovsim import simulation
from perovsim.constants import Q
from perovsim.model import Protocol, constant_current, constant_voltage, voltage_above
from perovsim.validate.analytic.check import Curve, Outcome, Panel, relative, worst
from perovsim.validate.analytic.electrodes import FAST, cell
from perovsim.validate.analytic.stacks import halide_lattice, insulator

THICKNESS, D, DENSITY = 2e-4, 4e-10, 1e24
"""Of the layer [m], of the vacancies [m^2/s] and [m^-3]; cells are wider than a double layer, which is then charged by
next to nothing."""
INERT = 4e26
DIFFUSION_TIME = THICKNESS**2 / D
TERMS = np.arange(1, 400)
DEPLETED = 0.21
"""Voltage [V] of a cell with a few vacancies in ten thousand left at the cathode."""


def supported_cell(cells: int = 150):
    """Lead | lattice and inert ions | inert ions | lattice and inert ions | lead."""
    ions = [
        {"name": name, "charge": charge, "D": 100.0 * D, "density": INERT, "compensated": False}
        for name, charge in (("K", 1), ("A", -1))
    ]
    lattice = halide_lattice(1e28, DENSITY, diffusivity=D)
    layers = [
        insulator("salt", THICKNESS, cells, lattice=lattice, ion=ions),
        insulator("spacer", 0.2 * THICKNESS, 10, ion=ions),
        insulator("counter", THICKNESS, cells, lattice=lattice, ion=ions),
    ]
    return cell(layers, (FAST, FAST))


def cottrell_slab(t: np.ndarray) -> np.ndarray:
    """i = (2 q D c/L) sum over odd n of exp(-n^2 pi^2 D t/4L^2) [A/m^2]: c = 0 at one face, the other blocked."""
    odd = 2.0 * TERMS - 1.0
    decay = np.exp(-(odd**2) * np.pi**2 * t[:, None] / (4.0 * DIFFUSION_TIME))
    return 2.0 * Q * D * DENSITY / THICKNESS * decay.sum(axis=1)


def cottrell() -> Outcome:
    """A9: i = q c sqrt(D/pi t) after a jump to a voltage that empties the surface; later the series of the slab."""
    steps = Protocol([constant_voltage(0.5, DIFFUSION_TIME)], points_per_decade=12, first_output=1e-5 * DIFFUSION_TIME)
    run = simulation.simulate(supported_cell(), steps, rtol=1e-5)
    t, current = run.times, np.abs(run.terminals["J"].values)
    early = (t > 1e-3 * DIFFUSION_TIME) & (t < 0.1 * DIFFUSION_TIME)
    late = t > 1e-3 * DIFFUSION_TIME
    law = Q * DENSITY * np.sqrt(D / (np.pi * t[early]))
    checks = (
        worst("current of a semi-infinite layer", current[early], law, 1e-2, "A/m^2"),
        worst("current of the slab", current[late], cottrell_slab(t[late]), 1e-2, "A/m^2"),
    )
    curves = (
        Curve("Cottrell", t[late], Q * DENSITY * np.sqrt(D / (np.pi * t[late])), exact=True),
        Curve("series of the slab", t[late], cottrell_slab(t[late]), exact=True),
        Curve("solver", t[late], current[late]),
    )
    return Outcome(checks, (Panel("Cottrell", "time [s]", "current [A/m²]", curves, "log", "log"),))


def left_at_surface(t: float, load: float) -> float:
    """c(0, t)/c of a slab that loses a constant flux at one face, the other blocked; load = j L/(q D c).

    1 - load [D t/L^2 + 1/3 - (2/pi^2) sum exp(-n^2 pi^2 D t/L^2)/n^2]
    """
    series = (np.exp(-((TERMS * np.pi) ** 2) * t / DIFFUSION_TIME) / TERMS**2).sum()
    return 1.0 - load * (t / DIFFUSION_TIME + 1.0 / 3.0 - 2.0 / np.pi**2 * series)


def sand() -> Outcome:
    """A10: time in which a constant current empties the surface: pi D (q c/2j)^2, c q L/j - L^2/3D, and between."""
    checks, curves, found = [], [], {}
    for load in (5.0, 1.755, 1.35, 0.5):
        current = load * Q * D * DENSITY / THICKNESS
        exact = brentq(lambda t, load=load: left_at_surface(t, load), 1e-6 * DIFFUSION_TIME, 10.0 * DIFFUSION_TIME)
        steps = Protocol([constant_current(current, 1.3 * exact, stop=voltage_above(DEPLETED))], first_output=1e-2)
        run = simulation.simulate(supported_cell(), steps, rtol=1e-5)
        ended = run.times[-1] if run.events.sizes["event"] else np.nan
        found[load] = (ended, run)
        checks.append(relative(f"transition time, j L/qDc = {load:g}: series", ended, exact, 1e-2, "s"))
    for load, law in ((5.0, "semi-infinite"), (1.755, "semi-infinite"), (1.35, "slab"), (0.5, "slab")):
        limit = (np.pi / (4.0 * load**2) if law == "semi-infinite" else 1.0 / load - 1.0 / 3.0) * DIFFUSION_TIME
        checks.append(relative(f"transition time, j L/qDc = {load:g}: {law}", found[load][0], limit, 1e-2, "s"))
    for load, (_, run) in found.items():
        t = run.times[1:]
        surface = run.fields["theta_V"].values[1:, 0] * 1e28 / DENSITY
        t, surface = t[t > 1e-2 * t[-1]], surface[t > 1e-2 * t[-1]]
        curves.append(Curve("", t, np.array([left_at_surface(s, load) for s in t]), exact=True))
        curves.append(Curve(f"j L/qDc = {load:g}", t, surface))
    panel = Panel("Sand", "time [s]", "vacancies at the surface / start", tuple(curves), "log")
    return Outcome(tuple(checks), (panel,))
