"""Studies of variants: the file, its devices, one page, and what a wrong line says."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest

from perovsim.errors import ModelFileError
from perovsim.model import check_file, load_device
from perovsim.result import load_result
from perovsim.study import WhatIf, load_study, run_study

LEVERS = ("ion_blocking_interlayer", "contact_stabilisation", "interface_strain", "chloride_fraction")
STUDY = """format = "perovsim-study/1"
name = "small"
device = "device.toml"
protocol = "protocol.toml"
processes = ["oxidised_halogen", "corrosion_couple"]
common = { "layer.emitter.stress_coupling" = true }
[[variant]]
name = "as_built"
[[variant]]
name = "blocked"
vary = { "interface.emitter|etl.permeability" = "1e-12 m/s" }
[[variant]]
name = "inert"
title = "inert metal"
without = ["Al", "AlBr3"]
"""
PROTOCOL = """format = "perovsim-protocol/1"
points_per_decade = 2
[[step]]
kind = "constant_current"
current_density = "10 mA/cm^2"
duration = "10 s"
"""


def written(folder):
    """The file of a study of three variants on a coarse mesh."""
    device = load_device("nanoled_like")
    coarse = [layer.replace(cells=20) for layer in device.layers]
    (folder / "device.toml").write_text(device.replace(layers=coarse).to_toml())
    (folder / "protocol.toml").write_text(PROTOCOL)
    path = folder / "small.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def small(tmp_path):
    return written(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The study and the page that it has made."""
    path = written(tmp_path_factory.mktemp("study"))
    return path, run_study(path, path.parent / "out", progress=lambda *_: None)


@pytest.mark.parametrize("name", LEVERS)
def test_levers_are_one_line_each(name, root):
    """Every shipped lever loads, its variants differ from the device as built, each by one line of the file."""
    study = load_study(name)
    assert isinstance(study, WhatIf)
    made = study.devices()
    assert len({device.to_toml() for device in made.values()}) == len(made) >= 3
    with (root / f"models/studies/{name}.toml").open("rb") as file:
        tables = tomllib.load(file)["variant"]
    for table in tables:
        assert len(set(table) - {"name", "title"}) <= 1
    assert check_file(root / f"models/studies/{name}.toml").kind == "study"


def test_variants_run_and_are_shown_side_by_side(finished):
    _, page = finished
    out = page.parent
    text = page.read_text(encoding="utf-8")
    for word in ("as built", "interface.emitter|etl.permeability = 1e-12 m/s", "no reaction of Al", "stress_coupling"):
        assert word in text
    found = json.loads((out / "findings.json").read_text())
    assert found["columns"] == ["as_built", "blocked", "inert"]
    runs = {name: load_result(out / f"{name}.nc") for name in found["columns"]}
    film = {name: float(run.interfaces["film_AlCl3"].values[-1]) for name, run in runs.items()}
    assert film["as_built"] > 0.0 and film["inert"] == 0.0
    etl = runs["as_built"].fields["layer"].values == "etl"
    arrived = {name: np.nansum(run.fields["c_Br_neutral"].values[-1][etl]) for name, run in runs.items()}
    assert arrived["blocked"] < 0.2 * arrived["as_built"]


def test_a_second_run_does_nothing(finished):
    said, (path, page) = [], finished
    run_study(path, page.parent, progress=lambda text, share=None: said.append(text))
    assert len(said) == 1 and "nothing to do" in said[0]


WRONG = {
    "path": ("interface.emitter|etl.permeability", "interface.emitter|etl.permeabilty", "did you mean"),
    "unit": ("1e-12 m/s", "1e-12 m", "wrong dimension"),
    "species": ('without = ["Al", "AlBr3"]', 'without = ["Ag"]', "no reaction that is on has it"),
    "twice": ('name = "blocked"', 'name = "as_built"', "given twice"),
    "key": ("vary =", "varies =", "did you mean"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_a_wrong_line_names_its_variant_and_the_remedy(case, small):
    right, wrong, message = WRONG[case]
    small.write_text(STUDY.replace(right, wrong))
    with pytest.raises(ModelFileError, match=message) as caught:
        load_study(small)
    assert "small.toml" in str(caught.value)
