"""Growth laws of a film on the running solver: A14, A15, the point-defect model, and where each of them vanishes."""

from __future__ import annotations

import numpy as np
import pytest
from exact_limits import hold, misses
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.model import load_device
from perovsim.validate.analytic import growth
from perovsim.validate.analytic.growth import DRIVE, FIRST, affinity, cell, grown, speed, thickness

VT = K_B * 298.15 / Q


def test_linear_parabolic_deal_and_grove() -> None:
    hold("film_growth", {"h = k t": 1e-3, "B t": 1e-3, "t_0": 1e-3, "k_p": 1e-3, "ln t": 1e-3})


def test_cabrera_and_mott() -> None:
    hold("cabrera_mott", {"exponential integral": 5e-3, "quadrature": 1e-3, "inverse logarithm": 5e-2})


def test_a_wrong_jump_is_seen(monkeypatch) -> None:
    """One part in a thousand on the jump distance of the exact solution shows in the time that a film takes."""
    right = growth.affinity
    monkeypatch.setattr(growth, "affinity", lambda: 1.001 * right())
    assert misses("cabrera_mott", "exponential integral")


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
