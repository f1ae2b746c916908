"""The installed wheel in an empty folder: it holds the models, the lessons, their table and their theory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EXAMPLE = """
import perovsim
from dataclasses import replace
from perovsim.model.library import models_directory
from perovsim.teach import LESSONS, load_lesson
from perovsim.teach.export import lesson_html
from perovsim.teach.server import index_html, make_app
from perovsim.teach.theory import theory_html

assert perovsim.__file__.startswith({site!r}) and str(models_directory()).startswith({site!r})
perovsim.load_device("nanoled_like")
lesson = load_lesson("microscope")
fixed = replace(lesson, controls=tuple(replace(one, values=(one.start,)) for one in lesson.controls))
page = lesson_html(fixed)
assert lesson.title in page and 'id="theory"' in page
assert all(theory_html(load_lesson(key).theory) and key in index_html() for key in LESSONS)
assert make_app()
"""
"""No lesson that runs a device: its kernels would be compiled anew at the place of the wheel, for minutes."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with the unpacked wheel, as an installer leaves it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    known = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *words], cwd=folder, env=known, capture_output=True, text=True)


def test_lessons_work_from_the_wheel(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "-c", EXAMPLE.format(site=str(site)))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_command_line_works_from_the_wheel(site: Path, tmp_path: Path) -> None:
    assert run(site, tmp_path, "-m", "perovsim", "new", "device", "mine").returncode == 0
    assert (tmp_path / "mine.toml").is_file()
    assert "perovsim teach --export" in run(site, tmp_path, "-m", "perovsim", "teach", "--help").stdout


def test_fit_of_measured_numbers_works_from_the_wheel(site: Path, tmp_path: Path) -> None:
    """`new` brings the table along and names the new file in the command it proposes; no run is compiled.

    Bowing 0.1737 eV: Ermolaev 2023.
    """
    assert run(site, tmp_path, "-m", "perovsim", "new", "fit", "mine", "--from", "fit_exciton").returncode == 0
    text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    assert "# Run it with:  perovsim fit mine.toml" in text and "models/" not in text
    quick, _ = text.replace("profiles = true", "profiles = false").split("[posterior]")
    (tmp_path / "mine.toml").write_text(quick, encoding="utf-8")
    done = run(site, tmp_path, "-m", "perovsim", "fit", "mine.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "fit.json").read_text(encoding="utf-8"))
    assert "report.html" in os.listdir(tmp_path / "out")
    bowing = found["parameters"]["layer.emitter.exciton_bowing"]
    assert abs(bowing["value"] - 0.1737) < 2.0 * bowing["sigma"]
