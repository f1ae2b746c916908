"""Growth laws of a film on the running solver: A14 (Deal-Grove), A15 (Cabrera-Mott), the point-defect model."""

from __future__ import annotations

import numpy as np
import pytest
from growth_cell import DRIVE, VOLUME, affinity, cell, grown, speed, thickness
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import expi

import perovsim as ps
from perovsim.constants import K_B, N_A, Q
from perovsim.device.films import EXISTENCE
from perovsim.model import load_device

VT = K_B * 298.15 / Q


FIRST = EXISTENCE * VOLUME / N_A
"""Thickness of a film that just exists [m]."""


def test_interface_law_is_linear() -> None:
    k = 10e-9 / 3600.0
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE))))
    assert_allclose(h[1:], k * time[1:], rtol=1e-6)


@pytest.mark.parametrize("length", [0.1e-9, 2e-9, 50e-9])
def test_linear_parabolic_is_deal_and_grove(length: float) -> None:
    """A14, 0.1 %: h^2 + A h = B t with A = 2 L, B = 2 L k, from the linear to the parabolic end."""
    k = (10e-9 + 50e-18 / length) / 3600.0
    device = cell(k / speed(1.0, DRIVE), growth_law="linear_parabolic", transition_thickness=length)
    time, h = thickness(grown(device))
    late = h > 1e-12
    assert h[-1] > 8e-9
    assert_allclose((h**2 + 2.0 * length * h)[late], 2.0 * length * k * time[late], rtol=1e-3)


def test_deal_and_grove_goes_on_from_a_film_that_is_there() -> None:
    """A14 with t0: a film of 3 nm made at once before behaves as one that is t0 = (h0^2 + A h0)/B old."""
    length, k = 2e-9, 40e-9 / 3600.0
    device = cell(k / speed(1.0, DRIVE), growth_law="linear_parabolic", transition_thickness=length)
    run = ps.simulate(device, ps.Protocol([ps.rest("20 min"), ps.rest("1 h")]), rtol=1e-7)
    time, h = thickness(run)
    start = int(np.searchsorted(time, 1200.0))
    began = (h[start] ** 2 + 2.0 * length * h[start]) / (2.0 * length * k)
    later = time[start:] - time[start] + began
    assert_allclose((h**2 + 2.0 * length * h)[start:], 2.0 * length * k * later, rtol=1e-3)


def test_parabolic_law() -> None:
    """(h + h_0)^2 - h_0^2 = 2 L k t; once h >> h_0 the slope of ln h by ln t is one half."""
    length, k = 1e-9, 200e-9 / 3600.0
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE), growth_law="parabolic", transition_thickness=length)))
    late = h > 1e-12
    assert_allclose(((h + FIRST) ** 2 - FIRST**2)[late], 2.0 * length * k * time[late], rtol=1e-3)
    last = np.polyfit(np.log(time[-5:]), np.log(h[-5:]), 1)[0]
    assert_allclose(last, 0.5, atol=0.01)


JUMP, SLOW = 2e-9, 1e-17
"""Jump distance [m] and dh/dt at no drive [m/s]."""


def mott():
    """A film that grows by jumps in the field of the affinity."""
    rate = SLOW / speed(1.0, 1.0)
    device = cell(rate, growth_law="cabrera_mott", jump_distance=JUMP)
    return thickness(grown(device, "1e9 s", points_per_decade=50))


def test_cabrera_mott_against_the_exponential_integral() -> None:
    """A15, 0.5 %: dh/dt = u exp(h_1/g), g = h + a, inverted exactly: u t = F(g) - F(g_0),
    F(g) = g exp(-h_1/g) + h_1 Ei(-h_1/g), where sinh is exp (g < h_1/4) and the film exists."""
    time, h = mott()
    h_1 = 0.5 * affinity() * JUMP
    g = h + JUMP
    inside = (h > 20.0 * FIRST) & (g < 0.25 * h_1)
    assert inside.sum() > 20 and g[inside][-1] > 1.1 * g[inside][0]

    def inverse(g):
        return g * np.exp(-h_1 / g) + h_1 * expi(-h_1 / g)

    start = int(np.argmax(inside))
    took = (inverse(g[inside]) - inverse(g[start])) / SLOW
    passed = time[inside] - time[start]
    assert_allclose(took[1:], passed[1:], rtol=5e-3)


def test_cabrera_mott_against_quadrature_of_sinh() -> None:
    """The whole law, dh/dt = 2 u sinh(h_1/(h + a)), to 0.1 %."""
    time, h = mott()
    h_1 = 0.5 * affinity() * JUMP
    late = np.nonzero(h > 20.0 * FIRST)[0]
    assert late.size > 40 and h[late[-1]] > 1.5 * h[late[0]]
    for k in late[5::10]:
        took = quad(lambda x: 1.0 / (2.0 * SLOW * np.sinh(h_1 / (x + JUMP))), h[late[0]], h[k], epsabs=0.0)[0]
        assert_allclose(took, time[k] - time[late[0]], rtol=1e-3)


def test_cabrera_mott_is_inverse_logarithmic() -> None:
    """1/g falls by 1/h_1 per e-fold of g^2-weighted time (Ghez): d(h_1/g)/d ln(t/g^2) = -1."""
    time, h = mott()
    h_1, g = 0.5 * affinity() * JUMP, h + JUMP
    late = (g < 0.25 * h_1) & (time > 1e3)
    slope = np.polyfit(np.log(time[late] / g[late] ** 2), h_1 / g[late], 1)[0]
    assert_allclose(slope, -1.0, atol=0.05)


FIELD = 2e8
"""Field in the film [V/m]."""


def test_point_defect_law_is_logarithmic_without_a_loss() -> None:
    """dh/dt = k exp(-b h), b = alpha q E/kT: b h = ln(1 + b k t)."""
    k = 1e-6
    time, h = thickness(grown(cell(k / speed(1.0, DRIVE), growth_law="point_defect", film_field=FIELD)))
    b = 0.5 * FIELD / VT
    late = h > 1e-12
    assert b * h[-1] > 5.0
    assert_allclose((b * h)[late], np.log1p(b * k * time)[late], rtol=1e-3)


LAWS = {
    "interface": {},
    "parabolic": {"transition_thickness": 1e-9},
    "linear_parabolic": {"transition_thickness": 1e-9},
    "cabrera_mott": {"jump_distance": 2e-9},
    "point_defect": {"film_field": 1e8},
}


@pytest.mark.parametrize("law", LAWS)
def test_every_law_vanishes_at_the_nernst_potential(law: str) -> None:
    """One microvolt below the emf aluminium dissolves, one above it is deposited, as fast, whatever the law."""
    couple = load_device("corrosion_couple").with_hypotheses("cell")
    processes = tuple(
        part.replace(growth_law=law, **LAWS[law]) if part.name == "al_oxidation" else part for part in couple.processes
    )
    emf = affinity() * VT
    rates = []
    for offset in (-1e-6, 1e-6):
        steps = ps.Protocol([ps.short_circuit("5 min"), ps.constant_voltage(emf + offset, "1e6 s")])
        run = ps.simulate(couple.replace(processes=processes), steps)
        assert run.interfaces["thickness_AlCl3"].values[-1] > 10.0 * FIRST
        extent = run.interfaces["extent_al_oxidation"].values
        rates.append((extent[-1] - extent[-2]) / (run.times[-1] - run.times[-2]))
    assert rates[0] > 0.0 > rates[1]
    assert_allclose(rates[0], -rates[1], rtol=1e-3)
