"""Five numbers of a synthetic ageing by least squares from a cold start: no run is known, nothing is guessed.

V(t), light(t) and one film thickness of the shipped example. `seconds` is the fit with the start of its processes;
`--starts` descents, `--workers` processes, `--samples` of the posterior afterwards (0: none). `cpu_seconds` is of all
processes, start and imports included.
"""

from __future__ import annotations

import os
import resource
import time
from typing import Any

import numpy as np

BAR_S, BAR_POSTERIOR_S = 60.0, 900.0


def run(starts: int = 1, workers: int = 2, seed: int = 1, samples: int = 0) -> dict[str, Any]:
    """Return the time of the fit, its evaluations, and how far it is from the truth."""
    from perovsim.fit.spec import load_fit

    busy = os.getloadavg()[0]
    problem = load_fit("fit_example").problem(workers=workers)
    truth = {one.name: float(problem.device.value(one.name)) for one in problem.parameters}
    began = time.perf_counter()
    fit = problem.least_squares(starts=starts, seed=seed)
    seconds = time.perf_counter() - began
    found = {
        "seconds": round(seconds, 2),
        "bar_seconds": BAR_S,
        "runs": problem.runs.computed,
        "failed_runs": len(problem.runs.failures),
        "chi2": round(fit.chi_square, 2),
        "freedom": fit.freedom,
        "largest_z": round(float(np.max(np.abs(fit.x - problem.coordinates(truth)) / fit.sigma)), 2),
        "held": seconds <= BAR_S,
        "load_average": round(busy, 1),
    }
    if samples:
        began = time.perf_counter()
        posterior = problem.sample(fit, samples, seed)
        found |= {
            "posterior_seconds": round(time.perf_counter() - began, 1),
            "bar_posterior_seconds": BAR_POSTERIOR_S,
            "posterior": posterior.told,
        }
    problem.close()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found["cpu_seconds"] = round(sum(one.ru_utime + one.ru_stime for one in used), 1)
    return found
