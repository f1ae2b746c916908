"""A18: what the identities of constant current rest on; the identities themselves are in test_exact_balances."""

from __future__ import annotations

import numpy as np
from devices import coarse_led, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q


def test_charge_ledger_sees_a_wrong_current() -> None:
    """The check is no tautology: 0.1 % on the hole current of one face is far beyond the bar."""
    run = ps.simulate(heterojunction(), ps.Protocol([ps.constant_current("100 A/m^2", "1 ms")]))
    wrong = run.fields["current_hole"].values[-1].copy()
    wrong[40] *= 1.001
    total = wrong + sum(run.fields[f"current_{k}"].values[-1] for k in ("electron", "ion", "displacement"))
    assert np.abs(total - 100.0).max() / 100.0 > 1e-6 + run.balance["current_rounding_floor"].values[-1]


def test_charge_passed_is_current_times_time() -> None:
    run = ps.simulate(
        coarse_led(hypotheses=("field_drift",)), ps.Protocol([ps.constant_current("10 mA/cm^2", "1 min")])
    )
    assert_allclose(run.terminals["charge_passed"].values[1:], 100.0 * run.times[1:], rtol=1e-9, atol=1e-14)
    photons = run.terminals["photon_flux"].values[-1]
    assert_allclose(run.terminals["EQE"].values[-1], Q * photons / 100.0, rtol=1e-12)
