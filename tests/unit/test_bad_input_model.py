"""Bad model files: one short message with file, line and remedy each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perovsim.errors import ModelFileError
from perovsim.model import check_file, load_device, load_microscope, load_protocol

GOOD = """\
format = "perovsim-device/1"
name = "small"
temperature = "300 K"

[[contact]]
name = "anode"
which = "anode"
work_function = "5.2 eV"

[[contact]]
name = "cathode"
which = "cathode"
work_function = "3.0 eV"

[[layer]]
name = "emitter"
material = "CsPbBrCl3"
thickness = { value = 50, unit = "nm", status = "assumed", source = "perovsim_proposal" }
cells = 40
[layer.values]
D_vacancy = "1e-10 cm^2/s"

[electrochemistry]
redox_level = "-4.3 eV"

[[process]]
kind = "reaction"
name = "displacement"
reaction = "2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb"
site = "contact:cathode|layer:emitter"
rate = "1e-11 mol/m^2/s"
elementary_steps = 6
zone_depth = "5 nm"
"""

# (what is replaced, by what, line of the message, words of the message)
CASES = {
    "unknown key": ("cells = 40", "cels = 40", 19, "did you mean 'cells'"),
    "unknown value": ("D_vacancy =", "D_vacany =", 21, "did you mean 'D_vacancy'"),
    "key of a number": ("status =", "staus =", 18, "did you mean 'status'"),
    "wrong dimension": ('unit = "nm"', 'unit = "s"', 18, "wrong dimension; give one .* to m"),
    "wrong dimension of a value": ("cm^2/s", "cm^2", 21, r"wrong dimension; .* to m\^2/s"),
    "unknown unit": ('unit = "nm"', 'unit = "nmm"', 18, "'nmm' is not known"),
    "missing unit": (', unit = "nm"', "", 18, "the unit is missing"),
    "bare number": ('"300 K"', "300", 3, "the unit is missing; .* to K"),
    "NaN": ("value = 50", "value = nan", 18, "NaN; give a number"),
    "infinite": ("value = 50", "value = inf", 18, "out of range"),
    "zero thickness": ("value = 50", "value = 0", 18, "0 nm is out of range; allowed: above"),
    "negative thickness": ("value = 50", "value = -5", 18, "-5 nm is out of range; allowed: above"),
    "out of range": ('"300 K"', '"3 K"', 3, "3 K is out of range; allowed: at least 50 K"),
    "outside its range": ("source =", "range = [1, 2], source =", 18, r"its own range \[1, 2\]"),
    "unknown material": ('"CsPbBrCl3"', '"CsPbBr3"', 17, "did you mean 'cspbbrcl3'"),
    "unknown source": ("perovsim_proposal", "perovsim_propsal", 18, "did you mean 'perovsim_prop"),
    "unknown status": ('"assumed"', '"guessed"', 18, "not one of: measured, cited"),
    "broken TOML": ("cells = 40", "cells = ", 19, "not valid TOML"),
    "open string": ('"emitter"', '"emitter', 16, "not valid TOML"),
    "unbalanced": ("3 PbCl2", "2 PbCl2", 29, r"not balanced: Cl \+2, Pb \+1"),
    "unknown site": ("layer:emitter", "layer:emiter", 30, "did you mean 'emitter'"),
    "no site": ("contact:cathode|layer:emitter", "emitter", 30, "not one of the forms"),
    "rate of a bulk reaction": ("mol/m^2/s", "m^3/s", 31, "must be in mol/m\\^2/s"),
    "law without its parameter": ("zone_depth", 'growth_law = "cabrera_mott"\nzone_depth', 33, "needs jump_distance"),
    "film without its numbers": (
        'kind = "reaction"',
        'kind = "film_blocking"\nname = "film"\ncontact = "cathode"\nexistence_amount = "1e-6 mol/m^2"\n'
        'conduction = "ohmic"\n[[process]]\nkind = "reaction"',
        31,
        "needs conductivity and permittivity",
    ),
    "unknown law": ("zone_depth", 'growth_law = "cubic"\nzone_depth', 33, "input should be 'interface'"),
    "unknown kind": ('kind = "reaction"', 'kind = "reacton"', 27, "is not a kind; allowed"),
    "two anodes": ('which = "cathode"', 'which = "anode"', 12, "one contact must be the anode"),
    "double name": ('name = "cathode"', 'name = "anode"', 11, "used twice"),
    "fractional cells": ("cells = 40", "cells = 4.5", 19, "integer"),
    "missing key": ('work_function = "3.0 eV"', "", 10, "work_function: is missing"),
    "no format": ('format = "perovsim-device/1"', "", 1, "'format' is missing"),
    "other version": ("device/1", "device/9", 1, "is not known"),
    "other kind": ("perovsim-device", "perovsim-devise", 1, "did you mean 'device'"),
}


def _message(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        check_file(path)
    return caught.value


def test_the_unspoiled_file_is_good(tmp_path: Path) -> None:
    file = tmp_path / "good.toml"
    file.write_text(GOOD)
    assert check_file(file).content.name == "small"


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_bad_device_file(case: str, tmp_path: Path) -> None:
    old, new, line, words = CASES[case]
    assert old in GOOD
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace(old, new, 1))
    error = _message(file)
    assert error.line == line
    text = str(error)
    assert text.startswith(f"{file}:{line}: ")
    assert "\n" not in text and len(text) < len(str(file)) + 260
    assert re.search(words, text), text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (bytes(range(256)), "not a text file"),
        (b"format = 'perovsim-device/1'\0", "not a text file"),
    ],
)
def test_empty_and_binary_files(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    assert words in str(_message(file))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file" in str(_message(tmp_path / "none.toml"))
    assert "cannot be read" in str(_message(tmp_path))
    with pytest.raises(ModelFileError, match="did you mean 'nanoled_like'"):
        load_device("nanoled_lik")


def test_a_bad_number_in_a_material_names_the_material_file(tmp_path: Path) -> None:
    (tmp_path / "stuff.toml").write_text('format = "perovsim-material/1"\nname = "stuff"\npermittivity = "-3"\n')
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace("CsPbBrCl3", "stuff"))
    assert str(_message(file)).startswith(f"{tmp_path / 'stuff.toml'}:3: permittivity: -3")


def test_a_layer_without_its_parameters_says_which(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace('material = "CsPbBrCl3"\n', ""))
    error = _message(file)
    assert "electron_affinity" in str(error) and "[layer.values]" in str(error)
    assert error.line == 15


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[step]]\nkind = "rest"\nduration = 5', 4, "the unit is missing"),
        ('[[step]]\nkind = "rest"\nduration = "0 s"', 4, "out of range"),
        ('[[step]]\nkind = "hold"\nduration = "1 s"', 3, "is not a kind"),
        ('[[step]]\nkind = "rest"\nduraton = "1 s"', 4, "did you mean 'duration'"),
        ('ions = "frozen"\n[[step]]\nkind = "rest"\nduration = "1 s"', 2, "'uniform' or"),
        (
            '[[step]]\nkind = "constant_current"\ncurrent_density = "1 V"\nduration = "1 s"',
            4,
            "wrong dimension",
        ),
    ],
)
def test_bad_protocol(text: str, line: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('format = "perovsim-protocol/1"\n' + text)
    with pytest.raises(ModelFileError) as caught:
        load_protocol(file)
    assert (caught.value.line, words in str(caught.value)) == (line, True), str(caught.value)


def test_bad_microscope(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        'format = "perovsim-microscope/1"\nname = "x"\nenergy = "300 keV"\n[[mode]]\n'
        'name = "haadf"\nsemiangle = "25 mrad"\ndetector_inner = "90 mrad"\n'
        'detector_outer = "60 mrad"\n'
    )
    with pytest.raises(ModelFileError, match="must be smaller than detector_outer") as caught:
        load_microscope(file)
    assert caught.value.line == 4


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text(GOOD)
    with pytest.raises(ModelFileError, match="this is a device file, not a protocol file"):
        load_protocol(file)
