"""Observed orders against exact solutions: of the mesh, and of the formulas of the time integrator."""

from __future__ import annotations

import numpy as np

from perovsim.device.integrator import differences
from perovsim.device.kernels.tables import HALIDE, VACANCY
from perovsim.device.running.run import Runner
from perovsim.validate.analytic.carriers import one_carrier, one_carrier_stack, steady_currents
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute
from perovsim.validate.analytic.halides import D_BR, THICKNESS, VACANT, diffused, film
from perovsim.validate.analytic.ions import DEBYE, at_rest, blocked, cation, field_of_cation
from perovsim.validate.analytic.stacks import V_T

DECAY_TIME = (THICKNESS / np.pi) ** 2 / (VACANT * D_BR)
"""Of the longest cosine in x_Cl between blocked contacts [s]."""
SWING = 0.2
MARGIN = 0.1
"""How far an observed order may be from the formal one."""


def cosine(depth: np.ndarray) -> np.ndarray:
    """Composition of one decaying mode."""
    return 0.5 + SWING * np.sin(np.pi * depth / THICKNESS)


def error_of_mode(cells: int) -> float:
    """Largest error of x_Cl at one decay time: x - 1/2 falls as exp(-t/DECAY_TIME) for equal jump rates."""
    depth, x, _ = diffused(film(cells), cosine, [DECAY_TIME], rtol=1e-9)
    return float(np.abs(x[-1] - 0.5 - (cosine(depth) - 0.5) * np.exp(-1.0)).max())


def error_of_double_layer(cells: int) -> float:
    """Relative error of the field in a double layer against its potential."""
    _, _, field, face, _ = at_rest(blocked(30.0 * DEBYE, cells, cation()), 6.0 * V_T)
    return float(np.abs(field - field_of_cation(face, 1e24)).max() / field.max())


def error_of_one_carrier(cells: int) -> float:
    """Relative error of a space-charge-limited current."""
    return abs(float(steady_currents(one_carrier_stack(cells), [2.0], 1e-2)[0]) / one_carrier(2.0) - 1.0)


def mode_by_fixed_steps(order: int, steps: int) -> float:
    """Amplitude of the mode over the exact one, minus 1, after `steps` equal steps of one order to one decay time."""
    runner = Runner(film(20), 1e-2)
    problem, slot = runner.problem, runner.tables.slot
    depth = runner.mesh.centres - 0.5 * THICKNESS
    y = runner.state.y.copy()
    y[slot[HALIDE]] = cosine(depth) * (1.0 - y[slot[VACANCY]])
    runner.equations.control = runner.voltage_control(0.0)
    integrator, step = runner.integrator, DECAY_TIME / steps
    integrator.begin(y, np.zeros(problem.quadratures), 0.0, step)
    for number in range(steps):
        integrator.h.count[differences.ORDER] = min(order, number + 1)
        integrator.h.real[differences.STEP] = step
        integrator.step()
    last = integrator.h.y[0]
    return float(last[slot[HALIDE, 0]] / (1.0 - last[slot[VACANCY, 0]]) - 0.5)


def observed(sizes: np.ndarray, errors: np.ndarray) -> float:
    """Slope of ln error against ln size."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def orders() -> Outcome:
    """A22: second order in the cell size against three exact solutions; first and second order formulas in time."""
    cells, checks, curves = np.array([80, 160, 320]), [], []
    for name, error in (
        ("interdiffusion", error_of_mode),
        ("double layer", error_of_double_layer),
        ("space-charge-limited current", error_of_one_carrier),
    ):
        errors = np.array([error(int(n)) for n in cells])
        checks.append(absolute(f"order in the cell size, {name}", observed(1.0 / cells, errors), 2.0, MARGIN))
        curves.append(Curve("", 1.0 / cells, errors[0] * (cells[0] / cells) ** 2.0, exact=True))
        curves.append(Curve(name, 1.0 / cells, errors))
        steps, in_time = np.array([40, 80, 160]), []
    exact = mode_by_fixed_steps(4, 1000)
    for order in (1, 2):
        errors = np.abs([mode_by_fixed_steps(order, int(n)) - exact for n in steps])
        checks.append(
            absolute(f"order in the step, formula of order {order}", observed(1.0 / steps, errors), order, MARGIN)
        )
        in_time.append(Curve("", 1.0 / steps, errors[0] * (steps[0] / steps) ** float(order), exact=True))
        in_time.append(Curve(f"formula of order {order}", 1.0 / steps, errors))
    panels = (
        Panel("mesh", "1 / cells", "relative error", tuple(curves), "log", "log"),
        Panel("time", "step [decay time]", "error of x_Cl", tuple(in_time), "log", "log"),
    )
    return Outcome(tuple(checks), panels)
