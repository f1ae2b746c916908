"""`check` accepts every shipped model file; `show` prints and draws the shipped devices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODELS = sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "models").glob("*/*.toml"))
DEVICES = [file for file in MODELS if "/devices/" in file]


@pytest.mark.parametrize("file", MODELS)
def test_every_shipped_file_is_good(file: str, perovsim) -> None:
    outcome = perovsim("check", ROOT / file)
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"\d+ measured, \d+ cited, \d+ derived, \d+ assumed", outcome.out)


@pytest.mark.parametrize("file", DEVICES)
def test_every_shipped_device_is_shown_and_drawn(file: str, tmp_path: Path, perovsim) -> None:
    picture = tmp_path / "picture.png"
    outcome = perovsim("show", ROOT / file, "--out", picture)
    assert (outcome.code, outcome.err) == (0, "")
    assert "Stack from x = 0" in outcome.out and "Standing: " in outcome.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert max(len(line) for line in outcome.out.splitlines()) < 170


def test_show_counts_what_it_lists(perovsim) -> None:
    from perovsim.model import load_device

    shown = perovsim("show", "nanoled_like").out
    numbers = [path for path, _ in load_device("nanoled_like").parameters()]
    assert f"Standing: {len(numbers)} numbers" in shown
    for path in numbers:
        assert path in shown


@pytest.mark.parametrize(
    ("device", "emf"),
    [("corrosion_couple", 0.549), ("corrosion_couple_br", 0.336)],
)
def test_show_prints_the_emf_of_the_corrosion_couple(device: str, emf: float, perovsim) -> None:
    """2 Al + 3 PbX2 -> 2 AlX3 + 3 Pb from NASA-9 (McBride 2002): 0.549 V (Cl), 0.336 V (Br)."""
    shown = perovsim("show", device).out
    found = re.search(r"2 Al \+ 3 Pb.*emf = (\d\.\d{4}) V", shown)
    assert found is not None, shown
    assert abs(float(found.group(1)) - emf) <= 1e-3


def test_shifted_table_shifts_the_printed_emf(tmp_path: Path, perovsim) -> None:
    """dGf of AlCl3 up by 10 kJ/mol: emf falls by 2 x 10 kJ/mol / (6 F) = 0.03455 V."""
    table = (ROOT / "perovsim/data/thermochemistry.csv").read_text()
    (tmp_path / "moved.csv").write_text(moved(table, "AlCl3", 10.0))
    device = (ROOT / "models/devices/corrosion_couple.toml").read_text()
    (tmp_path / "couple.toml").write_text(device.replace("thermochemistry.csv", "moved.csv"))
    before, after = (
        float(re.search(r"emf = (\d\.\d+) V", perovsim("show", file).out).group(1))
        for file in ("corrosion_couple", tmp_path / "couple.toml")
    )
    assert abs(before - after - 20e3 / (6 * 96485.33212)) <= 1.01e-4


def moved(table: str, compound: str, shift: float) -> str:
    """Return the table with dGf [kJ/mol] of one compound moved."""
    lines = table.splitlines()
    head = next(line for line in lines if line.startswith("formula,"))
    column = next(n for n, name in enumerate(head.split(",")) if name.startswith("dGf"))
    for number, line in enumerate(lines):
        cells = line.split(",")
        if cells[0] == compound:
            cells[column] = repr(float(cells[column]) + shift)
            lines[number] = ",".join(cells)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["device", "material", "protocol", "microscope", "study"])
def test_new_file_is_good(kind: str, tmp_path: Path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    assert perovsim("new", kind, "mine").code == 0
    assert perovsim("check", "mine.toml").code == 0
    assert 'name = "mine"' in Path("mine.toml").read_text()


def test_show_prints_the_equations_that_are_solved(perovsim) -> None:
    """What a device has is there, and nothing that it has not."""
    shown = perovsim("show", "nanoled_like").out
    for words in ("d/dx(eps dphi/dx)", "M_X = kT ln(theta_X/theta_V) - q phi,", "k (n p - n_i^2)", "r = r_0"):
        assert words in shown
    assert "Omega_X" not in shown and "traps '" not in shown and "R_th" not in shown
    other = perovsim("show", "ion_benchmark").out
    assert "z [V_I]" in other and "tau_p (n + n_1)" in other and "M_X" not in other


def test_a_result_is_summed_up_and_drawn(tmp_path: Path, perovsim) -> None:
    import perovsim as ps

    device = ps.load_device("ion_benchmark").with_values({"layer.perovskite.cells": 10})
    run = ps.simulate(device, ps.Protocol([ps.constant_voltage("0.1 V", duration="1 us")], points_per_decade=1))
    run.save(tmp_path / "run.nc")
    shown = perovsim("show", tmp_path / "run.nc", "--out", tmp_path / "run.png")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(run.summary())
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
