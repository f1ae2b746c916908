"""Share of random devices and protocols whose run finishes with every balance held and no NaN.

An error counts as not finished; so does a run beyond its limit of CPU time. `--seed`, `--count` and `--first` choose
the draws, `--workers` how many processes run them.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from benchmarks._random_devices import Draw

LIMIT_S = 120.0
"""CPU time of one run [s] beyond which it counts as hanging."""
BAR = 0.995
TERMINALS = ("V", "J", "J_displacement", "charge_passed", "photon_flux")


class Hanging(Exception):
    """A run took longer than its limit."""


def run(seed: int = 1, count: int = 500, first: int = 0, workers: int = 1) -> dict[str, Any]:
    """Return the share that finished, the time they took, and the errors of the others."""
    numbers = range(first, first + count)
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            found = list(pool.map(attempt, [seed] * count, numbers, chunksize=4))
    else:
        found = [attempt(seed, number) for number in numbers]
    failed = {number: text for number, (text, _) in zip(numbers, found, strict=True) if text}
    seconds = np.array([spent for _, spent in found])
    share = 1.0 - len(failed) / count
    return {
        "seed": seed,
        "count": count,
        "finished_share": round(share, 4),
        "median_s": round(float(np.median(seconds)), 3),
        "largest_s": round(float(seconds.max()), 2),
        "kinds": dict(Counter(text.split(":")[0] for text in failed.values())),
        "failed": failed,
        "bar_finished_share": BAR,
        "held": share >= BAR,
    }


def attempt(seed: int, number: int) -> tuple[str, float]:
    """Simulate one draw; what went wrong ("" if nothing) and the CPU time [s]."""
    import perovsim as ps

    draw = Draw(seed, number)
    device = draw.device()
    protocol = draw.protocol(float(device.anode.work_function) - float(device.cathode.work_function))
    began = time.process_time()
    signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        text = fault(ps.simulate(device, protocol))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    return text, time.process_time() - began


def _hang(signum: int, frame: Any) -> None:
    raise Hanging(f"not done after {LIMIT_S:g} s of CPU time")


def fault(result: Any) -> str:
    """What is not a number in a result that should be one: "" if nothing."""
    for name in TERMINALS:
        if not np.isfinite(result.terminals[name].values).all():
            return f"NaN: terminals {name}"
    for name, values in result.fields.items():
        missing = np.isnan(values.values)
        if (missing != missing[:1]).any() or np.isinf(values.values).any():
            return f"NaN: fields {name}"
    for name, values in result.interfaces.items():
        if not np.isfinite(values.values).all():
            return f"NaN: interfaces {name}"
    return ""
