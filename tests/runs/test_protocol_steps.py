"""Runs of every kind of step: control switches, stops, sweeps, rest, light, and what is kept when a run ends early."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, device, heterojunction, layer
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q
from perovsim.errors import SimulationError

CURRENT = 100.0


def test_compliance_hands_the_control_to_the_voltage() -> None:
    """An ageing device meets its compliance: from then on V stays there to rounding, and J falls."""
    hour = ps.constant_current(CURRENT, "1 h")
    free = ps.simulate(coarse_led(), ps.Protocol([hour]))
    voltages = free.terminals["V"].values
    k = int(np.argmax(voltages > np.interp(1.0, free.times, voltages) + 0.05))
    limit = float(voltages[k])
    run = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "1 h", compliance=limit)]))
    v, j = run.terminals["V"].values, run.terminals["J"].values
    assert run.events["kind"].values.tolist() == ["compliance"]
    at = float(run.events["event_time"].values[0])
    assert_allclose(at, free.times[k], rtol=1e-4)
    before, later = (run.times < at) & (run.times > 0), run.times > at
    assert_allclose(j[before], CURRENT, rtol=1e-9)
    assert v[before].max() <= limit * (1 + 1e-9)
    assert_allclose(v[later], limit, rtol=1e-12)
    assert np.all(j[later] < CURRENT) and j[-1] < 0.99 * CURRENT
    assert_allclose(run.times[-1], 3600.0, rtol=1e-12)


def test_a_current_that_the_device_cannot_carry_names_the_remedy() -> None:
    """The charge on the capacitor meets the compliance before the current flows."""
    step = ps.constant_current(1e4, "1 s", compliance="2 V")
    with pytest.raises(SimulationError, match=r"step 1 .*10000 A/m\^2 .*compliance of 2 V .*raise the compliance"):
        ps.simulate(heterojunction(), ps.Protocol([step]))


@pytest.mark.parametrize(("stop", "sign"), [(ps.voltage_above("1.5 V"), 1.0), (ps.voltage_below("0.5 V"), -1.0)])
def test_a_stop_condition_ends_the_protocol_at_its_voltage(stop, sign: float) -> None:
    steps = [ps.constant_voltage("1 V", "1 ms"), ps.constant_current(sign * 1e-3, "1 h", stop=stop), ps.rest("1 h")]
    run = ps.simulate(heterojunction(), ps.Protocol(steps), rtol=1e-6)
    assert run.events["kind"].values.tolist() == ["stop"]
    assert_allclose(run.times[-1], float(run.events["event_time"].values[-1]), rtol=1e-12)
    assert_allclose(run.terminals["V"].values[-1], 1.5 if sign > 0 else 0.5, rtol=0, atol=1e-4)
    assert run.times[-1] < 3600.0


def test_a_sweep_stores_even_points_and_comes_back() -> None:
    """Without ions and at a slow rate the way back gives the current of the way there."""
    there, back = ps.sweep("0 V", "2.2 V", "1 mV/s", points=23), ps.sweep("2.2 V", "0 V", "1 mV/s", points=23)
    run = ps.simulate(heterojunction(), ps.Protocol([there, back]), rtol=1e-7)
    v, j = run.terminals["V"].values, run.terminals["J"].values
    assert_allclose(v[1:23], np.linspace(0.1, 2.2, 22), rtol=1e-9)
    assert_allclose(v[23:], np.linspace(2.1, 0.0, 22), rtol=0, atol=1e-9)
    charging = 2 * 1e-3 * 1e-3  # A/m^2: both ways of dV/dt on less than 1 mF/m^2
    assert_allclose(j[23:-1], j[1:22][::-1], rtol=1e-4, atol=charging)


def test_at_rest_no_charge_passes_and_the_voltage_decays() -> None:
    steps = [ps.constant_current(CURRENT, "1 s"), ps.rest("1 h")]
    run = ps.simulate(coarse_led(), ps.Protocol(steps))
    passed, v = run.terminals["charge_passed"].values, run.terminals["V"].values
    dark = run.times > 1.0
    assert_allclose(passed[dark], CURRENT * 1.0, rtol=1e-9)
    assert np.all(np.diff(v[dark]) <= 1e-9)


def test_light_makes_the_photocurrent_of_a_thin_layer() -> None:
    """J = -q G d [coth(v/2) - 2/v], v = V_bi/V_t (Sokel & Hughes, J. Appl. Phys. 53, 7414, 1982)."""
    generation = 1e24
    thin = device([layer("absorber", 50, 60, generation=generation)], cathode=3.4, anode=5.6)
    found = [
        ps.simulate(thin, ps.Protocol([ps.short_circuit("1 s", light=light)]), rtol=1e-7).terminals["J"].values[-1]
        for light in (0.0, 1.0, 2.0)
    ]
    v = 2.2 / (8.617333262e-5 * 300.0)
    expected = -Q * generation * 50e-9 * (1.0 / np.tanh(v / 2) - 2.0 / v)
    assert abs(found[0]) <= 1e-5 * abs(expected)  # the rounding floor of the contact's face
    assert_allclose(found[1], expected, rtol=3e-4)
    assert_allclose(found[2], 2 * found[1], rtol=1e-3)


def test_interruption_leaves_the_result_so_far() -> None:
    def stop_late(seconds: float, label: str) -> None:
        if seconds > 1.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stop:
        ps.simulate(coarse_led(), ps.load_protocol("constant_current_1h"), progress=stop_late)
    kept, whole = stop.value.checkpoint, ps.simulate(coarse_led(), ps.load_protocol("constant_current_1h"))
    count = kept.times.size
    assert 10 < count < whole.times.size
    assert_allclose(kept.terminals["V"].values, whole.terminals["V"].values[:count], rtol=0, atol=1e-12)


def test_a_stalled_run_says_where_and_keeps_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """With three steps a run cannot end; the message names step, time, unknown and remedy."""
    monkeypatch.setattr("perovsim.device.integrator.bdf.MOST_STEPS", 60)
    with pytest.raises(SimulationError, match=r"step 1 .*stalled at t = .* worst unknown is .*rtol") as stop:
        ps.simulate(coarse_led(), ps.load_protocol("constant_current_1h"))
    assert stop.value.checkpoint.times.size > 1


def test_a_step_goes_on_from_the_state_before_it() -> None:
    """Two half steps give the state of one whole step."""
    whole = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(CURRENT, "10 min")]), rtol=1e-7)
    half = ps.constant_current(CURRENT, "5 min")
    parts = ps.simulate(coarse_led(), ps.Protocol([half, half]), rtol=1e-7)
    assert_allclose(parts.terminals["V"].values[-1], whole.terminals["V"].values[-1], rtol=0, atol=1e-5)
    assert_allclose(parts.interfaces["film_AlCl3"].values[-1], whole.interfaces["film_AlCl3"].values[-1], rtol=1e-4)


def test_equilibrated_ions_are_at_rest() -> None:
    """After equilibration the ion current at 0 V is rounding; uniform ions screen the field and move."""
    for ions, moves in (("equilibrated", False), ("uniform", True)):
        run = ps.simulate(heterojunction(ions=True), ps.Protocol([ps.short_circuit("1 s")], ions=ions))
        field = run.fields["c_V"].values
        inside = np.isfinite(field[0])
        change = np.abs(field[-1] - field[0])[inside].max() / field[0][inside].mean()
        assert (change > 1e-2) == moves
        if not moves:
            assert change < 1e-6


def test_a_run_from_1e_12_to_1e6_seconds() -> None:
    step = ps.constant_current(CURRENT, "1e6 s")
    run = ps.simulate(coarse_led(hypotheses=("field_drift",)), ps.Protocol([step], first_output="1e-12 s"))
    assert run.times[1] == 1e-12 and run.times[-1] == 1e6
    assert_allclose(run.terminals["J"].values[1:], CURRENT, rtol=1e-9)


def test_times_of_a_late_step_keep_their_digits() -> None:
    """After 1e8 s the clock knows no nanoseconds; the time since the control was set does."""
    steps = ps.Protocol([ps.rest("1e8 s"), ps.constant_current(10.0, "1 s")], points_per_decade=5)
    run = ps.simulate(heterojunction(), steps)
    since = run.terminals["time_since_change"].values
    begin = int(np.nonzero(np.diff(since) < 0.0)[0][-1]) + 1
    assert run.times[begin] == run.times[begin + 1] == 1e8
    assert_allclose(since[begin:][[0, 5]], [1e-9, 1e-8], rtol=1e-9)
    assert_allclose(since[-1], 1.0, rtol=1e-12)
    charging = np.diff(run.terminals["V"].values[begin:][:5]) / np.diff(since[begin:][:5])
    assert_allclose(charging, charging[0], rtol=1e-2)
