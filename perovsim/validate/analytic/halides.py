"""Two halides on one lattice: interdiffusion, and where a field sends them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.integrate import solve_bvp
from scipy.special import erf

from perovsim import simulation
from perovsim.device.run import Runner
from perovsim.device.tables import HALIDE, VACANCY
from perovsim.model import Protocol, constant_voltage
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute, worst
from perovsim.validate.analytic.stacks import halide_lattice, insulator, stack

SITES, VACANT = 1.5e28, 1e-3
D_BR = 1e-14
"""Jump diffusivity of bromide [m^2/s]."""
THICKNESS = 1e-6
ENDS = 0.2, 0.8
"""Compositions of the two halves of a couple."""


def film(cells: int = 400, ratio: float = 1.0, thickness: float = THICKNESS, first: float = 4.5, last: float = 4.5):
    """A mixed lattice between blocking contacts; ratio = D_Cl/D_Br."""
    lattice = halide_lattice(SITES, VACANT * SITES, x_cl=0.5, diffusivity=D_BR, D_ratio_Cl=ratio)
    return stack([insulator("film", thickness, cells, lattice=lattice)], first, last)


def diffused(device, start, times, rtol: float = 1e-6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth from the middle [m], x_Cl and theta_V (time, n) at some times [s], from the composition start(depth)."""
    runner = Runner(device, rtol)
    depth = runner.mesh.centres - 0.5 * float(device.layers[0].thickness)
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


def nernst_planck(x: np.ndarray, ratio: float) -> np.ndarray:
    """D~ = theta_V D_Cl D_Br/(x D_Cl + (1 - x) D_Br) [m^2/s]: no net ionic current, ideal mixing."""
    return VACANT * D_BR * ratio / (x * ratio + 1.0 - x)


def similarity(ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Profile of the couple over eta = z/sqrt(theta_V D_Br t): (D x')' = -(eta/2) x', D in units of theta_V D_Br."""
    eta = np.linspace(-14.0, 14.0, 601)
    low, high = ENDS

    def slopes(e, y):
        slope = y[1] * (y[0] * ratio + 1.0 - y[0]) / ratio
        return np.array([slope, -0.5 * e * slope])

    def ends(a, b):
        return np.array([a[0] - low, b[0] - high])

    middle, span = 0.5 * (low + high), 0.5 * (high - low)
    guess = np.array([middle + span * erf(eta / 2.5), span * np.exp(-((eta / 2.5) ** 2))])
    found = solve_bvp(slopes, ends, eta, guess, tol=1e-8, max_nodes=50_000)
    return found.x, found.y[0]


def matano(depth: np.ndarray, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Compositions and D~(x) = -(1/2t) (dz/dx) int z dx [m^2/s] of the middle of one profile (Boltzmann and Matano)."""
    integral = np.concatenate(([0.0], np.cumsum(0.5 * (depth[1:] + depth[:-1]) * np.diff(x))))
    inner = (x > x[0] + 0.1 * np.ptp(x)) & (x < x[-1] - 0.1 * np.ptp(x))
    return x[inner], (-integral / (2.0 * t * np.gradient(x, depth)))[inner]


def interdiffusion() -> Outcome:
    """A17: erfc couple of equal jump rates; unequal ones follow the Nernst-Planck form, by profile and by Matano."""
    times = np.array([0.25, 1.0]) * (0.05 * THICKNESS) ** 2 / (VACANT * D_BR)
    low, high = ENDS
    depth, x, _ = diffused(film(), couple, times)
    exact = [0.5 * (low + high) + 0.5 * (high - low) * erf(depth / (2.0 * np.sqrt(VACANT * D_BR * t))) for t in times]
    checks = [worst("profile of the couple, D_Cl = D_Br", x.ravel(), np.ravel(exact), 5e-3, "", high - low)]
    curves = [Curve("erfc", depth * 1e9, exact[-1], exact=True), Curve("solver, equal", depth * 1e9, x[-1])]
    ratio = 4.0
    depth, x, _ = diffused(film(ratio=ratio), couple, times)
    eta, profile = similarity(ratio)
    exact = [np.interp(depth / np.sqrt(VACANT * D_BR * t), eta, profile) for t in times]
    checks.append(worst("profile, D_Cl = 4 D_Br, Nernst–Planck", x.ravel(), np.ravel(exact), 5e-3, "", high - low))
    composition, found = matano(depth, x[-1], times[-1])
    expected = nernst_planck(composition, ratio)
    checks.append(worst("Boltzmann–Matano, D_Cl = 4 D_Br", found, expected, 5e-3, "m^2/s"))
    curves += [
        Curve("Nernst–Planck", depth * 1e9, exact[-1], exact=True),
        Curve("solver, D_Cl = 4 D_Br", depth * 1e9, x[-1]),
    ]
    second = (
        Curve("Nernst–Planck", composition, expected, exact=True),
        Curve("Matano on the solver", composition, found),
    )
    panels = (
        Panel("interdiffusion", "depth from the middle [nm]", "x_Cl", tuple(curves)),
        Panel("Boltzmann–Matano", "x_Cl", "D~ [m²/s]", second),
    )
    return Outcome(tuple(checks), panels)


def drift() -> Outcome:
    """A27: under a field with blocked contacts the composition ends uniform; on the way chloride follows the field."""
    built_in, thickness, ratio = 1.0, 100e-9, 5.0
    device, checks, curves = film(80, ratio, thickness, 4.0, 4.0 + built_in), [], []
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
        composition = run.fields["x_Cl"].values
        checks.append(absolute(f"{name}: spread of x_Cl at the end", np.ptp(composition[-1]), 0.0, 1e-8))
        if sign:
            curves.append(Curve(name, run.times[1:], np.ptp(composition[1:], axis=1)))
    panel = Panel("halides under a field", "time [s]", "spread of x_Cl", tuple(curves), "log", "log")
    return Outcome(tuple(checks), (panel,))
