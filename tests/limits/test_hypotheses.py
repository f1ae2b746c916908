"""Flipping an assumption flips the outcome; inventories are never exceeded; ledgers say where chloride came from."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import N_A

HOUR = ps.load_protocol("constant_current_1h")


def film(run, name: str = "AlCl3") -> float:
    """Amount of a film at the end [mol/m^2]."""
    return float(run.interfaces[f"film_{name}"].values[-1])


def chloride(run) -> np.ndarray:
    """Chloride in the lattice, dissolved, and in the film at start and end [mol/m^2] (3, 2)."""
    cells = run.fields.isel(time=[0, -1])
    width = cells["cell_width"].values
    sites = float(run.device.emitter.lattice.site_density)
    lattice = np.nansum(cells["theta_Cl"].values * width, axis=1) * sites / N_A
    dissolved = sum(
        (np.nansum(cells[name].values * width, axis=1) / N_A for name in cells if name.startswith("c_Cl")), np.zeros(2)
    )
    return np.array([lattice, dissolved, 3.0 * run.interfaces["film_AlCl3"].values[[0, -1]]])


def test_no_route_no_film() -> None:
    run = ps.simulate(coarse_led(hypotheses=("field_drift",)), HOUR)
    assert film(run) == 0.0 and film(run, "AlBr3") == 0.0
    assert np.all(run.interfaces["blocked_fraction"].values == 0.0)


@pytest.mark.parametrize("route", ["oxidised_halogen", "corrosion_couple"])
def test_each_route_makes_a_film_from_emitter_chloride(route: str) -> None:
    """More AlCl3 than a hundred solver tolerances, and as many moles of Cl as the emitter lost."""
    coarse, fine = (ps.simulate(coarse_led(hypotheses=(route,)), HOUR, rtol=rtol) for rtol in (1e-5, 1e-7))
    assert film(fine) > 100.0 * abs(film(coarse) - film(fine))
    assert film(fine) > 1e-10
    before, after = chloride(fine).T
    assert_allclose(after.sum(), before.sum(), rtol=1e-12)
    assert_allclose(before[0] - after[0], after[2] + after[1] - before[1], rtol=1e-6)


@pytest.mark.parametrize(
    "hypotheses",
    [
        ("oxidised_halogen",),
        ("corrosion_couple",),
        ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion"),
    ],
)
def test_balances_of_every_hypothesis(hypotheses) -> None:
    """The bars: elements 1e-10, charge 1e-8, current 1e-6 beyond rounding; no more Cl in films than there was."""
    run = ps.simulate(coarse_led(hypotheses=hypotheses), HOUR)
    balance = run.balance
    for name in balance:
        if name.startswith("element_"):
            assert balance[name].values.max() <= 1e-10, name
    assert balance["charge"].values.max() <= 1e-8
    assert np.all(balance["current_uniformity"].values <= 1e-6 + balance["current_rounding_floor"].values)
    assert 3.0 * film(run) <= chloride(run)[0, 0]


def test_oxidised_halogen_brings_bromine_and_the_couple_chlorine() -> None:
    """Cl- is 0.277 eV harder to oxidise; AlCl3 is the more stable film on a path of lead halide (physics 0.3).

    Where lead is reduced slowly the halogen comes to near equilibrium and the film to near the lattice's composition.
    """

    def ratio(route: str, **values) -> float:
        run = ps.simulate(coarse_led(hypotheses=(route,), **values), HOUR)
        return film(run) / film(run, "AlBr3")

    lattice = 0.36 / 0.64
    assert ratio("oxidised_halogen") < lattice
    assert ratio("oxidised_halogen", process__lead_reduction__rate="5e-8 mol/m^3/s") < 0.2 * lattice
    assert ratio("corrosion_couple") > 10.0


def test_the_couple_runs_at_rest_too() -> None:
    """Corrosion needs no bias: a stored device grows AlCl3 as well."""
    run = ps.simulate(coarse_led(hypotheses=("corrosion_couple",)), ps.load_protocol("rest"))
    assert film(run) > 1e-7


def test_exhausted_emitter_stops_the_film() -> None:
    """A couple fast enough to eat everything: the film ends at the inventory, never above it."""
    led = coarse_led(
        hypotheses=("corrosion_couple",),
        process__displacement_Cl__rate="1e-6 mol/m^2/s",
        process__displacement_Br__rate="1e-6 mol/m^2/s",
        process__exchange__rate="1e-6 mol/m^2/s",
    )
    run = ps.simulate(led, ps.Protocol([ps.rest("1 h")]))
    inventory = chloride(run)[0, 0]
    films = 3.0 * run.interfaces["film_AlCl3"].values
    assert np.all(films <= inventory * (1 + 1e-12))
    assert films[-1] > 0.2 * inventory
