"""`run_fit`: fit a file, and write its numbers (fit.json) and its page (report.html)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.fit.data import Measured
from perovsim.fit.fit import Fit
from perovsim.fit.improve import Gain, gains
from perovsim.fit.posterior import Posterior
from perovsim.fit.profile import Profile, profiles
from perovsim.fit.spec import FitFile, load_fit
from perovsim.units import conversion

RUNS, NUMBERS, PAGE = "runs", "fit.json", "report.html"


@dataclass(frozen=True)
class Outcome:
    """All that was asked of a fit file."""

    file: FitFile
    fit: Fit
    profiles: tuple[Profile, ...]
    posterior: Posterior | None
    gains: list[Gain]
    seconds: float

    def text(self) -> str:
        """Tables of the values, and of the posterior where there is one."""
        parts = [self.fit.table()]
        if self.posterior is not None:
            parts.append(self.posterior.table())
        return "\n\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Numbers for a program: SI units."""
        fit = self.fit
        rows = {}
        for k, one in enumerate(fit.problem.parameters):
            rows[one.name] = {
                "value": one.value(float(fit.x[k])),
                "unit": one.unit,
                "interval_68": list(fit.interval(k)),
                "sigma": float(fit.sigma[k] * one.slope(float(fit.x[k]))),
                "prior": one.prior.model_dump(exclude_none=True),
            }
            if self.posterior is not None:
                middle, low, high = self.posterior.interval(k)
                rows[one.name]["posterior"] = {"median": middle, "interval_68": [low, high]}
        for profile in self.profiles:
            one = fit.problem.parameters[profile.parameter]
            ends = profile.interval()
            rows[one.name]["profile_68"] = [one.value(u) if np.isfinite(u) else None for u in ends]
        return {
            "format": "perovsim-fit-result/1",
            "parameters": rows,
            "correlation": fit.correlation.tolist(),
            "chi_square": fit.chi_square,
            "degrees_of_freedom": fit.freedom,
            "p_value": fit.p_value,
            "warnings": list(fit.warnings),
            "starts": [{"chi_square": 2.0 * s.cost, "evaluations": s.evaluations} for s in fit.solutions],
            "failed_runs": sorted(set(fit.problem.runs.failures.values())),
            "posterior": None if self.posterior is None else self.posterior.told,
        }


def run_fit(
    path: str | Path, out: str | Path, workers: int | None = None, tell: Callable[[str], None] = print
) -> Outcome:
    """Do what a fit file asks and write fit.json and report.html into the folder `out`.

    Runs are kept in out/runs: an interrupted fit goes on there, and a changed one uses those that it shares.
    """
    from perovsim.report.fit import write_fit

    began = time.perf_counter()
    file, folder = load_fit(path), Path(out)
    problem = file.problem(folder / RUNS, workers)
    try:
        options = file.least_squares
        fit = problem.least_squares(options.starts, options.seed, tell, loss=options.loss, f_scale=options.f_scale)
        traced = profiles(fit, tell) if file.profiles else ()
        asked = file.posterior
        posterior = None if asked is None else problem.sample(fit, asked.samples, asked.seed, tell)
        outcome = Outcome(file, fit, traced, posterior, gains(fit), time.perf_counter() - began)
    finally:
        problem.close()
    (folder / NUMBERS).write_text(json.dumps(outcome.to_dict(), indent=1, ensure_ascii=False), encoding="utf-8")
    write_fit(outcome, folder / PAGE)
    return outcome


def write_synthetic(path: str | Path, seed: int, out: str | Path, workers: int | None = None) -> list[Path]:
    """Write the tables of a fit file anew into a folder: drawn from the model at the values of the device."""
    file, folder = load_fit(path), Path(out)
    problem = file.problem(folder / RUNS, workers)
    free = {one.name for one in problem.parameters[problem.count :]}
    if free:
        raise PerovsimError(f"{path}: synthetic data need values of {', '.join(sorted(free))}; remove the nuisances")
    try:
        values = {one.name: float(problem.device.value(one.name)) for one in problem.parameters}
        drawn = problem.synthetic(values, seed)
    finally:
        problem.close()
    return [_write(data, seed, file.name, folder) for data in drawn.data]


def _write(data: Measured, seed: int, name: str, folder: Path) -> Path:
    """Write one table with its header, in the units of the one that was read."""
    spec, units = data.spec, data.table.units
    columns = {spec.rename.get(key, key): values for key, values in data.x.items() if key != "t" or spec.has_time}
    columns |= {spec.rename.get(key, key): y for key, y in zip(spec.y_units, data.y.T, strict=True)}
    wanted = {spec.rename.get(key, key): unit for key, unit in {**spec.kind.x, **spec.y_units}.items()}
    shown = []
    for key, values in columns.items():
        scale, offset = conversion(units[key], wanted[key])
        shown.append((values - offset) / scale)
    header = ", ".join(f"{key} [{units[key] or 1}]" for key in columns)
    rows = "\n".join(", ".join(f"{value:.6g}" for value in row) for row in np.array(shown).T)
    note = f"# Synthetic: perovsim fit {name} --synthetic {seed}; {spec.kind.title}, noise {spec.noise.told}\n"
    target = folder / Path(spec.file).name
    target.write_text(f"{note}{header}\n{rows}\n", encoding="utf-8")
    return target
