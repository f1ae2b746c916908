"""A9 to A13: transport to an electrode, its potential and its kinetics, charge against product."""

from __future__ import annotations

import pytest
from exact_limits import hold, misses

from perovsim.validate.analytic import depletion, electrodes

LIMITS = {
    "cottrell": {"semi-infinite": 1e-2, "slab": 1e-2},
    "sand": {"series": 1e-2, "semi-infinite": 1e-2, ": slab": 1e-2, "1.755: semi": 1e-2, "1.35: slab": 1e-2},
    "nernst": {"a(Br-)": 1e-6, "a(Pb2+)": 1e-6},
    "butler_volmer": {"resistance": 1e-3, "cathodic Tafel": 1e-3, "anodic Tafel": 1e-3},
    "faraday": {"lead": 1e-10, "AlCl3": 1e-10},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    hold(name, LIMITS[name])


def test_a_wrong_symmetry_factor_is_seen(monkeypatch) -> None:
    right = electrodes.electrode
    monkeypatch.setattr(electrodes, "electrode", lambda where, rate, alpha: right(where, rate, alpha + 0.001))
    assert misses("butler_volmer", "cathodic Tafel")


def test_a_wrong_diffusivity_is_seen(monkeypatch) -> None:
    right = depletion.halide_lattice
    monkeypatch.setattr(
        depletion, "halide_lattice", lambda *given, diffusivity: right(*given, diffusivity=1.03 * diffusivity)
    )
    assert misses("cottrell", "semi-infinite")
