"""A26: a device listed from the other end gives the same physics."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps

STEPS = {
    "current": ps.Protocol([ps.constant_current("100 A/m^2", "1 s")], points_per_decade=3),
    "sweep": ps.Protocol([ps.sweep("0 V", "3 V", "1 V/s", points=31)], ions="equilibrated"),
}
DEVICES = {"ions": lambda: heterojunction(ions=True), "led with reactions": coarse_led}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", DEVICES)
def test_mirrored_device_is_the_same(name: str, steps: str) -> None:
    """V and J agree to 1e-10 of their scale where the two runs take the same steps, profiles in mirrored order."""
    device = DEVICES[name]()
    runs = [ps.simulate(one, STEPS[steps], rtol=1e-9) for one in (device, device.mirrored())]
    for quantity in ("V", "J"):
        first, second = (run.terminals[quantity].values for run in runs)
        assert_allclose(second, first, rtol=0, atol=2e-8 * np.abs(first).max())
    n = [run.fields["n"].values[-1] for run in runs]
    assert_allclose(n[1][::-1], n[0], rtol=1e-5, atol=1e-9 * np.nanmax(n[0]))


def test_steady_current_of_a_mirrored_diode_to_rounding() -> None:
    """At steady state no time step is in the way: J(V) to 1e-10."""
    steady = ps.Protocol([ps.constant_voltage("2.6 V", "1e4 s")])
    device = heterojunction()
    first, second = (ps.simulate(one, steady).terminals["J"].values[-1] for one in (device, device.mirrored()))
    assert first > 1.0
    assert_allclose(second, first, rtol=1e-10)
