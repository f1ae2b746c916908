"""`perovsim fit`: a file that needs no run, what it writes, and what bad data say: file, row, exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

FIT = """format = "perovsim-fit/1"
name = "mine"
device = "nanoled_like"
protocol = "constant_current_1h"
[free]
"layer.emitter.D_vacancy" = { prior = "log_uniform", low = "1e-12 cm^2/s", high = "1e-9 cm^2/s" }
[[data]]
name = "set"
observable = "voltage"
file = "set.csv"
noise = { absolute = "1 mV" }
"""
GOOD = "t [s], V [V]\n1, 2.7\n10, 2.8\n100, 2.9\n"
BAD = {
    "NaN": ((), GOOD.replace("2.8", "nan"), "set.csv:3: column 'V': nan is not a finite number"),
    "infinite": ((), GOOD.replace("2.8", "inf"), "set.csv:3: column 'V': inf is not a finite number"),
    "text": ((), GOOD.replace("2.8", "n/a"), "set.csv:3: column 'V': 'n/a' is not a number"),
    "unsorted time": ((), GOOD.replace("100,", "5,"), "set.csv:4: t = 5 s after 10 s; times must rise"),
    "wrong unit": ((), GOOD.replace("V [V]", "V [s]"), "set.csv:1: column 'V': unit 's' has the wrong dimension"),
    "no unit": ((), GOOD.replace("t [s]", "t"), "set.csv:1: column 't': the unit is missing"),
    "missing column": ((), GOOD.replace("V [V]", "U [V]"), "set.csv:1: column 'V' is missing"),
    "a cell too few": ((), GOOD.replace("10, 2.8", "10"), "set.csv:3: 1 cells where the header has 2"),
    "no rows": ((), "t [s], V [V]\n", "set.csv:1: no rows of numbers"),
    "binary": ((), b"\xff\xfe\x00", "set.csv:1: not a text file"),
    "no overlap": ((), "t [h], V [V]\n2, 2.7\n3, 2.8\n", "set.csv:2: t = 7200 is outside"),
    "partly outside": ((), GOOD.replace("100,", "1e5,"), "set.csv:4: t = 100000 is outside"),
    "negative counts": (
        ('"voltage"\nfile', '"light"\nfile', 'absolute = "1 mV"', "poisson = true"),
        "t [s], EL [m^-2/s]\n1, 5\n# dark\n10, -3\n",
        "set.csv:4: -3 counts; counts are never negative",
    ),
    "sigma of zero": (
        ('absolute = "1 mV"', 'column = "dV"'),
        "t [s], V [V], dV [mV]\n1, 2.7, 1\n10, 2.8, 0\n",
        "set.csv:3: the noise (column dV) is 0 here",
    ),
    "relative of zero": (
        ('"voltage"\nfile', '"light"\nfile', 'absolute = "1 mV"', "relative = 0.01"),
        "t [s], EL [m^-2/s]\n1, 5\n10, 0\n",
        "set.csv:3: the noise (1 %) is 0 here; it must be above zero: add an absolute part",
    ),
    "no file": (("set.csv", "sett.csv"), GOOD, "sett.csv: no such file"),
    "no such observable": (('"voltage"\nfile', '"voltag"\nfile'), GOOD, "mine.toml:7: data.set: observable 'voltag'"),
    "option of another": (('absolute = "1 mV" }', 'absolute = "1 mV" }\nstep = 1'), GOOD, "'step' means nothing to"),
    "no sweep": (
        ('"voltage"\nfile', '"current_voltage"\nfile', '"1 mV"', '"1 A/m^2"'),
        "V [V], J [A/m^2]\n1, 5\n",
        "of the protocol is no sweep",
    ),
    "two kinds of noise": (('"1 mV" }', '"1 mV", poisson = true }'), GOOD, "noise is one of"),
    "unknown source": (('"1e-9 cm^2/s" }', '"1e-9 cm^2/s", source = "nobody" }'), GOOD, "is not in sources.bib"),
    "unknown path": (("D_vacancy", "D_vacanc"), GOOD, "mine.toml: 'layer.emitter.D_vacanc' is not a parameter"),
    "unknown key": (("noise =", "noize ="), GOOD, "did you mean 'noise'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_data_name_file_and_row(case: str, tmp_path: Path, monkeypatch, perovsim) -> None:
    edits, table, message = BAD[case]
    text = FIT
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(text)
    Path("set.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    outcome = perovsim("fit", "mine.toml", "--out", "out")
    assert outcome.code == 2 and outcome.err.count("\n") == 1 and "Traceback" not in outcome.err
    assert message in outcome.err, outcome.err
    assert not Path("out").exists()


def test_good_data_are_read(tmp_path: Path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(FIT)
    Path("set.csv").write_text("# from the bench\nV [mV], t [min]\n2700, 0.5\n2800, 1\n")
    outcome = perovsim("check", "mine.toml")
    assert outcome.code == 0 and "mine.toml: fit" in outcome.out


def test_exciton_energies_from_an_empty_folder(tmp_path: Path, monkeypatch, perovsim) -> None:
    """`new` copies the fit with its table; its page is one file that needs no network; a second run changes nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("perovsim.fit.posterior.STEPS", 200)
    assert perovsim("new", "fit", "mine", "--from", "fit_exciton").code == 0
    assert Path("fit_exciton.csv").is_file()
    outcome = perovsim("fit", "mine.toml", "--out", "out", "--workers", 1)
    assert outcome.code == 0, outcome.err
    found = json.loads(Path("out/fit.json").read_text())["parameters"]["layer.emitter.exciton_bowing"]
    np.testing.assert_allclose(found["value"], 0.1737, atol=2e-4)  # models/materials/cspbbrcl3.toml
    np.testing.assert_allclose(found["profile_68"], found["interval_68"], rtol=1e-3)
    page = Path("out/report.html").read_text(encoding="utf-8")
    for words in ("exciton_bowing", "data:image/png;base64", "assumed, perovsim_proposal", "What would improve it"):
        assert words in page
    assert "http" not in page and "<script" not in page
    perovsim("fit", "mine.toml", "--out", "again", "--workers", 1)
    assert json.loads(Path("again/fit.json").read_text())["parameters"]["layer.emitter.exciton_bowing"] == found


def test_new_does_not_overwrite_a_table(tmp_path: Path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fit_exciton.csv").write_text("mine")
    outcome = perovsim("new", "fit", "mine", "--from", "fit_exciton")
    assert outcome.code == 2 and "exists already with other numbers" in outcome.err
    assert not Path("mine.toml").exists()


def test_shipped_fits_are_right(root: Path, perovsim) -> None:
    for file in sorted((root / "models/studies").glob("fit_*.toml")):
        assert perovsim("check", file).code == 0
    text = (root / "models/studies/fit_example.toml").read_text()
    assert text.count('standing = "synthetic"') == text.count("[[data]]") and "SYNTHETIC" in text
