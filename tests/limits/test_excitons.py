"""Excitons that follow the carriers: none decays at equilibrium, all do when bound tightly, Saha's few when loosely."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, layer
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.errors import ModelFileError

KT = K_B * 300.0 / Q
FORMATION, STATES, RADIATIVE, DARK = 1e-12, 5e23, 1e9, 3e8
"""B [m^3/s], N [m^-3], k_r and k_n [1/s]: of the order of halide perovskites."""
THICKNESS = 50e-9


def bound(binding: float, **values) -> dict:
    """What a layer says about its excitons, `binding` in eV."""
    usual = {"formation": FORMATION, "binding_energy": binding, "states": STATES, "radiative_rate": RADIATIVE,
             "nonradiative_rate": DARK}  # fmt: skip
    return {f"exciton_{name}": value for name, value in (usual | values).items()}


def film(blocked: bool = False, **values):
    """One layer; its contacts take carriers at once or next to none."""
    own = device([layer("film", THICKNESS * 1e9, 60, **values)])
    if not blocked:
        return own
    still = {f"contact.{side}.recombination_velocity_{carrier}": 1e-12
             for side in ("anode", "cathode") for carrier in ("electron", "hole")}  # fmt: skip
    return own.with_values(still)


def last(run, name: str) -> np.ndarray:
    return run.fields[name].values[-1]


@pytest.mark.parametrize("binding", [0.0, 0.05, 0.4])
def test_equilibrium_has_excitons_by_saha_and_no_light(binding: float) -> None:
    """n p/X = N e^{-E_b/kT} in every cell, and R = 0 to rounding of n p, though n and p vary by decades."""
    run = ps.simulate(film(**bound(binding)), ps.Protocol([ps.constant_voltage(0.0, "1 s")]))
    product = last(run, "n") * last(run, "p")
    assert last(run, "n").max() > 1e6 * last(run, "n").min()
    assert_allclose(product / last(run, "c_exciton"), STATES * np.exp(-binding / KT), rtol=1e-9)
    assert np.abs(last(run, "R_radiative")).max() < 1e-9 * FORMATION * product.max()
    assert abs(run.terminals["J"].values[-1]) < 1e-12


def test_tightly_bound_every_pair_decays_as_an_exciton() -> None:
    """k_d = 0: light = G k_r/(k_r + k_n) and X = G/(k_r + k_n), in proportion to what is generated."""
    for generation in (1e26, 1e28):
        own = film(blocked=True, generation=generation, **bound(1.0))
        run = ps.simulate(own, ps.Protocol([ps.rest("1 s", light=1.0)]))
        width = run.fields["cell_width"].values
        light = float(last(run, "R_radiative") @ width) / (generation * THICKNESS)
        assert_allclose(light, RADIATIVE / (RADIATIVE + DARK), rtol=1e-6)
        held = float(last(run, "c_exciton") @ width) / THICKNESS
        assert_allclose(held, generation / (RADIATIVE + DARK), rtol=1e-6)


def test_loosely_bound_they_are_the_radiative_coefficient() -> None:
    """k_d >> k_r: the present model with k = k_r/N, to the share k_r/k_d of the pairs that decay before they part."""
    slow = {"radiative_rate": 1e-4 * RADIATIVE, "nonradiative_rate": 0.0}
    dissociation = FORMATION * STATES
    coefficient = slow["radiative_rate"] / STATES / (1.0 + slow["radiative_rate"] / dissociation)
    steps = ps.Protocol([ps.constant_voltage(2.3, "1 ms")])
    free, pairs = (
        ps.simulate(film(**values), steps).terminals for values in ({"k_radiative": coefficient}, bound(0.0, **slow))
    )
    for name in ("J", "photon_flux"):
        assert_allclose(pairs[name].values[-1], free[name].values[-1], rtol=1e-9)
    assert slow["radiative_rate"] / dissociation < 1e-6


def test_binding_raises_the_light_of_the_same_current() -> None:
    """The share of pairs that decay with light, k_r/(k_d + k_r + k_n) of those formed, rises to k_r/(k_r + k_n)."""
    steps = ps.Protocol([ps.constant_current(10.0, "1 ms")])
    traps = {"lifetime_electron": 1e-8, "lifetime_hole": 1e-8}
    runs = [ps.simulate(film(**traps, **bound(binding)), steps) for binding in (0.0, 0.1, 0.2, 0.3)]
    found = [run.terminals["EQE"].values[-1] for run in runs]
    assert np.all(np.diff(found) > 0.0)
    assert found[-1] <= RADIATIVE / (RADIATIVE + DARK)


def test_half_a_description_is_refused() -> None:
    values = bound(0.05)
    del values["exciton_states"]
    with pytest.raises((ModelFileError, ValueError), match="exciton_states not given"):
        film(**values)
