"""Stop conditions beyond the voltage, and what stands around the stack: area, resistances, capacitance."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, device, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.errors import ModelFileError
from perovsim.model import StopCondition

CURRENT = 100.0


def test_a_run_stops_at_half_of_its_light() -> None:
    """The run without the condition has the same T50; the end is 1 s, the reference, later."""
    free = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "1 h")], points_per_decade=100))
    run = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "1 h", stop=ps.light_below())]))
    light = run.terminals["photon_flux"].values
    assert run.events["detail"].values.tolist() == ["light below 0.5"]
    assert_allclose(light[-1], 0.5 * light[np.searchsorted(run.times, 1.0)], rtol=1e-5)
    assert_allclose(run.T50, run.times[-1] - 1.0, rtol=1e-4)
    assert_allclose(run.T50, free.T50, rtol=1e-3)


def test_the_reference_is_that_of_the_first_rise() -> None:
    """A condition of a later step refers to the light of the first."""
    first = ps.constant_current(CURRENT, "5 s")
    later = ps.constant_current(CURRENT, "1 h", stop=ps.light_below())
    one = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "1 h", stop=ps.light_below())]))
    two = ps.simulate(coarse_led(), ps.Protocol([first, ps.rest("1 ms"), later]))
    assert two.events["detail"].values.tolist() == ["light below 0.5"]
    assert_allclose(two.times[-1], one.times[-1], rtol=5e-3)


def test_light_that_rises_is_no_loss() -> None:
    """At the begin of a step light is below every level: that ends nothing, its later fall does."""
    step = ps.constant_current(CURRENT, "1 h", stop=ps.light_below("3e19 m^-2/s"))
    run = ps.simulate(coarse_led(), ps.Protocol([step]))
    assert run.times[-1] > 10.0
    assert_allclose(run.terminals["photon_flux"].values[-1], 3e19, rtol=1e-5)


def test_pulses_stop_at_the_light_of_their_plateaus() -> None:
    train = ps.pulse_train(0.0, CURRENT, "1 s", 0.5, 300, points=2, stop=ps.light_below(0.8))
    run = ps.simulate(coarse_led((10, 16, 10)), ps.Protocol([train]))
    t, light = run.times, run.terminals["photon_flux"].values
    assert run.events["detail"].values.tolist() == ["light below 0.8"]
    ends = np.isclose(t % 1.0, 0.5, rtol=0, atol=1e-6)
    reference = light[np.nonzero(ends & (t > 1.0))[0][0]]
    assert_allclose(light[-1], 0.8 * reference, rtol=1e-2)  # 1 % of a plateau before the end of it


def test_a_current_that_falls_stops_the_run() -> None:
    step = ps.constant_voltage("2.9 V", "10 h", stop=ps.current_below("100 A/m^2"))
    run = ps.simulate(coarse_led(), ps.Protocol([step]))
    j = run.terminals["J"].values
    assert run.events["detail"].values.tolist() == ["current below 100 A/m^2"]
    assert_allclose(j[-1], 100.0, rtol=1e-5)
    assert np.all(j[1:-1] > 100.0)


def test_a_film_stops_the_run_at_its_thickness() -> None:
    step = ps.constant_current(CURRENT, "1 h", stop=ps.film_thickness_above("0.05 nm"))
    run = ps.simulate(coarse_led(), ps.Protocol([step, ps.rest("1 h")]))
    films = sum(run.interfaces[f"thickness_{name}"].values[-1] for name in ("AlCl3", "AlBr3"))
    assert_allclose(films, 0.05e-9, rtol=1e-6)
    assert run.times[-1] < 3600.0


def test_the_first_of_several_conditions_stops_the_run() -> None:
    both = StopCondition(voltage_above="8 V", film_thickness_above="0.05 nm")
    run = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "1 h", stop=both)]))
    assert run.events["detail"].values.tolist() == ["film thickness above 0.05 nm"]


# -- the circuit --------------------------------------------------------------------------------


def dielectric(**circuit):
    """A capacitor of 1 mF/m^2 and what stands around it."""
    own = {"name": "oxide", "thickness": 8.8541878128e-9, "cells": 10, "permittivity": 1.0, "transport": False}
    return device([own], cathode=4.0, anode=4.0, **circuit)


def test_a_capacitor_beside_the_stack_is_charged_with_it() -> None:
    """V = R_sh J (1 - exp(-t/RC)), C of stack and capacitor, and the charge ledger counts both."""
    cell = dielectric(shunt_resistance="1 ohm m^2", parallel_capacitance="2 mF/m^2")
    run = ps.simulate(cell, ps.Protocol([ps.constant_current(1.0, "20 ms")]), rtol=1e-8)
    tau = 1.0 * 3e-3
    assert_allclose(run.terminals["V"], 1.0 - np.exp(-run.times / tau), rtol=1e-6, atol=1e-9)
    assert_allclose(run.terminals["charge_passed"], 1.0 * run.times, rtol=1e-12, atol=1e-18)
    assert_allclose(run.terminals["J"][1:], 1.0, rtol=1e-12)


def test_a_sweep_through_a_series_resistance_lags_by_its_rc_time() -> None:
    """J = C rate (1 - exp(-t/RC)) while V rises at a rate; the capacitor beside the stack counts."""
    cell = dielectric(series_resistance="10 ohm m^2", parallel_capacitance="1 mF/m^2")
    run = ps.simulate(cell, ps.Protocol([ps.sweep(0.0, 1.0, 10.0, points=21)]), rtol=1e-8)
    expected = 2e-3 * 10.0 * -np.expm1(-run.times / 20e-3)
    assert_allclose(run.terminals["J"], expected, rtol=1e-6, atol=1e-9)
    assert_allclose(run.terminals["V"][1:], 10.0 * run.times[1:], rtol=1e-12)


def test_with_an_area_currents_are_in_amperes() -> None:
    """10 mA through 4 mm^2 is 2500 A/m^2; ohm and farad refer to the same area."""
    by_area = heterojunction().replace(area="4 mm^2", series_resistance="10 ohm", shunt_resistance="1 Mohm")
    per_area = heterojunction().replace(series_resistance="4e-5 ohm m^2", shunt_resistance="4 ohm m^2")
    runs = [
        ps.simulate(by_area, ps.Protocol([ps.constant_current("0.2 mA", "1 ms")])),
        ps.simulate(per_area, ps.Protocol([ps.constant_current(50.0, "1 ms")])),
    ]
    assert_allclose(runs[0].terminals["V"], runs[1].terminals["V"], rtol=1e-9)
    assert_allclose(runs[0].terminals["I"][1:], 0.2e-3, rtol=1e-9)
    assert "I" not in runs[1].terminals


def test_amperes_without_an_area_name_the_remedy() -> None:
    with pytest.raises(ModelFileError, match=r"0.2 mA needs the area of the device; add area"):
        ps.simulate(heterojunction(), ps.Protocol([ps.constant_current("0.2 mA", "1 ms")]))
    with pytest.raises(ModelFileError, match=r"series_resistance: 10 ohm is of the whole device; add its area"):
        dielectric(series_resistance="10 ohm")
