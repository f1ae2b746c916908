"""The lamella against the device state that it was built from."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atoms_synthetic import CELL_BR, CELL_CL, device, result  # noqa: E402

from perovsim.atoms import build_lamella, lamella_figure  # noqa: E402
from perovsim.atoms.checks import Check, check_composition, raise_failures  # noqa: E402
from perovsim.atoms.clusters import recorded  # noqa: E402
from perovsim.atoms.perovskite import fill_lattice  # noqa: E402
from perovsim.atoms.piece import periodic_pairs  # noqa: E402
from perovsim.atoms.state import state_at  # noqa: E402
from perovsim.errors import PerovsimError  # noqa: E402

CELL = CELL_BR + 0.3 * (CELL_CL - CELL_BR)
SMALL = {"width": "8 nm", "thickness": "4 nm", "height": "3 nm"}


@pytest.fixture(scope="module")
def cathode():
    return build_lamella(result(film=0.9e-9, blocked=0.6), time="1 h", around="etl|cathode", **SMALL)


def columns(lamella, symbol):
    positions = lamella.atoms.positions[np.array(lamella.atoms.get_chemical_symbols()) == symbol]
    return np.unique(np.round(positions[:, 0], 6)) * 1e-10 + lamella.window[0]


def test_plane_spacing_is_the_strained_cell():
    """du/dx of uniform strain: every Pb plane is (1 + strain) times the Vegard cell away."""
    aged = build_lamella(result(strain=0.012), time=3600.0, around="emitter|etl", **SMALL)
    planes = columns(aged, "Cs")
    assert_allclose(np.diff(planes), CELL * 1.012, rtol=1e-5)
    assert_allclose(aged.truth.strain_xx, 0.012, rtol=1e-9)
    assert_allclose(aged.reference_cell, CELL, rtol=1e-12)
    assert_allclose(aged.interface, 40e-9)


def test_time_between_outputs_is_interpolated():
    half = build_lamella(result(strain=0.012), time="30 min", around="emitter|etl", **SMALL)
    assert_allclose(half.truth.strain_xx, 0.006, rtol=1e-9)


def test_relaxation_takes_away_the_elastic_strain_only():
    run = result(strain=0.012)
    run.fields["strain_elastic"] = 0.25 * run.fields["strain_lattice"]
    free = build_lamella(run, time=3600, around="emitter|etl", relaxation=1.0, **SMALL)
    assert_allclose(np.diff(columns(free, "Cs")), CELL * 1.009, rtol=1e-5)


def test_displacement_is_the_integral_of_a_varying_strain():
    """Planes of a strain that grows as s x / d lie at x + s x^2 / 2 d."""
    run = result(strain=1.0)
    slope = (40e-9 - run.fields.x) / 30e-9 * 0.02
    run.fields["strain_lattice"] = run.fields["strain_lattice"] * slope
    lamella = build_lamella(run, time=3600, window=("15 nm", "39.9 nm"), thickness="2 nm", height="2 nm")
    planes = columns(lamella, "Cs")
    depth = 40e-9 - lamella.truth.x_material.values
    expected = 40e-9 - depth - 0.02 * depth**2 / 2 / 30e-9
    cs = np.array([expected[np.argmin(np.abs(expected - x))] for x in planes])
    assert len(planes) > 30
    assert_allclose(planes, cs, atol=3e-13)


def test_in_plane_strain_sets_whole_cells_of_the_misfit():
    made = device()
    made.layers[1].lattice.misfit_strain = -0.01
    lamella = build_lamella(result(made), time=0.0, around="emitter|etl", **SMALL)
    lengths = lamella.atoms.cell.lengths()[1:] * 1e-10
    cells = lengths / (CELL * 0.99)
    assert_allclose(cells, np.round(cells), atol=1e-9)
    assert_allclose(lamella.truth.strain_in_plane, -0.01, rtol=1e-9)


def test_composition_follows_the_profile_of_its_time():
    made = result(x_cl=(0.8, 0.0))
    lamella = build_lamella(made, time=3600, window=(12e-9, 38e-9), thickness="4 nm", height="3 nm")
    symbols = np.array(lamella.atoms.get_chemical_symbols())
    x = lamella.atoms.positions[:, 0] * 1e-10 + lamella.window[0]
    for low, high in ((13e-9, 17e-9), (33e-9, 37e-9)):
        part = symbols[(x > low) & (x < high)]
        chlorine, bromine = (part == "Cl").sum(), (part == "Br").sum()
        expected = 0.8 * (40e-9 - 0.5 * (low + high)) / 30e-9
        sigma = np.sqrt(expected * (1 - expected) / (chlorine + bromine))
        assert_allclose(chlorine / (chlorine + bromine), expected, atol=5 * sigma)


def test_vacancies_are_missing_atoms():
    lamella = build_lamella(result(theta_v=0.1), time=0.0, around="emitter|etl", **SMALL)
    symbols = np.array(lamella.atoms.get_chemical_symbols())
    sites = 3 * (symbols == "Cs").sum()
    filled = (symbols == "Cl").sum() + (symbols == "Br").sum()
    assert_allclose(filled / sites, 0.9, atol=5 * np.sqrt(0.09 / sites))


def test_lead_clusters_hold_the_lead_of_the_fields_and_lead_is_conserved():
    lead = 4e26
    run = result(lead=lead)
    before = build_lamella(run, time=0.0, around="emitter|etl", **SMALL)
    after = build_lamella(run, time=3600.0, around="emitter|etl", **SMALL)
    metal = after.phases["Pb"]
    cells = before.composition["Cs"]
    assert abs(metal - lead * cells * CELL**3) <= 1.0
    assert after.composition["Pb"] == before.composition["Pb"]
    assert "Pb" not in before.phases


def with_clusters(lead, radius, deviation):
    """A run whose lead is in clusters of a mean radius [m]; density of lead in the metal 33 atoms per nm^3 (fcc)."""
    run = result(lead=lead)
    density = lead * 1e-27 / 33.0 / (4 / 3 * np.pi * (radius * 1e9) ** 3) * 1e27
    for name, value in (("density", density), ("mean_radius", radius), ("radius_spread", deviation)):
        run.fields[f"pb_cluster_{name}"] = xr.where(np.isfinite(run.fields["Pb0"]), value, np.nan)
    return run


def clusters_of(lamella):
    """Return the atoms of each cluster."""
    return np.unique(lamella.atoms.arrays["residue"][lamella.atoms.arrays["phase"] == "Pb"], return_counts=True)[1]


def test_clusters_have_the_number_and_the_sizes_of_the_devices_states():
    """Number = density x volume of the lattice; the same lead as without the states; a radius of the user wins."""
    run = with_clusters(2e27, 0.4e-9, 0.0)
    found = build_lamella(run, time=3600.0, around="emitter|etl", **SMALL)
    plain = build_lamella(result(lead=2e27), time=3600.0, around="emitter|etl", **SMALL)
    assert abs(found.phases["Pb"] - plain.phases["Pb"]) <= 1
    volume = build_lamella(run, time=0.0, around="emitter|etl", **SMALL).composition["Cs"] * CELL**3
    sizes = clusters_of(found)
    expected = float(run.fields["pb_cluster_density"].max()) * volume
    assert_allclose(len(sizes), expected, atol=0.1 * expected + 1)
    assert np.ptp(sizes) <= 1
    radii = np.cbrt(sizes / 33.0 / (4 / 3 * np.pi))
    assert_allclose(radii.mean(), 0.4, rtol=0.06)
    given = build_lamella(run, time=3600.0, around="emitter|etl", cluster_radius="1 nm", **SMALL)
    assert len(clusters_of(given)) == len(clusters_of(plain)) < len(sizes)


def test_clusters_have_the_spread_of_the_devices_states():
    """Standard deviation of ln(radius) of a log-normal distribution of s / m = 0.3: sqrt(ln(1.09)) = 0.294."""
    grid = np.linspace(20e-9, 30e-9, 200)
    state = state_at(with_clusters(4e26, 0.5e-9, 0.15e-9), 3600.0)
    number, spread = recorded(state, grid, (10e-9, 40e-9), 1e-17)
    assert_allclose(spread, np.sqrt(np.log(1.09)), rtol=1e-6)
    assert_allclose(number, float(np.nanmax(state.profiles["pb_cluster_density"])) * 200 * (grid[1] - grid[0]) * 1e-17)
    assert recorded(state_at(result(lead=4e26), 3600.0), grid, (10e-9, 40e-9), 1e-17) is None


def test_clusters_that_were_there_before_take_no_lead_from_the_lattice():
    lead = 4e26
    lamella = build_lamella(result(lead=lead, lead_start=lead), time=3600.0, around="emitter|etl", **SMALL)
    left = next(row for row in lamella.checks if row.name.startswith("lead sites"))
    assert "0 of them without a cluster" in left.note
    assert lamella.composition["Pb"] > lamella.composition["Cs"]


def test_film_amount_is_that_of_the_device_state(cathode):
    film = cathode.atoms[cathode.atoms.arrays["phase"] == "AlCl3"]
    units = len(film) // 4
    area = cathode.height * cathode.thickness
    # 53.77 cm3/mol (CRC density of AlCl3) : 0.9 nm over the area
    assert_allclose(units, 0.9e-9 * area / 53.77e-6 * 6.02214076e23, atol=1.0)
    assert film.get_chemical_formula(empirical=True) == "AlCl3"


def test_no_film_leaves_no_chlorine_at_the_cathode():
    fresh = build_lamella(result(film=0.9e-9), time=0.0, around="etl|cathode", **SMALL)
    assert set(fresh.phases) == {"TPBi", "Al"}
    assert "Cl" not in fresh.composition


def test_film_thinner_than_a_layer_is_patches_of_one_layer():
    thin = build_lamella(result(film=0.25e-9), time=3600, around="etl|cathode", **SMALL)
    film = thin.atoms.positions[thin.atoms.arrays["phase"] == "AlCl3"]
    assert np.ptp(film[:, 0]) < 3.5  # one Cl-Al-Cl layer: 2 x 1.33 angstrom
    grid = np.zeros((6, 8), bool)
    grid[(film[:, 1] / 5).astype(int) % 6, (film[:, 2] / 5).astype(int) % 8] = True
    assert not grid.all()


def test_bromide_in_the_film_is_counted():
    mixed = build_lamella(result(film=0.6e-9, film_br=0.6e-9), time=3600, around="etl|cathode", **SMALL)
    film = mixed.atoms[mixed.atoms.arrays["phase"] == "AlCl3"]
    share = (film.numbers == 35).sum() / (film.numbers != 13).sum()
    assert_allclose(share, 53.77 / (53.77 + 83.34), atol=0.01)  # equal volumes, CRC densities


def test_distances_and_slice_borders_hold(cathode):
    atoms = cathode.atoms
    box = atoms.cell.lengths()
    _, vectors = periodic_pairs(atoms.positions.copy(), 2.5, box)
    assert np.linalg.norm(vectors, axis=1).min() > 1.28
    step = cathode.slice_thickness * 1e10
    z = atoms.positions[:, 2]
    assert np.abs(z - step * np.round(z / step)).min() > 0.005
    assert atoms.positions[:, 0].min() >= 0
    assert atoms.positions[:, 0].max() <= box[0]


def test_mirrored_device_puts_the_metal_on_the_other_side():
    mirrored = result(device(mirrored=True), film=0.9e-9)
    lamella = build_lamella(mirrored, time=3600, around="cathode|etl", **SMALL)
    x = lamella.atoms.positions[:, 0]
    phase = lamella.atoms.arrays["phase"]
    assert x[phase == "Al"].mean() < x[phase == "AlCl3"].mean() < x[phase == "TPBi"].mean()


def test_same_seed_same_atoms_and_other_seed_other_atoms():
    run = result()
    one, two, other = (build_lamella(run, time=0.0, around="emitter|etl", seed=s, **SMALL) for s in (4, 4, 5))
    assert_allclose(one.atoms.positions, two.atoms.positions, rtol=0, atol=0)
    assert np.array_equal(one.atoms.numbers, two.atoms.numbers)
    assert not np.array_equal(one.atoms.numbers[:2000], other.atoms.numbers[:2000])


def test_provenance_is_kept(cathode):
    assert cathode.device == "synthetic"
    assert cathode.time == 3600.0
    assert cathode.hypotheses == ("field_drift",)
    assert "assumed" in cathode.citation
    with pytest.raises(dataclasses.FrozenInstanceError):
        cathode.seed = 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": "2 h"}, "outside the result"),
        ({"time": -1.0}, "outside the result"),
        ({"around": "emiter|etl"}, "did you mean 'emitter|etl'"),
        ({"around": "htl|cathode"}, "no interface"),
        ({"around": None, "window": ("100 nm", "120 nm")}, "outside the stack"),
        ({"around": None, "window": ("30 nm", "20 nm")}, "outside the stack"),
        ({"thickness": "0.3 nm"}, "less than one cell"),
        ({"height": "0.1 nm"}, "less than one cell"),
        ({"width": "0.1 nm"}, "less than one cell"),
        ({"width": "-3 nm"}, "must be positive"),
        ({"around": None}, "either around"),
        ({"relaxation": 2.0}, "between 0 and 1"),
        ({"time": "1 nm"}, "wrong dimension"),
    ],
)
def test_bad_requests_are_refused_with_a_remedy(change, words):
    request = {"time": 0.0, "around": "emitter|etl", **SMALL, **change}
    with pytest.raises(PerovsimError, match=words.replace("|", r"\|")):
        build_lamella(result(), **request)


def test_material_without_structure_is_refused():
    made = device()
    made.layers[2].material = "Unobtainium"
    with pytest.raises(PerovsimError, match="no atomic structure for material 'Unobtainium'"):
        build_lamella(result(made), time=0.0, around="emitter|etl", **SMALL)


def test_lattice_that_is_no_perovskite_is_refused():
    made = device()
    made.layers[1].lattice.lead_density *= 1.5
    with pytest.raises(PerovsimError, match="2 halide sites per lead"):
        build_lamella(result(made), time=0.0, around="emitter|etl", **SMALL)


def test_shipped_device_gives_a_lamella_on_both_sides_of_its_emitter():
    from perovsim.model.loader import load_device

    path = Path(__file__).resolve().parents[2] / "models" / "devices" / "nanoled_like.toml"
    run = result(load_device(path), x_cl=(0.36, 0.3), film=1e-9, start=0.36)
    for around in ("anode|htl", "htl|emitter", "emitter|etl", "etl|cathode"):
        lamella = build_lamella(run, time="1 h", around=around, **SMALL)
        assert all(row.passed for row in lamella.checks)


def test_more_lead_than_the_lattice_has_is_refused():
    with pytest.raises(PerovsimError, match="Pb"):
        build_lamella(result(lead=8e27), time=3600, around="emitter|etl", **SMALL)


def test_a_failed_check_raises_with_both_numbers():
    with pytest.raises(PerovsimError, match="Cl: 10 .*expected 20"):
        raise_failures((Check("Cl", 10.0, 20.0, 3.0, "atoms"),))


def test_composition_check_notices_a_wrong_draw(monkeypatch):
    """Chlorine put on every halide site must not pass."""
    caught = {}

    def spoil(*args):
        lattice = fill_lattice(*args)
        wrong = np.where(lattice.halide, 17, lattice.numbers)
        caught["lattice"] = dataclasses.replace(lattice, numbers=wrong)
        return caught["lattice"]

    monkeypatch.setattr("perovsim.atoms.assemble.fill_lattice", spoil)
    with pytest.raises(PerovsimError, match="Cl in emitter"):
        build_lamella(result(), time=0.0, around="emitter|etl", **SMALL)
    assert not all(row.passed for row in check_composition("emitter", caught["lattice"]))


def test_figure_has_two_views_and_the_profiles(cathode):
    figure = lamella_figure(cathode)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[:3] == ["y [nm]", "z [nm]", "x_Cl"]
    assert any("nm" in text.get_text() for text in figure.axes[0].texts)
    height, width = (
        figure.axes[0].get_position().height * figure.get_size_inches()[1],
        figure.axes[0].get_position().width * figure.get_size_inches()[0],
    )
    assert_allclose(height / width, cathode.height / 8e-9, rtol=1e-6)
