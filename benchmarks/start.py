"""How long ``import perovsim`` and ``perovsim --help`` take [s], best of five new processes."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

REPEATS = 5
BARS = {"import_s": 1.0, "help_s": 0.5}


def run() -> dict[str, Any]:
    """Return the times, the bars and whether they are held."""
    measured: dict[str, Any] = {
        "import_s": best_of("-c", "import perovsim"),
        "help_s": best_of("-m", "perovsim", "--help"),
    }
    held = all(measured[name] <= bar for name, bar in BARS.items())
    return {**measured, **{f"bar_{name}": bar for name, bar in BARS.items()}, "held": held}


def best_of(*words: str) -> float:
    """Return the shortest wall time of a new Python process [s]."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return round(min(times), 4)
