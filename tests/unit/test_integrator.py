"""The integrator alone, on small equations with known solutions: accuracy, invariants, ledgers, polish, crossings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.device.integrator import differences, step
from perovsim.device.integrator.bdf import Integrator, Stalled


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step in Python, with the corrections of the equations below in place of those of a device."""
    for module in (differences, step):
        for name, function in list(vars(module).items()):
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    monkeypatch.setattr(
        step, "correct", lambda equations, _control, _matrix, _state, _work, *rest: equations.correct(*rest)
    )


class Equations:
    """d(S y)/dt = f(t, y) with dense matrices; `ledger` gives the integrands of the quadratures."""

    rounding = np.zeros(step.RATES)  # nothing flows

    def __init__(self, storage, f, jacobian, ledger, ledger_slope):
        self.storage, self.f, self.jacobian = np.array(storage, float), f, jacobian
        self.ledger_of, self.ledger_slope = ledger, np.array(ledger_slope, float)
        self.size, self.quadratures = self.storage.shape[0], self.ledger_slope.shape[0]
        self.rhs, self.factored, self.matrices = np.zeros(self.size), np.full(1, np.nan), 0

    def step(self, h, tolerance, rtol):
        return step.take_step(self, None, None, self, self, h, tolerance, rtol)

    def polish(self, h, rtol, time, c, formula, z):
        return step.polish(self, None, None, self, self, h, rtol, time, c, formula, z)

    def correct(self, t, cj, formula, euler):
        y, base, slope, _, _, scale, _ = formula
        if self.factored[0] != cj:
            self.matrix = cj * self.storage - self.jacobian(t, y)
            self.factored[0], self.matrices = cj, self.matrices + 1
        residual = self.f(t, y) - self.storage @ (slope + cj * (y - base))
        self.rhs = np.linalg.solve(self.matrix, residual)
        self.ledger = self.integrands = self.ledger_of(t, y) + self.ledger_slope @ self.rhs
        y += self.rhs
        return float(np.sqrt(np.mean((self.rhs / scale) ** 2))), False

    def forget(self):
        self.factored[0] = np.nan


def decay(rate: float = 3.0) -> Equations:
    """y0 -> y1 at a rate, y2 = y0 - y1 algebraic; the ledger counts what decays. y0 = exp(-rate t)."""
    matrix = np.array([[-rate, 0, 0], [rate, 0, 0], [1, -1, -1]], float)
    return Equations(
        np.diag([1.0, 1.0, 0.0]),
        lambda t, y: matrix @ y,
        lambda t, y: matrix,
        lambda t, y: np.array([rate * y[0]]),
        [[rate, 0, 0]],
    )


def robertson() -> Equations:
    """Robertson's stiff kinetics, three rates over nine decades; the sum of the three is conserved."""

    def f(t, y):
        a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.array([-a + b, a - b - c, c])

    def jacobian(t, y):
        return np.array(
            [[-0.04, 1e4 * y[2], 1e4 * y[1]], [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]], [0.0, 6e7 * y[1], 0.0]]
        )

    return Equations(np.eye(3), f, jacobian, lambda t, y: np.zeros(1), np.zeros((1, 3)))


def run(equations: Equations, y0, times, rtol, absolute=1e-3):
    """Polished states at the times, and the integrator."""
    tolerance = np.array([np.full(equations.size, absolute), np.ones(equations.size), np.zeros(equations.size)])
    integrator = Integrator(equations, tolerance, rtol)
    integrator.begin(np.array(y0, float), np.zeros(equations.quadratures), 0.0, 1e-3 * times[0])
    found, pending = [], list(times)
    while pending:
        integrator.step()
        while pending and pending[0] <= integrator.time:
            found.append(integrator.polished(pending.pop(0)))
    return found, integrator


TIMES = np.geomspace(1e-3, 2.0, 15)


@pytest.mark.parametrize(("rtol", "allowed"), [(1e-4, 2e-3), (1e-6, 3e-5), (1e-8, 5e-7)])
def test_error_follows_the_tolerance(rtol: float, allowed: float) -> None:
    found, _ = run(decay(), [1.0, 0.0, 1.0], TIMES, rtol)
    error = np.abs([state.y[0] - np.exp(-3.0 * t) for state, t in zip(found, TIMES, strict=True)]).max()
    assert error <= allowed
    assert error > 1e-3 * allowed  # the bound is near what the method does


def test_invariants_ledgers_and_constraints_hold_to_rounding_at_any_tolerance() -> None:
    for rtol in (1e-2, 1e-5):
        found, _ = run(decay(), [1.0, 0.0, 1.0], TIMES, rtol)
        for state in found:
            assert_allclose(state.y[0] + state.y[1], 1.0, rtol=0, atol=1e-14)
            assert_allclose(state.y[2], state.y[0] - state.y[1], rtol=0, atol=1e-14)
            assert_allclose(state.z[0], 1.0 - state.y[0], rtol=0, atol=1e-14)
            assert_allclose(state.slope[0], -3.0 * state.y[0], rtol=0, atol=1e-11)


def test_robertson_to_late_times() -> None:
    """Reference: y(4e10) from Hairer & Wanner's test set, y1 = 5.2083e-8, y2 = 2.0833e-13."""
    times = np.geomspace(1e-4, 4e10, 40)
    found, integrator = run(robertson(), [1.0, 0.0, 0.0], times, 1e-7, absolute=1e-9)
    assert_allclose(found[-1].y[:2], [5.2083e-8, 2.0833e-13], rtol=1e-3)
    for state in found:
        assert_allclose(state.y.sum(), 1.0, rtol=0, atol=1e-13)
    assert integrator.equations.matrices < 0.5 * integrator.steps  # old factors serve several steps


def test_crossing_is_found_inside_the_step() -> None:
    equations = decay()
    tolerance = np.array([np.full(3, 1e-6), np.ones(3), np.zeros(3)])
    integrator = Integrator(equations, tolerance, 1e-8)
    integrator.begin(np.array([1.0, 0.0, 1.0]), np.zeros(1), 0.0, 1e-5)
    while integrator.value(0) > 0.5:
        integrator.step()
    at = integrator.crossing(lambda time: integrator.value(0, time), 0.5)
    assert_allclose(at, np.log(2.0) / 3.0, rtol=1e-6)
    assert_allclose(integrator.polished(at).y[0], 0.5, rtol=1e-6)


def test_a_blow_up_stalls_with_the_guilty_unknown() -> None:
    """y1' = y1^2 from y1(0) = 1 is infinite at t = 1."""
    equations = Equations(
        np.eye(2),
        lambda t, y: np.array([-y[0], y[1] ** 2]),
        lambda t, y: np.diag([-1.0, 2.0 * y[1]]),
        lambda t, y: np.zeros(1),
        np.zeros((1, 2)),
    )
    with pytest.raises(Stalled) as stop:
        run(equations, [1.0, 1.0], np.array([0.1, 2.0]), 1e-6)
    assert stop.value.unknown == 1
