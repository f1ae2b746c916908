"""J-V curve of the shipped LED, 100 steady points from 0 to 4 V with the ions frozen [s]."""

from __future__ import annotations

from typing import Any

from benchmarks._timing import best_of, peak_memory_mb, process_seconds

POINTS, BAR_S = 100, 0.3
PROCESS = "from benchmarks.jv import curve; curve()"


def curve() -> Any:
    """One curve."""
    import perovsim as ps

    device = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    return ps.simulate(device, ps.Protocol([ps.staircase("0 V", "4 V", points=POINTS, ions="frozen")]))


def run() -> dict[str, Any]:
    """Return the seconds of a curve in a warm process and of a whole process."""
    first, seconds, result = best_of(curve)
    return {
        "cells": int(result.fields.sizes["x"]),
        "points": POINTS,
        "largest_current_A_m2": float(result.terminals["J"].values.max()),
        "first_run_s": first,
        "seconds": seconds,
        "process_s": process_seconds(PROCESS),
        "peak_memory_mb": peak_memory_mb(),
        "bar_s": BAR_S,
        "held": seconds <= BAR_S,
    }
