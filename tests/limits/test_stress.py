"""A21 and equation (10): stress moves halides, and the strain energy of a coherent film stiffens the mixture."""

from __future__ import annotations

import numpy as np
import pytest
from devices import bilayer, device, layer, perovskite, stressed_led
from lattices import Couple, modes
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.device.kernels.tables import CHARGE, HALIDE, PSI, SPECIES, VACANCY
from perovsim.device.problem.elastic import films
from perovsim.device.running.run import Runner
from perovsim.physics.interdiffusion import interdiffusivity, thermodynamic_factor
from perovsim.physics.lattice import site_energy

KT = K_B * 300.0 / Q
D, SITES, VACANCIES = 1e-14, 1.57e28, 1e26
ETA = (5.605 - 5.84) / 5.84
"""d(ln a)/dx against the cell of the bromide."""
MODULUS = 15.8e9 / 0.7
STIFFNESS = MODULUS / (SITES * KT * Q)


def film(x: float = 0.3, nanometres: float = 60, cells: int = 60, **lattice):
    """A film that feels its stress, between equal metals; strain counted from the bromide."""
    own = perovskite("film", nanometres, cells, x, VACANCIES, stress_coupling=True, **lattice)
    return device([own], 4.3, 4.3, x_reference=0.0)


@pytest.mark.parametrize("w", [0.0, 1.0 * KT, -1.0 * KT])
@pytest.mark.parametrize("strain", [5e-4, -5e-4])
def test_an_interfacial_strain_redistributes_halides(strain: float, w: float) -> None:
    """A21, closed film: x - x_middle = -x(1-x)(Omega_Br - Omega_Cl)(sigma_h - sigma_h,middle)/(Phi kT).

    The law is linear: at twice this strain its second order is the 1 % already.
    """
    x = 0.3
    own = film(x, initial_interfacial_strain=strain, initial_strain_decay_length=5e-9, mixing_energy=w)
    run = Couple(own, [1e6])
    misfit = films(own, run.runner.mesh)[0].misfit
    stress = 2.0 / 3.0 * MODULUS * (misfit - misfit[30])
    factor = thermodynamic_factor(x, w / KT, STIFFNESS, ETA)
    omega = -3.0 * ETA / SITES  # Omega_Br - Omega_Cl
    expected = -x * (1.0 - x) * omega * stress / (factor * KT * Q)
    found = run.composition[-1] - run.composition[-1][30]
    assert np.abs(expected).max() > 1e-3
    assert_allclose(found, expected, rtol=0, atol=0.01 * np.abs(expected).max())


def test_a_stretched_layer_draws_bromide_from_a_reservoir() -> None:
    """A21, open system: a thin layer at a misfit of its own beside a thick one without; tension keeps the large ion."""
    x, strain = 0.4, 1e-3
    free = ETA * x  # of the composition, against the bromide
    parts = [perovskite("thin", 10, 20, x, VACANCIES, stress_coupling=True, misfit_strain=free + strain),
             perovskite("reservoir", 2000, 60, x, VACANCIES)]  # fmt: skip
    own = device(parts, 4.3, 4.3, x_reference=0.0, interface=[{"between": "thin|reservoir", "halides": "open"}])
    run = Couple(own, [1e6])
    x_end = run.composition[-1][-1]
    factor = thermodynamic_factor(x, 0.0, STIFFNESS, ETA)
    stress = 2.0 / 3.0 * MODULUS * strain
    expected = -x * (1.0 - x) * (-3.0 * ETA / SITES) * stress / (factor * KT * Q)
    assert expected < 0.0
    assert_allclose(run.composition[-1][:20] - x_end, expected, rtol=0.01)


@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_coherency_speeds_a_wave_up(ratio: float) -> None:
    """Equation (10): the strain energy adds 2 Y eta^2 V_X x(1-x)/kT to the thermodynamic factor."""
    x, w = 0.3, 0.5 * KT
    own = film(x, D_ratio_Cl=ratio, mixing_energy=w, misfit_strain=ETA * x)
    factor = thermodynamic_factor(x, w / KT, STIFFNESS, ETA)
    assert factor - thermodynamic_factor(x, w / KT) > 0.2
    values, shapes = modes(own)
    rate = values[2] * interdiffusivity(x, VACANCIES / SITES, factor, D * ratio, D)
    shape = shapes[:, 2] / np.abs(shapes[:, 2]).max()
    run = Couple(own, [0.5 / rate, 1.5 / rate], lambda _: x + 2e-3 * shape, rtol=1e-9)
    first, second = (run.composition[1:] - x) @ (run.width * shape)
    assert_allclose(-np.log(second / first) * rate, rate, rtol=0.01)


def test_coherency_holds_a_mixture_together() -> None:
    """w between 2 kT and the coherent spinodal: segregates where it can relax, stays mixed in a clamped film."""
    w, x = 2.3 * KT, 0.5
    assert thermodynamic_factor(x, w / KT) < 0.0 < thermodynamic_factor(x, w / KT, STIFFNESS, ETA)
    rng = np.random.default_rng(1)
    noise = 1e-3 * rng.standard_normal(12)
    clamped = Couple(film(x, 20, 12, mixing_energy=w, misfit_strain=ETA * x), [1e6], lambda _: x + noise)
    relaxed = device([perovskite("film", 20, 12, x, VACANCIES, mixing_energy=w)], 4.3, 4.3)
    apart = Couple(relaxed, [1e6], lambda _: x + noise)
    assert np.ptp(clamped.composition[-1]) <= 1e-6
    assert np.ptp(apart.composition[-1]) > 0.2


def test_site_energy_is_one_free_energy() -> None:
    """Excess potentials are slopes of g = w t1 t2/(t1+t2) + K (eps_mis - eps0)^2, and their slopes are symmetric."""
    mixing, stiffness, misfit, base, eta, swelling, start = 2.3, 350.0, -0.01, 0.003, -0.04, 0.1, 0.4

    def g(first, second):
        x = first / (first + second)
        strain = misfit - base - eta * x - swelling * (1.0 - first - second)
        return mixing * first * second / (first + second) + stiffness * strain**2

    def potentials(first, second):
        return np.array(site_energy(first, second, 1.0 - first - second, mixing, stiffness, misfit, base, eta,
                                    swelling, start))  # fmt: skip

    first, second, h = 0.3, 0.6, 1e-5
    found = potentials(first, second)
    by_first = (g(first + h, second) - g(first - h, second)) / (2 * h)
    by_second = (g(first, second + h) - g(first, second - h)) / (2 * h)
    assert_allclose(found[:2], [by_first, by_second], rtol=1e-5)  # x fades by EMPTY^2
    bend = [(potentials(first + h, second) - potentials(first - h, second)) / (2 * h),
            (potentials(first, second + h) - potentials(first, second - h)) / (2 * h)]  # fmt: skip
    assert_allclose(found[2:5], [bend[0][0], bend[0][1], bend[1][1]], rtol=1e-7)
    assert_allclose(bend[0][1], bend[1][0], rtol=1e-7)  # Maxwell


def test_pressure_shifts_the_potential_by_its_volume() -> None:
    """(Omega_Br - Omega_Cl) sigma_h: 5.555 meV at 100 MPa, eta = -0.0459496 and 1/V_X = 1.4915e28 m^-3."""
    eta, sites = -0.0459496, 1.0 / (5.87355e-10**3 / 3.0)
    stiffness = MODULUS / (sites * KT * Q)
    strain = 100e6 / (2.0 / 3.0 * MODULUS)
    cl, br, *_ = site_energy(0.5, 0.5, 0.0, 0.0, stiffness, strain, -0.5 * eta, eta, 0.0, 0.5)
    assert_allclose((cl - br) * KT * 1e3, -3.0 * eta / sites * 100e6 / Q * 1e3, rtol=1e-5)


def test_a_barrier_under_pressure() -> None:
    """E_m(P) = E_m0 + P dV_m: a wave at sigma_h = +-100 MPa decays by exp(+-sigma_h dV_m/kT) faster and slower."""
    volume, stress = 2e-29, 100e6
    rates = []
    for sign in (1.0, -1.0):
        strain = sign * stress / (2.0 / 3.0 * MODULUS)
        lattice = {"activation_volume": volume, "misfit_strain": ETA * 0.5 + strain}
        own = device([perovskite("film", 60, 40, 0.5, VACANCIES, **lattice)], 4.3, 4.3, x_reference=0.0)
        values, shapes = modes(own)
        shape = shapes[:, 1] / np.abs(shapes[:, 1]).max()
        rate = values[1] * D * VACANCIES / SITES
        run = Couple(own, [0.5 / rate, 1.0 / rate], lambda _, s=shape: 0.5 + 1e-3 * s, rtol=1e-9)
        first, second = (run.composition[1:] - 0.5) @ (run.width * shape)
        rates.append(2.0 * np.log(first / second))
    assert_allclose(rates, np.exp(np.array([1.0, -1.0]) * stress * volume / (KT * Q)), rtol=0.01)


def reacting_film():
    """A stressed mixed film with carriers and neutral halogen of both kinds, each in exchange with its lattice."""
    lattice = dict(perovskite("film", 1, 1)["lattice"], x_Cl=0.4, stress_coupling=True, mixing_energy=0.04,
                   initial_interfacial_strain=0.01, initial_strain_decay_length=3e-9, vacancy_strain=0.1,
                   vacancy_density=5e25)  # fmt: skip
    atom = {"diffusivity": 1e-14, "solvation_energy": 0.0}
    species = [{"name": f"{x}_neutral", "formula": x, "reference_density": 1.57e28, "layers": {"film": atom}}
               for x in ("Cl", "Br")]  # fmt: skip
    process = [{"kind": "reaction", "name": f"oxidation_{x}", "reaction": f"{x}- + h+ -> {x}", "site": "layer:film",
                "rate": "1e-16 m^3/s"} for x in ("Cl", "Br")]  # fmt: skip
    return device([layer("film", 30, 24, lattice=lattice, electron_affinity=3.2, ionisation_energy=5.8)], 4.4, 4.7,
                  species=species, process=process, electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip


def test_reactions_and_lattice_agree_on_equilibrium() -> None:
    """Detailed balance: at rest for long, M of both halides is flat under stress and mixing, so are the halogens of
    both kinds, and no reaction turns: what reactions see is what moves the halides."""
    runner = Runner(reacting_film(), 1e-7)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([1e2, 1e12]), "rest")
    runner.equations.evaluate(0.0, runner.state.y)
    t, y, state = runner.tables, runner.state.y, runner.equations.state
    first, vacancy = y[t.slot[HALIDE]], y[t.slot[VACANCY]]
    shares = np.array([first, 1.0 - first - vacancy])
    potentials = np.log(shares / vacancy) + state.excess - y[t.slot[PSI]]
    assert np.ptp(state.excess, axis=1).min() > 0.05
    assert np.ptp(potentials, axis=1).max() <= 1e-6
    neutral = [s for s, plan in enumerate(runner.problem.plans) if plan.formula in ("Cl", "Br")]
    assert [float(t.species[CHARGE, s]) for s in neutral] == [0.0, 0.0]
    halogen = y[t.slot[SPECIES + np.array(neutral)]]
    assert (np.ptp(halogen, axis=1) <= 1e-6 * halogen.max(axis=1)).all()
    assert np.ptp(shares[0]) > 0.01  # while the halides themselves are spread by the stress


def test_open_lattices_share_both_halides() -> None:
    """Two lattices of unlike composition, open to one another, end with one composition; each halide is conserved."""
    run = Couple(bilayer(4.3, 4.3), [1e6])
    assert np.ptp(run.composition[-1]) <= 1e-6
    chloride = [float((x * (1.0 - v) * run.width).sum())
                for x, v in zip(run.composition, run.vacancies, strict=True)]  # fmt: skip
    assert_allclose(chloride[-1], chloride[0], rtol=1e-12)


def test_everything_at_once_ages_and_is_symmetric() -> None:
    """Stress, mixing and feedbacks with every reaction for an hour: balances hold, and a mirrored stack does the
    same."""
    protocol = ps.Protocol([ps.constant_current("10 mA/cm^2", duration="1 h")])
    led = stressed_led((16, 24, 16))
    one, other = (ps.simulate(own, protocol, rtol=1e-6) for own in (led, led.mirrored()))
    assert_allclose(other.terminals["V"].values[-1], one.terminals["V"].values[-1], rtol=1e-5)
    x = [run.fields["x_Cl"].values[-1] for run in (one, other)]
    assert_allclose(x[1][::-1], x[0], rtol=1e-4)
    assert np.nanmax(x[0]) - np.nanmin(x[0]) > 0.02


def test_bands_follow_the_elastic_strain() -> None:
    """Gap and affinity move by their slopes times the trace of the elastic strain; rest stays rest."""
    x, misfit = 0.4, 0.004
    lattice = dict(perovskite("film", 1, 1)["lattice"], x_Cl=x, misfit_strain=misfit, affinity_strain_slope=-2.0,
                   ionisation_strain_slope=1.0)  # fmt: skip
    own = device([layer("film", 30, 24, lattice=lattice, k_radiative=1e-16)], 4.3, 4.3)
    run = ps.simulate(own, ps.Protocol([ps.short_circuit("1 s")]))
    trace = misfit * 2.0 * (1.0 - 2.0 * 0.3) / (1.0 - 0.3)
    gap = run.fields["E_c"].values[0] - run.fields["E_v"].values[0]
    assert_allclose(gap, 5.8 - 3.2 + (1.0 + 2.0) * trace, rtol=1e-9)
    n, p = run.fields["n"].values[0], run.fields["p"].values[0]
    assert_allclose(np.log(n * p), np.log(2e24 * 2e24) - gap / KT, rtol=1e-9)
    assert np.abs(run.fields["R_radiative"].values[0]).max() <= 1e-9 * (1e-16 * n * p).max()
