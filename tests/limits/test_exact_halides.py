"""A17, A21 and A27: two halides on one lattice, in contact, under stress and under a field."""

from __future__ import annotations

from exact_limits import hold, misses

from perovsim.validate.analytic import halides


def test_interdiffusion() -> None:
    hold("interdiffusion", {"D_Cl = D_Br": 5e-3, "Nernst–Planck": 5e-3, "Darken": 5e-3, "Matano": 5e-3})


def test_stress() -> None:
    hold("stress", {"composition": 1e-2})


def test_drift() -> None:
    hold("drift", {"spread of x_Cl": 1e-8, "way of chloride": 0.0, "chloride moved": 1e-12})


def test_the_darken_form_is_told_apart(monkeypatch) -> None:
    """D~ = theta_V [(1 - x) D_Cl + x D_Br] is another law: the profile of blocked contacts does not follow it."""
    right = halides.jumps
    monkeypatch.setattr(halides, "jumps", lambda x, ratio, moving=False: right(x, ratio, not moving))
    assert misses("interdiffusion", "Matano")
