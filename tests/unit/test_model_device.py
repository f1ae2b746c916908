"""Devices: loading, copies, paths, and the files that ship."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from perovsim.errors import ModelFileError
from perovsim.model import check_file, device_from_text, load_device
from perovsim.model.library import models_directory

DEVICES = sorted((models_directory() / "devices").glob("*.toml"))
FILES = [
    file
    for folder in ("devices", "materials", "protocols", "microscopes")
    for file in sorted((models_directory() / folder).glob("*.toml"))
]


@pytest.fixture(scope="module")
def nanoled():
    return load_device("nanoled_like")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_files_check_and_claim_no_measurement(file: Path) -> None:
    report = check_file(file)
    assert report.total > 0
    assert report.counts["measured"] == 0


@pytest.mark.parametrize("file", DEVICES, ids=lambda file: file.stem)
def test_a_device_writes_a_file_that_loads_to_the_same_device(file: Path) -> None:
    device = load_device(file)
    again = device_from_text(device.to_toml())
    assert again == device
    assert device_from_text(again.source_text) == device


def test_stack_of_the_nanoled_like_device(nanoled) -> None:
    assert [layer.name for layer in nanoled.layers] == ["htl", "emitter", "etl"]
    assert nanoled.contacts[0] is nanoled.anode
    assert sum(layer.cells for layer in nanoled.layers) >= 300
    assert_allclose(nanoled.layer("emitter").thickness.si, 50e-9, rtol=1e-14)
    assert nanoled.cathode.bare.si > nanoled.cathode.work_function.si
    assert set(nanoled.hypotheses) >= {"oxidised_halogen", "corrosion_couple"}


def test_lattice_densities_agree_with_the_cell(nanoled) -> None:
    # three halides and one lead per pseudo-cubic cell, Vegard at x_Cl = 0.36
    lattice = nanoled.emitter.lattice
    x = lattice.x_Cl.si
    cell = (1 - x) * lattice.lattice_parameter_Br.si + x * lattice.lattice_parameter_Cl.si
    assert_allclose(lattice.site_density.si, 3 / cell**3, rtol=1e-4)
    assert_allclose(lattice.lead_density.si, 1 / cell**3, rtol=1e-4)


def test_gap_follows_from_exciton_and_binding_energy(nanoled) -> None:
    # physics.md 2.7: E_ex(x) of the fit; binding 32.5 meV (Br) to 64 meV (Cl), linear
    lattice = nanoled.emitter.lattice
    x = lattice.x_Cl.si
    exciton = lattice.exciton_energy_Br.si * (1 - x) + lattice.exciton_energy_Cl.si * x
    exciton -= lattice.exciton_bowing.si * x * (1 - x)
    gap = nanoled.emitter.ionisation_energy.si - nanoled.emitter.electron_affinity.si
    assert_allclose(gap, exciton + 0.0325 * (1 - x) + 0.064 * x, atol=5e-3)


def test_with_values_copies_and_keeps_the_original(nanoled) -> None:
    slow = nanoled.with_values({"layer.emitter.D_vacancy": "1e-13 cm^2/s", "temperature": 310})
    assert_allclose(slow.layer("emitter").lattice.D_vacancy.si, 1e-17, rtol=1e-12)
    assert slow.temperature.si == 310.0
    assert nanoled.layer("emitter").lattice.D_vacancy.si != 1e-17
    assert slow.layer("emitter").lattice.D_vacancy.source == "user"
    assert device_from_text(slow.source_text) == slow


def test_every_parameter_path_reads_and_sets(nanoled) -> None:
    paths = dict(nanoled.parameters())
    assert len(paths) > 100
    for path, quantity in paths.items():
        assert nanoled.value(path) is quantity
        assert nanoled.with_values({path: quantity}) == nanoled
        file, line = nanoled.place(path)
        if path.endswith(".alpha"):  # not in the file: its table is named
            continue
        assert path.rpartition(".")[2] in Path(file).read_text().splitlines()[line - 1]


def test_switches(nanoled) -> None:
    off = nanoled.with_hypotheses("field_drift")
    assert not off.reactions
    assert off.process("blocking").enabled
    couple = nanoled.with_hypotheses("corrosion_couple")
    assert {item.hypothesis for item in couple.reactions} == {"corrosion_couple"}
    one = nanoled.with_processes({"exchange": False})
    assert "exchange" not in [item.name for item in one.enabled_processes]


def test_mirrored_device_lists_the_same_parts(nanoled) -> None:
    mirror = nanoled.mirrored()
    assert [layer.name for layer in mirror.layers] == ["etl", "emitter", "htl"]
    assert mirror.contacts[0].which == "cathode"
    assert mirror.mirrored() == nanoled


def test_objects_are_frozen(nanoled) -> None:
    with pytest.raises(Exception, match="frozen"):
        nanoled.layers[0].thickness = 3


def test_a_contact_is_ohmic_unless_said_otherwise() -> None:
    contact = load_device("ion_benchmark").contacts[0]
    assert contact.recombination_velocity_electron.si == math.inf


def test_ion_benchmark_repeats_the_published_set() -> None:
    # IonMonger parameters_template.m
    device = load_device("ion_benchmark")
    layer = device.layer("perovskite")
    (ion,) = layer.ions
    vt = 8.61733035e-5 * 298
    assert_allclose(ion.D.si, 6.5e-8 * math.exp(-0.58 / vt), rtol=1e-4)
    assert_allclose(ion.density.si, 1.6e25, rtol=1e-12)
    assert_allclose(layer.mobility_electron.si * vt, 1.7e-4, rtol=1e-4)
    assert_allclose(device.layer("htl").mobility_hole.si * vt, 1e-6, rtol=1e-4)
    built_in = device.anode.work_function.si - device.cathode.work_function.si
    assert_allclose(built_in, 1.1 - 2 * vt * math.log(50), atol=1e-5)


def test_the_corrosion_couple_has_no_carriers_and_two_electrodes() -> None:
    device = load_device("corrosion_couple")
    assert not device.layers[0].transport
    assert [item.equation.electrons for item in device.reactions] == [3, -2, -2]
    assert [item.equation.electrons for item in device.with_hypotheses("cell").reactions] == [3, -2]


def test_did_you_mean(nanoled) -> None:
    with pytest.raises(ModelFileError, match=r"did you mean 'layer\.emitter\.D_vacancy'"):
        nanoled.with_values({"layer.emitter.D_vacanci": 1})
    with pytest.raises(ModelFileError, match="did you mean 'oxidised_halogen'"):
        nanoled.with_hypotheses("oxidized_halogen")


def test_import_stays_light() -> None:
    code = (
        "import sys, perovsim.model\n"
        "heavy = {'pint', 'numba', 'abtem', 'fipy', 'matplotlib', 'xarray', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
