"""One step of the integrator: Newton's corrections, and when they are small enough; error test and repetition (numba).

Fused, because a call from Python that hands over all tables costs a tenth of a correction.
"""

from typing import NamedTuple

import numpy as np

from perovsim.constants import Q
from perovsim.device.integrator.differences import (
    BASE,
    CJ,
    COEFFICIENT,
    LAST,
    ORDER,
    RATE,
    SCALE,
    SLOPE,
    STEP,
    TIME,
    Y,
    accept,
    correct_positive,
    interpolate,
    judge,
    norm,
    predict,
    restore,
    scale_errors,
    shrink,
    start_positive,
)
from perovsim.device.kernels.assemble import add_storage, assemble, choose_face, stored
from perovsim.device.kernels.compiled import compiled, inlined
from perovsim.device.kernels.matrix import factor, solve
from perovsim.device.kernels.rounding import move_fluxes, move_rates
from perovsim.device.kernels.tables import CHARGES, HALIDES, HELD, RATES

NEWTON_TRIES, MOST_CUTS = 8, 30
"""Full corrections of one step, and those cut short on the way to them: a species may vanish by so many decades."""
NEWTON_SHARE = 0.02
"""Newton's error may be this share of the local error allowed."""
LAST_CORRECTION, LEAST_LAST = 1.0, 1e-6
LOST, LOST_AMOUNT, LEAST_CURRENT = 1e-11, 1e-13, 1e-3
"""Newton ends with a correction of the weighted norm LAST_CORRECTION at the most, which may have to be smaller, down to
LEAST_LAST, until what is rounded away in solving for it is no more than the share LOST of the current, which counts as
LEAST_CURRENT at least [A/m^2], and the share LOST_AMOUNT of the halides and of what each process has made: that breaks
the balances of charge and of the elements, whose bars are a thousand times those shares."""
TINY = 1e-300
"""Keeps a quotient finite where nothing flows."""
SMALL = 1e-3
"""Corrections below this share of that are not worth a new matrix."""
SLOW = 0.3
"""Convergence rate beyond which a matrix is made anew."""
DIVERGING = 2.0
MOST_MATRICES = 3
UNKNOWN_RATE = 20.0
"""rate/(1 - rate) assumed for a new matrix."""
MOST_FAILURES = 30
TIME_ROUNDING, EARLIEST = 1e-14, 1e-12
"""The smallest step is this share of the time, of at least EARLIEST [s]."""
POLISH_TRIES = 40
LAST_PLACE = 1e-12
"""An output state is done once the next correction would have a smaller weighted norm: 1e-17 of an unknown at rtol =
1e-5."""
STAGNANT = 1e-4
"""Weighted change below which a correction by a new matrix that stops shrinking is rounding, of the smallest so far:
where the matrix is nearly singular, as at rest for ages, they grow by rounding alone."""
CANCELLED = 1e-11
"""Share of an unknown that cancelling charges may round away: of 2.6e28 sites per m^3 the last digit is worth 1e-10 kT
over 100 nm, half a part in 1e11 of the 20 kT that potentials are measured by. Matters for rtol < 1e-7."""
EPSILON = float(np.finfo(float).eps)
FACTORISATIONS, EVALUATIONS = 0, 1
"""Entries of Work.count."""


class Work(NamedTuple):
    """What corrections leave behind for the next one and for those who look on."""

    f: np.ndarray
    """Right-hand sides (size,)."""
    rhs: np.ndarray
    """The last correction (size,)."""
    factored: np.ndarray
    """Leading coefficient whose matrix is factorised, NaN for none (1,) [1/s]."""
    count: np.ndarray


@compiled
def correct(p, control, m, state, work, t, cj, formula, euler):
    """Newton correction of S (slope + c (y - base)) = f(t, y): its norm, NaN where singular, and whether it was cut.

    The integrands move along with the slopes of the same matrix, so a sum that f and the integrands conserve together
    is conserved by every full correction, converged or not. The matrix is made anew where the factors at hand are not
    those of the leading coefficient cj.
    """
    y, c, a, f, rhs, renew = formula[Y], formula[COEFFICIENT], control.a, work.f, work.rhs, work.factored[0] != cj
    work.factored[0] = np.nan
    work.count[EVALUATIONS] += 1
    if renew:
        choose_face(p, state)
    assemble(p, control, t, y, state, f, m, renew)
    if renew:
        work.count[FACTORISATIONS] += 1
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
    size = norm(rhs, formula[SCALE])
    if size <= 1.0 or (np.isfinite(size) and not cut):  # a cut within the error allowed leaves the matrix as good
        work.factored[0] = cj
    return size, cut


@compiled
def newton(p, control, m, state, work, h, rtol):
    """Solve the equations of the step from its prediction; returns whether it converged."""
    time, cj, euler = h.real[TIME], h.real[CJ], 1.0 / h.real[STEP]
    before, matrices, tries, cuts = 0.0, 0, 0, 0
    while tries < NEWTON_TRIES and cuts < MOST_CUTS:
        if work.factored[0] != cj:
            matrices, before, h.real[RATE] = matrices + 1, 0.0, UNKNOWN_RATE
        size, cut = correct(p, control, m, state, work, time, cj, h.formula, euler)
        if not np.isfinite(size):
            return False
        if cut:
            before, cuts = 0.0, cuts + 1
            continue
        tries += 1
        if before > 0.0:
            ratio = size / before
            if ratio < 1.0:
                h.real[RATE] = ratio / (1.0 - ratio)
            if ratio > SLOW and size > SMALL * NEWTON_SHARE:
                if matrices > 0 and (ratio > DIVERGING or matrices >= MOST_MATRICES):
                    return False
                work.factored[0] = np.nan
        if h.real[RATE] * size <= NEWTON_SHARE and size <= _largest_last(h, state, rtol):
            return True
        before = size
    return False


@inlined
def _largest_last(h, state, rtol):
    """Largest weighted norm of the last correction of a step."""
    rounding, step, unit = state.rounding, h.real[STEP], EPSILON * rtol
    share = LOST * max(Q * abs(rounding[HELD]), LEAST_CURRENT) / (unit * Q * rounding[CHARGES] + TINY)
    share = min(share, LOST_AMOUNT / (unit * step * rounding[HALIDES] + TINY))
    processes = rounding.shape[0] - RATES
    first = h.z.shape[1] - processes
    for e in range(processes):
        lost = unit * step * rounding[RATES + e]
        if lost > 0.0:
            made = abs(h.z[0, first + e]) + step * abs(state.ledger[first + e])
            share = min(share, LOST_AMOUNT * made / lost)
    return min(LAST_CORRECTION, max(share, LEAST_LAST))


@compiled
def take_step(p, control, m, state, work, h, tolerance, rtol):
    """Take one accepted step; returns whether there is one, and how many tries were rejected."""
    t_old, error_failures, newton_failures = h.real[TIME], 0, 0
    scale_errors(h, tolerance, rtol)
    while error_failures + newton_failures < MOST_FAILURES:
        if h.real[STEP] < TIME_ROUNDING * max(t_old, EARLIEST):
            break
        predict(h)
        if not newton(p, control, m, state, work, h, rtol):
            newton_failures += 1
            restore(h, t_old)
            work.factored[0] = np.nan
            h.real[STEP] *= 0.25
            if newton_failures > 2:
                h.count[ORDER] = 1
            continue
        passes, lower = judge(h)
        if passes:
            accept(h, state.ledger, lower, error_failures + newton_failures > 0)
            return True, error_failures + newton_failures
        error_failures += 1
        restore(h, t_old)
        shrink(h, error_failures, lower)
    return False, error_failures + newton_failures


@compiled
def polish(p, control, m, state, work, h, rtol, time, c, formula, z):
    """Correct the interpolant at a time inside the last step by the formula of coefficient c [1/s], which is left in
    `formula`, its quadratures in z. Returns whether that converged, and whether it is, to the last place, the formula
    of every unknown: a thin one that it would make negative gets another.

    A matrix of its own makes two corrections do.
    """
    formula[:], slope_z, stagnant = h.formula, np.empty(z.shape[0]), max(STAGNANT, CANCELLED / rtol)
    interpolate(h, time, formula[Y], formula[SLOPE], z, slope_z)
    formula[BASE], formula[LAST], formula[COEFFICIENT, :] = formula[Y], formula[Y], c
    start_positive(formula)
    given, before, least = formula[SLOPE].copy(), np.inf, np.inf
    work.factored[0] = np.nan
    for _ in range(POLISH_TRIES):
        size, cut = correct(p, control, m, state, work, time, c, formula, c)
        if not np.isfinite(size):
            break
        if cut:
            before, work.factored[0] = np.inf, np.nan
            continue
        ratio = size / before if before > 0.0 else 1.0
        least = min(least, size)
        is_last = size == 0.0 or 0.0 < ratio <= LAST_PLACE / size
        if is_last or (ratio > SLOW and least <= stagnant):
            z += (state.ledger[: z.shape[0]] - slope_z) / c
            return True, np.all(np.abs(formula[SLOPE] - given) <= LAST_PLACE * c * formula[SCALE])
        if ratio > SLOW:
            work.factored[0] = np.nan
        before = size
    return False, False
