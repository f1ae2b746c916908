"""Order parameter of the lattice on the running solver: dose (A24), threshold, Arrhenius, and beside reactions."""

from __future__ import annotations

import numpy as np
from devices import coarse_led
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.model import Collapse, load_device

BEAM, DOSE = 10.0, 3e22
"""[A/m^2] and electrons per area in which C falls to 1/e, 300 per square angstrom."""


def salt(theta: float, **values):
    """A lattice in which nothing moves, with a fraction of vacancies, that may collapse."""
    couple = load_device("corrosion_couple").with_hypotheses("field_drift")
    sites = float(couple.layers[0].lattice.site_density)
    usual = {"rate": 1e-2, "critical_vacancies": 0.05, "beam_dose": DOSE, "activation_energy": 0.8}
    process = Collapse(kind="collapse", name="collapse", **(usual | values))
    frozen = {"layer.salt.D_vacancy": 0.0, "layer.salt.vacancy_density": theta * sites}
    return couple.with_values(frozen).replace(processes=(process,))


def rested(device, duration: str = "1000 s", **step):
    """The device after a rest."""
    return ps.simulate(device, ps.Protocol([ps.rest(duration, **step)]), rtol=1e-9)


def test_below_the_critical_vacancies_nothing_happens() -> None:
    assert np.all(rested(salt(0.04)).fields["crystallinity"].values == 1.0)


def test_beyond_the_critical_vacancies_the_lattice_collapses() -> None:
    """C = exp[-k (theta_V/theta_c - 1) t], and the beam beside it adds its exponent."""
    for theta, beam in ((0.06, 0.0), (0.1, 0.0), (0.1, BEAM)):
        run = rested(salt(theta), beam=beam)
        exponent = (1e-2 * (theta / 0.05 - 1.0) + beam / Q / DOSE) * run.times
        assert_allclose(run.fields["crystallinity"].values[:, 0], np.exp(-exponent), rtol=1e-6)


def test_collapse_follows_arrhenius() -> None:
    cold, hot = (rested(salt(0.06).with_values({"temperature": t}), "100 s") for t in (298.15, 313.15))
    exponents = [-np.log(run.fields["crystallinity"].values[-1, 0]) for run in (cold, hot)]
    assert_allclose(exponents[1] / exponents[0], np.exp(0.8 * Q / K_B * (1 / 298.15 - 1 / 313.15)), rtol=1e-6)


def test_order_is_an_observer() -> None:
    """The crystallinity of the ageing LED changes nothing else, and falls first where vacancies gather."""
    led = coarse_led(hypotheses=("oxidised_halogen",))
    process = Collapse(kind="collapse", name="c", rate=1e-1, critical_vacancies=1e-4)
    steps = ps.Protocol([ps.constant_current(100.0, "10 min")])
    plain, run = ps.simulate(led, steps), ps.simulate(led.replace(processes=(*led.processes, process)), steps)
    assert_allclose(run.terminals["V"].values, plain.terminals["V"].values, rtol=1e-5)
    inside = np.isfinite(run.fields["theta_V"].values[-1])
    order, theta = run.fields["crystallinity"].values[-1, inside], run.fields["theta_V"].values[:, inside].max(axis=0)
    assert order.min() < 0.9 and np.argmin(order) == np.argmax(theta)
    assert np.all(order[theta < 1e-4] == 1.0)
