"""What a film does to its contact on the running solver: coverage by patches, ohmic and Poole-Frenkel drop."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import perovsim as ps
from perovsim.constants import EPS_0, K_B, N_A, Q
from perovsim.model import load_device
from perovsim.model.films import FilmBlocking
from perovsim.validate.analytic.growth import affinity

VT = K_B * 298.15 / Q
CURRENT, SIGMA, EPS = 100.0, 1e-7, 4.0
"""[A/m^2], [S/m] and relative permittivity of the film."""
FILM = ("AlCl3", "AlBr3")


def led(**blocking):
    """The LED whose film grows by corrosion alone, the same at every voltage, and acts as told."""
    plain = coarse_led(hypotheses=("corrosion_couple",))
    return plain.replace(processes=tuple(x.replace(**blocking) if x.name == "blocking" else x for x in plain.processes))


def aged(device, *more, rtol: float = 1e-6):
    """The device after an hour at constant current and more steps."""
    return ps.simulate(device, ps.Protocol([ps.constant_current(CURRENT, "1 h"), *more]), rtol=rtol)


def thickness(run) -> np.ndarray:
    """Mean thickness of the film of both halides [m]."""
    return sum(run.interfaces[f"thickness_{name}"].values for name in FILM)


def leaky(conduction: str, **values) -> dict:
    """A closed film that conducts."""
    return {"conduction": conduction, "conductivity": SIGMA, "permittivity": EPS, **values}


def test_ohmic_film_is_a_resistance_that_grows() -> None:
    """V - V(film of a metal) = J h/sigma, and after a current step the film charges within eps/sigma = 0.35 ms."""
    run, bare = aged(led(**leaky("ohmic"))), aged(led(**leaky("ohmic", conductivity=1e3)))
    h, drop = thickness(run), run.interfaces["film_drop"].values
    assert_allclose(h, thickness(bare), rtol=1e-4, atol=1e-15)
    settled = run.times > 0.1
    assert drop[-1] > 0.1
    assert_allclose(drop[settled], CURRENT * h[settled] / SIGMA, rtol=1e-6)
    gap = run.terminals["V"].values - bare.terminals["V"].values
    assert_allclose(gap[settled], drop[settled], rtol=1e-4, atol=2e-6)
    field = drop[1:] / h[1:]
    charging = -np.expm1(-run.times[1:] * SIGMA / (EPS * EPS_0))
    seen = (run.times[1:] > 1e-5) & (run.times[1:] < 1.0)
    assert_allclose(field[seen], CURRENT / SIGMA * charging[seen], rtol=1e-4)


def test_poole_frenkel_film() -> None:
    """J = sigma F exp(b sqrt F), b = sqrt(q^3/(pi eps))/kT, solved for F by bisection; the drop is F h."""
    run = aged(led(**leaky("poole_frenkel", conductivity=1e-10)))
    b = np.sqrt(Q / (np.pi * EPS * EPS_0)) / VT
    field = brentq(lambda f: 1e-10 * f * np.exp(b * np.sqrt(f)) - CURRENT, 1e3, 1e10, xtol=1e-3)
    assert b * np.sqrt(field) > 3.0
    settled = run.times > 100.0
    assert_allclose(run.interfaces["film_drop"].values[settled], field * thickness(run)[settled], rtol=1e-5)


def test_the_drop_is_inside_the_circuit() -> None:
    """Holding the voltage that the current took gives back that current."""
    steps = aged(led(**leaky("ohmic")))
    volt = float(steps.terminals["V"].values[-1])
    run = aged(led(**leaky("ohmic")), ps.constant_voltage(volt, "1 min"))
    after = (run.times > 3600.0 + 1e-3) & (run.times < 3601.0)
    assert run.interfaces["film_drop"].values[-1] > 0.1
    assert_allclose(run.terminals["J"].values[after], CURRENT, rtol=1e-3)


@pytest.mark.parametrize("side", ["as listed", "mirrored"])
def test_a_leaky_film_keeps_the_emf(side: str) -> None:
    """Without current nothing drops across the film: the open-circuit voltage is that of the table, whichever end."""
    film = FilmBlocking(kind="film_blocking", name="film", contact="al", existence_amount=1.66e-6, **leaky("ohmic"))
    couple = load_device("corrosion_couple").with_hypotheses("cell")
    couple = couple.replace(processes=(*couple.processes, film))
    device = couple.mirrored() if side == "mirrored" else couple
    run = ps.simulate(device, ps.Protocol([ps.short_circuit("5 min"), ps.rest("1e6 s")]))
    while_shorted = run.times < 300.0
    assert run.interfaces["film_drop"].values[while_shorted].min() < -1e-6
    assert_allclose(run.terminals["V"].values[-1], affinity() * VT, rtol=0, atol=1e-9)


@pytest.mark.parametrize("exponent", [2.0 / 3.0, 2.0])
def test_covered_area_by_an_exponent(exponent: float) -> None:
    """theta_b = 1 - exp[-(n/n_c)^m]; the power law shows while little is covered."""
    run = aged(led(avrami_exponent=exponent), rtol=1e-5)
    amount = sum(run.interfaces[f"film_{name}"].values for name in FILM)
    ratio = amount / 3.7e-5
    blocked = run.interfaces["blocked_fraction"].values
    seen = ratio > 1e-4
    assert_allclose(blocked[seen], -np.expm1(-(ratio[seen] ** exponent)), rtol=1e-12)
    few = seen & (ratio < 0.01)
    assert few.sum() > 5
    assert_allclose(np.polyfit(np.log(amount[few] * N_A), np.log(blocked[few]), 1)[0], exponent, rtol=0.02)
