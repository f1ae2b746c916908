"""Ageing at constant current, 1 ns to 1e5 s, 301 cells, carriers and two halides; beside it the LED with all processes.

`seconds` is one run in a warm process, `process_s` a whole new process; `all_processes_s` the shipped LED for 1 h.
"""

from __future__ import annotations

from typing import Any

from benchmarks._timing import best_of, peak_memory_mb, process_seconds

BARS = {"seconds": 0.3, "all_processes_s": 1.0, "peak_memory_mb": 300.0}
CELLS = (97, 107, 97)
PROCESS = "from benchmarks.ageing import drift; drift()"


def drift() -> Any:
    """The shipped LED without reactions under 100 A/m^2 for 1e5 s."""
    import perovsim as ps

    device = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    layers = [layer.replace(cells=cells) for layer, cells in zip(device.layers, CELLS, strict=True)]
    protocol = ps.Protocol([ps.constant_current("10 mA/cm^2", "1e5 s")], ions="uniform")
    return ps.simulate(device.replace(layers=layers), protocol)


def everything() -> Any:
    """The shipped LED with all its processes for an hour."""
    import perovsim as ps

    return ps.simulate(ps.load_device("nanoled_like"), ps.load_protocol("constant_current_1h"))


def run() -> dict[str, Any]:
    """Return seconds of both runs, of a whole process, and the peak memory."""
    first, seconds, result = best_of(drift)
    _, full, aged = best_of(everything)
    measured = {"seconds": seconds, "all_processes_s": full, "peak_memory_mb": peak_memory_mb()}
    return {
        "cells": int(result.fields.sizes["x"]),
        "end_s": float(result.times[-1]),
        "steps": int(result.attrs["steps"]),
        "factorisations": int(result.attrs["factorisations"]),
        "first_run_s": first,
        **measured,
        "process_s": process_seconds(PROCESS),
        "all_processes_cells": int(aged.fields.sizes["x"]),
        **{f"bar_{name}": bar for name, bar in BARS.items()},
        "held": all(measured[name] <= bar for name, bar in BARS.items()),
    }
