"""What all tests share: one thread per process, no window, the command line in this process."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


ORDER = (
    ("unit/test_device_jacobian",),
    ("unit/test_microscopy", "unit/test_atoms", "validation/test_microscopy", "unit/test_model"),
    ("docs/", "cli/test_run", "equivalence/", "runs/", "limits/", "validation/"),
)
"""Files by their beginnings, in the order in which two processes share them best. The first compiles the kernels of the
solver, once, while the other process does what needs none; long ones come before the short ones that fill the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in ORDER; inside a file the tests stay as they stand."""

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(ROOT / "tests").as_posix()
        return next((k for k, group in enumerate(ORDER) if name.startswith(group)), len(ORDER))

    items.sort(key=rank)


@dataclass(frozen=True)
class Outcome:
    """Exit code and the two streams of one call of the command line."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout."""
    return ROOT


@pytest.fixture
def perovsim(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that calls the command line as a shell would: words in, Outcome out."""
    from perovsim.cli import main

    def call(*words: object) -> Outcome:
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        streams = capsys.readouterr()
        return Outcome(code, streams.out, streams.err)

    return call
