"""The how-to pages run, block after block, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```(python|console|toml)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page, left_behind, words",
    [
        ("peer_case.md", ("energies.png", "hysteresis.nc", "drawn/hysteresis.png"), "1 of 1 within the tolerance"),
        ("fit.md", ("fit_exciton.csv", "out/bowing/report.html", "out/bowing/fit.json"), "10000 samples, converged"),
    ],
)
def test_page_runs(page: str, left_behind, words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    said = ""
    for language, file, text in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        if language == "toml":
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, page, "exec"), names)
        else:
            for line in text.splitlines():
                command = shlex.split(line.removeprefix("$ "), comments=True)
                assert command[0] == "perovsim"
                outcome = perovsim(*command[1:])
                assert outcome.code == 0, (line, outcome.err)
                said += outcome.out
    for file in left_behind:
        assert Path(file).is_file()
    assert words in said
