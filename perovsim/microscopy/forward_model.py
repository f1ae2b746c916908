"""The model of measured counts: crystal table, scale, halo and background; its Fisher scoring.

m = N s (disks + h halo) + b;  score = J^T (n - m) / m, Fisher information F = J^T J / m (Poisson)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.microscopy.camera import Camera
from perovsim.microscopy.counting import deviance
from perovsim.microscopy.draw import PARAMETERS
from perovsim.microscopy.nanobeam_table import STATE, NanobeamTable

NAMES = (*PARAMETERS, "scale", "halo", "background")
"""Unknowns of a pattern: its state, radius and edge of the aperture, scale s, halo h, background b [counts]."""
EXTRA = 2e-7
"""Share of the electrons that every pixel gets, in data and model: dark pixels between disks would weigh more than
the model is good for. Estimates stay unbiased, since the score holds n - m only."""
LEAST_SHARE = 0.1
"""A background below zero takes at most the rest of EXTRA away."""
ITERATIONS = 30
CONVERGED = 0.02
"""Steps end below this share of the standard errors, or of LEAST_STEP where errors are smaller."""
HALVINGS = 8
_LONGEST = {
    "exx": 5e-3,
    "eyy": 5e-3,
    "exy": 5e-3,
    "rotation": 1e-2,
    "composition": 0.15,
    "thickness": 3e-9,
    "tilt_x": 1e-3,
    "tilt_y": 1e-3,
    "centre_x": 2e-4,
    "centre_y": 2e-4,
    "radius": 3e-5,
    "edge": 2e-5,
    "scale": 0.2,
    "halo": 0.5,
    "background": np.inf,
}
LONGEST = np.array([_LONGEST[name] for name in NAMES])
"""Longest step of each unknown: about what the linear model bears."""


@dataclass(frozen=True)
class Fit:
    """One fitted pattern.

    values : in the order of NAMES; covariance : inverse Fisher information, zero for what was held
    deviance : Poisson deviance per degree of freedom; steps taken; reason : "" or why it failed
    """

    values: np.ndarray
    covariance: np.ndarray
    deviance: float
    steps: int
    reason: str = ""

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, without the model's own."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class Pattern:
    """Counts with what is known of the camera.

    counts (rows, columns); electrons : that hit the sample
    """

    counts: np.ndarray
    electrons: float
    camera: Camera

    @cached_property
    def used(self) -> np.ndarray:
        """Pixels within the field of the camera, (rows, columns)."""
        x, y = self.camera.q
        return np.hypot(x[None, :], y[:, None]) <= self.camera.field

    @cached_property
    def observed(self) -> np.ndarray:
        """Counts of the used pixels, EXTRA included."""
        return self.counts[self.used] + self.extra

    @property
    def extra(self) -> float:
        """What every pixel gets [counts]."""
        return EXTRA * self.electrons


def fit_pattern(
    pattern: Pattern, table_at: Callable[[np.ndarray], NanobeamTable], start: np.ndarray, free: np.ndarray
) -> Fit:
    """Maximise the Poisson likelihood by Fisher scoring; steps are halved until the deviance falls.

    table_at : the table for a state; start : values in the order of NAMES; free : indices into NAMES
    """
    values, best = start.copy(), np.inf
    move, bound = np.zeros(len(NAMES)), np.zeros((len(NAMES), len(NAMES)))
    for step in range(ITERATIONS):
        for _ in range(HALVINGS):
            try:
                model, design = _model(pattern, table_at(values[: len(STATE)]), values)
            except PerovsimError as cause:
                if step == 0:
                    return _failed(str(cause), values)
                values = values - 0.5 * move
                move = 0.5 * move
                continue
            found = float(deviance(pattern.observed, model).sum())
            if found <= best + 1e-6 * abs(best) or not np.isfinite(best):
                break
            values = values - 0.5 * move
            move = 0.5 * move
        else:
            return _done(pattern, values, bound, best, step, "" if np.isfinite(best) else "leaves the table")
        best = found
        bound, move = _scoring(pattern, model, design[:, free], free)
        errors = np.sqrt(np.diag(bound))
        move = move / max(1.0, float(np.max(np.abs(move) / LONGEST)))
        if np.all(np.abs(move) <= CONVERGED * errors):
            return _done(pattern, values, bound, best, step + 1, "")
        values = values + move
    return _done(pattern, values, bound, best, ITERATIONS, f"no convergence in {ITERATIONS} steps")


def _model(pattern: Pattern, table: NanobeamTable, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return expected counts of the used pixels and their derivatives by NAMES."""
    named = dict(zip(NAMES, values, strict=True))
    camera = replace(pattern.camera, radius=named["radius"])
    if camera.edge is not None:
        camera = replace(camera, edge=named["edge"])
    state = values[: len(STATE)]
    drawn, diffuse = table.derivatives(state, camera)[pattern.used], table.diffuse(state, camera)
    amount = pattern.electrons * named["scale"]
    design = np.empty((len(drawn), len(NAMES)))
    design[:, : len(PARAMETERS)] = drawn[:, 1:] * amount
    expected = drawn[:, 0]
    if diffuse is not None:
        value, *changes = (part[pattern.used] for part in (diffuse.value, diffuse.by_composition, diffuse.by_thickness))
        expected = expected + named["halo"] * value
        for column, change in zip((NAMES.index("composition"), NAMES.index("thickness")), changes, strict=True):
            design[:, column] += amount * named["halo"] * change
    design[:, -3] = pattern.electrons * expected
    design[:, -2] = 0.0 if diffuse is None else amount * value
    design[:, -1] = 1.0
    return np.maximum(amount * expected + named["background"] + pattern.extra, LEAST_SHARE * pattern.extra), design


def _scoring(
    pattern: Pattern, model: np.ndarray, design: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the inverse Fisher information and the step, both over all NAMES."""
    weighted = design / model[:, None]
    fisher = weighted.T @ design
    scale = np.sqrt(np.maximum(np.diag(fisher), 1e-300))
    inverse = np.linalg.inv(fisher / np.outer(scale, scale)) / np.outer(scale, scale)
    score = weighted.T @ (pattern.observed - model)
    bound, move = np.zeros((len(NAMES), len(NAMES))), np.zeros(len(NAMES))
    bound[np.ix_(free, free)] = inverse
    move[free] = inverse @ score
    return bound, move


def _done(pattern: Pattern, values: np.ndarray, bound: np.ndarray, best: float, steps: int, reason: str) -> Fit:
    return Fit(values, bound, best / max(int(pattern.used.sum()), 1), steps, reason)


def _failed(reason: str, values: np.ndarray) -> Fit:
    nan = np.full(len(NAMES), np.nan)
    return Fit(nan, np.full((len(NAMES), len(NAMES)), np.nan), np.nan, 0, reason)
