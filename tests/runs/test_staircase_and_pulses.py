"""Runs of staircases and pulse trains: what is held, what is stored, what moves between."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.device.running.run import Runner
from perovsim.errors import SimulationError

VOLTAGES = np.linspace(0.0, 2.8, 8)


def steady(stack, voltage: float, ions: str, hold: str = "1e6 s") -> float:
    """J after a long hold, followed in time [A/m^2]."""
    return float(ps.simulate(stack, ps.Protocol([ps.constant_voltage(voltage, hold)], ions=ions)).terminals["J"][-1])


def test_a_frozen_staircase_is_the_steady_curve_of_the_carriers() -> None:
    """Against runs in time of the same device whose ions are too slow to move."""
    slow = heterojunction(ions=True).with_values({"layer.emitter.V.D": 1e-40})
    stairs = ps.staircase(0.0, 2.8, points=8, ions="frozen")
    run = ps.simulate(heterojunction(ions=True), ps.Protocol([stairs]))
    assert_allclose(run.terminals["V"][1:], VOLTAGES, rtol=0, atol=1e-12)
    for voltage in VOLTAGES[[5, 6, 7]]:
        k = 1 + int(np.argmin(np.abs(VOLTAGES - voltage)))
        assert_allclose(run.terminals["J"].values[k], steady(slow, voltage, "uniform"), rtol=1e-9)
    assert_allclose(run.fields["c_V"].values[-1], run.fields["c_V"].values[0], rtol=1e-12)


def test_an_equilibrated_staircase_lets_the_ions_rest_at_every_voltage() -> None:
    stack = heterojunction(ions=True)
    run = ps.simulate(stack, ps.Protocol([ps.staircase(0.0, 2.8, points=8, ions="equilibrated")]))
    for k in (6, 8):
        expected = steady(stack, float(run.terminals["V"][k]), "uniform")
        assert_allclose(run.terminals["J"].values[k], expected, rtol=1e-8)
    c, psi = run.fields["c_V"].values[-1], run.fields["potential"].values[-1]
    inside = np.isfinite(c)
    assert np.ptp(np.log(c[inside]) + psi[inside] / (8.617333262e-5 * 300.0)) <= 1e-6


def test_steady_stairs_close_their_balances_and_hold_the_reactions() -> None:
    """Also there and back, from the shipped LED with every reaction on: the way back is the way there."""
    stairs = ps.staircase(0.0, 3.0, points=11, ions="frozen", back=True)
    run = ps.simulate(coarse_led(), ps.Protocol([stairs]))
    assert run.times.size == 1 + 21
    j = run.terminals["J"].values[1:]
    assert_allclose(j[11:], j[:10][::-1], rtol=1e-9, atol=1e-11)
    assert float(run.interfaces["film_AlCl3"].values[-1]) == 0.0
    assert max(run.worst_balances.values()) <= 1e-10
    step = run.times[1]
    assert_allclose(run.terminals["charge_passed"].values[-1], np.sum(j) * step, rtol=1e-9)


def test_a_run_goes_on_after_steady_stairs() -> None:
    """Reactions start again, and the conservation checks pass across the change."""
    steps = [ps.staircase(0.0, 2.6, points=5, ions="frozen"), ps.constant_current(100.0, "10 min")]
    run = ps.simulate(coarse_led(), ps.Protocol(steps))
    assert float(run.interfaces["film_AlCl3"].values[-1]) > 0.0


def test_stairs_with_a_dwell_are_holds_one_after_another() -> None:
    stack = heterojunction(ions=True)
    stairs = ps.Protocol([ps.staircase(1.0, 2.0, points=3, dwell="20 ms")])
    run = ps.simulate(stack, stairs, rtol=1e-7)
    holds = [ps.constant_voltage(v, "20 ms") for v in (1.0, 1.5, 2.0)]
    same = ps.simulate(stack, ps.Protocol(holds, points_per_decade=1), rtol=1e-7)
    ends = [int(np.argmin(np.abs(same.times - t))) for t in run.times[1:]]
    assert_allclose(run.times[1:], 0.02 * np.arange(1, 4), rtol=1e-6)
    assert_allclose(run.terminals["J"].values[1:], same.terminals["J"].values[ends], rtol=1e-4, atol=1e-9)


def test_a_steady_point_that_newton_cannot_reach_is_followed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way is another, the answer the same."""
    from perovsim.device.integrator.bdf import Integrator, Stalled

    stack = heterojunction(ions=True)
    stairs = ps.Protocol([ps.staircase(0.0, 2.8, points=3, ions="frozen")])
    expected = ps.simulate(stack, stairs)

    settled = Integrator.settled

    def only_nearby(self, start, guess, duration, nearly=False):
        if not nearly:
            raise Stalled("not today", 0)
        return settled(self, start, guess, duration, nearly)

    monkeypatch.setattr(Integrator, "settled", only_nearby)
    monkeypatch.setattr("perovsim.device.running.steady.MOST_HALVINGS", 1)
    found = ps.simulate(stack, stairs)
    assert_allclose(found.terminals["J"].values[-2:], expected.terminals["J"].values[-2:], rtol=1e-7)
    assert_allclose(found.times, expected.times, rtol=1e-12)


def test_current_pulses_repeat_and_have_edges() -> None:
    train = ps.pulse_train("1 A/m^2", "50 A/m^2", "1 ms", 0.3, 3, rise_time="10 us", points=4)
    run = ps.simulate(heterojunction(), ps.Protocol([train]))
    t, j = run.times[1:], run.terminals["J"].values[1:]
    assert t.size == 3 * (2 + 2 * 4)
    assert_allclose(t[-1], 3e-3, rtol=1e-12)
    expected = np.tile(np.concatenate(([50.0], np.full(4, 50.0), [1.0], np.full(4, 1.0))), 3)
    assert_allclose(j, expected, rtol=1e-9)
    edges = t.reshape(3, 10)[:, [0, 4, 5, 9]]
    assert_allclose(edges, 1e-3 * np.arange(3)[:, None] + [1e-5, 3e-4, 3.1e-4, 1e-3], rtol=1e-9)
    passed = run.terminals["charge_passed"].values[-1]
    assert_allclose(passed, 3 * (50.0 * 3e-4 + 1.0 * 7e-4), rtol=1e-9)


def test_edges_are_stored_and_straight() -> None:
    train = ps.pulse_train(0.0, 50.0, "1 ms", 0.5, 1, rise_time="10 us", points=2, edge_points=6)
    run = ps.simulate(heterojunction(), ps.Protocol([train]))
    t, j = run.times[1:], run.terminals["J"].values[1:]
    assert t.size == 2 * (6 + 2)
    assert_allclose(j[:6], 50.0 * t[:6] / 1e-5, rtol=1e-9)
    assert_allclose(j[8:14], 50.0 * (1.0 - (t[8:14] - 5e-4) / 1e-5), rtol=1e-9, atol=1e-7)


def test_a_train_of_short_pulses_has_a_reference_and_its_light_falls_from_there() -> None:
    """The end of the pulse that follows 1 s after the first rise; light there, no dark pause, is the envelope."""
    led = coarse_led((4, 8, 4), ("oxidised_halogen",))
    train = ps.pulse_train(0.0, 500.0, "0.25 s", 0.4, 6, points=3)
    run = ps.simulate(led, ps.Protocol([train]))
    assert_allclose(run.reference_time, 1.1, rtol=1e-9)
    assert_allclose(run.times[run.pulse_ends], 0.25 * np.arange(6) + 0.1, rtol=1e-9)
    assert np.all(run.terminals["photon_flux"].values[run.pulse_ends] > 0.0)
    assert run.delta_V is not None and "no reference" not in run.summary()


@pytest.mark.parametrize("rise", ["0 s", "10 us"])
def test_voltage_pulses_reach_their_voltages(rise: str) -> None:
    train = ps.pulse_train("0.5 V", "2.6 V", "1 ms", 0.5, 2, rise_time=rise)
    run = ps.simulate(heterojunction(), ps.Protocol([train]))
    v = run.terminals["V"].values[1:]
    assert_allclose(np.unique(np.round(v, 9)), [0.5, 2.6], rtol=0, atol=1e-12)
    assert_allclose(run.times[-1], 1e-3 * 2, rtol=1e-5)  # the first jump, to 0.5 V, comes before the train


def test_edges_longer_than_a_plateau_are_refused() -> None:
    with pytest.raises(ps.PerovsimError, match=r"rise_time 600 us must be shorter than both plateaus"):
        ps.pulse_train(0.0, 50.0, "1 ms", 0.5, 2, rise_time="600 us")
    train = ps.pulse_train("0 V", "1 V", "2 ns", 0.5, 1)
    with pytest.raises(SimulationError, match="plateaus must be longer than 1e-09 s"):
        ps.simulate(heterojunction(), ps.Protocol([train]))


def test_what_the_reference_solver_lacks_it_refuses_with_the_remedy() -> None:
    stack = heterojunction()
    for step, words in (
        (ps.staircase(0, 1, points=2, ions="equilibrated"), "steady points; give the staircase a dwell"),
        (ps.staircase(0, 1, points=2, ions="frozen"), "frozen ions"),
        (ps.measure_impedance("1 Hz", "1 kHz"), "impedance"),
        (ps.constant_current(1.0, 1.0, stop=ps.light_below()), "stop condition on 'light below 0.5'"),
        (ps.rest(1.0, illumination=ps.beer_lambert(1e20, {"emitter": 1e7}, "anode")), "illuminations"),
    ):
        with pytest.raises(SimulationError, match=f"'fipy' has no {words}.*solver=\"bdf\""):
            ps.simulate(stack, ps.Protocol([step]), solver="fipy")


def test_the_reference_solver_takes_the_steps_that_it_knows() -> None:
    """A staircase with a dwell, pulses of current and a sweep there and back, against the compiled solver."""
    steps = [
        ps.staircase(0.0, 2.4, points=3, dwell="1 ms"),
        ps.sweep(2.4, 2.0, 40.0, points=3, back=True),
        ps.pulse_train(1.0, 20.0, "1 ms", 0.5, 1, points=3),
    ]
    runs = [ps.simulate(heterojunction(), ps.Protocol(steps), solver=name) for name in ("bdf", "fipy")]
    assert_allclose(runs[1].times, runs[0].times, rtol=1e-12)
    ends = [3, 7, 10, 13]  # of the stairs, of the sweep, of both plateaus
    for name in ("V", "J"):
        a, b = (run.terminals[name].values[ends] for run in runs)
        assert_allclose(b, a, rtol=2e-2, atol=1e-9)


def test_steady_points_need_no_more_than_a_handful_of_matrices() -> None:
    """A speed that does not depend on the machine: factorisations for 100 points of the shipped LED."""
    runner = Runner(ps.load_device("nanoled_like"))
    from perovsim.steps import run_steps

    run_steps(runner, ps.Protocol([ps.staircase(0.0, 3.0, points=100, ions="frozen")]))
    assert runner.equations.factorisations <= 400
