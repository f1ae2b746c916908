"""Hysteresis sweep of a solar cell with moving ions: 0 -> 1.2 -> 0 V at 0.1 V/s, 400 cells (validation/peers/07) [s].

The reference program took 25-33 s at 200 and 70-89 s at 400 grid points (one 2-core machine, tolerances 1e-6).
"""

from __future__ import annotations

from typing import Any

from benchmarks._timing import best_of, peak_memory_mb, process_seconds

CASE, CELLS, BAR_S, PEER_S = "07_hysteresis_0p1", (80, 240, 80), 0.5, 70.3
PROCESS = "from benchmarks.hysteresis import loop; loop()"


def loop() -> Any:
    """One loop."""
    import perovsim as ps
    from perovsim.validate.peers import load_peer_case

    case = load_peer_case(CASE)
    layers = [layer.replace(cells=cells) for layer, cells in zip(case.device.layers, CELLS, strict=True)]
    return ps.simulate(case.device.replace(layers=layers), case.protocol)


def run() -> dict[str, Any]:
    """Return the seconds of a loop in a warm process and of a whole process."""
    first, seconds, result = best_of(loop)
    return {
        "cells": int(result.fields.sizes["x"]),
        "steps": int(result.attrs["steps"]),
        "factorisations": int(result.attrs["factorisations"]),
        "first_run_s": first,
        "seconds": seconds,
        "process_s": process_seconds(PROCESS),
        "peak_memory_mb": peak_memory_mb(),
        "stored_peer_s": PEER_S,
        "bar_s": BAR_S,
        "held": seconds <= BAR_S,
    }
