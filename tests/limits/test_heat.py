"""A23: lumped Joule heating from the running solver."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, heterojunction, layer
from exact_limits import hold, misses
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.device.running.heat import TABLE_STEP, Heat
from perovsim.errors import ModelFileError, SimulationError
from perovsim.validate.analytic import heat
from perovsim.validate.analytic.heat import RESISTANCE, hot, power


def test_temperature_and_every_rate() -> None:
    hold(
        "joule_heat", {"warming of": 1e-6, "warming by a shunt": 1e-6, "over that at T_0": 1e-6, "constant power": 1e-4}
    )


def test_a_wrong_energy_is_seen(monkeypatch) -> None:
    """A thousandth on an activation energy shows in the rate of the heated cell."""
    right = heat.rated_cell(None)
    monkeypatch.setitem(heat.ENERGY, "collapse", 1.001 * heat.ENERGY["collapse"])
    monkeypatch.setattr(heat, "rated_cell", lambda r: right if r is None else hot(right, r))
    assert misses("joule_heat", "collapse", not_of="halide")


def test_balances_and_charge_go_on_when_the_tables_change() -> None:
    """Heating by 14 K and cooling: dozens of temperatures of the tables, one ledger."""
    steps = [ps.constant_current(100.0, "1 s"), ps.rest("10 s")]
    run = ps.simulate(hot(heterojunction(ions=True)), ps.Protocol(steps))
    assert max(run.worst_balances.values()) <= 1e-10
    assert_allclose(run.terminals["charge_passed"].values[-1], 100.0, rtol=1e-9)
    assert_allclose(run.terminals["temperature"].values[-1], 300.0, rtol=0, atol=1e-6)
    assert np.ptp(run.terminals["temperature"].values) > 30 * TABLE_STEP


def test_a_hot_device_is_a_device_at_that_temperature() -> None:
    """The steady state at T_0 + rise is that of a device that is kept there."""
    run = ps.simulate(hot(heterojunction(ions=True)), ps.Protocol([ps.constant_current(100.0, "10 min")]))
    kept = heterojunction(ions=True).replace(temperature=float(run.terminals["temperature"].values[-1]))
    same = ps.simulate(kept, ps.Protocol([ps.constant_current(100.0, "10 min")]))
    cold = ps.simulate(heterojunction(ions=True), ps.Protocol([ps.constant_current(100.0, "10 min")]))
    v, expected, before = (float(one.terminals["V"].values[-1]) for one in (run, same, cold))
    assert abs(v - expected) <= 1e-5 * abs(before - expected)


def test_steady_stairs_find_their_temperature() -> None:
    run = ps.simulate(hot(heterojunction()), ps.Protocol([ps.staircase(0.0, 2.8, points=5, ions="frozen")]))
    rise = run.terminals["temperature"].values[1:] - 300.0
    assert rise[-1] > 1.0
    assert_allclose(rise, RESISTANCE * power(run)[1:], rtol=1e-6, atol=1e-9)


def test_thermal_runaway_is_an_error() -> None:
    stack = hot(heterojunction(), 1e3)
    with pytest.raises(SimulationError, match=r"thermal runaway: \d+ K, more than 1000 K; lower .* thermal_resistance"):
        ps.simulate(stack, ps.Protocol([ps.staircase(0.0, 3.2, points=9, ions="frozen")]))


def test_the_exact_answer_to_a_power_that_rises_evenly() -> None:
    """Two half steps make one step."""
    one, two = Heat(hot(heterojunction())), Heat(hot(heterojunction()))
    one.step(0.3, 10.0, 40.0)
    two.step(0.1, 10.0, 20.0)
    assert_allclose(one.inside(0.1), two.temperature, rtol=1e-14)
    two.step(0.2, 20.0, 40.0)
    assert_allclose(two.temperature, one.temperature, rtol=1e-14)


def test_half_of_the_pair_names_the_other() -> None:
    with pytest.raises(ModelFileError, match="heating needs heat_capacity too"):
        device([layer("one", 10, 4)], thermal_resistance="50 K cm^2/W")
