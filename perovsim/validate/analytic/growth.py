"""Films that grow on a contact at a known affinity: interface, transport and field in the film as what limits them."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.special import expi

from perovsim import simulation
from perovsim.constants import K_B, N_A, Q
from perovsim.device.problem.films import EXISTENCE
from perovsim.model import Protocol, load_device, rest
from perovsim.model.chemistry import Reaction
from perovsim.model.equation import parse_equation
from perovsim.physics.thermochemistry import emf, load_table
from perovsim.validate.analytic.check import Check, Curve, Outcome, Panel, absolute, worst

EQUATION = "2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb"
STEPS = 6
VOLUME = load_table().molar_volume("AlCl3")
FIRST = EXISTENCE * VOLUME / N_A
"""Thickness of a film that just exists [m]."""
HOUR = 3600.0
LEAST = 1e-12
"""Thickness [m] from which on a film is compared."""
ROOM = 298.15


def affinity(temperature: float = ROOM) -> float:
    """A/kT of one elementary step, every activity being one."""
    return emf(parse_equation(EQUATION), load_table(), STEPS) * Q / (K_B * temperature)


DRIVE = 2.0 * np.sinh(0.5 * affinity())
"""exp(A/2) - exp(-A/2)."""


def cell(rate: float, processes=(), **law):
    """Al | PbCl2 | Pb with the displacement on aluminium as its only reaction; rate r0 [mol/m^2/s]."""
    growth = Reaction(
        kind="reaction", name="growth", reaction=EQUATION, site="contact:al", rate=rate, elementary_steps=STEPS, **law
    )
    return load_device("corrosion_couple").replace(processes=(growth, *processes))


def speed(rate: float, drive: float) -> float:
    """Rate of growth dh/dt [m/s] of r0 [mol/m^2/s] times a drive, the bracket of the rate law."""
    return VOLUME * rate * drive * 2.0 / STEPS


def thickness(run) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and mean thickness of the film [m]."""
    return run.times, run.interfaces["thickness_AlCl3"].values


def grown(device, duration: str = "1 h", rtol: float = 1e-7, **options):
    """The cell after a rest."""
    return simulation.simulate(device, Protocol([rest(duration)], **options), rtol=rtol)


# -- linear, parabolic, Deal and Grove --------------------------------------------------------


def _drawn(label: str, time: np.ndarray, exact: np.ndarray, found: np.ndarray) -> list[Curve]:
    """Thicknesses [m] over the time, exact and of the solver, in nm."""
    return [Curve("", time, 1e9 * exact, exact=True), Curve(label, time, 1e9 * found)]


def _linear() -> tuple[Check, list[Curve]]:
    k = 10e-9 / HOUR
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE))))
    late = h > LEAST
    check = worst("interface limits: h = k t", h[late], k * time[late], 1e-3, "m")
    return check, _drawn("interface", time[late], k * time[late], h[late])


def _deal_grove(length: float) -> tuple[Check, list[Curve]]:
    k = (10e-9 + 50e-18 / length) / HOUR
    law = {"growth_law": "linear_parabolic", "transition_thickness": length}
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE), **law)))
    late = h > LEAST
    name = f"A = {2e9 * length:g} nm"
    check = worst(
        f"h^2 + A h = B t, {name}", (h * (h + 2.0 * length))[late], 2.0 * length * k * time[late], 1e-3, "m^2"
    )
    exact = np.sqrt(length**2 + 2.0 * length * k * time) - length
    return check, _drawn(f"Deal–Grove, {name}", time[late], exact[late], h[late])


def _deal_grove_later() -> Check:
    """A film that is there at the start is t_0 = (h_0^2 + A h_0)/B old."""
    length, k, wait = 2e-9, 40e-9 / HOUR, 1200.0
    law = {"growth_law": "linear_parabolic", "transition_thickness": length}
    steps = Protocol([rest(wait), rest(HOUR)])
    time, h = thickness(simulation.simulate(cell(k / speed(1.0, DRIVE), **law), steps, rtol=1e-7))
    start = int(np.searchsorted(time, wait))
    t_0 = h[start] * (h[start] + 2.0 * length) / (2.0 * length * k)
    since = time[start:] - time[start] + t_0
    return worst("h^2 + A h = B (t + t_0)", (h * (h + 2.0 * length))[start:], 2.0 * length * k * since, 1e-3, "m^2")


def _parabolic() -> tuple[list[Check], list[Curve]]:
    length, k = 1e-9, 200e-9 / HOUR
    law = {"growth_law": "parabolic", "transition_thickness": length}
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE), **law)))
    late = h > LEAST
    exact = np.sqrt(FIRST**2 + 2.0 * length * k * time) - FIRST
    slope = np.polyfit(np.log(time[-5:]), np.log(h[-5:] + FIRST), 1)[0]
    checks = [
        worst("transport limits: (h + h_0)^2 - h_0^2 = 2 k_p t", (h * (h + 2.0 * FIRST))[late],
              2.0 * length * k * time[late], 1e-3, "m^2"),
        absolute("slope of ln(h + h_0) by ln t at the end", slope, 0.5, 1e-3),
    ]  # fmt: skip
    return checks, _drawn("parabolic", time[late], exact[late], h[late])


def film_growth() -> Outcome:
    """A14: h = k t, h^2 = 2 k_p t and h^2 + A h = B (t + t_0) between them."""
    check, curves = _linear()
    checks = [check]
    for length in (0.1e-9, 2e-9, 50e-9):
        check, drawn = _deal_grove(length)
        checks.append(check)
        curves += drawn
    checks.append(_deal_grove_later())
    more, drawn = _parabolic()
    panel = Panel("growth of a film", "time [s]", "thickness [nm]", tuple(curves + drawn), "log", "log")
    return Outcome(tuple(checks + more), (panel,))


# -- Cabrera and Mott -------------------------------------------------------------------------

JUMP, SLOW = 2e-9, 1e-17
"""Jump distance [m] and dh/dt at no drive [m/s]."""
IS_EXPONENTIAL = 0.25
"""Share of h_1 up to which sinh is exp."""


def cabrera_mott() -> Outcome:
    """A15: dh/dt = 2 u sinh(h_1/g), g = h + a, exactly inverted where sinh is exp, by quadrature elsewhere."""
    device = cell(SLOW / speed(1.0, 1.0), growth_law="cabrera_mott", jump_distance=JUMP)
    time, h = thickness(grown(device, "1e9 s", points_per_decade=50))
    h_1, g = 0.5 * affinity() * JUMP, h + JUMP
    thin = (h > 20.0 * FIRST) & (g < IS_EXPONENTIAL * h_1)
    took, passed = _took(g[thin], h_1), time[thin] - time[thin][0]
    late = np.nonzero(h > 20.0 * FIRST)[0]
    sample = late[5::10]
    whole = np.array([_by_quadrature(h[late[0]], h[k], h_1) for k in sample])
    waited = (g < IS_EXPONENTIAL * h_1) & (time > 1e3)
    slope = np.polyfit(np.log(time[waited] / g[waited] ** 2), h_1 / g[waited], 1)[0]
    checks = (
        worst("time of growth, exponential integral", passed[1:], took[1:], 5e-3, "s"),
        worst("time of growth, quadrature of sinh", time[sample] - time[late[0]], whole, 1e-3, "s"),
        absolute("g grew within the range of exp by a tenth, or more", float(g[thin][-1] > 1.1 * g[thin][0]), 1.0, 0.0),
        absolute("inverse logarithm: slope of h_1/g by ln(t/g^2)", slope, -1.0, 5e-2),
    )
    begin = time[thin][0] + np.concatenate(([0.0], took[1:]))
    curves = (
        Curve("exponential integral", begin, 1e-9 / h[thin], exact=True),
        Curve("solver", time[late], 1e-9 / h[late]),
    )
    return Outcome(checks, (Panel("Cabrera–Mott", "time [s]", "1/h [1/nm]", curves, "log"),))


def _took(g: np.ndarray, h_1: float) -> np.ndarray:
    """Time [s] since the first of the thicknesses g: u t = F(g) - F(g_0), F = g exp(-h_1/g) + h_1 Ei(-h_1/g)."""
    inverse = g * np.exp(-h_1 / g) + h_1 * expi(-h_1 / g)
    return (inverse - inverse[0]) / SLOW


def _by_quadrature(first: float, last: float, h_1: float) -> float:
    """Time [s] from one thickness to another of the whole law."""
    return quad(lambda x: 0.5 / (SLOW * np.sinh(h_1 / (x + JUMP))), first, last, epsabs=0.0)[0]
