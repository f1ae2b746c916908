"""Every page of the documentation runs, block after block, in an empty folder; every equation can be set."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from perovsim.teach import LESSONS, load_lesson
from perovsim.teach.theory import page_names, theory_html

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(python|console|toml)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
LANGUAGE = re.compile(r"^```(\S*)", re.MULTILINE)
PAGES = sorted(page for page in DOCS.rglob("*.md") if BLOCK.search(page.read_text(encoding="utf-8")))
LEFT_BEHIND = {
    "peer_case": ("energies.png", "hysteresis.nc", "drawn/hysteresis.png"),
    "cluster": ("out/first.nc", "out/D_1e-11.nc"),
    "first_hour": ("profiles.png", "halides.png"),
    "own_device": ("loop.png",),
    "lessons": ("lessons/halides.html",),
    "fit": ("fit_exciton.csv", "out/bowing/report.html", "out/bowing/fit.json"),
}
SAID = {"peer_case": "1 of 1 within the tolerance", "fit": "10000 samples, converged"}
DIRECTIVES = ("{toctree}", "{eval-rst}", "{bibliography}", "{verification}")
SERVES = "perovsim teach"
"""A server that never ends; tests/browser starts it."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    said = ""
    for language, file, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "toml":
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, page.name, "exec"), names)
        else:
            for line in text.splitlines():
                said += run_line(line.removeprefix("$ "), perovsim)
    for file in LEFT_BEHIND.get(page.stem, ()):
        assert Path(file).is_file()
    assert SAID.get(page.stem, "") in said


def run_line(line: str, perovsim) -> str:
    words = shlex.split(line, comments=True)
    assert words[0] == "perovsim"
    if line == SERVES:
        return ""
    outcome = perovsim(*words[1:])
    assert outcome.code == 0, (line, outcome.err)
    return outcome.out


def test_blocks_that_do_not_run_are_plain_text() -> None:
    """Only python, console and toml run; whatever else a page shows says that it is text, or is a directive."""
    for page in DOCS.rglob("*.md"):
        opened = LANGUAGE.findall(page.read_text(encoding="utf-8"))[::2]
        assert set(opened) <= {"python", "console", "toml", "text", *DIRECTIVES}, page


@pytest.mark.parametrize("name", page_names())
def test_theory_page_can_be_shown_without_a_network(name: str) -> None:
    html = theory_html(name)
    assert "$" not in html and "<svg" in html and "{cite" not in html
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+", "", html)


def test_every_lesson_links_to_a_theory_page() -> None:
    assert {load_lesson(key).theory for key in LESSONS} <= set(page_names())
