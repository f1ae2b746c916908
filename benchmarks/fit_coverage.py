"""Do the intervals of a fit hold what they promise? Seeded repeats of the shipped example with fresh noise each.

Five numbers from V(t), light(t) and one film thickness; truth: the device file. The first `--full` repeats are fits by
runs from random starts. The others descend on an emulator learnt about the first of them, and one run at the end of
each says how far that is from the model; repeats done both ways must agree. `--full 40` does all of them by runs.
`--folder` keeps the runs, so that an interrupted benchmark continues; `--workers` 0: one process per core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BAR_WITHIN_2 = 0.90
BAR_68 = (0.58, 0.78)
REACH = 2.5
"""Standard deviations in which the emulator is learnt: repeats scatter about the truth, which scatters about the first
fit."""


def run(
    repeats: int = 40, seed: int = 1, full: int = 2, starts: int = 1, folder: str = "", workers: int = 0
) -> dict[str, Any]:
    """Return the shares of true values within one and two standard deviations, and what the fits took."""
    from perovsim.fit.emulator import Emulator
    from perovsim.fit.spec import load_fit

    problem = load_fit("fit_example").problem(folder or None, workers or None)
    truth = {one.name: float(problem.device.value(one.name)) for one in problem.parameters}
    at = problem.coordinates(truth)
    drawn = [problem.synthetic(truth, seed + number) for number in range(repeats)]
    fits = [one.least_squares(starts=starts) for one in drawn[:full]]
    emulator = Emulator(fits[0], REACH)
    emulator.learn(emulator.design(np.random.default_rng(seed)))
    emulated = [_descend(emulator, one, fits[0]) for one in drawn]
    ends = np.array([x for x, _, _ in emulated])
    true = [one.residuals(x[None])[0] for one, x in zip(drawn, ends, strict=True)]
    apart = [np.sqrt(np.mean(np.square(a - b))) for a, (_, b, _) in zip(true, emulated, strict=True)]
    z = [(fit.x - at) / fit.sigma for fit in fits] + [(x - at) / s for x, _, s in emulated[full:]]
    both = [float(np.max(np.abs(fit.x - x) / fit.sigma)) for fit, x in zip(fits, ends, strict=False)]
    found = np.abs(np.array(z))
    one, two = float((found < 1.0).mean()), float((found < 2.0).mean())
    result = {
        "repeats": repeats,
        "full": full,
        "within_1_sigma": round(one, 3),
        "within_2_sigma": round(two, 3),
        "by_parameter_1": dict(zip(truth, (found < 1.0).mean(axis=0).round(3).tolist(), strict=True)),
        "by_parameter_2": dict(zip(truth, (found < 2.0).mean(axis=0).round(3).tolist(), strict=True)),
        "mean_z": np.mean(z, axis=0).round(2).tolist(),
        "mean_chi2_per_freedom": round(float(np.mean([np.sum(r**2) for r in true])) / (problem.size - at.size), 3),
        "emulator_rms_sigma": round(float(np.mean(apart)), 4),
        "emulator_worst_rms_sigma": round(float(np.max(apart)), 4),
        "full_against_emulated_sigma": round(max(both), 4),
        "runs": problem.runs.computed,
        "failed_runs": len(problem.runs.failures),
        "bar_within_2_sigma": BAR_WITHIN_2,
        "bar_68": BAR_68,
        "held": bool(two >= BAR_WITHIN_2 and BAR_68[0] <= one <= BAR_68[1]),
    }
    problem.close()
    return result


def _descend(emulator: Any, problem: Any, about: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best coordinates, residuals and standard deviations of a repeat on the emulator."""
    from perovsim.fit.identify import spectrum
    from perovsim.fit.optimise import solve

    found = solve(
        lambda points: emulator.residuals(problem, points), about.x, problem.low, problem.high, about.settings
    )
    told = spectrum(found.jacobian, problem.spread, np.zeros(found.x.size, bool), 0.0)
    return found.x, found.residuals, np.sqrt(np.diag(told.covariance))
