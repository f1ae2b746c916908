"""Halides off their sites: partition between layers, a junction that lets little through, Frenkel pairs, X+."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, perovskite
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.device.kernels.tables import CHARGE, HALIDE, PSI, SPECIES, VACANCY
from perovsim.device.outputs.contents import Contents
from perovsim.device.running.run import Runner

KT = K_B * 300.0 / Q
REFERENCE = 1e26


def dissolved(name: str, formula: str, charge: int, **layers: tuple[float, float]) -> dict:
    """A species with (diffusivity, solvation energy) by layer."""
    places = {layer: {"diffusivity": d, "solvation_energy": e} for layer, (d, e) in layers.items()}
    return {"name": name, "formula": formula, "charge": charge, "reference_density": REFERENCE, "layers": places}


def reaction(name: str, text: str, site: str, rate: str) -> dict:
    return {"kind": "reaction", "name": name, "reaction": text, "site": site, "rate": rate}


def two_boxes(energy: float, permeability: float | None = None):
    """Two empty layers in which neutral chlorine dissolves, `energy` [eV] worse in the second."""
    from devices import layer

    parts = [layer("first", 20, 12, transport=False), layer("second", 40, 24, transport=False)]
    places = {"first": (1e-12, 0.0), "second": (1e-12, energy)}
    species = [dissolved("atom", "Cl", 0, **places), dissolved("molecule", "Cl2", 0, **places)]
    junction = {"between": "first|second"} | ({} if permeability is None else {"permeability": permeability})
    still = reaction("held", "2 Cl -> Cl2", "layer:first", "0 mol/m^3/s")
    return device(parts, 4.3, 4.3, species=species, process=[still], interface=[junction],
                  electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip


def densities(runner: Runner, formula: str) -> np.ndarray:
    """Density of a species over the cells [m^-3], NaN where it does not live, in units of the reference."""
    s = next(k for k, plan in enumerate(runner.problem.plans) if plan.formula == formula)
    slot = runner.tables.slot[SPECIES + s]
    return np.where(slot >= 0, runner.state.y[slot], np.nan)


def poured(own, times) -> list[np.ndarray]:
    """Chlorine atoms in the first layer at the start; their densities at the times."""
    runner = Runner(own, 1e-8)
    s = next(k for k, plan in enumerate(runner.problem.plans) if plan.formula == "Cl")
    runner.state.y[runner.tables.slot[SPECIES + s, :12]] = 1.0
    runner.record_start()
    found, clock = [], 0.0
    for time in times:
        runner.follow_current(0.0, 0.0, np.array([time - clock]), "leakage", [])
        found.append(densities(runner, "Cl"))
        clock = time
    return found


@pytest.mark.parametrize("energy", [0.1, -0.05, 0.3])
def test_partition_between_layers(energy: float) -> None:
    """At rest the densities stand as K_p = exp(-dG/kT)."""
    c = poured(two_boxes(energy), [1e3])[0]
    assert np.ptp(c[:12]) <= 1e-8 * c[0]
    assert_allclose(c[-1] / c[0], np.exp(-energy / KT), rtol=1e-6)


@pytest.mark.parametrize("energy", [0.0, 0.05, -0.05])
def test_a_junction_of_low_permeability_limits_the_exchange(energy: float) -> None:
    """J = P (c_u - c_u,eq), c_u of the side where the species is less at home: both layers relax with
    exp(-P t (K/L_1 + 1/L_2)), K = min(K_p, 1), for L P/D << 1; the partition is the same."""
    permeability = 1e-9
    k = np.exp(-energy / KT)
    low = min(k, 1.0)
    rate = permeability * (low / 20e-9 + low / k / 40e-9)
    early, late, end = poured(two_boxes(energy, permeability), [0.5 / rate, 1.5 / rate, 100.0 / rate])
    assert_allclose(end[-1] / end[0], k, rtol=1e-6)
    assert_allclose(np.log((early[0] - end[0]) / (late[0] - end[0])), 1.0, rtol=0.01)


def test_a_tight_junction_lets_nothing_through() -> None:
    c = poured(two_boxes(0.0, 0.0), [1e9])[0]
    assert np.abs(c[12:]).max() <= 1e-12


@pytest.mark.parametrize("permeability", [1e-10, 1e-9, None])
def test_an_interlayer_at_the_metal_limits_its_reaction(permeability: float | None) -> None:
    """Al takes up chlorine as fast as it comes: a layer of thickness L empties with P/L through LiF, and without it
    with the first mode of diffusion into a sink, D (pi/2L)^2."""
    from devices import layer

    length, diffusivity = 40e-9, 1e-15 if permeability is None else 1e-12
    part = layer("film", 40, 40, transport=False)
    own = device([part], 4.3, 4.3, species=[dissolved("atom", "Cl", 0, film=(diffusivity, 0.0))],
                 process=[{**reaction("uptake", "Al + 3 Cl -> AlCl3", "contact:anode", "1e6 mol/m^2/s"),
                           "elementary_steps": 3}],
                 electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip
    if permeability is not None:
        own = own.with_values({"contact.anode.permeability": permeability})
    rate = diffusivity * (np.pi / (2.0 * length)) ** 2 if permeability is None else permeability / length
    runner = Runner(own, 1e-8)
    s = next(k for k, plan in enumerate(runner.problem.plans) if plan.formula == "Cl")
    slot, found = runner.tables.slot[SPECIES + s], []
    runner.state.y[slot] = 1e-3
    runner.record_start()
    for time in (1.0 / rate, 1.0 / rate):
        runner.follow_current(0.0, 0.0, np.array([time]), "uptake", [])
        found.append(runner.state.y[slot] @ runner.mesh.widths)
    assert_allclose(np.log(found[0] / found[1]), 1.0, rtol=0.01)


def frenkel(energy: float, rate: str = "1e-3 mol/m^3/s"):
    """A bromide lattice whose anions leave their sites for places between them, `energy` [eV] higher."""
    film = perovskite("film", 40, 30, vacancies=1e20, halides=("Br",), x_Cl=0.0, theta_reference=1.0)
    return device([film], 4.3, 4.3, species=[dissolved("interstitial", "Br_i-", -1, film=(1e-15, energy))],
                  process=[reaction("pairs", "Br- -> Br_i-", "layer:film", rate)],
                  electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip


def at_rest(made) -> tuple[Runner, Contents, float]:
    """A run of a device until its pairs are in equilibrium, its contents, and the bromine that it began with [m^-2]."""
    runner = Runner(made, 1e-8)
    contents = Contents(runner.problem)
    bromine = contents.amount("Br", runner.state.y)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([1e12]), "rest")
    return runner, contents, bromine


def test_frenkel_pairs_come_to_their_equilibrium() -> None:
    """S = k (K a_X - a_V a_i): a_V a_i/a_X = exp(-G/kT) in every cell, as many vacancies as interstitials made."""
    energy = 0.45
    runner, contents, bromine = at_rest(frenkel(energy))
    t, y = runner.tables, runner.state.y
    vacancy, between = y[t.slot[VACANCY]], densities(runner, "Br_i-")
    assert_allclose(vacancy * between / (1.0 - vacancy), np.exp(-energy / KT), rtol=1e-8)
    made = vacancy[15] * 1.57e28 - 1e20
    assert made > 1e23
    assert_allclose(between[15] * REFERENCE, made, rtol=1e-6)  # neutral in the middle
    assert_allclose(contents.amount("Br", y), bromine, rtol=1e-13)


def test_frenkel_source_is_linear_in_the_distance_from_equilibrium() -> None:
    """Rate of pairs k (K a_X - a_V a_i): with few of them k K of the start, read from the extent."""
    energy = 0.6
    runner = Runner(frenkel(energy, "1e-3 mol/m^3/s"), 1e-8)
    runner.record_start()
    time = 1e-3
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([time]), "start")
    pairs = runner.state.z[-1] / 40e-9 / time  # [m^-3 s^-1]
    full = 1e-3 * 6.02214076e23 * np.exp(-0.5 * energy / KT)  # alpha = 1/2 of the affinity -G/kT
    assert_allclose(pairs, full, rtol=1e-4)


def test_anions_pass_from_the_lattice_into_the_next_layer() -> None:
    """J = k_t [theta_X - theta_V c/(c_ref K_p)] at a junction: at rest the potential of the anion is one, lattice and
    layer alike, and what has left the lattice stands in the layer."""
    from devices import layer

    energy = 0.35
    film = perovskite("film", 20, 20, vacancies=1e24, halides=("Br",), x_Cl=0.0, theta_reference=1e-2)
    etl = layer("etl", 20, 20, transport=False)
    own = device([film, etl], 4.3, 4.3, species=[dissolved("anion", "Br_i-", -1, etl=(1e-15, energy))],
                 process=[reaction("transfer", "Br- -> Br_i-", "interface:film|etl", "1e-6 mol/m^2/s")],
                 electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip
    runner = Runner(own, 1e-8)
    contents = Contents(runner.problem)
    bromine = contents.amount("Br", runner.state.y)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([1e12]), "rest")
    t, y = runner.tables, runner.state.y
    vacancy, psi, c = y[t.slot[VACANCY, :20]], y[t.slot[PSI]], densities(runner, "Br_i-")[20:]
    on_sites = np.log((1.0 - vacancy) * 1e-2 / vacancy) - psi[:20]
    in_layer = np.log(c) + energy / KT - psi[20:]
    assert_allclose(on_sites, on_sites[0], rtol=0, atol=1e-6)
    assert_allclose(in_layer, on_sites[0], rtol=0, atol=1e-6)
    assert c.min() > 1e-12
    assert_allclose(contents.amount("Br", y), bromine, rtol=1e-13)


@pytest.mark.parametrize("rate", ["1e-9 mol/m^2/s", "1e-3 mol/m^2/s"])
def test_charge_that_a_reaction_takes_across_a_junction_is_current(rate: str) -> None:
    """The current is uniform through the junction too, where anions pass by a reaction and not as a flux."""
    from devices import coarse_led

    led = coarse_led((4, 8, 6), ("oxidised_halogen", "electrochemical_corrosion"))
    led = led.with_values({f"process.transfer_{x}.rate": rate for x in ("Cl", "Br")})
    run = ps.simulate(led, ps.Protocol([ps.constant_current(100.0, "10 min")]))
    assert abs(run.interfaces["extent_transfer_Br"].values[-1]) > 1e-9
    allowed = 1e-6 + run.balance["current_rounding_floor"].values
    assert np.all(run.balance["current_uniformity"].values <= allowed)


def test_what_comes_by_a_reaction_fills_the_sites_and_no_more() -> None:
    """X- from the lattice in a layer with few sites: ln[c/(1 - c/N)] has the level of the lattice, c < N."""
    from devices import layer

    energy, sites = 0.1, 1e-4
    film = perovskite("film", 20, 20, vacancies=1e26, halides=("Br",), x_Cl=0.0, theta_reference=1e-2)
    place = dissolved("anion", "Br_i-", -1, etl=(1e-15, energy))
    density = float(place["reference_density"])
    place["layers"]["etl"]["site_density"] = sites * density
    own = device([film, layer("etl", 20, 20, transport=False)], 4.3, 4.3, species=[place],
                 process=[reaction("transfer", "Br- -> Br_i-", "interface:film|etl", "1e-6 mol/m^2/s")],
                 electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip
    runner = Runner(own, 1e-8)
    runner.record_start()
    runner.follow_voltage(0.0, 0.0, 0.0, np.array([1e12]), "rest")
    t, y = runner.tables, runner.state.y
    vacancy, psi, c = y[t.slot[VACANCY, :20]], y[t.slot[PSI]], densities(runner, "Br_i-")[20:]
    on_sites = np.log((1.0 - vacancy) * 1e-2 / vacancy) - psi[:20]
    in_layer = np.log(c / (1.0 - c / sites)) + energy / KT - psi[20:]
    assert_allclose(in_layer, on_sites[0], rtol=0, atol=1e-6)
    assert 0.5 * sites < c.max() < sites


def test_cations_of_halogen_drift_to_the_cathode() -> None:
    """X+ between the sites goes with the field, X- on them (through vacancies) against it."""
    film = perovskite("film", 40, 30, vacancies=1e22, halides=("Cl", "Br"))
    places = {"film": (1e-14, 5.5)}
    species = [dissolved("cation", "Cl+", 1, **places), dissolved("atom", "Cl", 0, film=(0.0, 0.0))]
    still = {**film, "transport": True}
    own = device([still], 4.3, 4.3, species=species, process=[
        reaction("ionisation", "Cl + h+ -> Cl+", "layer:film", "0 m^3/s")],
        electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip
    runner = Runner(own, 1e-7)
    s = next(k for k, plan in enumerate(runner.problem.plans) if plan.formula == "Cl+")
    assert runner.tables.species[CHARGE, s] == 1.0
    slot, x = runner.tables.slot, runner.mesh.centres
    runner.state.y[slot[SPECIES + s]] = 1e-6
    runner.record_start()
    halide = runner.state.y[slot[HALIDE]] @ (x * runner.mesh.widths)
    runner.follow_voltage(0.5, 0.0, 0.0, np.array([1e-2]), "forward")  # the cathode is at x = 0
    cations, y = runner.state.y[slot[SPECIES + s]], runner.state.y
    weights = cations * runner.mesh.widths
    assert (weights @ x) / weights.sum() < 0.45 * 40e-9
    assert y[slot[HALIDE]] @ (x * runner.mesh.widths) > halide  # chloride, towards the anode
    assert y[slot[PSI]][0] < y[slot[PSI]][-1]


def schottky(energy: float):
    """A bromide lattice that gives off CsBr and keeps empty sites of both ions, `energy` [eV] higher."""
    film = perovskite("film", 40, 30, vacancies=1e20, halides=("Br",), x_Cl=0.0, theta_reference=1.0)
    species = [
        dissolved("V_Cs", "V_Cs-", -1, film=(1e-16, energy)),
        dissolved("salt", "CsBr", 0, film=(0.0, 0.0)),
    ]
    species[0]["layers"]["film"]["site_density"] = CAESIUM_SITES
    return device([film], 4.3, 4.3, species=species,
                  process=[reaction("pairs", "Br- -> V_Cs- + CsBr", "layer:film", "1e-3 mol/m^3/s")],
                  electrochemistry={"redox_level": "-4.3 eV"})  # fmt: skip


CAESIUM_SITES = 1.57e28 / 3.0


def test_schottky_pairs_come_to_their_equilibrium() -> None:
    """Cs_Cs + Br_Br -> V_Cs' + V_Br* + CsBr: beside the salt the product of the vacancies is exp(-G/kT) in every cell,
    as many of one as of the other and of salt; the numbers of sites and of atoms stay."""
    energy = 0.45
    runner, contents, bromine = at_rest(schottky(energy))
    y, slot = runner.state.y, runner.tables.slot
    vacancy, empty, salt = y[slot[VACANCY]], densities(runner, "V_Cs-"), densities(runner, "CsBr")
    free = 1.0 - empty * REFERENCE / CAESIUM_SITES
    assert_allclose(vacancy / (1.0 - vacancy) * empty / free, np.exp(-energy / KT), rtol=1e-8)
    made = vacancy * 1.57e28 - 1e20
    assert made[15] > 1e23
    assert_allclose(empty[15] * REFERENCE, made[15], rtol=1e-6)  # neutral in the middle
    widths = runner.mesh.widths
    assert_allclose([salt @ widths, empty @ widths], made @ widths / REFERENCE, rtol=1e-9)
    assert_allclose(contents.amount("Br", y), bromine, rtol=1e-13)
    assert abs(contents.amount("Cs", y)) <= 1e-13 * contents.inventory("Cs", y)


def test_an_empty_site_counts_as_the_atom_that_is_not_there() -> None:
    from perovsim.model.equation import composition, parse_equation

    assert composition("V_Cs-") == ({"Cs": -1}, -1)
    assert parse_equation("Cl- -> V_Cs- + CsCl").species == ("Cl-", "V_Cs-", "CsCl")
    with pytest.raises(ValueError, match="not balanced"):
        parse_equation("Cl- -> V_Cs- + 2 CsCl")
