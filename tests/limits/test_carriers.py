"""Statistics, traps and field-dependent laws of electrons and holes against what is exact for one layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from devices import device, heterojunction, layer
from numpy.testing import assert_allclose
from scipy.integrate import quad

import perovsim as ps
from perovsim.constants import EPS_0, K_B, Q
from perovsim.device.running.run import Runner
from perovsim.errors import PerovsimError
from perovsim.validate.analytic.stacks import crowded

VT = K_B * 300.0 / Q


def occupancy(energy: float, eta: float) -> float:
    return 1.0 / (1.0 + math.exp(min(energy - eta, 700.0)))


def fermi_dirac(eta: float) -> float:
    """F_1/2 by adaptive quadrature."""
    top = max(eta, 0.0) + 60.0
    return (
        2.0 / math.sqrt(math.pi) * quad(lambda y: 2 * y * y * occupancy(y * y, eta), 0.0, math.sqrt(top), limit=400)[0]
    )


def gauss_fermi(eta: float, width: float) -> float:
    """Gaussian density of states by adaptive quadrature."""

    def density(x: float) -> float:
        return math.exp(-0.5 * (x / width) ** 2) / (width * math.sqrt(2 * math.pi)) * occupancy(x, eta)

    points = [-(width**2), eta] if abs(eta) < 12 * width else [-(width**2)]
    return quad(density, -12 * width - width**2, 12 * width, points=points, limit=600, epsrel=1e-11)[0]


STATISTICS = {
    "fermi_dirac": (fermi_dirac, {}),
    "blakemore": (lambda eta: 1.0 / (math.exp(-eta) + 0.27), {}),
    "gauss_fermi": (lambda eta: gauss_fermi(eta, 0.08 / VT), {"disorder_electron": 0.08, "disorder_hole": 0.08}),
}


@pytest.mark.parametrize("doping", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("name", STATISTICS)
def test_doped_layer_has_the_fermi_level_of_its_statistics(name: str, doping: float) -> None:
    """In the middle of a thick layer n = N_D, and N_D/N_c = F((E_F - E_c)/kT)."""
    exact, more = STATISTICS[name]
    bulk = layer("bulk", 2000, 120, statistics=name, donor_density=doping * 2e24, **more)
    run = ps.simulate(device([bulk], cathode=3.2, anode=3.2), ps.Protocol([ps.rest("1 us")]))
    n, level = (run.fields[k].values[-1, 60] for k in ("n", "E_Fn"))
    assert_allclose(n, doping * 2e24, rtol=1e-7)
    assert_allclose(exact((level - run.fields["E_c"].values[-1, 60]) / VT), doping, rtol=1e-7)


@pytest.mark.parametrize("name", STATISTICS)
def test_open_circuit_voltage_follows_the_statistics(name: str) -> None:
    """Flat, undoped: k n p (1 - e^{-qV/kT}) = G with n = p = N F(eta), qV = E_g + 2 kT eta."""
    exact, more = STATISTICS[name]
    bulk = layer("bulk", 100, 40, statistics=name, k_radiative=1e-16, generation=1e31, **more)
    blocked = {"recombination_velocity_electron": 1e-12, "recombination_velocity_hole": 1e-12}
    flat = device([bulk], cathode=4.5, anode=4.5)
    flat = flat.replace(contacts=tuple(c.replace(**blocked) for c in flat.contacts))
    run = ps.simulate(flat, ps.Protocol([ps.rest("1 s", light=1.0)]))
    split = (run.fields["E_Fn"] - run.fields["E_Fp"]).values[-1, 20]
    eta = (split - 2.6) / 2 / VT
    assert_allclose(1e-16 * (2e24 * exact(eta)) ** 2 * (1 - math.exp(-split / VT)), 1e31, rtol=1e-6)


def test_no_current_flows_at_one_fermi_level() -> None:
    """All statistics, traps and laws of injection at once: fluxes vanish to 1e-12 of their largest term (A1)."""
    for stack in (crowded(ions=False), crowded(ions=False).mirrored()):
        run = Runner(stack)
        run.equations.control = run.current_control(0.0)
        run.equations.evaluate(0.0, run.state.y)
        t, state = run.problem.tables, run.equations.state
        largest = (t.species_cell[0, :2] * state.density[:2] / t.cell[0]).max()
        assert np.abs(state.flow[:2]).max() <= 1e-12 * largest
        assert np.abs(run.equations.f).max() <= 1e-12 * largest


def test_crowded_device_conserves_under_current() -> None:
    """The checks of every run (charge, trapped electrons, uniform current) hold with every law switched on."""
    run = ps.simulate(crowded(), ps.Protocol([ps.constant_current("1 mA/cm^2", "10 s")]))
    assert run.balance["charge"].values.max() <= 1e-10
    trapped = [name for name in run.fields if str(name).startswith("trapped_")]
    assert len(trapped) == 4
    for name in trapped:
        found = run.fields[name].values
        assert np.nanmax(np.abs(found[-1] / found[0] - 1)) > 1e-3


@pytest.mark.parametrize("charge", ["acceptor", "donor"])
def test_steady_recombination_of_charged_traps_is_srh(charge: str) -> None:
    """Steady state: R = N c_n c_p (n p - n_i^2)/(c_n (n + n_1) + c_p (p + p_1)), and the occupation of SRH."""
    kind = dict(name="deep", density=1e22, energy=4.4, capture_electron=1e-14, capture_hole=3e-14, charge=charge)
    bulk = layer("bulk", 100, 40, trap=[kind], generation=1e27)
    run = ps.simulate(
        device([bulk], cathode=4.0, anode=5.0), ps.Protocol([ps.constant_voltage("0.5 V", "1 s", light=1)])
    )
    n, p = run.fields["n"].values[-1], run.fields["p"].values[-1]
    filled = run.fields["trapped_deep_0"].values[-1]
    n_1, p_1 = 2e24 * math.exp((3.2 - 4.4) / VT), 2e24 * math.exp((4.4 - 5.8) / VT)
    down = 1e-14 * (n + n_1) + 3e-14 * (p + p_1)
    assert_allclose(filled / 1e22, (1e-14 * n + 3e-14 * p_1) / down, rtol=1e-6)
    caught = 1e-14 * (n * (1e22 - filled) - n_1 * filled)
    assert_allclose(caught, 1e22 * 1e-14 * 3e-14 * (n * p - n_1 * p_1) / down, rtol=1e-5)


def test_neutral_traps_equal_a_lifetime() -> None:
    """N c_n = 1/tau_n, N c_p = 1/tau_p at one energy: the same current at every voltage."""
    kind = dict(name="deep", density=1e20, energy=4.5, capture_electron=1e-13, capture_hole=1e-14)
    traps = layer("bulk", 100, 40, trap=[kind])
    lifetimes = layer("bulk", 100, 40, lifetime_electron=1e-7, lifetime_hole=1e-6, trap_energy=4.5)
    sweep = ps.Protocol([ps.sweep("0 V", "2 V", "10 V/s")])
    found = [ps.simulate(device([one]), sweep).terminals["J"].values for one in (traps, lifetimes)]
    assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-9)


def test_neutral_junction_traps_equal_two_sided_srh() -> None:
    """Steady state: sum over both sides of captured electrons = that of holes = R of the summed densities."""
    kind = dict(name="face", density=1e15, energy=4.5, capture_electron=1e-14, capture_hole=2e-14)
    stack = heterojunction().replace(interfaces=({"between": "etl|emitter", "trap": [kind]},))
    without = ps.simulate(heterojunction(), ps.Protocol([ps.constant_voltage("2.6 V", "1 s")]))
    run = ps.simulate(stack, ps.Protocol([ps.constant_voltage("2.6 V", "1 s")]))
    fine = stack.replace(layers=tuple(x.replace(cells=3 * x.cells) for x in stack.layers))
    finer = ps.simulate(fine, ps.Protocol([ps.constant_voltage("2.6 V", "1 s")]))
    more = run.terminals["J"].values[-1] - without.terminals["J"].values[-1]
    assert more > 0.01 * without.terminals["J"].values[-1]
    for one, cells in ((run, 24), (finer, 72)):
        left, right = ({k: one.fields[k].values[-1, i] for k in ("n", "p")} for i in (cells - 1, cells))
        n, p = left["n"] + right["n"], left["p"] + right["p"]
        rate = 1e-14 * 2e-14 * 1e15 * n * p / (1e-14 * n + 2e-14 * p)
        electron = one.fields["current_electron"].values[-1]
        lost = (electron[cells + 1] - electron[cells - 1]) / Q
        assert_allclose(abs(lost), rate, rtol=0.2 if cells == 24 else 0.07)


def test_poole_frenkel_mobility_in_a_uniform_conductor() -> None:
    """J = q N mu_0 e^{beta sqrt F} F of a neutral slab between ohmic contacts of its own Fermi level."""
    work = 3.2 - VT * math.log(1e22 / 2e24)
    slab = layer("slab", 1000, 60, donor_density=1e22, mobility_electron=1e-9, field_factor_electron=4e-4)
    run = ps.simulate(device([slab], cathode=work, anode=work), ps.Protocol([ps.constant_voltage("20 V", "1 s")]))
    field = 20.0 / 1e-6
    weak = math.sqrt(4e4 * VT)
    exact = Q * 1e22 * 1e-9 * math.exp(4e-4 * (math.sqrt(field) - weak)) * field
    assert_allclose(run.terminals["J"].values[-1], exact, rtol=2e-3)


def test_langevin_recombination_makes_no_light() -> None:
    """Open circuit under light: gamma q (mu_n + mu_p)/eps n p = G, and no photon leaves."""
    bulk = layer("bulk", 100, 40, langevin_prefactor=0.5, generation=1e27)
    blocked = {"recombination_velocity_electron": 1e-12, "recombination_velocity_hole": 1e-12}
    flat = device([bulk], cathode=4.5, anode=4.5)
    flat = flat.replace(contacts=tuple(c.replace(**blocked) for c in flat.contacts))
    run = ps.simulate(flat, ps.Protocol([ps.rest("1 s", light=1.0)]))
    n, p = run.fields["n"].values[-1, 20], run.fields["p"].values[-1, 20]
    assert_allclose(0.5 * Q * 2e-4 / (10.0 * EPS_0) * n * p, 1e27, rtol=1e-6)
    assert run.terminals["photon_flux"].values[-1] == 0.0


def test_image_force_raises_the_exchange_velocity() -> None:
    """Injection at a barrier: J = q v e^{sqrt(q F/4 pi eps)/kT} (n_0 - n(0)), F and n(0) those of the solution."""
    slab = layer("slab", 100, 200, permittivity=3.0, mobility_electron=1e-6)
    stack = device([slab], cathode=3.6, anode=5.6)
    contact = stack.contacts[0].replace(recombination_velocity_electron=1e-3, image_lowering=True)
    run = ps.simulate(
        stack.replace(contacts=(contact, stack.contacts[1])), ps.Protocol([ps.constant_voltage("6 V", "1 s")])
    )
    first = {k: run.fields[k].values[-1, 0] for k in ("potential", "n")}
    field = (run.fields["potential"].values[-1, 1] - first["potential"]) / (
        run.fields.x.values[1] - run.fields.x.values[0]
    )
    lowered = math.sqrt(Q * field / (4 * math.pi * 3.0 * EPS_0)) / VT
    at_metal = 2e24 * math.exp((3.2 - 3.6) / VT)
    current = -run.fields["current_electron"].values[-1, 0]
    drift = Q * 1e-6 * field
    assert_allclose(current, Q * 1e-3 * math.exp(lowered) * (at_metal - current / drift), rtol=0.01)


def test_fipy_refuses_what_it_does_not_cover() -> None:
    for stack in (crowded(), device([layer("bulk", 50, 20, statistics="blakemore")])):
        with pytest.raises(PerovsimError, match="the FiPy backend covers"):
            ps.simulate(stack, ps.Protocol([ps.rest("1 s")]), solver="fipy")
