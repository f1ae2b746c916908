"""A18: identities of constant current, and the replay of V(t) as a voltage-driven run."""

from __future__ import annotations

import numpy as np
from devices import coarse_led, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q
from perovsim.device.build import build
from perovsim.device.currents import face_currents
from perovsim.device.run import Runner


def test_voltage_starts_at_J_over_C() -> None:
    """dV/dt = J/C_geo, C_geo = 1/sum(L/eps), before any carrier has moved."""
    device = heterojunction()
    capacitance = build(device).capacitance
    run = ps.simulate(device, ps.Protocol([ps.constant_current("100 A/m^2", "1 us")], first_output="1e-12 s"))
    early = (run.times > 0) & (run.times < 1e-11)
    slope = run.terminals["V"].values[early] / run.times[early]
    assert_allclose(slope, 100.0 / capacitance, rtol=1e-3)


def test_current_is_the_same_at_every_face() -> None:
    """From the scheme's own fluxes and the integrator's derivative, from 1 ns to an hour."""
    run = ps.simulate(coarse_led(), ps.load_protocol("constant_current_1h"))
    total = sum(run.fields[f"current_{name}"].values for name in ("electron", "hole", "ion", "displacement"))
    floor = run.balance["current_rounding_floor"].values * np.maximum(np.abs(run.terminals["J"].values), 1e-2)
    for k in range(1, run.times.size):
        assert np.abs(total[k] - 100.0).max() <= 1e-4 + floor[k]


def test_charge_ledger_sees_a_wrong_current() -> None:
    """The check is no tautology: 0.1 % on the hole current of one face is far beyond the bar."""
    run = ps.simulate(heterojunction(), ps.Protocol([ps.constant_current("100 A/m^2", "1 ms")]))
    wrong = run.fields["current_hole"].values[-1].copy()
    wrong[40] *= 1.001
    total = wrong + sum(run.fields[f"current_{k}"].values[-1] for k in ("electron", "ion", "displacement"))
    assert np.abs(total - 100.0).max() / 100.0 > 1e-6 + run.balance["current_rounding_floor"].values[-1]


def test_replay_of_the_voltage_gives_the_current_back() -> None:
    """V(t) of a current-driven run, applied piecewise linear at its own time points, returns J(t)."""
    device = heterojunction(ions=True)
    times, driven = np.geomspace(1e-8, 1.0, 2400), Runner(device, 1e-8)
    problem = driven.problem
    driven.record_start()
    driven.follow_current(100.0, 0.0, times, "current", [])
    voltage = np.array([s.y[problem.band] for s in driven.trace.states]) * problem.vt
    replay = Runner(device, 1e-8)
    replay.record_start()
    begin, currents = 0.0, []
    for end, (low, high) in zip(times, zip(voltage[:-1], voltage[1:], strict=True), strict=True):
        control = replay.voltage_control(low, (high - low) / (end - begin))
        middle = 0.5 * (end - begin)
        replay._integrate(lambda ramp=control: ramp, np.array([middle, end - begin]), 1e-2 * middle, label="replay")
        state, held = replay.trace.states[-2], replay.trace.controls[-2]
        currents.append(replay.tables.number[0] * face_currents(replay.equations, held, state).total.mean())
        begin = end
    late = times > 1e-6
    assert_allclose(np.array(currents)[late], 100.0, rtol=1e-4)


def test_charge_passed_is_current_times_time() -> None:
    run = ps.simulate(
        coarse_led(hypotheses=("field_drift",)), ps.Protocol([ps.constant_current("10 mA/cm^2", "1 min")])
    )
    assert_allclose(run.terminals["charge_passed"].values[1:], 100.0 * run.times[1:], rtol=1e-9, atol=1e-14)
    photons = run.terminals["photon_flux"].values[-1]
    assert_allclose(run.terminals["EQE"].values[-1], Q * photons / 100.0, rtol=1e-12)
