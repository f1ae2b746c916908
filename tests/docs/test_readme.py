"""The examples of the README run, in their order, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
EXAMPLES = README.split("## Four examples")[1].split("\n## ")[0]


def test_there_are_four_examples() -> None:
    assert len(re.findall(r"^```(?:python|console)", EXAMPLES, re.MULTILINE)) == 4


def test_pictures_are_there_and_small() -> None:
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert images
    for image in images:
        content = (Path(__file__).parents[2] / image).read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) < 500_000


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    for target in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "README.md", "exec"), names)
            continue
        for line in text.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[0] == "perovsim":
                outcome = perovsim(*words[1:])
                assert outcome.code == 0, (line, outcome.err)
    assert {"energies.png", "terminals.png", "base.nc", "rest.nc", "mine.toml"} <= {
        file.name for file in tmp_path.iterdir()
    }
    assert len(names["lamella"].atoms) > 100
