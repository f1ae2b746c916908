"""The how-to pages run, block after block, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```(python|console|toml)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page, left_behind", [("peer_case.md", ("energies.png", "hysteresis.nc", "drawn/hysteresis.png"))]
)
def test_page_runs(page: str, left_behind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, perovsim) -> None:
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
                words = shlex.split(line.removeprefix("$ "), comments=True)
                assert words[0] == "perovsim"
                outcome = perovsim(*words[1:])
                assert outcome.code == 0, (line, outcome.err)
                said += outcome.out
    for file in left_behind:
        assert Path(file).is_file()
    assert "1 of 1 within the tolerance" in said
