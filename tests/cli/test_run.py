"""`perovsim run` as a process: Ctrl-C, resuming, nothing to do, and a changed input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from studies import small_study, study_text

MANY = 100
"""Stored times per decade: a run lasts longer than it takes to interrupt it."""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder of a study of two runs on a coarse mesh."""
    return small_study(tmp_path, "10 min", MANY, first="field_drift", second="oxidised_halogen").parent


def run(folder: Path, interrupt_at: str = "") -> tuple[int, list[str]]:
    """Exit code and lines of `perovsim run`; Ctrl-C when a line with these words appears."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perovsim", "run", folder / "small.toml", "--out", folder / "out"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    lines = []
    for line in process.stderr:
        lines.append(line.rstrip())
        if interrupt_at and interrupt_at in line:
            process.send_signal(signal.SIGINT)
    return process.wait(), lines


def stamps(folder: Path) -> dict[str, int]:
    """When each file of the output was last written [ns]."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "out").iterdir() if file.is_file()}


@pytest.mark.slow
def test_a_study_survives_ctrl_c_and_runs_again_only_what_a_change_touches(study: Path) -> None:
    code, lines = run(study, interrupt_at="second")
    assert code == 130
    assert lines[-1].startswith(f"perovsim run: interrupted; every finished step lies in {study / 'out'}")
    assert not any("Traceback" in line for line in lines)
    assert list(json.loads((study / "out/stages.json").read_text())) == ["run_first"]
    kept = stamps(study)

    code, lines = run(study)
    assert code == 0 and lines[-1].endswith("out/report.html")
    assert not any("first" in line for line in lines) and any("second" in line for line in lines)
    done = stamps(study)
    assert done["first.nc"] == kept["first.nc"]

    code, lines = run(study)
    assert code == 0 and len(lines) == 1 and "nothing to do:" in lines[0]
    assert stamps(study) == done

    (study / "small.toml").write_text(study_text(first="field_drift", second="corrosion_couple"))
    code, lines = run(study)
    changed = {name for name, when in stamps(study).items() if when != done[name]}
    assert code == 0 and {"second.nc", "numbers.json", "report.html"} <= changed
    assert not {"first.nc", "micrograph.json"} & changed
