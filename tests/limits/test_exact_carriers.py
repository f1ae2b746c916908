"""A2 to A5: diodes, space-charge-limited currents, open circuit, each on the running solver."""

from __future__ import annotations

import numpy as np
import pytest
from exact_limits import hold, misses
from numpy.testing import assert_allclose

from perovsim.validate.analytic import carriers, injection

LIMITS = {
    "shockley": {"current": 1e-2, "ideality": 2e-2},
    "recombination_plane": {"current": 1e-2, "ideality": 2e-2},
    "mott_gurney": {"current of one carrier": 1e-3, "rises": 0.0, "10 V": 5e-3},
    "poole_frenkel": {"current of one carrier": 1e-3, "rises": 0.0, "10 V": 5e-2},
    "trap_filled": {"current of one carrier": 1e-3, "trap-filled limit": 5e-2, "rises": 0.0, "twice": 2e-2},
    "double_injection": {"plasma": 5e-2, "Langevin limit": 5e-2, "between": 5e-2, "rises": 0.0},
    "open_circuit": {"voltage": 1e-4},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    hold(name, LIMITS[name])


def test_a_wrong_mobility_is_seen(monkeypatch) -> None:
    """Two in a thousand on the mobility of the solver move the space-charge-limited current beyond its tolerance."""
    right = carriers.one_carrier
    monkeypatch.setattr(carriers, "one_carrier", lambda voltage: right(voltage) / 1.002)
    assert misses("mott_gurney", "current of one carrier")


def test_reference_turns_into_the_law() -> None:
    """The exact current itself tends to (9/8) eps mu V^2/L^3: its excess halves, and more, from 2.5 to 10 V."""
    scl = carriers.SCL
    law = 9.0 / 8.0 * scl["permittivity"] * carriers.EPS_0 * scl["mobility"] / scl["thickness"] ** 3
    low, high = (carriers.one_carrier(v) / (law * v**2) - 1.0 for v in (2.5, 10.0))
    assert 0.0 < high < 0.5 * low


def test_collocation_without_a_field_is_airy() -> None:
    """The reference of the two that have no closed form, where it has one."""
    plain = injection.OneCarrier(
        thickness=carriers.SCL["thickness"], permittivity=carriers.SCL["permittivity"], cells=1,
        mobility=carriers.SCL["mobility"], barrier=carriers.SCL["barrier"], states=carriers.SCL["states"],
    )  # fmt: skip
    volts = np.array([0.2, 2.0, 10.0])
    assert_allclose(injection.exact_currents(plain, volts), [carriers.one_carrier(v) for v in volts], rtol=1e-6)
