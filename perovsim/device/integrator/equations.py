"""The equations of a problem under one control, as the integrator sees them: Newton corrections and integrands."""

from __future__ import annotations

import numpy as np

from perovsim.device.integrator.differences import BASE, COEFFICIENT, SCALE, SLOPE, Y, correct_positive, norm
from perovsim.device.kernels import matrix
from perovsim.device.kernels.assemble import add_storage, assemble, choose_face, stored
from perovsim.device.kernels.compiled import announce, compiled
from perovsim.device.kernels.matrix import factor, solve
from perovsim.device.kernels.rounding import move_fluxes, move_rates
from perovsim.device.kernels.tables import PSI, Control, new_state

INSTANT = 1e25
"""Coefficient [1/s] beside which every rate of the device is slow."""


@compiled
def _correct(p, control, m, state, t, formula, euler, renew, f, rhs):
    """Newton correction of S (slope + c (y - base)) = f(t, y): its norm, NaN where singular, and whether it was cut.

    The integrands move along with the slopes of the same matrix, so a sum that f and the integrands conserve together
    is conserved by every full correction, converged or not.
    """
    y, c, a = formula[Y], formula[COEFFICIENT], control.a
    if renew:
        choose_face(p, state)
    assemble(p, control, t, y, state, f, m, renew)
    if renew:
        move_fluxes(p, y, m, state.rounding)
        move_rates(p, y, m, state.rounding)
        add_storage(p, a, state.held[0], m, c)
        if factor(m, p.where, p.size) != 0:
            return np.nan, False
    stored(p, a, state.held[0], formula[SLOPE] + c * (y - formula[BASE]), rhs)
    for i in range(rhs.shape[0]):
        rhs[i] = f[i] - rhs[i]
    solve(m, p.where, p.size, rhs)
    for e in range(m.ledger.shape[0]):
        state.ledger[e] += np.dot(m.ledger[e], rhs)
    cut = correct_positive(formula, rhs, euler)
    return norm(rhs, formula[SCALE]), cut


class Equations:
    """d(S y)/dt = f(t, y) of one problem; remembers the coefficient whose matrix is factorised."""

    def __init__(self, problem, tables=None):
        announce(_correct)
        self.problem = problem
        self.tables = problem.tables if tables is None else tables
        self.size = problem.size
        self.quadratures = problem.quadratures
        self.matrix = matrix.allocate(self.tables.size, problem.lumps, problem.quadratures)
        self.state = new_state(self.tables, problem.extents)
        self.control = Control(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.f, self.rhs = np.zeros(self.size), np.zeros(self.size)
        self.factored = np.nan
        self.factorisations = self.evaluations = 0

    def correct(self, t: float, cj: float, formula: np.ndarray, euler: float) -> tuple[float, bool]:
        """Newton correction of S (slope + c (y - base)) = f(t, y): its weighted norm, and whether it was cut short.

        formula : rows of perovsim.device.integrator.differences (7, size), y corrected in place; euler : coefficient of
        the implicit Euler formula of the step [1/s]. The correction is left in `rhs`, the integrands of the quadratures
        in `integrands`. The matrix is made anew where the factors at hand are not those of the leading coefficient cj.
        """
        renew = self.factored != cj
        self.evaluations += 1
        self.factorisations += renew
        size, cut = _correct(
            self.tables, self.control, self.matrix, self.state, t, formula, euler, renew, self.f, self.rhs
        )
        self.factored = cj if size == size and not cut else np.nan
        return size, cut

    @property
    def rounding(self) -> np.ndarray:
        """State.rounding of the last matrix: what rounding does to fluxes and rates (3 + processes,)."""
        return self.state.rounding

    @property
    def integrands(self) -> np.ndarray:
        """Integrands of the quadratures after the last correction, to first order in it."""
        return self.state.ledger[: self.quadratures]

    def evaluate(self, t: float, y: np.ndarray) -> np.ndarray:
        """Integrands and reaction charge at (t, y); the fluxes are left in `state`."""
        assemble(self.tables, self.control, t, y, self.state, self.f, self.matrix, False)
        return self.state.ledger

    def slope(self, t: float, y: np.ndarray) -> np.ndarray:
        """dy/dt of a consistent state under a held current: S dy/dt = f, and the derivative of Poisson's equation."""
        assemble(self.tables, self.control, t, y, self.state, self.f, self.matrix, True)
        add_storage(self.tables, self.control.a, self.state.held[0], self.matrix, np.full(self.size, INSTANT))
        if factor(self.matrix, self.tables.where, self.tables.size) != 0:
            raise FloatingPointError("the equations are singular at the start")
        self.forget()
        slope = INSTANT * self.f
        slope[self.tables.slot[PSI]] = 0.0
        solve(self.matrix, self.tables.where, self.tables.size, slope)
        return slope

    def forget(self) -> None:
        """Let the next correction make its matrix anew."""
        self.factored = np.nan
