"""Runs of the lessons: the shipped device on a coarse mesh, each run made once per process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perovsim.model import Device, Protocol
    from perovsim.result import Result

CELLS = {"htl": 16, "emitter": 30, "etl": 16}
"""A third of the shipped mesh: voltages within 20 mV, amounts within 2 % (tests/unit/test_teach_lessons.py)."""
RTOL = 3e-4
"""Thirty times that of a study: half of the steps, and less than a tenth of what the mesh changes."""
POINTS_PER_DECADE = 4
_DONE: dict[str, Result] = {}
_LOCK = Lock()


@lru_cache
def lesson_device() -> Device:
    """The shipped nanoLED-like device on the mesh of the lessons."""
    from perovsim.model import load_device

    return load_device("nanoled_like").with_values({f"layer.{name}.cells": n for name, n in CELLS.items()})


def run(hypotheses: tuple[str, ...], values: Mapping[str, Any], steps: list[Any], **protocol: Any) -> Result:
    """The run of the lesson device with some values changed through some steps; the same run is made once.

    protocol : what else the protocol takes, such as `first_output`: what a lesson does not show need not be stored
    """
    from perovsim.model import Protocol

    device = lesson_device().with_hypotheses(*hypotheses).with_values(dict(values))
    return cached(device, Protocol(steps, points_per_decade=POINTS_PER_DECADE, **protocol))


def cached(device: Device, protocol: Protocol) -> Result:
    """`simulate` at the lessons' tolerance, once for the same content of device and protocol."""
    from perovsim.simulation import simulate

    content = f"{device.to_toml()}\0{protocol.source_text}\0{RTOL}"
    key = hashlib.sha256(content.encode()).hexdigest()
    with _LOCK:
        if key not in _DONE:
            _DONE[key] = simulate(device, protocol, rtol=RTOL, progress=_silent)
        return _DONE[key]


def _silent(seconds: float, label: str) -> None:
    """A page has no terminal to draw a line on."""
