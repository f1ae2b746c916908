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
ITERATIONS = 30
CONVERGED = 0.02
"""Steps end below this share of the standard errors; the last one is taken."""
SLACK = 1e-9
"""Share by which rounding may raise the deviance."""
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
    def observed(self) -> np.ndarray:
        """Counts of the pixels in the field, EXTRA included."""
        return self.counts[self.camera.index >= 0] + self.extra

    def camera_with(self, radius: float, edge: float) -> Camera:
        """Return the camera with another aperture."""
        if radius == self.camera.radius and edge in (self.camera.edge, 0.0):
            return self.camera
        return replace(self.camera, radius=radius, edge=None if self.camera.edge is None else edge)

    @property
    def extra(self) -> float:
        """What every pixel gets [counts]."""
        return EXTRA * self.electrons


def fit_pattern(
    pattern: Pattern,
    table_at: Callable[[np.ndarray], NanobeamTable],
    start: np.ndarray,
    free: np.ndarray,
    most: int = ITERATIONS,
) -> Fit:
    """Maximise the Poisson likelihood by Fisher scoring; steps are halved until the deviance falls.

    table_at : the table for a state; start : values in the order of NAMES; free : indices into NAMES
    most : steps
    """
    values, best = start.copy(), np.inf
    move, bound = np.zeros(len(NAMES)), np.zeros((len(NAMES), len(NAMES)))
    for step in range(most):
        for _ in range(HALVINGS):
            try:
                model = _Model(pattern, table_at(values[: len(STATE)]), values)
            except PerovsimError as cause:
                if step == 0:
                    return _failed(str(cause), values)
                found = np.inf
            else:
                found = float(deviance(pattern.observed, model.expected).sum())
            if found <= best * (1 + SLACK):
                break
            move = 0.5 * move
            values = values - move
        else:
            return _done(pattern, values - move, bound, best, step, "no step lowers the deviance")
        best = found
        bound, move = model.scoring(free)
        there = model.inside(values + shortened(move))
        stopped = np.flatnonzero((there == values) & (move != 0))
        if len(stopped):
            there = model.inside(values + shortened(model.scoring(np.setdiff1d(free, stopped))[1]))
        move, values = there - values, there
        if np.all(np.abs(move) <= CONVERGED * np.sqrt(np.diag(bound))):
            return _done(pattern, values, bound, best, step + 1, "")
    return _done(pattern, values, bound, best, most, f"no convergence in {most} steps")


def shortened(move: np.ndarray) -> np.ndarray:
    """Return a step none of whose parts is longer than the linear model bears."""
    return move / max(1.0, float(np.max(np.abs(move) / LONGEST)))


class _Model:
    """Expected counts for some values, and their derivatives by NAMES as columns @ chain.

    columns : (pixel, n) what was drawn, the halo and its changes, ones
    """

    def __init__(self, pattern: Pattern, table: NanobeamTable, values: np.ndarray) -> None:
        named = dict(zip(NAMES, values, strict=True))
        camera = pattern.camera_with(named["radius"], named["edge"])
        self.pattern, self.table = pattern, table
        state, amount = values[: len(STATE)], pattern.electrons * named["scale"]
        drawn, diffuse = table.derivatives(state, camera), table.diffuse(state, camera)
        parts = [drawn, np.ones((len(drawn), 1))]
        chain = np.zeros((len(PARAMETERS) + 2, len(NAMES)))
        chain[: len(PARAMETERS) + 1, : len(PARAMETERS)] = amount * camera.chain[:, 1:]
        chain[0, NAMES.index("scale")], chain[-1, NAMES.index("background")] = pattern.electrons * camera.norm, 1.0
        self.expected = amount * camera.norm * np.maximum(drawn[:, 0], 0.0) + named["background"] + pattern.extra
        if diffuse is not None:
            inside = camera.index >= 0
            halo = np.stack([diffuse.value[inside], diffuse.by_composition[inside], diffuse.by_thickness[inside]], 1)
            parts.append(halo)
            self.expected += amount * named["halo"] * halo[:, 0]
            rows = np.zeros((3, len(NAMES)))
            rows[0, NAMES.index("halo")], rows[0, NAMES.index("scale")] = amount, pattern.electrons * named["halo"]
            rows[1, NAMES.index("composition")] = rows[2, NAMES.index("thickness")] = amount * named["halo"]
            chain = np.concatenate([chain, rows])
        self.columns, self.chain = np.concatenate(parts, axis=1), chain

    def inside(self, values: np.ndarray) -> np.ndarray:
        """Return values whose composition and thickness lie in the table, halo and background not below zero."""
        found = np.concatenate([self.table.clipped(values[: len(STATE)]), values[len(STATE) :]])
        found[-2:] = np.maximum(found[-2:], 0.0)  # with less than no electrons between disks errors would vanish
        return found

    def scoring(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Fisher information and the step, both over all NAMES."""
        chain = self.chain[:, free]
        weighted = self.columns / self.expected[:, None]
        fisher = chain.T @ (weighted.T @ self.columns) @ chain
        score = chain.T @ (weighted.T @ (self.pattern.observed - self.expected))
        scale = np.sqrt(np.maximum(np.diag(fisher), np.finfo(float).tiny))
        inverse = np.linalg.inv(fisher / np.outer(scale, scale)) / np.outer(scale, scale)
        bound, move = np.zeros((len(NAMES), len(NAMES))), np.zeros(len(NAMES))
        bound[np.ix_(free, free)] = inverse
        move[free] = inverse @ score
        return bound, move


def _done(pattern: Pattern, values: np.ndarray, bound: np.ndarray, best: float, steps: int, reason: str) -> Fit:
    return Fit(values, bound, best / len(pattern.observed), steps, reason)


def _failed(reason: str, values: np.ndarray) -> Fit:
    nan = np.full(len(NAMES), np.nan)
    return Fit(nan, np.full((len(NAMES), len(NAMES)), np.nan), np.nan, 0, reason)
