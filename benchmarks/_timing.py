"""What the benchmarks of the solver share: best times, a run in a process of its own, the floor of a run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

REPEATS = 5
STATUS = "print(open('/proc/self/status').read())"
PEAK_MEMORY_MB = 300.0
"""Bar of the memory of a whole process."""


def best_of(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Shortest wall time of some calls [s] after a first one, which compiles or loads kernels, and what it returned."""
    found, best = work(), float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - began)
    return best, found


def process(module: str, repeats: int = 3) -> dict[str, float]:
    """Wall time [s] of a new process that imports, builds, simulates `case()` of a benchmark and ends; its memory."""
    code = f"import perovsim as ps; from {module} import case; ps.simulate(*case()); {STATUS}"
    best, peak = float("inf"), 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        best = min(best, time.perf_counter() - began)
        line = next(line for line in ended.stdout.splitlines() if line.startswith("VmHWM"))
        peak = max(peak, int(line.split()[1]) / 1024)
    return {"process_seconds": round(best, 3), "peak_memory_MB": round(peak, 1)}


def measure(module: str, device: Any, protocol: Any, bar: float) -> dict[str, Any]:
    """Keys of one run: `seconds` of simulate, `solver_seconds` of its steps alone, its process, counts and floor."""
    import perovsim as ps

    seconds, result = best_of(lambda: ps.simulate(device, protocol))
    solver, runner = best_of(lambda: _steps(device, protocol))
    floor = factor_seconds(runner) * runner.statistics["factorisations"]
    counts = ("cells", "unknowns", "steps", "rejected", "factorisations", "evaluations")
    own = process(module)
    return {
        "seconds": round(seconds, 4),
        "bar_seconds": bar,
        "solver_seconds": round(solver, 4),
        **own,
        "stored": int(result.times.size),
        **{name: int(result.attrs[name]) for name in counts},
        "floor_seconds": round(floor, 4),
        "over_floor": round(solver / floor, 1),
        "held": seconds <= bar and own["peak_memory_MB"] <= PEAK_MEMORY_MB,
    }


def _steps(device: Any, protocol: Any) -> Any:
    from perovsim.device.running.run import Runner
    from perovsim.steps import run_steps

    runner = Runner(device)
    run_steps(runner, protocol)
    return runner


def factor_seconds(runner: Any) -> float:
    """Time [s] to factorise the matrix of a run once, in its last state."""
    import numpy as np

    from perovsim.device.kernels.assemble import add_storage, assemble
    from perovsim.device.kernels.matrix import factor

    e, y, best = runner.equations, runner.state.y, float("inf")
    for _ in range(50):
        assemble(e.tables, e.control, 0.0, y, e.state, e.f, e.matrix, True)
        add_storage(e.tables, 1.0, e.state.held[0], e.matrix, np.ones(e.size))
        began = time.perf_counter()
        failed = factor(e.matrix, e.tables.where, e.tables.size)
        best = min(best, time.perf_counter() - began)
        if failed:
            raise RuntimeError("the matrix is singular in the last state of the run")
    return best
