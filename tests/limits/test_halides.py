"""A27: where halides go under bias with nothing but drift and diffusion, and what must not happen."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.emitter import first_moment

V_BI = 2.15
"""5.15 eV - 3.0 eV, the work functions of the shipped LED [V]."""


def drift(voltage: float, exchanged: bool = False, rtol: float = 1e-6, duration="10 s"):
    """The shipped LED with drift alone at a voltage [V], its contacts exchanged if asked."""
    led = coarse_led(hypotheses=("field_drift",))
    if exchanged:
        anode, cathode = (float(c.work_function) for c in led.contacts)
        led = led.with_values({"contact.anode.work_function": cathode, "contact.cathode.work_function": anode})
    return ps.simulate(led, ps.Protocol([ps.constant_voltage(voltage, duration)]), rtol=rtol)


def moved(run) -> float:
    """Change of the first moment of chloride, > 0 towards the contact called cathode."""
    moment = first_moment(run, "theta_Cl")
    return float(moment[-1] - moment[0])


@pytest.mark.parametrize(("voltage", "sign"), [(V_BI + 0.5, -1.0), (V_BI - 1.0, 1.0), (0.0, 1.0)])
def test_chloride_follows_the_field(voltage: float, sign: float) -> None:
    """Above V_bi to the anode, below it to the cathode, beyond five times the error of the time integration."""
    coarse, fine = drift(voltage, rtol=1e-5), drift(voltage, rtol=1e-8)
    error = abs(moved(coarse) - moved(fine))
    assert sign * moved(fine) > 5.0 * error
    assert sign * moved(fine) > 1e-8


def test_exchanged_contacts_reverse_the_sign() -> None:
    """With the work functions exchanged V_bi is -2.15 V: zero bias now drives chloride to the other contact."""
    assert moved(drift(0.0)) > 0.0
    assert moved(drift(0.0, exchanged=True)) < 0.0


def test_composition_is_uniform_at_steady_state() -> None:
    """Same charge, ideal mixing, blocked contacts: x_Cl ends uniform at whatever field (1e-8)."""
    run = drift(0.0, duration="1e9 s")
    x = run.fields["x_Cl"].values[-1]
    assert np.ptp(x[np.isfinite(x)]) <= 1e-8
    theta = run.fields["theta_V"].values[-1]
    assert np.nanmax(theta) / np.nanmin(theta) > 3.0  # the vacancies did move


def test_faster_chloride_runs_ahead_and_comes_back() -> None:
    """D_Cl = 5 D_Br: the composition splits on the way, and is uniform again at the end."""
    led = coarse_led(hypotheses=("field_drift",), layer__emitter__D_ratio_Cl=5.0)
    run = ps.simulate(led, ps.Protocol([ps.constant_voltage(0.0, "1e9 s")]), rtol=1e-7)
    spread = np.nanmax(run.fields["x_Cl"].values, axis=1) - np.nanmin(run.fields["x_Cl"].values, axis=1)
    assert spread.max() > 1e-6
    assert spread[-1] <= 1e-8


def test_sites_and_halides_are_conserved() -> None:
    run = drift(V_BI + 0.5)
    sites = run.fields["theta_V"] + run.fields["theta_Cl"] + run.fields["theta_Br"]
    assert_allclose(sites.values[:, np.isfinite(sites.values[0])], 1.0, rtol=0, atol=1e-14)
    for halide in ("Cl", "Br"):
        assert run.balance[f"element_{halide}"].values.max() <= 1e-13
