"""The time integrator: BDF of order one to five for d(S y)/dt = f(t, y), S constant and singular.

Differences to SUNDIALS IDA, whose formulas it shares: the matrix is factorised for the very coefficient of the step, so
that linear invariants hold to rounding at any tolerance; ledgers ride along as quadratures of the same formula;
densities stay positive; output states are polished to rounding. `python -m benchmarks integrator` measures both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perovsim.device.integrator import differences as d
from perovsim.device.integrator.step import SLOW, SMALL, STAGNANT

FASTER = (1.0, 10.0, 100.0)
"""Coefficients that an output state is tried with, in units of the first."""
ROUNDING = 1e-10
"""Weighted change of a steady state below which it is rounding."""
HARDLY = 1e-8
"""The same of a steady state with an old matrix: 1e-13 of an unknown at rtol = 1e-5."""
SETTLE_TRIES = 60
FAR = 1e6
"""A steady state is given up where a correction is so many times the smallest one."""
BISECTIONS = 60
MOST_STEPS = 20_000
"""Steps of one segment; the hardest ageing runs need a tenth of that."""


class Stalled(Exception):
    """The integration cannot go on; `reason` says why, `unknown` which unknown is worst."""

    def __init__(self, reason: str, unknown: int) -> None:
        super().__init__(reason)
        self.reason, self.unknown = reason, unknown


@dataclass(frozen=True)
class Polished:
    """A state that fulfils every balance to rounding: time [s], unknowns, their derivatives, quadratures.

    coefficient : of the unknowns in the formula of their derivatives [1/s]
    """

    time: float
    y: np.ndarray
    slope: np.ndarray
    z: np.ndarray
    coefficient: float = 0.0

    def rescaled(self, unknowns: np.ndarray, quadrature: int, factor: float) -> Polished:
        """The same state with some unknowns and a quadrature in another unit."""
        y, slope, z = self.y.copy(), self.slope.copy(), self.z.copy()
        y[unknowns] *= factor
        slope[unknowns] *= factor
        z[quadrature] *= factor
        return Polished(self.time, y, slope, z, self.coefficient)


class Integrator:
    """Steps of one set of equations; tolerance (3, size) as in `perovsim.device.integrator.differences`."""

    def __init__(self, equations, tolerance: np.ndarray, rtol: float):
        self.equations, self.tolerance, self.rtol = equations, tolerance, rtol
        self.h = d.allocate(equations.size, equations.quadratures)
        self.steps = self.rejected = 0

    @property
    def time(self) -> float:
        """Time reached [s]."""
        return float(self.h.real[d.TIME])

    def begin(self, y: np.ndarray, z: np.ndarray, time: float, first_step: float) -> None:
        """Begin a segment at (time, y) with order one; z are the quadratures so far."""
        d.begin(self.h, y, z, time, first_step)
        self.equations.forget()

    def rescale(self, unknowns: np.ndarray, quadrature: int, factor: float) -> None:
        """Count some unknowns and a quadrature in another unit from here on."""
        self.h.y[:, unknowns] *= factor
        self.h.z[:, quadrature] *= factor
        self.equations.forget()

    @property
    def last_step(self) -> float:
        """Length of the last step [s]."""
        return float(self.h.real[d.STEP_USED])

    def step(self) -> None:
        """Take one accepted step; raises Stalled."""
        h = self.h
        if h.count[d.STEPS] >= MOST_STEPS:
            raise Stalled(f"{MOST_STEPS} steps did not suffice (now {h.real[d.STEP]:.1e} s each)", self._worst())
        taken, rejected = self.equations.step(h, self.tolerance, self.rtol)
        self.rejected += rejected
        if not taken:
            raise Stalled(f"the time step fell to {h.real[d.STEP]:.1e} s", self._worst())
        self.steps += 1

    def _worst(self) -> int:
        """The unknown whose last correction is the largest against its error scale."""
        size = np.abs(self.equations.rhs) / self.h.formula[d.SCALE]
        return int(np.argmax(np.where(np.isfinite(size), size, np.inf)))

    def polished(self, time: float) -> Polished:
        """State at a time inside the last step: its interpolant, corrected until every balance holds to rounding.

        The correction is that of a formula dy/dt = slope + c (y - interpolant) with the coefficient of the last step or
        of the next one, which its matrix serves too, whichever is smaller and rounds less in the derivatives; or with a
        larger one, which corrects less, where Newton's iteration does not converge or something would be negative.
        """
        cj, found = min(float(self.h.real[d.CJ]), d.next_coefficient(self.h)), None
        for factor in FASTER:
            state, is_whole = self._corrected(time, factor * cj)
            if is_whole:
                return state
            found = found or state
        if found is None:
            raise Stalled("an output state did not converge", self._worst())
        return found

    def _corrected(self, time: float, c: float) -> tuple[Polished | None, bool]:
        """The interpolant corrected by a formula of coefficient c [1/s], None if that does not converge, and whether
        it is the formula of every unknown."""
        formula, z = np.empty_like(self.h.formula), np.empty(self.h.z.shape[1])
        converged, is_whole = self.equations.polish(self.h, self.rtol, time, c, formula, z)
        if not converged:
            return None, False
        y, base, slope, own = formula[: d.COEFFICIENT + 1]
        return Polished(time, y.copy(), slope + own * (y - base), z, c), is_whole

    def settled(self, start: Polished, guess: np.ndarray, duration: float, nearly: bool = False) -> Polished:
        """State after one step of the implicit Euler formula: the steady one where `duration` outlasts every change.

        guess : where Newton's iteration begins (size,); nearly : it is close enough for the matrix at hand
        Raises Stalled where the iteration does not converge.
        """
        h, equations, c = self.h, self.equations, 1.0 / duration
        h.y[0] = start.y
        d.scale_errors(h, self.tolerance, self.rtol)
        formula = h.formula.copy()
        formula[d.Y], formula[d.BASE], formula[d.SLOPE], formula[d.COEFFICIENT] = guess, start.y, 0.0, c
        d.start_positive(formula)
        before, least = SMALL if nearly else np.inf, np.inf
        for _ in range(SETTLE_TRIES):
            if before > SMALL:
                equations.forget()
            fresh = equations.factored != c
            size, cut = equations.correct(0.0, c, formula, c)
            if not np.isfinite(size) or size > FAR * least:
                break
            slow = size > SLOW * before
            if slow:
                equations.forget()
            if not cut and (size <= ROUNDING or (slow and size <= (STAGNANT if fresh else HARDLY))):
                y = formula[d.Y].copy()
                return Polished(duration, y, c * (y - start.y), start.z + duration * equations.integrands, c)
            before, least = (np.inf if cut else size), min(least, size)
        raise Stalled("no steady state was found", self._worst())

    def value(self, unknown: int, time: float | None = None) -> float:
        """An unknown at the time reached, or at a time inside the last step."""
        at_end = time is None or time == self.time
        return float(self.h.y[0, unknown] if at_end else d.watched(self.h, time, unknown))

    def interpolated(self, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unknowns, their derivatives and those of the quadratures at a time inside the last step."""
        size, quadratures = self.h.y.shape[1], self.h.z.shape[1]
        y, slope, z, slope_z = np.empty(size), np.empty(size), np.empty(quadratures), np.empty(quadratures)
        d.interpolate(self.h, time, y, slope, z, slope_z)
        return y, slope, slope_z

    def crossing(self, value: Callable[[float], float], level: float) -> float:
        """Time inside the last step at which value(time) crosses `level`, by bisection."""
        b = self.time
        a = b - float(self.h.real[d.STEP_USED])
        below = value(a) < level
        for _ in range(BISECTIONS):
            middle = 0.5 * (a + b)
            if (value(middle) < level) == below:
                a = middle
            else:
                b = middle
        return b
