"""Variable-order, variable-step BDF in divided differences: predictor, error test, choice of order and step (numba).

Fixed-leading-coefficient formulas of DASSL and IDA: Brenan, Campbell & Petzold, Numerical Solution of Initial-Value
Problems in Differential-Algebraic Equations, SIAM (1996), chapter 5; Hindmarsh et al., ACM TOMS 31, 363 (2005).
"""

from typing import NamedTuple

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined, part

MAX_ORDER = 5
DEPTH = MAX_ORDER + 2
ORDER, USED, SAME, PHASE, STEPS = range(5)
"""Entries of Differences.count."""
TIME, STEP, STEP_USED, CJ, CONSTANT, ERROR, ERROR_LOW, RATE, PSI = range(9)
"""Entries of Differences.real; RATE is rate/(1 - rate) of Newton's iteration; sums of past steps from PSI on."""
ALPHA, BETA, SIGMA, GAMMA = range(4)
"""Rows of Differences.coefficient."""
Y, BASE, SLOPE, COEFFICIENT, LAST, SCALE, THIN = range(7)
"""Rows of a formula dy/dt = slope + coefficient (y - base): the state y it is solved for, its terms, the state the
step began at, the error scale, and the value below which an unknown that must stay positive is stepped by the implicit
Euler formula, which keeps it so (0: any sign, never)."""
ABSOLUTE, RELATIVE, THIN_VALUE = range(3)
"""Rows of the tolerances: absolute and relative in units of rtol; the value that becomes THIN."""
SHRINK = 0.1
"""An unknown that must stay positive falls to this share of itself in one correction at the most."""
UNNOTICED = 1e-3
"""Share of the error scale that a correction may be cut by and count as full, or what is thin: the balances lose it."""


class Differences(NamedTuple):
    """Integrator state: modified divided differences of the unknowns y and of the quadratures z."""

    count: np.ndarray
    real: np.ndarray
    coefficient: np.ndarray
    y: np.ndarray
    z: np.ndarray
    formula: np.ndarray
    predicted: np.ndarray
    change: np.ndarray


def allocate(size: int, quadratures: int) -> Differences:
    """Empty differences for `size` unknowns."""
    return Differences(
        np.zeros(5, np.int64),
        np.zeros(PSI + DEPTH),
        np.zeros((4, DEPTH)),
        np.zeros((DEPTH, size)),
        np.zeros((DEPTH, quadratures)),
        np.zeros((7, size)),
        np.zeros(size),
        np.zeros(size),
    )


def begin(h: Differences, y: np.ndarray, z: np.ndarray, time: float, step: float) -> None:
    """Begin a segment at (time, y) with order one; z are the quadratures so far."""
    for array in h[:5]:
        array[...] = 0
    h.count[ORDER] = 1
    h.real[[TIME, STEP, PSI]] = time, step, step
    h.y[0], h.z[0] = y, z


@part
def norm(x, scale):
    """Root mean square of x/scale."""
    total = 0.0
    for i in range(x.shape[0]):
        total += (x[i] / scale[i]) ** 2
    return np.sqrt(total / x.shape[0])


@inlined
def _norm_of_sum(a, b, sign, scale):
    total = 0.0
    for i in range(a.shape[0]):
        total += ((a[i] + sign * b[i]) / scale[i]) ** 2
    return np.sqrt(total / a.shape[0])


@compiled
def scale_errors(h, tolerance, rtol):
    """Error scale of each unknown at the last accepted state, which is that where the formula begins."""
    for i in range(h.y.shape[1]):
        h.formula[LAST, i] = h.y[0, i]
        h.formula[SCALE, i] = rtol * (tolerance[RELATIVE, i] * abs(h.y[0, i]) + tolerance[ABSOLUTE, i])
        h.formula[THIN, i] = tolerance[THIN_VALUE, i]


@compiled
def predict(h):
    """Coefficients of the next step, its prediction, and the formula of its derivatives."""
    alpha, beta, sigma, gamma = h.coefficient[ALPHA], h.coefficient[BETA], h.coefficient[SIGMA], h.coefficient[GAMMA]
    k, step, psi = h.count[ORDER], h.real[STEP], h.real[PSI:]
    if step != h.real[STEP_USED] or k != h.count[USED]:
        h.count[SAME] = 0
    h.count[SAME] = min(h.count[SAME] + 1, h.count[USED] + 2)
    alpha[0], beta[0], sigma[0], gamma[0] = 1.0, 1.0, 1.0, 0.0
    carried = step
    for i in range(1, k + 1):
        old = psi[i - 1]
        psi[i - 1] = carried
        beta[i] = beta[i - 1] * psi[i - 1] / old
        carried = old + step
        alpha[i] = step / carried
        sigma[i] = i * sigma[i - 1] * alpha[i]
        gamma[i] = gamma[i - 1] + alpha[i - 1] / step
    psi[k] = carried
    leading, sum_alpha = 0.0, 0.0
    for i in range(k):
        leading -= 1.0 / (i + 1)
        sum_alpha -= alpha[i]
    h.real[CJ] = -leading / step
    h.real[CONSTANT] = max(abs(alpha[k] + leading - sum_alpha), alpha[k])
    for i in range(h.count[SAME], k + 1):
        h.y[i] *= beta[i]
        h.z[i] *= beta[i]
    h.real[TIME] += step
    predicted, slope = h.predicted, h.formula[SLOPE]
    predicted[:] = h.y[0]
    slope[:] = 0.0
    for j in range(1, k + 1):
        predicted += h.y[j]
        slope += gamma[j] * h.y[j]
    h.formula[Y] = predicted
    h.formula[BASE] = predicted
    h.formula[COEFFICIENT, :] = h.real[CJ]
    start_positive(h.formula)
    _step_thin_by_euler(h.formula, 1.0 / step)


def next_coefficient(h: Differences) -> float:
    """Coefficient CJ [1/s] that `predict` will give the next step."""
    return float(sum(1.0 / (i + 1) for i in range(h.count[ORDER])) / h.real[STEP])


@compiled
def start_positive(formula):
    """Start positive unknowns above zero."""
    for i in range(formula.shape[1]):
        if formula[THIN, i] > 0.0:
            formula[LAST, i] = max(formula[LAST, i], 0.0)
            formula[Y, i] = max(formula[Y, i], SHRINK * formula[LAST, i])


@inlined
def _step_thin_by_euler(formula, euler):
    """Give positive unknowns that begin thin the implicit Euler formula, whose coefficient is euler."""
    for i in range(formula.shape[1]):
        if formula[THIN, i] > 0.0 and formula[LAST, i] < formula[THIN, i]:
            _step_by_euler(formula, i, euler)


@inlined
def _step_by_euler(formula, i, euler):
    formula[BASE, i], formula[SLOPE, i], formula[COEFFICIENT, i] = formula[LAST, i], 0.0, euler


@part
def correct_positive(formula, rhs, euler):
    """y <- y + rhs; rhs is left as what was added. Returns whether the correction was cut short.

    A positive unknown falls to a share of itself at the most, and a thin one that the formula would make negative is
    given the implicit Euler formula.
    """
    cut = False
    for i in range(rhs.shape[0]):
        y = formula[Y, i]
        if formula[THIN, i] > 0.0 and y + rhs[i] < SHRINK * y:
            cut = cut or SHRINK * y - (y + rhs[i]) > max(UNNOTICED * formula[SCALE, i], formula[THIN, i])
            gone = y + rhs[i] < 0.0 and y < formula[THIN, i]
            if gone and formula[SLOPE, i] != 0.0 and formula[COEFFICIENT, i] == euler:
                cut = True
                _step_by_euler(formula, i, euler)
            rhs[i] = (SHRINK - 1.0) * y
        formula[Y, i] = y + rhs[i]
    return cut


@compiled
def restore(h, t_old):
    """Undo `predict` after a step that failed."""
    k, psi, beta = h.count[ORDER], h.real[PSI:], h.coefficient[BETA]
    h.real[TIME] = t_old
    for j in range(1, k + 1):
        psi[j - 1] = psi[j] - h.real[STEP]
    for j in range(h.count[SAME], k + 1):
        h.y[j] /= beta[j]
        h.z[j] /= beta[j]


@compiled
def judge(h):
    """Whether the local error of the step passes, and whether one order lower serves better."""
    k, sigma, change, scale = h.count[ORDER], h.coefficient[SIGMA], h.change, h.formula[SCALE]
    change[:] = h.formula[Y] - h.predicted
    size = norm(change, scale)
    h.real[ERROR] = sigma[k] * size
    lower, low = False, 0.0
    if k > 1:
        low = sigma[k - 1] * _norm_of_sum(h.y[k], change, 1.0, scale)
        if k == 2:
            lower = 2.0 * low <= 0.5 * 3.0 * h.real[ERROR]
        else:
            two = sigma[k - 2] * _norm_of_sum(h.y[k - 1] + h.y[k], change, 1.0, scale)
            lower = max(k * low, (k - 1) * two) <= (k + 1) * h.real[ERROR]
    h.real[ERROR_LOW] = low
    return h.real[CONSTANT] * size <= 1.0, lower


@compiled
def shrink(h, failures, lower):
    """Order and step after a step whose error was too large."""
    error = h.real[ERROR]
    if failures > 2:
        h.count[ORDER] = 1
    elif lower:
        h.count[ORDER] -= 1
        error = h.real[ERROR_LOW]
    if failures == 1:
        h.real[STEP] *= max(0.25, min(0.9, 0.9 * (2.0 * error + 1e-4) ** (-1.0 / (h.count[ORDER] + 1))))
    else:
        h.real[STEP] *= 0.25


@compiled
def accept(h, ledger, lower, failed):
    """Take the step: quadratures of `ledger`, order and size of the next step, differences."""
    k, cj, change, gamma = h.count[ORDER], h.real[CJ], h.change, h.coefficient[GAMMA]
    rose = k - h.count[USED]
    h.count[STEPS] += 1
    change_z = np.empty(h.z.shape[1])
    for e in range(change_z.shape[0]):
        slope = 0.0
        for j in range(1, k + 1):
            slope += gamma[j] * h.z[j, e]
        change_z[e] = (ledger[e] - slope) / cj
    h.count[USED] = k
    h.real[STEP_USED] = h.real[STEP]
    _choose(h, lower, rose, failed)
    if k < MAX_ORDER:
        h.y[k + 1] = change
        h.z[k + 1] = change_z
    h.y[k] += change
    h.z[k] += change_z
    for j in range(k - 1, -1, -1):
        h.y[j] += h.y[j + 1]
        h.z[j] += h.z[j + 1]


@inlined
def _choose(h, lower, rose, failed):
    """Order and step size of the next step."""
    k, step, error, low = h.count[ORDER], h.real[STEP], h.real[ERROR], h.real[ERROR_LOW]
    if lower or k == MAX_ORDER or failed:
        h.count[PHASE] = 1
    if h.count[PHASE] == 0:
        if h.count[STEPS] > 1:
            h.count[ORDER] = k + 1
            h.real[STEP] = 2.0 * step
        return
    best = error
    if lower:
        h.count[ORDER] = k - 1
        best = low
    elif k < MAX_ORDER and k + 1 < h.count[SAME] and rose != 1:
        up = _norm_of_sum(h.change, h.y[k + 1], -1.0, h.formula[SCALE]) / (k + 2)
        if k == 1:
            if 3.0 * up < 0.5 * 2.0 * error:
                h.count[ORDER] = 2
                best = up
        elif k * low <= min((k + 1) * error, (k + 2) * up):
            h.count[ORDER] = k - 1
            best = low
        elif (k + 2) * up < (k + 1) * error:
            h.count[ORDER] = k + 1
            best = up
    ratio = (2.0 * best + 1e-4) ** (-1.0 / (h.count[ORDER] + 1))
    if ratio >= 2.0 and not failed:
        h.real[STEP] = 2.0 * step
    elif ratio <= 1.0:
        h.real[STEP] = step * max(0.5, min(0.9, ratio))


@compiled
def interpolate(h, at, y, slope, z, slope_z):
    """Interpolants of y, dy/dt, z and dz/dt at the time `at` inside the last step."""
    back, psi = at - h.real[TIME], h.real[PSI:]
    c, d, gam = 1.0, 0.0, back / psi[0]
    y[:] = h.y[0]
    z[:] = h.z[0]
    slope[:] = 0.0
    slope_z[:] = 0.0
    for j in range(1, max(h.count[USED], 1) + 1):
        d = d * gam + c / psi[j - 1]
        c = c * gam
        gam = (back + psi[j - 1]) / psi[j]
        y += c * h.y[j]
        slope += d * h.y[j]
        z += c * h.z[j]
        slope_z += d * h.z[j]


@compiled
def watched(h, at, index):
    """Interpolated value of one unknown at a time inside the last step."""
    back, psi = at - h.real[TIME], h.real[PSI:]
    c, gam, value = 1.0, back / psi[0], h.y[0, index]
    for j in range(1, max(h.count[USED], 1) + 1):
        c = c * gam
        gam = (back + psi[j - 1]) / psi[j]
        value += c * h.y[j, index]
    return value
