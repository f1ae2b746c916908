"""Electrons and holes alone: diodes, space-charge-limited currents, open circuit under light."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import airy, gammaln

from perovsim import simulation
from perovsim.constants import EPS_0, Q
from perovsim.model import Protocol, constant_voltage, rest
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute, relative, worst
from perovsim.validate.analytic.stacks import V_T, layer, stack


def steady_currents(device, voltages, duration: float = 1.0) -> np.ndarray:
    """Terminal current [A/m^2] at each voltage, held for `duration` [s] one after the other."""
    steps = Protocol([constant_voltage(float(v), duration) for v in voltages], points_per_decade=1)
    run = simulation.simulate(device, steps, rtol=1e-7)
    ends = duration * np.arange(1, len(voltages) + 1)
    return np.array([run.terminals["J"].values[np.searchsorted(run.times, end) - 1] for end in ends])


# -- diodes -----------------------------------------------------------------------------------

GAP, STATES, DOPING = 1.2, 1e25, 1e23
EPSILON = 10.0


SELECTIVE = {"cathode": (np.inf, 1e-20), "anode": (1e-20, np.inf)}
"""Contacts that take one kind of carrier only."""


def intrinsic(gap: float, states: float) -> float:
    """n_i [m^-3] of one density of states for both bands."""
    return states * np.exp(-0.5 * gap / V_T)


def pn_junction(radiative: float, mobility: float):
    """A symmetric homojunction of two doped layers, ten diffusion lengths each; the diffusion length [m] beside it."""
    length = np.sqrt(mobility * V_T / (radiative * DOPING))
    usual = dict(
        permittivity=EPSILON,
        electron_affinity=4.0,
        ionisation_energy=4.0 + GAP,
        N_c=STATES,
        N_v=STATES,
        mobility_electron=mobility,
        mobility_hole=mobility,
        k_radiative=radiative,
    )
    level = V_T * np.log(STATES / DOPING)
    layers = [
        layer("n", 10.0 * length, 200, donor_density=DOPING, **usual),
        layer("p", 10.0 * length, 200, acceptor_density=DOPING, **usual),
    ]
    return stack(layers, 4.0 + level, 4.0 + GAP - level), length


def shockley() -> Outcome:
    """A2: J_0 (e^{qV/kT} - 1), J_0 = q k n_i^2 (L_n + L_p + W): recombination in both neutral regions and between."""
    radiative, mobility = 1e-16, 1e-3
    device, length = pn_junction(radiative, mobility)
    voltages = np.arange(0.42, 0.64, 0.04)
    found = steady_currents(device, voltages, 1e-2)
    built_in = GAP - 2.0 * V_T * np.log(STATES / DOPING)
    depleted = 2.0 * np.sqrt(EPSILON * EPS_0 * (built_in - voltages - 2.0 * V_T) / (Q * DOPING))
    exact = Q * radiative * intrinsic(GAP, STATES) ** 2 * np.expm1(voltages / V_T) * (2.0 * length + depleted)
    ideality = np.diff(voltages) / np.diff(np.log(found)) / V_T
    checks = [
        worst("current of the diode", found, exact, 1e-2, "A/m^2"),
        worst("ideality of the diode", ideality, np.ones(ideality.size), 1e-2),
    ]
    curves = (Curve("J₀ [exp(qV/kT) − 1]", voltages, exact, exact=True), Curve("solver", voltages, found))
    return Outcome(tuple(checks), (Panel("ideal diode", "voltage [V]", "current [A/m²]", curves, yscale="log"),))


def recombination_plane() -> Outcome:
    """A2: traps in a thin layer amid an intrinsic one, n = 2: J = q d n_i (e^{qV/2kT} - 1)/(2 tau)."""
    thin, lifetime, gap = 2e-9, 1e-9, 1.2
    usual = dict(
        permittivity=EPSILON,
        electron_affinity=4.0,
        ionisation_energy=4.0 + gap,
        N_c=STATES,
        N_v=STATES,
        mobility_electron=1e-2,
        mobility_hole=1e-2,
    )
    layers = [
        layer("left", 5e-7, 150, **usual),
        layer("traps", thin, 6, lifetime_electron=lifetime, lifetime_hole=lifetime, **usual),
        layer("right", 5e-7, 150, **usual),
    ]
    voltages = np.arange(0.24, 0.52, 0.04)
    device = stack(layers, 4.1, 4.0 + gap - 0.1, SELECTIVE)
    found = steady_currents(device, voltages, 1e-3)
    exact = Q * thin * intrinsic(gap, STATES) * np.expm1(0.5 * voltages / V_T) / (2.0 * lifetime)
    ideality = np.diff(voltages) / np.diff(np.log(found)) / V_T
    expected = np.diff(voltages) / np.diff(np.log(exact)) / V_T
    checks = [
        worst("current through a plane of traps", found, exact, 1e-2, "A/m^2"),
        worst("ideality of a plane of traps", ideality, expected, 2e-2),
    ]
    curves = (Curve("q d nᵢ [exp(qV/2kT) − 1]/2τ", voltages, exact, exact=True), Curve("solver", voltages, found))
    return Outcome(tuple(checks), (Panel("plane of traps", "voltage [V]", "current [A/m²]", curves, yscale="log"),))


# -- space-charge-limited currents ------------------------------------------------------------

SCL = dict(thickness=200e-9, permittivity=20.0, mobility=1e-7, states=1e26, barrier=0.1)
"""Electrons alone between two contacts 0.1 eV below the band."""


FIRST_ZERO = 2.338
"""Ai is zero at minus this: w keeps its sign up to about there."""


def one_carrier(voltage: float) -> float:
    """Exact J [A/m^2] of electrons with drift, diffusion and contacts of fixed density.

    In units of kT/q, L and the density at the contacts n_0: dn/ds = n psi' - j, psi'' = k n, k = q n_0 L^2/(eps kT/q).
    One integration gives psi'' = psi'^2/2 - j k s + 2 c, and psi' = -2 w'/w makes it Airy's equation
    w'' = (j k s/2 - c) w; the densities at the contacts fix c, psi(1) - psi(0) = 2 ln(w(0)/w(1)) the current.
    """
    density = SCL["states"] * np.exp(-SCL["barrier"] / V_T)
    k = Q * density * SCL["thickness"] ** 2 / (SCL["permittivity"] * EPS_0 * V_T)
    unit = Q * SCL["mobility"] * V_T * density / SCL["thickness"]

    def excess(log_j: float) -> float:
        return 2.0 * np.log(_rise(k, np.exp(log_j))) - voltage / V_T

    return unit * np.exp(brentq(excess, np.log(1e-2), np.log(1e2), xtol=1e-13))


def _rise(k: float, j: float) -> float:
    """w(0)/w(1) where g = w'(0)/w(0) = -psi'(0)/2 gives the cathode its density, c = k/2 - g^2; by bisection."""
    slope = 0.5 * j * k
    third = np.cbrt(slope)

    def start(g: float) -> tuple[float, float]:
        c = 0.5 * k - g * g
        fall = -np.sqrt(0.5 * j * k + g * g) / third
        ai, ai_p, bi, bi_p = airy(third * (1.0 - c / slope))
        u, v = np.pi * (bi_p - fall * bi), np.pi * (fall * ai - ai_p)
        ai, ai_p, bi, bi_p = airy(-third * c / slope)
        return u * ai + v * bi, third * (u * ai_p + v * bi_p)

    def is_beyond(g: float) -> bool:
        w, w_p = start(g)
        return w <= 0.0 or w_p / w > g

    least = np.sqrt(max(0.5 * k - FIRST_ZERO * third**2 - np.pi**2, 0.0))
    beyond, before = least if is_beyond(least) else -np.sqrt(k), np.sqrt(0.5 * k)
    for _ in range(60):
        middle = 0.5 * (beyond + before)
        beyond, before = (middle, before) if is_beyond(middle) else (beyond, middle)
    return start(before)[0]


def one_carrier_stack(cells: int):
    """The device that `one_carrier` solves: its holes are too few to matter."""
    only = dict(
        permittivity=SCL["permittivity"],
        electron_affinity=3.0,
        ionisation_energy=5.0,
        N_c=SCL["states"],
        N_v=SCL["states"],
        mobility_electron=SCL["mobility"],
        mobility_hole=SCL["mobility"],
    )
    level = 3.0 + SCL["barrier"]
    return stack([layer("layer", SCL["thickness"], cells, **only)], level, level)


def mott_gurney() -> Outcome:
    """A3: one carrier with diffusion and contacts; its ratio to (9/8) eps mu V^2/L^3 falls towards one."""
    voltages = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0])
    found = steady_currents(one_carrier_stack(600), voltages, 1e-2)
    exact = np.array([one_carrier(v) for v in voltages])
    law = 9.0 / 8.0 * SCL["permittivity"] * EPS_0 * SCL["mobility"] * voltages**2 / SCL["thickness"] ** 3
    falls = np.diff(found / law)
    checks = [
        worst("current of one carrier", found, exact, 1e-3, "A/m^2"),
        absolute("voltages at which the ratio to the law rises", np.count_nonzero(falls >= 0.0), 0.0, 0.0),
        absolute("current at 10 V over that of the law", found[-1] / law[-1], 1.03, 5e-3),
    ]
    curves = (
        Curve("drift, diffusion, contacts", voltages, exact, exact=True),
        Curve("(9/8) ε μ V²/L³", voltages, law, exact=True),
        Curve("solver", voltages, found),
    )
    panel = Panel("space-charge limit, one carrier", "voltage [V]", "current [A/m²]", curves, "log", "log")
    return Outcome(tuple(checks), (panel,))


DOUBLE = dict(thickness=1e-6, permittivity=3.0, electron=1e-9, hole=3e-9)


def parmenter_ruppel(mu_n: float, mu_p: float, coefficient: float, permittivity: float) -> float:
    """mu_eff [m^2/V/s] of double injection without diffusion: J = (9/8) eps mu_eff V^2/L^3.

    mu_eff = mu_R nu_n nu_p [(2/3) Gamma(3(nu_n + nu_p)/2)/(Gamma(3 nu_n/2) Gamma(3 nu_p/2))]^2
    [Gamma(nu_n) Gamma(nu_p)/Gamma(nu_n + nu_p)]^3, mu_R = eps k/(2 q), nu = mu/mu_R
    """
    own = permittivity * EPS_0 * coefficient / (2.0 * Q)
    n, p = mu_n / own, mu_p / own
    log = 2.0 * (np.log(2.0 / 3.0) + gammaln(1.5 * (n + p)) - gammaln(1.5 * n) - gammaln(1.5 * p))
    log += 3.0 * (gammaln(n) + gammaln(p) - gammaln(n + p))
    return own * n * p * float(np.exp(log))


def rosenberg_lampert(mu_n: float, mu_p: float, coefficient: float, permittivity: float) -> float:
    """mu_eff [m^2/V/s] of the plasma limit, (2/3) sqrt(4 pi q mu_n mu_p (mu_n + mu_p)/(eps k))."""
    own = permittivity * EPS_0 * coefficient
    return 2.0 / 3.0 * float(np.sqrt(4.0 * np.pi * Q * mu_n * mu_p * (mu_n + mu_p) / own))


def double_injection() -> Outcome:
    """A4: two carriers with bimolecular recombination, from the plasma to Langevin's coefficient.

    The laws leave out diffusion, whose share falls slowly with the voltage: 3 % at 3e4 kT/q.
    """
    eps, mu_n, mu_p = DOUBLE["permittivity"], DOUBLE["electron"], DOUBLE["hole"]
    langevin = Q * (mu_n + mu_p) / (eps * EPS_0)
    only = dict(
        permittivity=eps,
        electron_affinity=2.9,
        ionisation_energy=5.1,
        N_c=2.5e27,
        N_v=2.5e27,
        mobility_electron=mu_n,
        mobility_hole=mu_p,
    )
    shares, drops, found = np.array([1e-2, 0.41, 1.0]), np.array([100.0, 900.0]), []
    for share in shares:
        device = stack([layer("layer", DOUBLE["thickness"], 450, k_radiative=share * langevin, **only)], 2.95, 5.05)
        law = 9.0 / 8.0 * eps * EPS_0 * drops**2 / DOUBLE["thickness"] ** 3
        found.append(steady_currents(device, drops + 2.1, 1.0) / law)
    found = np.array(found)
    exact = np.array([parmenter_ruppel(mu_n, mu_p, share * langevin, eps) for share in shares])
    plasma = rosenberg_lampert(mu_n, mu_p, shares[0] * langevin, eps)
    checks = [
        relative("plasma limit, k = 0.01 of Langevin's", found[0, -1], plasma, 5e-2, "m^2/V/s"),
        relative("Langevin limit", found[-1, -1], exact[-1], 5e-2, "m^2/V/s"),
        worst("between the limits", found[:, -1], exact, 5e-2, "m^2/V/s"),
        absolute("voltages at which the ratio to the law rises", (np.diff(found) >= 0.0).sum(), 0.0, 0.0),
    ]
    line = np.geomspace(shares[0], 1.0, 60)
    curves = (
        Curve(
            "exact without diffusion",
            line,
            np.array([parmenter_ruppel(mu_n, mu_p, s * langevin, eps) for s in line]),
            exact=True,
        ),
        Curve(
            "plasma limit", line, np.array([rosenberg_lampert(mu_n, mu_p, s * langevin, eps) for s in line]), exact=True
        ),
        *(Curve(f"solver, {drop:g} V", shares, found[:, k]) for k, drop in enumerate(drops)),
    )
    title = "space-charge limit, two carriers"
    panel = Panel(title, "k / k of Langevin", "effective mobility [m²/Vs]", curves, xscale="log", yscale="log")
    return Outcome(tuple(checks), (panel,))


def open_circuit() -> Outcome:
    """A5: q V_oc = E_g + kT ln(G/(k N_c N_v)) of one layer whose contacts each take one kind of carrier."""
    gap, states, coefficient = 1.6, 2e24, 1e-16
    generation = np.geomspace(1e25, 1e29, 5)
    usual = dict(electron_affinity=3.9, ionisation_energy=3.9 + gap, N_c=states, N_v=states, k_radiative=coefficient)
    found = []
    for rate in generation:
        device = stack([layer("absorber", 4e-7, 150, generation=rate, **usual)], 4.1, 5.3, SELECTIVE)
        found.append(
            simulation.simulate(device, Protocol([rest(1.0, light=1.0)], first_output=1e-3)).terminals["V"].values[-1]
        )
    exact = gap + V_T * np.log(generation / (coefficient * states**2))
    checks = (worst("open-circuit voltage", found, exact, 1e-4, "V", 1.0),)
    curves = (Curve("exact", generation, exact, exact=True), Curve("solver", generation, np.array(found)))
    return Outcome(checks, (Panel("open circuit", "generation [m⁻³s⁻¹]", "V_oc [V]", curves, "log"),))
