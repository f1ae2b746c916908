"""Species that share the sites of a layer: mu = kT ln[c/(1 - sum c/N)], one free share for all of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from devices import device, layer, perovskite
from numpy.testing import assert_allclose
from scipy.optimize import fsolve

from perovsim.constants import K_B, Q
from perovsim.device.kernels.tables import HALIDE, PSI, SPECIES, VACANCY
from perovsim.device.outputs.contents import Contents
from perovsim.device.running.run import Runner
from perovsim.errors import ModelFileError

KT = K_B * 300.0 / Q
SITES = 1e24
"""Sites of the layer [m^-3]."""


def ion(name: str, charge: int, share: float, diffusivity: float = 1e-14, **more) -> dict:
    """An ion on the sites, of which it fills a share at the start."""
    return {"name": name, "charge": charge, "D": diffusivity, "density": share * SITES, "sites": "between", **more}


def film(*ions: dict, bias: float = 0.0):
    """A layer that holds ions and nothing else, between contacts that block them."""
    part = layer("film", 40, 40, transport=False, ion=[{**ions[0], "site_density": SITES}, *ions[1:]])
    return device([part], 4.3, 4.3 + bias)


def after(own, seconds: float) -> tuple[Runner, np.ndarray, np.ndarray]:
    """The run at rest for a time; potential [kT/q] and shares of the sites (species, n)."""
    runner = Runner(own, 1e-8)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([seconds]), "rest")
    return runner, runner.state.y[runner.tables.slot[PSI]], shares(runner)


def shares(runner: Runner) -> np.ndarray:
    slot, plans = runner.tables.slot, runner.problem.plans
    return np.array([runner.state.y[slot[SPECIES + s]] * plans[s].scale / SITES for s in range(2, len(plans))])


def test_ions_fill_the_sites_together() -> None:
    """At rest in the built-in field c_k/N = a_k exp(-z_k psi)/(1 + sum_j a_j exp(-z_j psi)), the a_k by the amounts."""
    charges, start = np.array([1.0, -1.0, -2.0]), np.array([0.2, 0.3, 0.1])
    own = film(*(ion(name, int(z), c) for name, z, c in zip("abc", charges, start, strict=True)), bias=0.3)
    runner, psi, found = after(own, 1e6)

    def joint(logs: np.ndarray) -> np.ndarray:
        weights = np.exp(logs[:, None] - charges[:, None] * (psi - psi.mean()))
        return weights / (1.0 + weights.sum(axis=0))

    part = runner.mesh.widths / runner.mesh.widths.sum()
    logs = fsolve(lambda logs: joint(logs) @ part - start, np.log(start), xtol=1e-13)
    assert_allclose(found, joint(logs), rtol=1e-6, atol=1e-10)
    assert found.sum(axis=0).max() > 0.9  # crowded
    assert_allclose(found @ part, start, rtol=1e-12)


def test_two_that_are_alike_move_as_one() -> None:
    """Sum of both fluxes: (D/h)[B (a_L + b_L) f_R - ...], that of one species with the density of both."""
    pair = after(film(ion("a", 1, 0.2), ion("b", 1, 0.4), bias=0.3), 3e-4)
    one = after(film(ion("a", 1, 0.6), bias=0.3), 3e-4)
    assert np.ptp(one[2]) > 0.1  # on its way
    assert_allclose(pair[2].sum(axis=0), one[2][0], rtol=1e-6)
    assert_allclose(pair[2][0] * 2.0, pair[2][1], rtol=1e-6)


def test_a_held_ion_takes_sites_from_one_that_moves() -> None:
    """One of two ions is immobile: at rest ln(c/f) + z psi of the other is the same everywhere."""
    held, moving = ion("held", -1, 0.5, diffusivity=0.0), ion("moving", 1, 0.3)
    _, psi, found = after(film(held, moving, bias=0.3), 1e6)
    assert_allclose(found[0], 0.5, rtol=1e-12)
    level = np.log(found[1] / (1.0 - found.sum(axis=0))) + psi
    assert_allclose(level, level[0], rtol=0, atol=1e-6)
    assert found[1].max() < 0.5


def halides(energies: tuple[float, float], sites: float):
    """A mixed lattice whose anions go over into a layer of few sites, each with its own solvation energy [eV]."""
    lattice = perovskite("lattice", 20, 20, vacancies=1e26, x_Cl=0.5, theta_reference=1e-2)
    species = [
        {"name": x, "formula": f"{x}_i-", "charge": -1, "reference_density": 1e26,
         "layers": {"etl": {"diffusivity": 1e-15, "solvation_energy": e, "sites": "molecules"}}}
        for x, e in zip(("Cl", "Br"), energies, strict=True)
    ]  # fmt: skip
    species[0]["layers"]["etl"]["site_density"] = sites
    passes = [
        {"kind": "reaction", "name": x, "reaction": f"{x}- -> {x}_i-", "site": "interface:lattice|etl",
         "rate": "1e-6 mol/m^2/s"}
        for x in ("Cl", "Br")
    ]  # fmt: skip
    return device([lattice, layer("etl", 20, 20, transport=False)], 4.3, 4.3, species=species, process=passes,
                  electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip


def test_chloride_and_bromide_share_what_a_layer_can_hold() -> None:
    """Both come by reactions: at rest mu_X of lattice and layer are one for each, and the sites bound the sum."""
    energies = np.array([0.10, 0.08])
    runner = Runner(halides(tuple(energies), SITES), 1e-8)
    contents = Contents(runner.problem)
    start = {x: contents.amount(x, runner.state.y) for x in ("Cl", "Br")}
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([1e12]), "rest")
    t, y = runner.tables, runner.state.y
    vacancy, chloride, psi = y[t.slot[VACANCY, :20]], y[t.slot[HALIDE, :20]], y[t.slot[PSI]]
    on_sites = np.log(np.array([chloride, 1.0 - vacancy - chloride]) * 1e-2 / vacancy) - psi[:20]
    found = y[t.slot[SPECIES + 2 :, 20:]] * 1e26  # [m^-3]
    free = 1.0 - found.sum(axis=0) / SITES
    in_layer = np.log(found / 1e26 / free) + energies[:, None] / KT - psi[20:]
    for x in range(2):
        assert_allclose(on_sites[x], on_sites[x, 0], rtol=0, atol=1e-6)
        assert_allclose(in_layer[x], on_sites[x, 0], rtol=0, atol=1e-6)
    assert 0.7 * SITES < found.sum(axis=0).max() < SITES
    for x, amount in start.items():
        assert_allclose(contents.amount(x, y), amount, rtol=1e-13)


@pytest.mark.parametrize(
    ("ions", "words"),
    [
        ((ion("a", 1, 0.1), ion("b", 1, 0.1, site_density=SITES)), "have 2 site_density, and need one"),
        ((ion("a", 1, 0.6), ion("b", 1, 0.6)), "lower a density, or raise site_density"),
    ],
)
def test_sites_are_counted_once_and_hold_what_stands_on_them(ions: tuple[dict, ...], words: str) -> None:
    with pytest.raises((ModelFileError, ValueError), match=re.escape(words)):
        film(*ions)
