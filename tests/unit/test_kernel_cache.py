"""Folders of machine code: the latest used ones stay, and none goes while a process uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from perovsim.device.kernels.cache import LOCK, claim, prune


def used(home: Path, name: str, seconds: float) -> int:
    """Claim a folder with something in it, last used at this time [s]."""
    mark = claim(home / name)
    (home / name / "code").write_text(name)
    os.utime(home / name / LOCK, (seconds, seconds))
    return mark


def names(home: Path) -> set[str]:
    return {folder.name for folder in home.iterdir()}


def test_the_latest_used_folders_stay(tmp_path: Path) -> None:
    for number in range(6):
        os.close(used(tmp_path, f"kernels-{number}", 1000.0 + number))
    (tmp_path / "else").mkdir()
    prune(tmp_path, "kernels-*", most=2)
    assert names(tmp_path) == {"kernels-4", "kernels-5", "else"}
    os.close(claim(tmp_path / "kernels-4"))
    os.close(used(tmp_path, "kernels-6", 2000.0))
    prune(tmp_path, "kernels-*", most=1)
    assert names(tmp_path) == {"kernels-4", "else"}  # used a moment ago


def test_a_folder_in_use_stays_until_its_process_ends(tmp_path: Path) -> None:
    code = "import sys, pathlib; from perovsim.device.kernels.cache import claim; claim(pathlib.Path(sys.argv[1]))"
    waiting = f"{code}; print('claimed', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", waiting, tmp_path / "kernels-0"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "claimed\n"
        os.close(used(tmp_path, "kernels-1", 1.0))
        prune(tmp_path, "kernels-*", most=0)
        assert names(tmp_path) == {"kernels-0"}
        process.stdin.close()
    prune(tmp_path, "kernels-*", most=0)
    assert names(tmp_path) == set()


def test_claiming_and_pruning_at_once_never_takes_a_claimed_folder(tmp_path: Path) -> None:
    def claims(number: int) -> None:
        for _ in range(50):
            mark = claim(tmp_path / f"kernels-{number % 2}")
            (tmp_path / f"kernels-{number % 2}" / "code").write_text("")
            os.close(mark)

    def prunes(_: int) -> None:
        for _ in range(100):
            prune(tmp_path, "kernels-*", most=0)

    with ThreadPoolExecutor(6) as pool:
        for done in [*(pool.submit(claims, k) for k in range(4)), *(pool.submit(prunes, k) for k in range(2))]:
            done.result()
