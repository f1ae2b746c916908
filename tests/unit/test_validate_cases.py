"""Cases: the shipped ones are complete and cited; a broken one gives one line with file, line and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perovsim.citation import bibliography
from perovsim.errors import ModelFileError, PerovsimError
from perovsim.validate import load_case, measured_table, validation_directory
from perovsim.validate.cases import load_cases

MEASURED = validation_directory() / "measured"
NAMES = sorted(path.name for path in MEASURED.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_shipped_case(name: str) -> None:
    loaded = load_case(MEASURED / name)
    assert loaded.records and loaded.case.licence and loaded.case.obtained
    cited = {*loaded.case.source, *(part.value.source for part in loaded.case.uncertainties)}
    assert cited <= bibliography().keys()
    assert all(part.value.status in ("assumed", "derived") for part in loaded.case.uncertainties)


def test_every_source_of_a_case_is_used_in_its_data() -> None:
    for loaded in load_cases(MEASURED):
        if "source" in loaded.records[0].cells:
            assert {record.text("source") for record in loaded.records} == set(loaded.case.source)


@pytest.fixture
def broken(tmp_path):
    """A copy of the cases, with one piece of text replaced in one file."""
    shutil.copytree(MEASURED, tmp_path / "measured")

    def edit(file: str, old: str, new: str) -> Path:
        path = tmp_path / "measured" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return path

    return edit


EDITS = {
    "unknown key": ("exciton_zhang2023/case.toml", "licence =", "license =", "did you mean 'licence'"),
    "missing key": ("exciton_zhang2023/case.toml", 'licence = "CC0-1.0"\n', "", "licence: is missing; add it"),
    "unknown source": ("exciton_zhang2023/case.toml", '["zhang2023"]', '["zhang2032"]', "not in sources.bib"),
    "unknown standing": ("exciton_zhang2023/case.toml", '"blind"', '"blnd"', "standing"),
    "wrong dimension": ("exciton_zhang2023/case.toml", '"meV"', '"nm"', "eV, V"),
    "other kind": ("exciton_zhang2023/case.toml", "perovsim-case/1", "perovsim-device/1", "not a case file"),
    "other folder": ("exciton_zhang2023/case.toml", 'name = "exciton_zhang2023"', 'name = "zhang"', "make them"),
    "broken toml": ("exciton_zhang2023/case.toml", 'kind = "', "kind = ", "not valid TOML"),
    "no number": ("exciton_zhang2023/data.csv", "0.172327", "O.172327", "k = 'O.172327' is not a finite number"),
    "outside": ("exciton_zhang2023/data.csv", "CsPbCl3,1.0,", "CsPbCl3,1.5,", "allowed: 0 to 1"),
    "columns": ("exciton_zhang2023/data.csv", "wavelength_nm", "wavelength_um", "wavelength_nm"),
    "cells": ("exciton_zhang2023/data.csv", ",0.172327", "", "needs 4 cells"),
    "word": ("halide_polarity/data.csv", "I,I,anode", "I,I,left", "allowed: anode, cathode, unnamed"),
    "row source": ("halide_polarity/data.csv", "jeangros2016", "jeangros", "is not one of case.toml"),
    "negative": ("decomposition_thresholds/data.csv", "0.70,0.10", "0.70,-0.10", "uncertainty_V = -0.1 is negative"),
    "halide": ("decomposition_thresholds/data.csv", "I Br,I,terminals", "I Br,At,terminals", "allowed: Cl, Br, I"),
    "not blind": ("exciton_ermolaev2023/case.toml", '"calibrated"', '"blind"', 'write standing = "calibrated"'),
}


@pytest.mark.parametrize("edit", EDITS)
def test_broken_case_names_file_and_remedy(edit: str, broken) -> None:
    file, old, new, words = EDITS[edit]
    path = broken(file, old, new)
    with pytest.raises(PerovsimError) as caught:
        measured_table(folder=path.parents[1])
    message = str(caught.value)
    assert message.startswith(str(path)) and words in message and "\n" not in message


def test_missing_files(tmp_path) -> None:
    with pytest.raises(ModelFileError, match="holds no cases; install perovsim anew or name a folder"):
        measured_table(folder=tmp_path / "nothing")
    shutil.copytree(MEASURED, tmp_path / "measured")
    (tmp_path / "measured/halide_polarity/data.csv").unlink()
    with pytest.raises(ModelFileError, match="data.csv: no such file; a case of kind halide_polarity needs it"):
        measured_table(folder=tmp_path / "measured")
    (tmp_path / "measured/halide_polarity/case.toml").unlink()
    with pytest.raises(ModelFileError, match="case.toml: no such file"):
        measured_table(folder=tmp_path / "measured")
    (tmp_path / "measured/exciton_zhang2023/data.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelFileError, match="not a readable CSV"):
        load_case(tmp_path / "measured/exciton_zhang2023")
