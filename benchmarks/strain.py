"""Strain, composition and thickness by forward fit, on patterns of a full multislice, against the Cramer-Rao bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks import _nanobeam as truth
from benchmarks._older_strain import METHODS, older_strain
from perovsim.microscopy.forward.forward_fit import CrystalTables
from perovsim.microscopy.waves.optics import wavelength

STILL, GRADED = 5e-5, 1e-4
"""Bars of the noiseless error of each strain: uniform, graded."""
BARS = {"static": (1.2, 5e-5), "alloy": (1.5, 2e-4), "phonon": (1.5, 3e-4)}
"""rms <= factor x Cramer-Rao + constant, by kind."""
DOSES = (1e5, 1e4, 1e3)
REPEATS = [17, 34, 68]
"""Thicknesses of about 10, 20 and 40 nm [cells]."""
MEASURED_ONLY: dict[str, tuple[int, ...]] = {"static": (), "alloy": (), "phonon": (68,)}
"""Thicknesses without a bar: what is found there is stated apart."""
GRADIENT, WIDTH = 0.015, 16e-9
RICHEST = 0.6
MOVING = ("strain1", "strain3")
"""Uniform cases that are repeated with thermal motion."""
BESIDE = (0.0, 0.004, 0.002, -0.003)
"""Uniform exx, eyy, exy and rotation that the graded alloy has besides."""
UNIFORM = (
    ("strain1", (0.008, -0.004, 0.003, 0.006), (3, -2)),
    ("strain2", (-0.006, 0.011, -0.004, 0.02), (45, -60)),
    ("strain3", (0.012, 0.005, -0.002, -0.01), (0, 0)),
    ("strain4", (-0.003, -0.009, 0.004, 0.004), (-2, 1)),
)
"""Name, exx, eyy, exy, rotation, and tilt in frequencies of the window (0.112 mrad)."""
THICKNESSES = ("8 nm", "42 nm")
THIN = ("8 nm", "24 nm")
COMPOSITIONS = {"static": (0.0, 0.3, 0.6), "alloy": (0.0, 0.15, 0.3, 0.45, 0.6), "phonon": (0.0, 0.3, 0.6)}
PATTERNS = 300
"""Least number of noisy patterns of each kind and dose."""
BESIDE_DRAWS = 4
"""Noisy patterns of each case that the older methods get."""
PLACES = (0.15, 0.5, 0.85)
"""Where the probe stands on the gradient [share of its width]."""


@dataclass(frozen=True)
class Case:
    """One noiseless pattern with the strain under the probe (exx, eyy, exy, rotation)."""

    kind: str
    group: str
    repeat: int
    pattern: np.ndarray
    strain: np.ndarray


def cases(kind: str, quick: bool) -> list[Case]:
    """Return the patterns of one kind: static, alloy or phonon."""
    found = []
    repeats = REPEATS[:2] if kind == "alloy" else REPEATS
    for name, strain, tilt in UNIFORM[: 2 if quick else None]:
        if kind == "alloy" or (kind == "phonon" and name not in MOVING):
            continue
        made = truth.patterns(name, truth.affine(*strain), repeats, tilt, thermal=kind == "phonon")
        found += [Case(kind, "uniform", n, p, np.array(strain)) for n, p in zip(repeats, made, strict=True)]
    for place in PLACES[1 : 2 if quick else None] if quick else PLACES:
        if kind == "static":
            strain = np.array([GRADIENT * place, 0.0, 0.0, 0.0])
            made = truth.patterns(f"graded {place}", truth.graded(GRADIENT, WIDTH, place), repeats)
        elif kind == "alloy":
            made, strain = alloy(place), alloy_strain(place)
        else:
            continue
        found += [Case(kind, "graded", n, p, strain) for n, p in zip(repeats, made, strict=True)]
    return found


def alloy(place: float) -> np.ndarray:
    """Return patterns of a random alloy of graded composition and strain, at the thicknesses of 10 and 20 nm."""
    move, chlorine, seed = _alloy(place)
    return truth.patterns(f"alloy {place}", move, REPEATS[:2], chlorine=chlorine, seed=seed)


def _alloy(place: float) -> tuple[truth.Move, Callable[[np.ndarray], np.ndarray], int]:
    """Return displacement, chance of Cl and seed of the alloy whose gradient has the probe at a place."""
    stretch, rest = truth.graded(GRADIENT, WIDTH, place), truth.affine(*BESIDE)
    return (
        lambda xy: rest(stretch(xy)),
        lambda xy: np.clip(RICHEST * (xy[:, 0] / WIDTH + place), 0, RICHEST),
        int(100 * place),
    )


def alloy_composition(place: float) -> list[float]:
    """Return the share of Cl that was drawn under the probe, weighted by its intensity, at each thickness."""
    window = truth.Window()
    move, chlorine, seed = _alloy(place)
    atoms = truth.atoms_of(window, move, max(REPEATS[:2]), chlorine, np.random.default_rng(seed))
    light = np.abs(truth.probe(window, (0, 0))) ** 2
    at = np.rint((atoms.xy / truth.CELL + 0.5 * window.cells) * window.points).astype(int) % len(light)
    weight = light[at[:, 0], at[:, 1]] * np.isin(atoms.numbers, (truth.CHLORINE, truth.BROMINE))
    found = []
    for repeat in REPEATS[:2]:
        here = weight * (atoms.layer < 2 * repeat)
        found.append(float(here[atoms.numbers == truth.CHLORINE].sum() / here.sum()))
    return found


def alloy_strain(place: float) -> np.ndarray:
    """Return exx, eyy, exy and rotation under the probe, V and R of F = V R."""
    gradient = truth.affine(*BESIDE)(np.eye(2)).T @ np.diag([1 + GRADIENT * place, 1.0])
    left, stretch, right = np.linalg.svd(gradient)
    v, turn = left @ np.diag(stretch) @ left.T, left @ right
    return np.array([v[0, 0] - 1, v[1, 1] - 1, v[0, 1], np.arctan2(turn[1, 0], turn[0, 0])])


def run(quick: int = 0, draws: int = 0, kinds: str = "static,alloy,phonon") -> dict[str, Any]:
    """Return the worst rms over its bar, slopes and coverage; prints the table.

    quick : 1 takes few patterns; draws : of the noise of each pattern and dose; kinds : to measure
    """
    measured: list[Row] = []
    for kind in kinds.split(","):
        measured += _measure(kind, cases(kind, bool(quick)), draws or (6 if quick else 0))
    _print(measured)
    return summary(measured)


@dataclass(frozen=True)
class Row:
    """What was found for one kind, group, thickness and dose.

    errors : of each strain (draw, 4); bound, stated : Cramer-Rao bound and stated errors, alike
    truth, found : strains of the noiseless patterns, (case, 4); seconds : processor time per pattern, start included
    older : rms of exx, eyy and exy together by METHODS, (method,)
    """

    kind: str
    group: str
    repeat: int
    dose: float
    errors: np.ndarray
    bound: np.ndarray
    stated: np.ndarray
    truth: np.ndarray
    found: np.ndarray
    aperture: float
    seconds: float
    older: np.ndarray

    @property
    def excess(self) -> float:
        """Worst rms of exx, eyy and exy over its bar."""
        factor, constant = BARS[self.kind]
        rms, bound = (np.sqrt((part[:, :3] ** 2).mean(axis=0)) for part in (self.errors, self.bound))
        return float((rms / (factor * bound + constant)).max())


class TimedTables(CrystalTables):
    """Tables that know the processor time that they took: it serves every fit and is stated apart."""

    seconds = 0.0

    def _make(self, **settings: Any) -> Any:
        began = time.process_time()
        table = super()._make(**settings)
        self.seconds += time.process_time() - began
        return table


def tables(kind: str) -> TimedTables:
    """Return the tables of a kind: still or moving atoms, all compositions."""
    from perovsim.microscopy.table.phase import crystal_phase
    from perovsim.model import load_microscope

    phase = crystal_phase("CsPbBr3", "CsPbCl3", cell=truth.CELL)
    step = truth.Window().grid.step[0]
    still = kind != "phonon"
    thick = THIN if kind == "alloy" else THICKNESSES
    return TimedTables(phase, load_microscope("stem_300kv"), "nanobeam", thick, COMPOSITIONS[kind], step, still)


def _measure(kind: str, chosen: list[Case], draws: int) -> list[Row]:
    made, rows = tables(kind), []
    for group, repeat in dict.fromkeys((case.group, case.repeat) for case in chosen):
        here = [case for case in chosen if (case.group, case.repeat) == (group, repeat)]
        exact = [_fit(made, case, max(DOSES), [case.pattern * max(DOSES)]) for case in here]
        count = draws or -(-PATTERNS // sum(case.kind == kind for case in chosen))
        rows += [_row(made, here, [fits[0] for fits, _ in exact], dose, count) for dose in DOSES]
    return rows


def _camera() -> Any:
    return replace(truth.Window().camera, field=truth.FIELD)


def _fit(made: Any, case: Case, dose: float, counts: list[np.ndarray], free: tuple = ()) -> tuple[list, float]:
    from perovsim.microscopy.forward.forward_fit import fit_patterns

    began, before = time.process_time(), made.seconds
    fits = fit_patterns(np.array(counts), dose, _camera(), made, free, workers=1)
    return fits, (time.process_time() - began - (made.seconds - before)) / len(counts)


def _row(made: Any, here: list[Case], exact: list, dose: float, count: int) -> Row:
    from perovsim.microscopy.forward.forward_fit import model_error

    errors, bound, stated, spent, apertures, beside = [], [], [], [], [], []
    for number, (case, best) in enumerate(zip(here, exact, strict=True)):
        rng = np.random.default_rng([number, case.repeat, int(dose)])
        counts = [rng.poisson(case.pattern * dose) for _ in range(count)]
        fits, seconds = _fit(made, case, dose, counts)
        beside += [_older(one.astype(float), case) for one in counts[:BESIDE_DRAWS]]
        spent.append(seconds)
        least = best.errors[:4] * np.sqrt(max(DOSES) / dose)
        for fit in fits:
            errors.append(fit.values[:4] - case.strain)
            bound.append(least)
            stated.append(np.hypot(fit.errors[:4], model_error(made, *fit.values[4:6])))
    if dose == max(DOSES):
        (wide,), _ = _fit(made, here[0], dose, [here[0].pattern * dose], ("radius", "edge"))
        apertures.append(wide.errors[0] / exact[0].errors[0])
    truths, found = (
        np.array(part)
        for part in zip(*[(c.strain, f.values[:4]) for c, f in zip(here, exact, strict=True)], strict=True)
    )
    arrays = (np.array(part) for part in (errors, bound, stated))
    return Row(
        here[0].kind,
        here[0].group,
        here[0].repeat,
        dose,
        *arrays,
        truths,
        found,
        apertures[0] if apertures else np.nan,
        float(np.mean(spent)),
        np.sqrt(np.nanmean(np.square(beside), axis=(0, 2))),
    )


def _older(counts: np.ndarray, case: Case) -> np.ndarray:
    """Return the errors of exx, eyy and exy by METHODS, (method, 3)."""
    camera = _camera()
    base = np.eye(2) * wavelength(truth.ENERGY) / truth.CELL / camera.pixel
    return older_strain(counts, camera, base, case.strain) - case.strain[:3]


def summary(rows: list[Row]) -> dict[str, Any]:
    """Return the keys of the benchmark."""
    top = [row for row in rows if row.dose == max(DOSES)]
    still = [
        np.abs(row.found - row.truth)[:, :3].max() / (STILL if row.group == "uniform" else GRADED)
        for row in top
        if row.kind == "static"
    ]
    slopes, covered, kinds = [], [], list(dict.fromkeys(row.kind for row in rows))
    for kind in kinds:
        of_kind = [row for row in top if row.kind == kind]
        for repeat in dict.fromkeys(row.repeat for row in of_kind):
            true, found = (
                np.concatenate([getattr(row, name)[:, :3].ravel() for row in of_kind if row.repeat == repeat])
                for name in ("truth", "found")
            )
            slopes.append(float(true @ found / (true @ true)))
        for dose in DOSES:
            inside = [
                np.abs(row.errors[:, :3]) <= row.stated[:, :3] for row in rows if (row.kind, row.dose) == (kind, dose)
            ]
            covered.append(float(np.concatenate(inside).mean()))
    excess = {}
    for kind in kinds:
        beyond = [row.excess for row in rows if row.kind == kind and row.repeat in MEASURED_ONLY[kind]]
        barred = [row.excess for row in rows if row.kind == kind and row.repeat not in MEASURED_ONLY[kind]]
        excess[f"excess_{kind}"] = round(max(barred), 3)
        if beyond:
            excess[f"excess_{kind}_thick"] = round(max(beyond), 3)
    return {
        "noiseless": round(float(max(still, default=np.nan)), 3),
        **excess,
        "slope_min": round(min(slopes), 4),
        "slope_max": round(max(slopes), 4),
        "coverage_min": round(min(covered), 3),
        "coverage_max": round(max(covered), 3),
        "ms_per_pattern": round(1e3 * float(np.mean([row.seconds for row in rows])), 1),
        "aperture_cost": round(float(np.nanmax([row.aperture for row in rows])), 2),
    }


def _print(rows: list[Row]) -> None:
    print(
        "kind     group    cells  electrons  rms exx   CR exx    rms eyy   CR eyy    rms exy   CR exy    "
        "/bar  cover  bias     " + "  ".join(METHODS)
    )
    for row in rows:
        rms, bound = (np.sqrt((part**2).mean(axis=0)) for part in (row.errors, row.bound))
        cover = (np.abs(row.errors[:, :3]) <= row.stated[:, :3]).mean()
        pairs = "  ".join(f"{rms[i]:.2e}  {bound[i]:.2e}" for i in range(3))
        bias = np.abs(row.found - row.truth)[:, :3].max()
        print(
            f"{row.kind:<8} {row.group:<8} {row.repeat:>5}  {row.dose:>9.0e}  {pairs}  "
            f"{row.excess:.2f}  {cover:.2f}  {bias:.1e}  {'  '.join(f'{value:.1e}' for value in row.older)}"
        )
