"""A23: lumped Joule heating from the running solver."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, device, heterojunction, layer
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.device.heat import TABLE_STEP, Heat
from perovsim.device.run import Runner
from perovsim.device.tables import DIFFUSIVITY, HOLE, JUMP_SECOND, PROCESS, RATE
from perovsim.errors import ModelFileError, SimulationError

R, C = 5e-2, 2.0
"""Thermal resistance [K m^2/W] and heat capacity [J/m^2/K]: 0.1 s."""


def hot(stack, resistance: float = R):
    return stack.replace(thermal_resistance=resistance, heat_capacity=C)


def power(run) -> np.ndarray:
    """J V less the photons that leave [W/m^2]."""
    data = run.terminals
    return (data["J"] * data["V"] - data["radiance_power"]).values


def test_steady_temperature_is_resistance_times_power() -> None:
    """T - T_0 = R_th (J V - photon power), carriers and ions at rest, 14 K above the surroundings."""
    run = ps.simulate(hot(heterojunction(ions=True)), ps.Protocol([ps.constant_current(100.0, "10 min")]))
    rise = run.terminals["temperature"].values - 300.0
    assert rise[-1] > 10.0
    assert_allclose(rise[-1], R * power(run)[-1], rtol=1e-6)


def test_a_device_that_emits_heats_less_by_its_light() -> None:
    """The photon power of the balance is the radiant exitance of the result, moving halides included."""
    led = hot(coarse_led(hypotheses=("field_drift",)))
    run = ps.simulate(led, ps.Protocol([ps.constant_current(200.0, "1e5 s")]))
    rise = run.terminals["temperature"].values - float(run.device.temperature)
    assert float(run.terminals["radiance_power"][-1]) > 0.01 * power(run)[-1]
    assert_allclose(rise[-1], R * power(run)[-1], rtol=1e-6)


def test_warming_follows_the_time_constant() -> None:
    """(T - T_end)/(T_0 - T_end) = exp(-t/(R_th C)) under the constant power of a shunt."""
    own = {"name": "oxide", "thickness": 1e-5, "cells": 4, "permittivity": 1.0, "transport": False}
    cell = hot(device([own], cathode=4.0, anode=4.0, shunt_resistance="1 ohm m^2"))
    run = ps.simulate(cell, ps.Protocol([ps.constant_voltage(20.0, "0.5 s")]))
    expected = 300.0 + R * 400.0 * -np.expm1(-run.times / (R * C))
    assert_allclose(run.terminals["temperature"], expected, rtol=0, atol=1e-3)  # C_geo V^2/C_th: 2e-4 K


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
    assert abs(v - expected) <= 0.03 * abs(before - expected)  # the tables are within TABLE_STEP of 14 K


def test_rates_follow_arrhenius() -> None:
    """Ratio of the halide jump rates of two tables: exp(-(E/k)(1/T_2 - 1/T_1))."""
    led = coarse_led()
    runner = Runner(hot(led))
    cold = runner.tables.cell.copy()
    runner.heat.temperature = 330.0
    runner.renew_tables()
    inside = cold[JUMP_SECOND] > 0.0
    energy = float(led.emitter.lattice.E_migration)
    expected = np.exp(-energy / 8.617333262e-5 * (1.0 / 330.0 - 1.0 / float(led.temperature)))
    assert_allclose(runner.tables.cell[JUMP_SECOND, inside] / cold[JUMP_SECOND, inside], expected, rtol=1e-8)


RATIO = np.exp(-0.5 / 8.617333262e-5 * (1.0 / 320.0 - 1.0 / 298.15))
"""Of a rate with 0.5 eV at 320 K and at room temperature."""


def test_ions_follow_arrhenius_where_they_have_an_energy() -> None:
    stack = heterojunction(ions=True).with_values({"layer.emitter.V.E_migration": "0.5 eV"})
    kept = [Runner(stack.replace(temperature=t)).tables.species_cell for t in (298.15, 320.0)]
    cold, warm = (own[DIFFUSIVITY, HOLE + 1].max() for own in kept)
    assert_allclose(warm / cold, RATIO, rtol=1e-8)


def test_reactions_follow_arrhenius_where_they_have_an_energy() -> None:
    led = coarse_led().with_values({"process.displacement_Cl.activation_energy": "0.5 eV"})
    number = [process.name for process in led.reactions].index("displacement_Cl")
    kept = [Runner(led.replace(temperature=t)).tables for t in (298.15, 320.0)]
    cold, warm = (t.rate[t.link[:, PROCESS] == number, RATE].max() for t in kept)
    assert_allclose(warm / cold, RATIO, rtol=1e-8)


def test_steady_stairs_find_their_temperature() -> None:
    run = ps.simulate(hot(heterojunction()), ps.Protocol([ps.staircase(0.0, 2.8, points=5, ions="frozen")]))
    rise = run.terminals["temperature"].values[1:] - 300.0
    assert rise[-1] > 1.0
    assert_allclose(rise, R * power(run)[1:], rtol=1e-6, atol=1e-9)


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
