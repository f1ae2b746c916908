"""The equations of a problem under one control, as the integrator sees them: Newton corrections and integrands."""

from __future__ import annotations

import numpy as np

from perovsim.device.integrator.differences import Differences
from perovsim.device.integrator.step import EVALUATIONS, FACTORISATIONS, Work, correct, newton, polish, take_step
from perovsim.device.kernels import matrix
from perovsim.device.kernels.assemble import add_storage, assemble
from perovsim.device.kernels.compiled import announce
from perovsim.device.kernels.matrix import factor, solve
from perovsim.device.kernels.tables import PSI, Control, new_state

INSTANT = 1e25
"""Coefficient [1/s] beside which every rate of the device is slow."""


class Equations:
    """d(S y)/dt = f(t, y) of one problem; remembers the coefficient whose matrix is factorised."""

    def __init__(self, problem, tables=None):
        announce(take_step)
        self.problem = problem
        self.tables = problem.tables if tables is None else tables
        self.size = problem.size
        self.quadratures = problem.quadratures
        self.matrix = matrix.allocate(self.tables.size, problem.lumps, problem.quadratures)
        self.state = new_state(self.tables, problem.extents)
        self.control = Control(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.f, self.rhs = np.zeros(self.size), np.zeros(self.size)
        self.work = Work(self.f, self.rhs, np.full(1, np.nan), np.zeros(2, np.int64))

    def correct(self, t: float, cj: float, formula: np.ndarray, euler: float) -> tuple[float, bool]:
        """Newton correction of S (slope + c (y - base)) = f(t, y): its weighted norm, and whether it was cut short.

        formula : rows of perovsim.device.integrator.differences (7, size), y corrected in place; euler : coefficient of
        the implicit Euler formula of the step [1/s]. The correction is left in `rhs`, the integrands of the quadratures
        in `integrands`. The matrix is made anew where the factors at hand are not those of the leading coefficient cj.
        """
        return correct(self.tables, self.control, self.matrix, self.state, self.work, t, cj, formula, euler)

    def newton(self, h: Differences, rtol: float) -> bool:
        """Solve the equations of a step from its prediction; returns whether that converged."""
        return newton(self.tables, self.control, self.matrix, self.state, self.work, h, rtol)

    def step(self, h: Differences, tolerance: np.ndarray, rtol: float) -> tuple[bool, int]:
        """Take one accepted step; returns whether there is one, and how many tries were rejected."""
        return take_step(self.tables, self.control, self.matrix, self.state, self.work, h, tolerance, rtol)

    def polish(
        self, h: Differences, rtol: float, time: float, c: float, formula: np.ndarray, z: np.ndarray
    ) -> tuple[bool, bool]:
        """Correct the interpolant at a time inside the last step by a formula of coefficient c [1/s]; returns whether
        that converged, and whether it is the formula of every unknown."""
        return polish(self.tables, self.control, self.matrix, self.state, self.work, h, rtol, time, c, formula, z)

    @property
    def factored(self) -> float:
        """Leading coefficient whose matrix is factorised [1/s], NaN for none."""
        return float(self.work.factored[0])

    @property
    def factorisations(self) -> int:
        """Matrices factorised so far."""
        return int(self.work.count[FACTORISATIONS])

    @property
    def evaluations(self) -> int:
        """Corrections so far."""
        return int(self.work.count[EVALUATIONS])

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
        self.work.factored[0] = np.nan
