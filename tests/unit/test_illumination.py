"""Generation of the cells: exact integrals of Beer-Lambert's law and of profiles, from either side."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, heterojunction, layer
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q
from perovsim.device.problem.build import build
from perovsim.device.running.illumination import generation
from perovsim.errors import ModelFileError, SimulationError

FLUX, ALPHA = 1e21, 2e7
"""Photons [m^-2 s^-1] and absorption coefficient [1/m]."""


def made(problem, illumination, name: str) -> np.ndarray:
    """Pairs made in the cells of a layer [m^-2 s^-1]."""
    own = problem.mesh.cells_of(problem.device, name)
    return (generation(problem, illumination) * problem.mesh.widths)[own]


@pytest.mark.parametrize("side", ["anode", "cathode"])
def test_photons_are_absorbed_by_the_law_of_beer_and_lambert(side: str) -> None:
    """The stack stands from the cathode to the anode: etl, emitter, htl."""
    problem = build(heterojunction())
    light = ps.beer_lambert(FLUX, {"emitter": ALPHA, "htl": 0.5 * ALPHA}, side)
    tau = ALPHA * 50e-9, 0.5 * ALPHA * 40e-9
    emitter, htl = made(problem, light, "emitter"), made(problem, light, "htl")
    before = np.exp(-tau[1]) if side == "anode" else 1.0
    assert_allclose(emitter.sum(), FLUX * before * -np.expm1(-tau[0]), rtol=1e-12)
    assert_allclose(emitter.sum() + htl.sum(), FLUX * -np.expm1(-sum(tau)), rtol=1e-12)
    assert made(problem, light, "etl").sum() == 0.0
    rate = emitter / problem.mesh.widths[problem.mesh.cells_of(problem.device, "emitter")]
    assert np.all(np.diff(rate) > 0.0) == (side == "anode")


@pytest.mark.parametrize("side", ["anode", "cathode"])
def test_a_profile_keeps_its_integral_and_its_direction(side: str) -> None:
    """3e27 at the face that the light meets, 1e27 from 30 nm on: 2e27 x 30 nm + 1e27 x 20 nm."""
    problem = build(heterojunction())
    light = ps.generation_profile({"emitter": {"depth": ["0 nm", "30 nm"], "generation": [3e27, 1e27]}}, side)
    found = made(problem, light, "emitter")
    assert_allclose(found.sum(), 2e27 * 30e-9 + 1e27 * 20e-9, rtol=1e-12)
    first = found[-1] if side == "anode" else found[0]
    width = problem.mesh.widths[problem.mesh.cells_of(problem.device, "emitter")[0]]
    assert_allclose(first / width, 3e27 - 2e27 * 0.5 * width / 30e-9, rtol=1e-9)


def test_the_order_of_the_layers_does_not_matter() -> None:
    stack, light = heterojunction(), ps.beer_lambert(FLUX, {"emitter": ALPHA}, "anode")
    there, back = generation(build(stack), light), generation(build(stack.mirrored()), light)
    assert_allclose(back, there[::-1], rtol=1e-12)


def test_light_drives_the_photocurrent_of_all_its_pairs() -> None:
    """A thin layer under a high field collects every pair, and twice the light gives twice the current."""
    stack = device([layer("absorber", 50, 60, mobility_electron=1e-2, mobility_hole=1e-2)], cathode=3.4, anode=5.6)
    light = ps.beer_lambert(FLUX, {"absorber": ALPHA}, "anode")
    steps = [ps.constant_voltage(-2.0, "1 ms", illumination=light)]
    steps += [ps.constant_voltage(-2.0, "1 ms", light=2.0, illumination=light), ps.constant_voltage(-2.0, "1 ms")]
    run = ps.simulate(stack, ps.Protocol(steps))
    ends = [int(np.argmin(np.abs(run.times - t))) for t in (1e-3, 2e-3, 3e-3)]
    j = run.terminals["J"].values[ends]
    pairs = -Q * FLUX * -np.expm1(-ALPHA * 50e-9)
    assert_allclose(j[0], pairs, rtol=2e-2)  # carriers that start against the field meet the wrong contact
    assert_allclose(j[1], 2.0 * j[0], rtol=1e-3)
    assert abs(j[2]) <= 1e-6 * abs(j[0])


def test_open_circuit_under_light() -> None:
    """q V_oc = E_g + kT ln(G/(k N_c N_v)): flat profiles between contacts that keep minorities away (A5)."""
    rate, k = 1e27, 1e-16
    blocking = {"recombination_velocity_electron": 1e-12, "recombination_velocity_hole": 1e-12}
    stack = device([layer("absorber", 100, 60, k_radiative=k, generation=rate)], cathode=3.2, anode=5.8)
    own = [
        contact.replace(**{name: v for name, v in blocking.items() if name.endswith(minority)})
        for contact, minority in zip(stack.contacts, ("hole", "electron"), strict=True)
    ]
    run = ps.simulate(stack.replace(contacts=tuple(own)), ps.Protocol([ps.rest("1 s", light=1.0)]))
    expected = 2.6 + 8.617333262e-5 * 300.0 * np.log(rate / (k * 2e24 * 2e24))
    assert_allclose(run.terminals["V"].values[-1], expected, rtol=0, atol=1e-3)


def test_errors_name_the_layer_and_the_remedy() -> None:
    step = ps.rest("1 s", illumination=ps.beer_lambert(FLUX, {"emiter": ALPHA}, "anode"))
    with pytest.raises(SimulationError, match="'emiter', which is no layer; did you mean 'emitter'"):
        ps.simulate(heterojunction(), ps.Protocol([step]))
    with pytest.raises(ModelFileError, match="give photon_flux and absorption"):
        ps.beer_lambert(FLUX, {}, "anode")
    with pytest.raises(ModelFileError, match="depths must increase"):
        ps.generation_profile({"emitter": {"depth": [2e-9, 1e-9], "generation": [1e27, 1e27]}}, "anode")
    with pytest.raises(ModelFileError, match="2 depths but 1 generation rates"):
        ps.generation_profile({"emitter": {"depth": [1e-9, 2e-9], "generation": [1e27]}}, "anode")
