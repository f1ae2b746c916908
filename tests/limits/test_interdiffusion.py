"""A17: couples of two halides on the running solver: erfc profile, equations (8) and (9), D~(x) recovered from one."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, perovskite
from lattices import Couple
from numpy.testing import assert_allclose

from perovsim.constants import K_B, Q
from perovsim.physics.interdiffusion import (
    boltzmann_matano,
    couple_profile,
    interdiffusivity,
    thermodynamic_factor,
)

KT = K_B * 300.0 / Q
D, VACANCIES, SITES = 1e-14, 1e26, 1.57e28
THETA = VACANCIES / SITES


def couple(left: float, right: float, cells: int = 200, **lattice):
    """Two films of 100 nm of unlike composition, open to one another."""
    parts = [perovskite("left", 100, cells, left, VACANCIES, **lattice),
             perovskite("right", 100, cells, right, VACANCIES, **lattice)]  # fmt: skip
    return device(parts, 4.3, 4.3, interface=[{"between": "left|right", "halides": "open"}])


def time_of(length: float, diffusivity: float) -> float:
    """Time [s] in which the couple spreads over 2 sqrt(D t) = length [m]."""
    return (0.5 * length) ** 2 / diffusivity


@pytest.mark.parametrize("moving", [False, True])
def test_couple_of_constant_diffusivity(moving: bool) -> None:
    """Equal jump rates, ideal mixing: D~ = theta_V D whatever x, an error function to 0.5 % of the step."""
    left, right = 0.1, 0.8
    time = time_of(40e-9, THETA * D)
    run = Couple(couple(left, right, moving_lattice=moving), [time], rtol=1e-6)
    expected = couple_profile(run.x - 100e-9, time, THETA * D, left, right)
    assert_allclose(run.composition[-1], expected, rtol=0, atol=0.005 * (right - left))


@pytest.mark.parametrize(("x", "ratio", "moving"), [(0.2, 10.0, False), (0.8, 10.0, False), (0.2, 10.0, True),
                                                      (0.8, 10.0, True), (0.3, 0.1, True)])  # fmt: skip
def test_small_step_spreads_with_the_interdiffusivity(x: float, ratio: float, moving: bool) -> None:
    """(8) on a lattice that stands, (9) on one that moves: a small step at each composition, unequal jump rates."""
    step, w = 0.01, 0.8 * KT
    factor = thermodynamic_factor(x, w / KT)
    expected = interdiffusivity(x, THETA, factor, ratio * D, D, moving)
    time = time_of(40e-9, expected)
    own = couple(x - step, x + step, D_ratio_Cl=ratio, mixing_energy=w, moving_lattice=moving)
    run = Couple(own, [time], rtol=1e-7)
    profile = couple_profile(run.x - 100e-9, time, expected, x - step, x + step)
    assert_allclose(run.composition[-1], profile, rtol=0, atol=0.005 * 2.0 * step)


@pytest.mark.parametrize("moving", [False, True])
def test_boltzmann_matano_recovers_the_diffusivity(moving: bool) -> None:
    """D~(x) read back from one profile with D_Cl = 5 D_Br and w = 0.8 kT, against (8) and (9)."""
    w, ratio = 0.8 * KT, 5.0
    fast = interdiffusivity(0.5, THETA, thermodynamic_factor(0.5, w / KT), ratio * D, D, moving)
    time = time_of(16e-9, fast)  # where D~ is largest it is twice as far, and the ends are still as at the start
    run = Couple(couple(0.05, 0.95, 300, D_ratio_Cl=ratio, mixing_energy=w, moving_lattice=moving), [time], rtol=1e-7)
    x, found = boltzmann_matano(run.x, run.width, run.composition[-1], time)
    inside = (x > 0.15) & (x < 0.85)
    expected = interdiffusivity(x, THETA, thermodynamic_factor(x, w / KT), ratio * D, D, moving)
    assert inside.sum() > 50
    assert_allclose(found[inside], expected[inside], rtol=0.005)


def test_boltzmann_matano_of_an_error_function() -> None:
    """Of the exact profile of constant D it gives that D at every composition."""
    z = np.linspace(-100e-9, 100e-9, 2001)
    width = np.full(z.size, z[1] - z[0])
    x, found = boltzmann_matano(z, width, couple_profile(z, 1.0, 1e-16, 0.2, 0.7), 1.0)
    inside = (x > 0.25) & (x < 0.65)
    assert_allclose(found[inside], 1e-16, rtol=1e-4)


def test_vacancies_stay_where_the_lattice_moves() -> None:
    """Sources hold theta_V exactly on a moving lattice; on one that stands the charge of the vacancies does."""
    time = time_of(30e-9, THETA * D)
    for moving, bound in ((True, 0.0), (False, 0.05)):
        run = Couple(couple(0.1, 0.8, D_ratio_Cl=5.0, moving_lattice=moving), [time])
        assert np.abs(run.vacancies[-1] / THETA - 1.0).max() <= bound + 1e-12
