"""Losses of a film on the running solver: Hertz-Knudsen, Arrhenius, equilibrium with a vapour, elements (A16)."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from film_losses import sublimation
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.model import load_device
from perovsim.model.films import Hydrolysis
from perovsim.validate.analytic.growth import DRIVE, VOLUME, cell, grown, speed, thickness

GROWTH = 20e-9 / 3600.0
"""Speed of growth by the interface law [m/s]."""


def last_rate(run, name: str) -> float:
    """Slope of a column of `interfaces` over the last stored interval [1/s]."""
    values = run.interfaces[name].values
    return (values[-1] - values[-2]) / (run.times[-1] - run.times[-2])


def test_sublimation_is_hertz_and_knudsen() -> None:
    """0.01441 Pa of Al2Cl6 at 298.15 K: 24.04 nm/s of AlCl3 (53.766 cm^3/mol) from a free face; what is lost is
    missing in the film."""
    run = grown(cell(GROWTH / speed(1.0, DRIVE), [sublimation()]))
    assert_allclose(last_rate(run, "lost_sublimation") * VOLUME * 1e9 / 1e-6, 24.04, rtol=2e-4)
    time, h = thickness(run)
    lost = run.interfaces["lost_sublimation"].values * VOLUME
    assert lost[-1] > 50e-12
    assert_allclose(h + lost, GROWTH * time, rtol=1e-6, atol=1e-15)


def test_losses_follow_arrhenius() -> None:
    """Rates at 298.15 K and 318.15 K: exp[-(E/k) d(1/T)], of the vapour times sqrt(T_0/T) in its speed."""
    water = Hydrolysis(
        kind="hydrolysis", name="water", film="AlCl3", contact="al", exposed_fraction=1e-6, rate=1e-3,
        activation_energy=0.5, relative_humidity=0.4,
    )  # fmt: skip
    device, warm = cell(GROWTH / speed(1.0, DRIVE), [sublimation(), water]), 318.15
    runs = [grown(device.with_values({"temperature": t})) for t in (298.15, warm)]
    inverse = Q / K_B * (1.0 / 298.15 - 1.0 / warm)
    expected = {
        "lost_sublimation": np.exp(1.195 * inverse) * np.sqrt(298.15 / warm),
        "lost_water": np.exp(0.5 * inverse),
    }
    for name, ratio in expected.items():
        cold, hot = (last_rate(run, name) for run in runs)
        assert_allclose(hot / cold, ratio, rtol=1e-6)
    assert_allclose(last_rate(runs[0], "lost_water"), 1e-3 * 0.4 * 1e-6, rtol=1e-6)


def test_a_saturated_vapour_takes_nothing() -> None:
    """Background pressure = vapour pressure: the net rate is rounding of the loss; above it the film grows."""
    rates = {}
    for share in (0.0, 1.0, 2.0):
        loss = sublimation(background_pressure=share * 0.01441)
        rates[share] = last_rate(grown(cell(GROWTH / speed(1.0, DRIVE), [loss])), "lost_sublimation")
    assert abs(rates[1.0]) <= 1e-9 * rates[0.0]
    assert_allclose(rates[2.0], -rates[0.0], rtol=1e-6)


@pytest.mark.parametrize("hypothesis", ["oxidised_halogen", "corrosion_couple"])
def test_elements_with_losses(hypothesis: str) -> None:
    """A16: Al, Cl, Br, Pb balanced to 1e-10 with what evaporates counted, which is a large part of the film."""
    loss = sublimation(contact="cathode", exposed_fraction=1e-6)
    led = coarse_led(hypotheses=(hypothesis,))
    run = ps.simulate(led.replace(processes=(*led.processes, loss)), ps.load_protocol("constant_current_1h"))
    assert run.interfaces["lost_sublimation"].values[-1] > 0.1 * run.interfaces["film_AlCl3"].values[-1]
    for name in ("Al", "Cl", "Br", "Pb"):
        assert run.balance[f"element_{name}"].values.max() <= 1e-10, name


def test_a_loss_without_a_film_is_inert() -> None:
    led = coarse_led(hypotheses=("field_drift",))
    with_loss = led.replace(processes=(*led.processes, sublimation(contact="cathode")))
    steps = ps.Protocol([ps.constant_current(100.0, "1 s")])
    runs = [ps.simulate(device, steps) for device in (led, with_loss)]
    assert np.array_equal(runs[0].terminals["V"].values, runs[1].terminals["V"].values)
    assert "lost_sublimation" not in runs[1].interfaces


def test_point_defect_steady_state_is_linear_in_the_voltage() -> None:
    """Growth k exp(-alpha q E h/kT) against a constant loss: dh/dV = 1/E per volt that drives the oxidation.

    Two wide cells and many vacancies: the voltage drops at the face of the metal, as behind a Helmholtz layer, and none
    of it in the diffuse layer, where it would act through the vacancies.
    """
    field, couple = 2e8, load_device("corrosion_couple").with_hypotheses("cell")
    couple = couple.with_values({"layer.salt.cells": 2, "layer.salt.vacancy_density": "2e26 m^-3"})
    law = {"growth_law": "point_defect", "film_field": field, "rate": 1e-11}
    processes = tuple(x.replace(**law) if x.name == "al_oxidation" else x for x in couple.processes)
    device = couple.replace(processes=(*processes, sublimation(exposed_fraction=1e-5)))
    voltage, steady = np.array([-0.6, -0.45, -0.3, -0.15]), []
    for volt in voltage:
        run = ps.simulate(device, ps.Protocol([ps.constant_voltage(volt, "1e5 s")]), rtol=1e-6)
        h = run.interfaces["thickness_AlCl3"].values
        assert abs(h[-1] - h[-3]) < 1e-5 * h[-1]
        steady.append(h[-1])
    slopes = np.diff(steady) / np.diff(-voltage)
    assert_allclose(slopes, 1.0 / field, rtol=1e-3)
