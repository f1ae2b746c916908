"""Stages of a study: each is known by a hash of all that decides its outcome, and skipped if done.

The key of a stage covers its parameters, the source files of perovsim that it uses, the versions
of the package and of Python's numerical base, and the keys of the stages it builds on; so a
change anywhere upstream makes everything downstream new, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from perovsim import __version__
from perovsim.errors import PerovsimError

LEDGER = "stages.json"
SUFFIXES = (".py", ".toml", ".csv", ".j2", ".bib")
BASE = ("constants.py", "units.py", "errors.py", "physics", "data", "model")
DEVICE = (*BASE, "device", "simulation.py", "result.py", "conservation.py")
ATOMS = (*DEVICE, "atoms")
SCAN = (*ATOMS, "microscopy")
ALL = ("",)
"""Parts of the package that a stage uses, as paths below the package folder."""

Tell = Callable[..., None]


@dataclass(frozen=True)
class Stage:
    """A step: what it makes (files below the output folder), from what, and how.

    parameters : text that decides the outcome besides the code; code : parts of the package
    after : stages it builds on; work : called with a function that reports progress
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    work: Callable[[Tell], None]
    parameters: str = ""
    code: tuple[str, ...] = ALL
    after: tuple[Stage, ...] = ()

    @property
    def key(self) -> str:
        """Hash of everything that decides the outcome."""
        parts = [
            self.name,
            self.parameters,
            code_hash(self.code),
            __version__,
            np.__version__,
            *self.outputs,
            *(stage.key for stage in self.after),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


class Ledger:
    """What is finished in an output folder: stages.json, written whole after every stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / LEDGER
        try:
            self.keys: dict[str, str] = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.keys = {}

    def done(self, stage: Stage) -> bool:
        """True where the stage has run with the same key and its files are still there."""
        there = all((self.folder / output).exists() for output in stage.outputs)
        return there and self.keys.get(stage.name) == stage.key

    def begin(self, stage: Stage) -> None:
        """Forget the stage: its files are about to change."""
        if self.keys.pop(stage.name, None) is not None:
            self._write()

    def finish(self, stage: Stage) -> None:
        """Remember the stage; its files must be there."""
        for output in stage.outputs:
            if not (self.folder / output).exists():
                raise PerovsimError(f"stage '{stage.name}' did not write {output}; report this")
        self.keys[stage.name] = stage.key
        self._write()

    def _write(self) -> None:
        partial = self.file.with_suffix(".part")
        partial.write_text(json.dumps(self.keys, indent=1), encoding="utf-8")
        partial.replace(self.file)


def run_stages(stages: list[Stage], folder: Path, tell: Tell) -> int:
    """Run in order what is not done; return how many ran. An interrupt keeps finished stages."""
    ledger, ran = Ledger(folder), 0
    for number, stage in enumerate(stages, 1):
        if ledger.done(stage):
            continue
        title = f"[{number}/{len(stages)}] {stage.title}"
        tell(title)

        def shares(share: float, title: str = title) -> None:
            tell(title, share)

        ledger.begin(stage)
        stage.work(shares)
        ledger.finish(stage)
        ran += 1
    return ran


@cache
def code_hash(parts: tuple[str, ...]) -> str:
    """Hash of the source and data files below these parts of the package."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for part in parts:
        top = package / part
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for file in files:
            if file.suffix in SUFFIXES:
                digest.update(str(file.relative_to(package)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
