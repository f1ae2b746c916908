"""Bad input: exit code 2 and one line that names the thing, no traceback; Ctrl-C: 130."""

from __future__ import annotations

import re
from pathlib import Path

import factories
import pytest

from perovsim.cli import program
from perovsim.errors import PerovsimError, SimulationError

MODEL = (Path(__file__).parents[2] / "models/devices/corrosion_couple.toml").read_text()


def edited(old: str, new: str) -> bytes:
    """Return the corrosion couple with one piece of text replaced."""
    assert old in MODEL
    return MODEL.replace(old, new, 1).encode()


FILES = {
    "unknown key": (edited("cells = 60", "cels = 60"), "did you mean 'cells'"),
    "wrong dimension": (edited('value = 100, unit = "nm"', 'value = 100, unit = "s"'), "wrong"),
    "missing unit": (edited('value = 100, unit = "nm"', "value = 100"), "unit is missing"),
    "not a number": (edited("value = 100", "value = nan"), "NaN"),
    "zero thickness": (edited("value = 100", "value = 0"), "out of range"),
    "negative thickness": (edited("value = 100", "value = -5"), "out of range"),
    "out of range": (edited("temperature = ", 'temperature = "3 K" # '), "allowed: at least 50 K"),
    "unbalanced": (edited("Al + 3 Cl- ->", "Al + 2 Cl- ->"), "not balanced"),
    "unknown material": (edited('material = "PbCl2"', 'material = "PbCl3"'), "did you mean"),
    "unknown source": (edited("perovsim_proposal", "perovsim_propsal"), "sources.bib"),
    "broken toml": (edited('name = "salt"', 'name = "salt'), "not valid TOML"),
    "empty": (b"", "empty"),
    "binary": (bytes(range(256)), "not a text file"),
}


def assert_one_line(outcome, code: int, *words: str) -> None:
    """The message is one line on stderr, without traceback, and holds the words."""
    from perovsim.device.kernels.compiled import COMPILING

    assert outcome.code == code, outcome
    assert outcome.err.replace(f"{COMPILING}\n", "").count("\n") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err, outcome.err


@pytest.mark.parametrize("verb", ["check", "show"])
@pytest.mark.parametrize("case", FILES, ids=str)
def test_bad_device_file(case: str, verb: str, tmp_path: Path, perovsim) -> None:
    content, words = FILES[case]
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    outcome = perovsim(verb, file)
    assert_one_line(outcome, 2, words)
    assert re.search(rf"{re.escape(str(file))}:\d+: ", outcome.err), outcome.err


STEP = """format = "perovsim-protocol/1"

[[step]]
kind = "constant_current"
current_density = "{}"
duration = "1 s"
compliance = "{}"
"""


@pytest.mark.parametrize(("current", "compliance"), [("100 mA/cm^2", "1 V"), ("-100 mA/cm^2", "5 V")])
def test_a_current_that_the_device_cannot_carry(current, compliance, tmp_path: Path, monkeypatch, perovsim) -> None:
    """The compliance bounds |V|: a diode carries next to nothing in reverse. What was computed is kept."""
    monkeypatch.chdir(tmp_path)
    Path("step.toml").write_text(STEP.format(current, compliance))
    outcome = perovsim("simulate", "nanoled_like", "step.toml", "--out", "x.nc")
    assert_one_line(
        outcome, 2, "step.toml:3: step 1", "more than the compliance", "raise the compliance", "x.partial.nc"
    )
    assert [file.name for file in tmp_path.glob("*.nc")] == ["x.partial.nc"]


SCANS = {
    "time after the end": (("--time", "2 h"), "outside the result, which runs from 0 s to 3600 s"),
    "time before the start": (("--time", "-1 s"), "outside the result"),
    "time in metres": (("--time", "1 m"), "wrong dimension"),
    "time without unit": (("--time", "soon"), "soon"),
    "window outside the stack": (("--width", "300 nm"), "outside the stack"),
    "no such interface": (("--around", "emitter|etk"), "did you mean 'emitter|etl'"),
    "negative thickness": (("--thickness", "-2 nm"), "give at least"),
    "more than the memory": (("--thickness", "1 mm", "--height", "1 mm"), "smaller width, height or thickness"),
    "negative seed": (("--seed", "-1"), "give 0 or more"),
    "no microscope": (("stem_30kv",), "did you mean"),
    "bad ending": (("--out", "scan.nc"), ".zarr"),
    "ending of an image": (("--signal", "haadf"), ".nc"),
    "step of an image": (("--signal", "haadf", "--step", "1 nm", "--out", "a.nc"), "are the step of the mode"),
    "table of an image": (("--signal", "haadf", "--fidelity", "crystal", "--out", "a.nc"), "no annular images"),
    "audit of X-rays": (("--signal", "edx", "--audit", "2"), "not of X-rays"),
    "unknown fidelity": (("--fidelity", "exakt"), "did you mean 'exact'"),
    "fidelity and error": (("--fidelity", "exact", "--error", "0.1"), "not allowed with"),
    "negative audit": (("--audit", "-3"), "at least 0"),
    "probe larger than the lamella": (("--time", "0 s", "--height", "1.2 nm"), "larger than the height of the lamella"),
}


@pytest.fixture(scope="module")
def result_file(tmp_path_factory) -> Path:
    return factories.result("sum").save(tmp_path_factory.mktemp("result") / "sum.nc")


@pytest.mark.parametrize("case", SCANS, ids=str)
def test_bad_scan(case: str, result_file: Path, tmp_path: Path, monkeypatch, perovsim) -> None:
    (first, *rest), message = SCANS[case]
    monkeypatch.chdir(tmp_path)
    microscope, words = ("stem_300kv", (first, *rest)) if rest else (first, ())
    usual = ("--time", "1 h", "--around", "emitter|etl", "--out", "scan.zarr")
    assert_one_line(perovsim("scan", result_file, microscope, *usual, *words), 2, message)
    assert list(tmp_path.iterdir()) == []


FILMS = {
    "time outside the result": (("--times", "2 h"), "outside the result"),
    "times and a dose": (("--times", "0 s", "--dose", "1 1/m^2"), "not allowed with"),
    "no time": (("--rows", "4 nm"), "required"),
    "dose of less than a scan": (("--dose", "1 electron/nm^2"), "less than one scan's"),
    "region outside the stack": (("--times", "0 s", "--region", "300 nm, 320 nm"), "outside the stack"),
    "half a region": (("--times", "0 s", "--region", "20 nm"), "give two positions"),
    "empty region": (("--times", "0 s", "--region", "20 nm, 20 nm"), "less than two columns"),
    "no step": (("--times", "0 s", "--step", "0 nm"), "must be positive"),
    "impossible error": (("--times", "0 s", "--error", "2"), "between 0 and 1"),
    "bad ending of the film": (("--times", "0 s", "--out", "film.nc"), ".zarr"),
    "bad ending of the movie": (("--times", "0 s", "--movie", "film.avi"), ".mp4 or .gif"),
    "mode without camera": (("--times", "0 s", "--mode", "haadf"), "has no max_angle"),
}


@pytest.mark.parametrize("case", FILMS, ids=str)
def test_bad_film(case: str, result_file: Path, tmp_path: Path, monkeypatch, perovsim) -> None:
    words, message = FILMS[case]
    monkeypatch.chdir(tmp_path)
    assert_one_line(perovsim("film", result_file, "stem_300kv", "--out", "film.zarr", *words), 2, message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no NetCDF", bytes(range(256))], ids=["empty", "text", "binary"])
@pytest.mark.parametrize("verb", ["cite", "show", "validate"])
def test_a_file_that_is_no_result(content: bytes, verb: str, tmp_path: Path, perovsim) -> None:
    file = tmp_path / "bad.nc"
    file.write_bytes(content)
    assert_one_line(perovsim(verb, file), 2, str(file), "not a readable NetCDF-4 file")


COMMANDS = {
    "no verb": ((), "required"),
    "unknown verb": (("simulat",), "invalid choice"),
    "unknown option": (("check", "--fast", "x.toml"), "--fast"),
    "missing file": (("check", "none.toml"), "no such file"),
    "folder as file": (("check", "."), "cannot be read"),
    "protocol as device": (("show", "models/protocols/rest.toml"), "not a device file"),
    "bad drawing": (("show", "nanoled_like", "--out", "x.doc"), "ending must be .png"),
    "no device": (("simulate", "nanoled", "rest", "--out", "x.nc"), "did you mean"),
    "no protocol": (("simulate", "nanoled_like", "resst", "--out", "x.nc"), "did you mean"),
    "bad ending": (("simulate", "nanoled_like", "rest", "--out", "x.txt"), ".nc"),
    "set without value": (
        ("simulate", "nanoled_like", "rest", "--out", "x.nc", "--set", "temperature"),
        "path=value",
    ),
    "set unknown": (
        ("simulate", "nanoled_like", "rest", "--out", "x.nc", "--set", "layer.emitter.D_vac=1"),
        "did you mean",
    ),
    "set wrong unit": (
        ("simulate", "nanoled_like", "rest", "--out", "x.nc", "--set", "temperature=300 m"),
        "wrong dimension",
    ),
    "rtol": (("simulate", "nanoled_like", "rest", "--out", "x.nc", "--rtol", "3"), "1e-12 to"),
    "solver": (
        ("simulate", "nanoled_like", "rest", "--out", "x.nc", "--solver", "x"),
        "invalid choice",
    ),
    "no result": (("cite", "none.nc"), "none.nc"),
    "new kind": (("new", "devise", "x"), "invalid choice"),
    "new name": (("new", "device", "1x"), "not a name"),
    "new template": (("new", "device", "x", "--from", "nanoled"), "did you mean"),
    "no study": (("run", "none.toml"), "none.toml"),
}


@pytest.mark.parametrize("case", COMMANDS, ids=str)
def test_bad_command(case: str, tmp_path: Path, monkeypatch, perovsim) -> None:
    words, message = COMMANDS[case]
    monkeypatch.chdir(tmp_path)
    assert_one_line(perovsim(*words), 2, message)
    assert not list(tmp_path.glob("**/*.nc"))


def test_new_does_not_overwrite(tmp_path: Path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("# mine")
    assert_one_line(perovsim("new", "device", "mine"), 2, "exists already")
    assert Path("mine.toml").read_text() == "# mine"


def raising(monkeypatch, error: BaseException, *files: str) -> None:
    """Let `perovsim check` write some files and then end with this error."""

    def run(args, kept) -> None:
        for file in files:
            kept.add(file)
        raise error

    monkeypatch.setattr(program.check, "run", run)


def test_interrupt_says_what_was_kept(monkeypatch, perovsim) -> None:
    raising(monkeypatch, KeyboardInterrupt(), "out/base.nc")
    assert_one_line(perovsim("check", "x"), 130, "interrupted; kept: out/base.nc")
    raising(monkeypatch, KeyboardInterrupt())
    assert_one_line(perovsim("check", "x"), 130, "nothing was written")


def test_error_says_what_was_kept(monkeypatch, perovsim) -> None:
    raising(monkeypatch, SimulationError("stopped at\n 3 s"), "out/base.partial.nc")
    assert_one_line(perovsim("check", "x"), 2, "stopped at 3 s (kept: out/base.partial.nc)")


def test_a_fault_of_the_program_is_code_1(monkeypatch, perovsim) -> None:
    raising(monkeypatch, ZeroDivisionError("x"))
    assert_one_line(perovsim("check", "x"), 1, "ZeroDivisionError", "--debug")


def test_debug_shows_the_traceback(monkeypatch, perovsim) -> None:
    raising(monkeypatch, PerovsimError("bad"))
    with pytest.raises(PerovsimError, match="bad"):
        perovsim("check", "x", "--debug")
