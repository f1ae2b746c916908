"""A6 to A8: double layers of ions at rest and on their way there."""

from __future__ import annotations

import pytest
from exact_limits import hold, misses

from perovsim.validate.analytic import ions

LIMITS = {
    "gouy_chapman": {"both signs": 1e-3, "cations": 1e-3, "crowded lattice": 1e-3},
    "blocking_electrodes": {"L = 20 ": 3e-2, "L = 50 ": 3e-2, "L = 200 ": 3e-2, "a pair": 3e-2, "all orders": 1e-3},
    "surface_polarisation": {"charge": 3e-2},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    hold(name, LIMITS[name])


def test_a_wrong_diffusivity_is_seen(monkeypatch) -> None:
    """One per cent on the diffusivity of the device shows in the time constant."""
    right = ions.cation
    monkeypatch.setattr(ions, "cation", lambda *given: {**right(*given), "D": 1.01 * ions.D})
    assert misses("blocking_electrodes", "all orders")


def test_ignoring_the_volume_of_vacancies_is_seen(monkeypatch) -> None:
    """Dilute ions instead of a lattice: their field is far off where vacancies crowd."""
    monkeypatch.setattr(ions, "field_of_lattice", lambda u, share, sites: ions.field_of_cation(u, share * sites))
    assert misses("gouy_chapman", "crowded lattice")
