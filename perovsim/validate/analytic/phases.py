"""Transformations of the perovskite by nucleation and growth."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.model import Protocol, Transformation, rest
from perovsim.validate.analytic.check import Curve, Outcome, Panel, relative, worst
from perovsim.validate.analytic.stacks import V_T, halide_lattice, insulator, stack

RATE, GIBBS = 1e-3, -0.05
"""k_0 [1/s] and dG [eV]."""
DURATION = 3600.0
BEGUN, NEARLY_DONE = 1e-3, 0.95
"""Converted shares between which the double logarithm is drawn."""


def crystal(transformation: Transformation):
    """A lattice between two metals that turns into another solid."""
    lattice = halide_lattice(1.5e28, 1.5e25, x_cl=0.3)
    return stack([insulator("salt", 50e-9, 4, lattice=lattice)]).replace(processes=(transformation,))


def converted(exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and converted share of a crystal left alone."""
    own = Transformation(
        kind="transformation", name="own", layer="salt", product="CsPb2X5", rate=RATE, gibbs_energy=GIBBS,
        avrami_exponent=exponent,
    )  # fmt: skip
    run = simulation.simulate(crystal(own), Protocol([rest(DURATION)], points_per_decade=20), rtol=1e-7)
    return run.times, run.fields["f_CsPb2X5"].values[:, 0]


def avrami() -> Outcome:
    """A20: ln(-ln(1 - X)) by ln t has the slope n and the intercept n ln k, k = k_0 [1 - exp(dG/kT)]."""
    k = RATE * -np.expm1(GIBBS / V_T)
    checks, drawn, curves = [], [], []
    for exponent in (1.0, 1.5, 3.0, 4.0):
        time, share = converted(exponent)
        seen = (share > BEGUN) & (share < NEARLY_DONE)
        double = np.log(-np.log1p(-share[seen]))
        slope, intercept = np.polyfit(np.log(time[seen]), double, 1)
        name, exact = f"n = {exponent:g}", -np.expm1(-((k * time) ** exponent))
        checks += [
            relative(f"exponent of Avrami, {name}", slope, exponent, 1e-2),
            relative(f"rate constant, {name}", np.exp(intercept / slope), k, 1e-2, "1/s"),
            worst(f"converted share, {name}", share[seen], exact[seen], 1e-4),
        ]
        curves += [Curve("", time[1:], exact[1:], exact=True), Curve(name, time[1:], share[1:])]
        straight = exponent * np.log(k * time[seen])
        drawn += [Curve("", time[seen], straight, exact=True), Curve(name, time[seen], double)]
    panels = (
        Panel("Avrami", "time [s]", "converted share", tuple(curves), "log"),
        Panel("double logarithm", "time [s]", "ln(−ln(1 − X))", tuple(drawn), "log"),
    )
    return Outcome(tuple(checks), panels)
