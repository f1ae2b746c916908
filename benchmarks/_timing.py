"""What benchmarks share: the best of several runs, the wall time of a whole process, its peak memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

REPEATS = 5


def best_of(task: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float, Any]:
    """First time (with compilation or its cache) and best time of the next runs [s], and what the last returned."""
    times, found = [], None
    for _ in range(repeats + 1):
        start = time.perf_counter()
        found = task()
        times.append(time.perf_counter() - start)
    return round(times[0], 4), round(min(times[1:]), 4), found


def process_seconds(code: str) -> float:
    """Wall time [s] of a new Python process that runs `code`, kernels cached."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return round(time.perf_counter() - start, 4)


def peak_memory_mb() -> float:
    """Largest memory that this process has held [MB]."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1)
