"""Two halides on one lattice: interdiffusion, what stress does to them, and where a field sends them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.integrate import solve_bvp
from scipy.special import erf

from perovsim import simulation
from perovsim.constants import Q
from perovsim.device.kernels.tables import HALIDE, VACANCY
from perovsim.device.running.run import Runner
from perovsim.model import Protocol, constant_voltage
from perovsim.physics.interdiffusion import boltzmann_matano, couple_profile, interdiffusivity, thermodynamic_factor
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute, worst
from perovsim.validate.analytic.stacks import V_T, halide_lattice, insulator, stack

SITES, VACANT = 1.5e28, 1e-3
D_BR = 1e-14
"""Jump diffusivity of bromide [m^2/s]."""
THICKNESS = 1e-6
ENDS = 0.2, 0.8
"""Compositions of the two halves of a couple."""


def film(cells: int = 400, ratio: float = 1.0, thickness: float = THICKNESS, first: float = 4.5, last: float = 4.5,
         **values):  # fmt: skip
    """A mixed lattice between blocking contacts; ratio = D_Cl/D_Br."""
    lattice = halide_lattice(SITES, VACANT * SITES, x_cl=0.5, diffusivity=D_BR, D_ratio_Cl=ratio, **values)
    return stack([insulator("film", thickness, cells, lattice=lattice)], first, last)


def diffused(device, start, times, rtol: float = 1e-6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth from the middle [m], x_Cl and theta_V (time, n) at some times [s], from the composition start(depth)."""
    runner = Runner(device, rtol)
    depth = runner.mesh.centres - 0.5 * device.thickness
    y, (halide, vacancy) = runner.state.y.copy(), runner.tables.slot[[HALIDE, VACANCY]]
    y[halide] = start(depth) * (1.0 - y[vacancy])
    runner.state = replace(runner.state, y=y)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.asarray(times), "interdiffusion")
    states = np.array([state.y for state in runner.trace.states[1:]])
    return depth, states[:, halide] / (1.0 - states[:, vacancy]), states[:, vacancy]


def couple(depth: np.ndarray) -> np.ndarray:
    """Two halves of different composition."""
    return np.where(depth < 0.0, *ENDS)


def jumps(x, ratio: float, moving: bool = False):
    """D~(x) [m^2/s] of ideal mixing for D_Cl = ratio D_Br: Nernst-Planck, or Darken where the lattice moves."""
    return interdiffusivity(x, VACANT, 1.0, ratio * D_BR, D_BR, moving)


def similarity(ratio: float, moving: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Profile of the couple over eta = z/sqrt(theta_V D_Br t): (D x')' = -(eta/2) x', D in units of theta_V D_Br."""
    eta = np.linspace(-14.0, 14.0, 601)
    low, high = ENDS

    def slopes(e, y):
        slope = y[1] * VACANT * D_BR / jumps(y[0], ratio, moving)
        return np.array([slope, -0.5 * e * slope])

    def ends(a, b):
        return np.array([a[0] - low, b[0] - high])

    middle, span = 0.5 * (low + high), 0.5 * (high - low)
    guess = np.array([middle + span * erf(eta / 2.5), span * np.exp(-((eta / 2.5) ** 2))])
    found = solve_bvp(slopes, ends, eta, guess, tol=1e-8, max_nodes=50_000)
    if not found.success:
        raise ArithmeticError(f"no reference profile: {found.message}")
    return found.x, found.y[0]


def unequal(moving: bool) -> tuple[list, list, list]:
    """Checks, curves of the profile and curves of D~(x) for D_Cl = 4 D_Br on a lattice that stands or moves."""
    ratio, name = 4.0, "Darken" if moving else "Nernst–Planck"
    low, high = ENDS
    device = film(ratio=ratio, moving_lattice=moving)
    times = np.array([0.25, 1.0]) * (0.05 * THICKNESS) ** 2 / jumps(0.5, ratio, moving)
    depth, x, _ = diffused(device, couple, times)
    eta, profile = similarity(ratio, moving)
    exact = [np.interp(depth / np.sqrt(VACANT * D_BR * t), eta, profile) for t in times]
    position, found = boltzmann_matano(depth, Runner(device).mesh.widths, x[-1], times[-1])
    inner = (position > low + 0.1 * (high - low)) & (position < high - 0.1 * (high - low))
    expected = jumps(position[inner], ratio, moving)
    checks = [
        worst(f"profile, D_Cl = 4 D_Br, {name}", x.ravel(), np.ravel(exact), 5e-3, "", high - low),
        worst(f"Boltzmann–Matano, D_Cl = 4 D_Br, {name}", found[inner], expected, 5e-3, "m^2/s"),
    ]
    profiles = [Curve("", depth * 1e9, exact[-1], exact=True), Curve(name, depth * 1e9, x[-1])]
    return (
        checks,
        profiles,
        [
            Curve("", position[inner], expected, exact=True),
            Curve(name, position[inner], found[inner]),
        ],
    )


def interdiffusion() -> Outcome:
    """A17: erfc couple of equal jump rates; unequal ones by Nernst and Planck, and by Darken on a moving lattice."""
    times = np.array([0.25, 1.0]) * (0.05 * THICKNESS) ** 2 / (VACANT * D_BR)
    low, high = ENDS
    depth, x, _ = diffused(film(), couple, times)
    exact = [couple_profile(depth, t, VACANT * D_BR, low, high) for t in times]
    checks = [worst("profile of the couple, D_Cl = D_Br", x.ravel(), np.ravel(exact), 5e-3, "", high - low)]
    profiles = [Curve("", depth * 1e9, exact[-1], exact=True), Curve("D_Cl = D_Br", depth * 1e9, x[-1])]
    back: list[Curve] = []
    for moving in (False, True):
        for own, found in zip((checks, profiles, back), unequal(moving), strict=True):
            own.extend(found)
    panels = (
        Panel("couples", "depth from the middle [nm]", "x_Cl", tuple(profiles)),
        Panel("Boltzmann–Matano, D_Cl = 4 D_Br", "x_Cl", "D~ [m²/s]", tuple(back), yscale="log"),
    )
    return Outcome(tuple(checks), panels)


# -- stress -----------------------------------------------------------------------------------

PM = 1e-12
YOUNG, POISSON = 15.8e9, 0.3
A_BR, A_CL = 5.84e-10, 5.605e-10


def strained(x: float, strain: float):
    """A thin film under a misfit strain that couples to its halides, open to a thick one that is free of it."""
    eta = (A_CL - A_BR) / A_BR
    usual = dict(lattice_parameter_Br=A_BR, lattice_parameter_Cl=A_CL, youngs_modulus=YOUNG, poisson_ratio=POISSON)
    thin = halide_lattice(SITES, VACANT * SITES, x, D_BR, stress_coupling=True, misfit_strain=eta * x + strain, **usual)
    thick = halide_lattice(SITES, VACANT * SITES, x, D_BR, **usual)
    layers = [insulator("thin", 10e-9, 20, lattice=thin), insulator("reservoir", 2e-6, 60, lattice=thick)]
    return stack(layers, x_reference=0.0, interface=[{"between": "thin|reservoir", "halides": "open"}])


def stress() -> Outcome:
    """A21: dx = -x(1-x)(Omega_Br - Omega_Cl) sigma_h/(Phi kT) of a coherent film beside a reservoir."""
    eta, x, strains = (A_CL - A_BR) / A_BR, 0.4, np.array([-1e-3, -5e-4, 5e-4, 1e-3])
    modulus = YOUNG / (1.0 - POISSON)
    factor = thermodynamic_factor(x, 0.0, modulus / (SITES * Q * V_T), eta)
    found = []
    for strain in strains:
        _, composition, _ = diffused(strained(x, float(strain)), lambda depth: np.full(depth.shape, x), [1e6])
        found.append(composition[-1][:20].mean() - composition[-1][-1])
    hydrostatic = 2.0 / 3.0 * modulus * strains
    exact = x * (1.0 - x) * 3.0 * eta / SITES * hydrostatic / (factor * Q * V_T)
    checks = (worst("composition under stress", found, exact, 1e-2),)
    curves = (Curve("Larché–Cahn", hydrostatic / 1e6, exact, exact=True), Curve("solver", hydrostatic / 1e6, found))
    return Outcome(checks, (Panel("stress on a film", "σ_h [MPa]", "change of x_Cl", curves),))


def drift() -> Outcome:
    """A27: under a field with blocked contacts the composition ends uniform; on the way chloride follows the field."""
    built_in, thickness, ratio = 1.0, 100e-9, 5.0
    device, checks, curves, ways = film(80, ratio, thickness, 4.0, 4.0 + built_in), [], [], []
    settled = thickness**2 / (VACANT * D_BR)
    for bias, sign in ((built_in + 0.15, 1.0), (built_in - 0.15, -1.0), (built_in, 0.0)):
        moments = []
        for rtol in (1e-5, 1e-7):
            steps = Protocol([constant_voltage(bias, 1e4 * settled)], first_output=1e-6 * settled)
            run = simulation.simulate(device, steps, rtol=rtol)
            x, width = run.fields["x"].values, run.fields["cell_width"].values
            moments.append(((run.fields["theta_Cl"].values - run.fields["theta_Cl"].values[0]) * x * width).sum(axis=1))
        name = f"V - V_bi = {bias - built_in:+g} V"
        early = np.searchsorted(run.times, 0.1 * settled)
        error = abs(moments[0][early] - moments[1][early])
        towards = np.sign(moments[1][early]) * (abs(moments[1][early]) > 5.0 * error)
        if sign:
            # the anode is the last contact: towards it the moment grows
            checks.append(absolute(f"{name}: way of chloride, +1 to the anode", towards, sign, 0.0))
        else:
            checks.append(absolute(f"{name}: chloride moved", moments[1][early] / thickness**2, 0.0, 1e-12))
        amount = (run.fields["theta_Cl"].values[0] * width).sum()
        ways.append(Curve(name, run.times[1:], moments[1][1:] / amount / PM))
        composition = run.fields["x_Cl"].values
        checks.append(absolute(f"{name}: spread of x_Cl at the end", np.ptp(composition[-1]), 0.0, 1e-8))
        if sign:
            curves.append(Curve(name, run.times[1:], np.ptp(composition[1:], axis=1)))
    panels = (
        Panel("way of chloride", "time [s]", "mean shift towards the anode [pm]", tuple(ways), "log"),
        Panel("halides under a field", "time [s]", "spread of x_Cl", tuple(curves), "log", "log"),
    )
    return Outcome(tuple(checks), panels)
