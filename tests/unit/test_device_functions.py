"""Bernoulli function, face fluxes and recombination factors: values, limits and slopes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.physics import recombination, transport

ARGUMENTS = [
    -650.0,
    -40.0,
    -3.0,
    -0.5,
    -0.499,
    -0.2,
    -1.01e-3,
    -0.99e-3,
    -1e-8,
    0.0,
    1e-8,
    0.99e-3,
    1.01e-3,
    0.2,
    0.499,
    0.5,
    3.0,
    40.0,
    650.0,
]
RNG = np.random.default_rng(7)


def exact_bernoulli(x: float) -> float:
    """x/(e^x - 1) from the series of (e^x - 1)/x in rational arithmetic, or by doubling for large |x|."""
    if x == 0.0:
        return 1.0
    if abs(x) < 1.0:
        term, total, f = Fraction(1), Fraction(1), Fraction(x)
        for k in range(2, 40):
            term = term * f / k
            total += term
        return float(1 / total)
    return x / math.expm1(x) if x < 700 else 0.0


@pytest.mark.parametrize("x", ARGUMENTS)
def test_bernoulli_to_rounding(x: float) -> None:
    up, down, _, _ = transport.bernoulli(x)
    assert_allclose([up, down], [exact_bernoulli(x), exact_bernoulli(-x)], rtol=4e-15, atol=0)


@pytest.mark.parametrize("x", [x for x in ARGUMENTS if abs(x) < 100])
def test_bernoulli_slopes(x: float) -> None:
    _, _, slope_up, slope_down = transport.bernoulli(x)
    h = 1e-5
    for slope, sign in ((slope_up, 1.0), (slope_down, -1.0)):
        central = (exact_bernoulli(sign * x + h) - exact_bernoulli(sign * x - h)) / (2 * h)
        assert_allclose(slope, central, rtol=2e-9, atol=2e-11)


def test_no_flux_at_one_electrochemical_potential() -> None:
    """a = exp(mu - w) on both sides: the flux is rounding of its single terms."""
    for _ in range(50):
        mu, w_l, w_r = RNG.uniform(-3, 3), *RNG.uniform(-20, 20, 2)
        a_l, a_r = math.exp(mu - w_l), math.exp(mu - w_r)
        flux, by_l, *_ = transport.flux_uniform(a_l, a_r, w_r - w_l, 2.0)
        assert abs(flux) <= 1e-14 * abs(by_l * a_l) * max(1.0, abs(w_r - w_l))
        flux, by_l, *_ = transport.flux_two_segment(a_l, w_l, a_r, w_r, w_l + 1.0, w_r - 2.0, 0.5, 3.0, 0.1)
        assert abs(flux) <= 2e-14 * abs(by_l * a_l)


def test_two_segments_of_one_material_are_one() -> None:
    """Equal materials, a linear potential: the face in the middle changes nothing."""
    for _ in range(20):
        a_l, a_r, w_l, w_r = *RNG.uniform(0.1, 5, 2), *RNG.uniform(-4, 4, 2)
        middle = 0.5 * (w_l + w_r)
        one = transport.flux_uniform(a_l, a_r, w_r - w_l, 1.0 / 0.7)[0]
        two = transport.flux_two_segment(a_l, w_l, a_r, w_r, middle, middle, 0.35, 0.35, 0.0)[0]
        assert_allclose(two, one, rtol=1e-13)


def test_drift_and_diffusion_limits() -> None:
    """No drop: D (a_L - a_R)/h. A large drop: the upwind density drifts."""
    assert_allclose(transport.flux_uniform(3.0, 1.0, 0.0, 2.0)[0], 4.0, rtol=1e-15)
    assert_allclose(transport.flux_uniform(3.0, 1.0, -60.0, 2.0)[0], 2.0 * 3.0 * 60.0, rtol=1e-14)
    assert_allclose(transport.flux_uniform(3.0, 1.0, 60.0, 2.0)[0], -2.0 * 1.0 * 60.0, rtol=1e-14)


def test_slopes_of_the_two_segment_flux() -> None:
    h = 1e-6
    for _ in range(40):
        x = np.concatenate(
            (
                RNG.uniform(0.1, 3, 1),
                RNG.uniform(-4, 4, 1),
                RNG.uniform(0.1, 3, 1),
                RNG.uniform(-4, 4, 3),
                RNG.uniform(0.1, 3, 3),
            )
        )
        found = transport.flux_two_segment(*x)
        for k in range(9):
            step = np.zeros(9)
            step[k] = h * (x[k] if k >= 6 else 1.0)  # the last three slopes are by logarithms
            central = (transport.flux_two_segment(*(x + step))[0] - transport.flux_two_segment(*(x - step))[0]) / (
                2 * h
            )
            assert_allclose(found[1 + k], central, rtol=1e-6, atol=1e-7 * max(map(abs, found)))


def test_emission_limits_a_face() -> None:
    """With a fast bulk the flux over a step is v (a_L - a_R e^{dw}) of the lower side: thermionic emission."""
    v = 2.0
    flux = transport.flux_two_segment(1.0, 0.0, 0.1, 3.0, 0.0, 3.0, 1e-9, 1e-9, 1.0 / v)[0]
    assert_allclose(flux, v * (1.0 * math.exp(-3.0) - 0.1), rtol=1e-7)


def test_recombination_factors() -> None:
    """SRH with tau = 1/(c N) equals the capture form; low and high injection limits."""
    n, p, n_1, p_1, traps, c_n, c_p = 1e22, 1e20, 1e15, 1e14, 1e21, 1e-14, 3e-14
    srh = recombination.srh_factor(n, p, 1 / (c_n * traps), 1 / (c_p * traps), n_1, p_1)
    assert_allclose(recombination.capture_factor(n, p, traps, c_n, c_p, n_1, p_1), srh, rtol=1e-14)
    assert_allclose(srh * n * p, p * c_p * traps, rtol=1e-1)  # n >> p: holes limit
    assert_allclose(recombination.auger_factor(n, p, 2e-42, 1e-42), 2e-42 * n + 1e-42 * p, rtol=1e-15)
