"""J-V of a heterojunction diode by devsim and by perovsim on the same mesh, in one process [s].

`perovsim validate peers devsim_heterojunction` compares with a stored curve of devsim; this one runs both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

CASE = Path(__file__).parents[1] / "validation" / "peers" / "devsim_heterojunction"
LAST, POINTS = 1.4, 71
"""Voltages of the curve: 0 to LAST [V]."""
RATE = 1e-4
"""Sweep of perovsim [V/s], slow beside every relaxation of carriers."""
LEAST = 1.0
"""Voltage [V] from which the currents of both are free of rounding to 1e-8."""
REPEATS = 3


def run() -> dict[str, Any]:
    """Return the best times of whole J-V curves, their ratio, and deviations on the mesh and in its limit."""
    import perovsim as ps
    from benchmarks._devsim_diode import load

    with silence():
        version = load().get_parameter(name="info")["version"]
    device = ps.load_device(CASE / "device.toml")
    ours, theirs = perovsim_curve(device), devsim_curve(device)
    times = [(seconds(lambda: devsim_curve(device)), seconds(lambda: perovsim_curve(device))) for _ in range(REPEATS)]
    devsim_s, perovsim_s = (min(column) for column in zip(*times, strict=True))
    high = voltages() >= LEAST
    coarse = halved(device)
    limits = [fine + (fine - half) / 3.0 for fine, half in (
        (ours, perovsim_curve(coarse)), (theirs, devsim_curve(coarse))
    )]  # fmt: skip
    return {
        "cells": sum(layer.cells for layer in device.layers),
        "points": POINTS,
        "devsim": version,
        "devsim_s": round(devsim_s, 3),
        "perovsim_s": round(perovsim_s, 3),
        "ratio": round(devsim_s / perovsim_s, 2),
        "max_deviation": deviation(ours[high], theirs[high]),
        "max_deviation_in_the_limit": deviation(limits[0][high], limits[1][high]),
    }


def voltages() -> np.ndarray:
    """Voltages of the curve [V]."""
    return np.linspace(0.0, LAST, POINTS)


def devsim_curve(device: Any) -> np.ndarray:
    """J [A/m^2] of devsim."""
    from benchmarks._devsim_diode import DevsimStack

    with silence():
        stack = DevsimStack(device)
        return np.array([stack.current(float(voltage)) for voltage in voltages()])


def perovsim_curve(device: Any) -> np.ndarray:
    """J [A/m^2] of perovsim."""
    import perovsim as ps

    protocol = ps.Protocol([ps.sweep(0.0, LAST, RATE, points=POINTS)])
    return ps.simulate(device, protocol, progress=lambda *_: None).terminals["J"].values


def halved(device: Any) -> Any:
    """The device on half the cells."""
    return device.replace(layers=tuple(layer.replace(cells=layer.cells // 2) for layer in device.layers))


def deviation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest relative deviation."""
    return float(f"{np.abs(ours / theirs - 1.0).max():.2e}")


def seconds(do: Callable[[], Any]) -> float:
    """Wall time of a call [s]."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


@contextmanager
def silence() -> Iterator[None]:
    """Send what devsim prints to nowhere."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield
