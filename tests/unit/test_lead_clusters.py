"""Moments of a population of spheres, against the spheres one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.device.running.clusters import advanced, moved


def of(radii: np.ndarray) -> np.ndarray:
    """Moments M_0, M_1, M_2 of one population (3, 1)."""
    return np.array([[np.sum(radii**k)] for k in range(3)], float)


def test_a_shift_of_all_radii() -> None:
    """Three spheres and four of no size, whose volume grows: every radius by the same, to rounding."""
    radii, shift = np.array([1.0, 2.0, 2.5, 0.0, 0.0, 0.0, 0.0]), np.array([1e-9, 1e-3, 0.7, 40.0])
    rest = np.array([((radii + d) ** 3 - radii**3).sum() for d in shift])
    found = moved(np.repeat(of(radii), shift.size, axis=1), rest)
    exact = np.hstack([of(radii + d) for d in shift])
    assert_allclose(found, exact, rtol=1e-12)


def test_seeds_of_no_size_share_what_comes() -> None:
    found = moved(of(np.zeros(5)), np.array([5.0 * 0.3**3]))
    assert_allclose(found, of(np.full(5, 0.3)), rtol=1e-13)


def test_nuclei_take_their_own_lead_and_no_more_than_there_is() -> None:
    """Two nuclei of 0.5 beside a sphere that takes the rest; of a hundred, as many as the new lead is enough for."""
    one = of(np.array([1.0]))
    after = np.array([1.2**3 + 2.0 * 0.5**3])
    found = advanced(one, np.ones(1), after, np.array([2.0]), np.array([0.5]))
    assert_allclose(found, of(np.array([1.2, 0.5, 0.5])), rtol=1e-12)
    many = advanced(one, np.ones(1), after, np.array([1e9]), np.array([0.5]))
    assert_allclose(many[0], 1.0 + (after - 1.0) / 0.5**3, rtol=1e-12)
    assert_allclose(many[2], 1.0 + 0.5**2 * (after - 1.0) / 0.5**3, rtol=1e-12)


@pytest.mark.parametrize("left", [0.9, 1e-6, 0.0])
def test_what_dissolves_keeps_its_number_and_its_shape(left: float) -> None:
    radii = np.array([1.0, 2.0, 2.5])
    third = np.array([np.sum(radii**3)])
    found = advanced(of(radii), third, left * third, np.array([7.0]), np.array([0.5]))
    assert_allclose(found, of(np.cbrt(left) * radii), rtol=1e-12)


def test_moments_are_those_of_some_population_along_a_random_path() -> None:
    """M_0 M_2 >= M_1^2 and M_1 M_3 >= M_2^2, with births, growth and dissolution by chance."""
    rng = np.random.default_rng(3)
    moments, third = of(np.array([1.0, 1.5])), np.array([1.0 + 1.5**3])
    for _ in range(500):
        after = third * rng.uniform(0.8, 1.3)
        moments = advanced(moments, third, after, rng.exponential(0.3, 1), rng.uniform(0.05, 0.3, 1))
        third = after
        assert moments[0] * moments[2] >= moments[1] ** 2 * (1.0 - 1e-12)
        assert moments[1] * third >= moments[2] ** 2 * (1.0 - 1e-9)
