"""The model of measured counts: crystal table, scale, halo and background; its Fisher scoring.

m = N s (disks + h halo) + b;  score = J^T (n - m) / m, Fisher information F = J^T J / m (Poisson)
Few counts curve the likelihood otherwise than F, their mean: along steps taken, what they did to the score corrects it.
References: Nocedal and Wright, Numerical Optimization, eq. 6.19 (BFGS)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.microscopy.forward.information import poisson_information
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.draw import PARAMETERS
from perovsim.microscopy.table.nanobeam_table import STATE, NanobeamTable

NAMES = (*PARAMETERS, "scale", "halo", "background")
"""Unknowns of a pattern: its state, radius and edge of the aperture, scale s, halo h, background b [counts]."""
EXTRA = 2e-7
"""Share of the electrons that every pixel gets, in data and model: dark pixels between disks would weigh more than
the model is good for. Estimates stay unbiased, since the score holds n - m only."""
ITERATIONS = 30
CONVERGED = 0.2
"""The last step, which is taken, is below this share of every standard error. Corrected steps shrink ever faster:
0.05 remain at 1e3 electrons, 0.02 at 1e4 (rms), 0.1 % of the rms. The ratio of two steps does not tell what remains:
another unknown may lag, by 0.9 errors at worst."""
SLACK = 1e-3
"""Rounding of single precision may raise the deviance by this much: what a step of 0.03 standard errors changes."""
HALVINGS = 8
LEAST_CURVED = 0.1
"""A step along which the score changed by less than this share of what F says corrects nothing: F stays positive."""
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
    model : the last that was compared, within a step of the values; None where it was dropped, for it is large
    """

    values: np.ndarray
    covariance: np.ndarray
    deviance: float
    steps: int
    reason: str = ""
    model: Model | None = field(default=None, repr=False, compare=False)

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
    start: np.ndarray | Model,
    free: np.ndarray,
    most: int = ITERATIONS,
) -> Fit:
    """Maximise the Poisson likelihood by Fisher scoring; steps are halved until the deviance falls.

    table_at : the table for a state; start : values in the order of NAMES, or the model of a neighbour, which is
    not drawn anew; free : indices into NAMES; most : steps
    """
    try:
        model = start if isinstance(start, Model) else Model(pattern, table_at(start[: len(STATE)]), start.copy())
    except PerovsimError as cause:
        return _failed(str(cause))
    now, taken = Compared.of(model, pattern), []
    for step in range(1, most + 1):
        bound, there = now.step(free, taken)
        move = there - now.model.values
        size = float(np.max(np.abs(move[free]) / np.sqrt(np.diag(bound)[free])))
        if size <= CONVERGED or step == most:
            reason = "" if size <= CONVERGED else f"no convergence in {most} steps"
            return Fit(there, bound, now.deviance / len(pattern.observed), step, reason, now.model)
        following = _lower(pattern, table_at, now, move)
        if following is None:
            break
        taken.append((following.model.values - now.model.values, now.slopes - following.slopes))
        now = following
    reason = "no step lowers the deviance"
    return Fit(now.model.values, bound, now.deviance / len(pattern.observed), step, reason, now.model)


def _lower(
    pattern: Pattern, table_at: Callable[[np.ndarray], NanobeamTable], now: Compared, move: np.ndarray
) -> Compared | None:
    """Return the comparison after a step, halved until the deviance falls; None where it never does."""
    for _ in range(HALVINGS):
        values = now.model.values + move
        try:
            found = Compared.of(Model(pattern, table_at(values[: len(STATE)]), values), pattern)
        except PerovsimError:  # beyond the table
            found = None
        if found is not None and found.deviance <= now.deviance + SLACK:
            return found
        move = 0.5 * move
    return None


def shortened(move: np.ndarray) -> np.ndarray:
    """Return a step none of whose parts is longer than the linear model bears."""
    return move / max(1.0, float(np.max(np.abs(move) / LONGEST)))


class Model:
    """Expected counts (pixel of the field,) for some values, and their derivatives by NAMES as columns @ chain."""

    def __init__(self, pattern: Pattern, table: NanobeamTable, values: np.ndarray) -> None:
        named = dict(zip(NAMES, values, strict=True))
        camera = pattern.camera_with(named["radius"], named["edge"])
        columns, amount = table.derivatives(values[: len(STATE)], camera), pattern.electrons * named["scale"]
        self.table, self.values, self.columns = table, values, columns
        self.chain = _chain(pattern.electrons, camera, table.warm, named)
        expected = amount * camera.norm * np.maximum(columns[:, 0], 0.0) + (named["background"] + pattern.extra)
        if table.warm:
            expected += amount * named["halo"] * columns[:, len(PARAMETERS) + 2]
        self.expected = expected.astype(float)

    def inside(self, values: np.ndarray) -> np.ndarray:
        """Return values whose composition and thickness lie in the table, halo and background not below zero."""
        found = np.concatenate([self.table.clipped(values[: len(STATE)]), values[len(STATE) :]])
        found[-2:] = np.maximum(found[-2:], 0.0)  # with less than no electrons between disks errors would vanish
        return found


Taken = tuple[np.ndarray, np.ndarray]
"""A step over NAMES, and by how much the score fell along it."""


@dataclass(frozen=True)
class Compared:
    """A model beside counts: Fisher information and score of its columns, and the deviance."""

    model: Model
    fisher: np.ndarray
    score: np.ndarray
    deviance: float

    @classmethod
    def of(cls, model: Model, pattern: Pattern) -> Compared:
        """Compare a model with a pattern."""
        return cls(model, *poisson_information(model.columns, model.expected, pattern.observed))

    @property
    def slopes(self) -> np.ndarray:
        """Score by NAMES."""
        return self.model.chain.T @ self.score

    def step(self, free: np.ndarray, taken: Sequence[Taken] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Fisher information over NAMES and the next values: Fisher scoring inside the bounds.

        taken : steps up to here
        """
        values = self.model.values
        bound, move = self._scoring(free, taken)
        there = self.model.inside(values + shortened(move))
        stopped = np.flatnonzero((there == values) & (move != 0))
        if len(stopped):
            there = self.model.inside(values + shortened(self._scoring(np.setdiff1d(free, stopped), taken)[1]))
        return bound, there

    def _scoring(self, free: np.ndarray, taken: Sequence[Taken]) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Fisher information and the step, both over all NAMES."""
        chain = self.model.chain[:, free]
        fisher = chain.T @ self.fisher @ chain
        scale = np.sqrt(np.maximum(np.diag(fisher), np.finfo(float).tiny))
        unit = np.outer(scale, scale)
        bound, move = np.zeros((len(NAMES), len(NAMES))), np.zeros(len(NAMES))
        bound[np.ix_(free, free)] = np.linalg.inv(fisher / unit) / unit
        curved = _corrected(fisher, free, taken)
        move[free] = np.linalg.solve(curved / unit, self.slopes[free] / scale) / scale
        return bound, move


def _corrected(fisher: np.ndarray, free: np.ndarray, taken: Sequence[Taken]) -> np.ndarray:
    """Return the information that explains how the score changed along the steps taken within the free unknowns."""
    for whole, changed in taken:
        move, change = whole[free], changed[free]
        if np.count_nonzero(whole) > np.count_nonzero(move):
            continue
        pushed, curved = fisher @ move, move @ change
        if curved > LEAST_CURVED * (move @ pushed):
            fisher = fisher - np.outer(pushed, pushed) / (move @ pushed) + np.outer(change, change) / curved
    return fisher


def _chain(electrons: float, camera: Camera, warm: bool, named: dict[str, float]) -> np.ndarray:
    """Return how the expected counts change with NAMES, in columns of `NanobeamTable.derivatives`, (column, name)."""
    drawn, amount = len(PARAMETERS) + 1, electrons * named["scale"]
    chain = np.zeros((drawn + (4 if warm else 1), len(NAMES)))
    chain[:drawn, : len(PARAMETERS)] = amount * camera.chain[:, 1:]
    chain[0, NAMES.index("scale")], chain[drawn, NAMES.index("background")] = electrons * camera.norm, 1.0
    if warm:
        chain[drawn + 1, NAMES.index("halo")] = amount
        chain[drawn + 1, NAMES.index("scale")] = electrons * named["halo"]
        for row, name in ((drawn + 2, "composition"), (drawn + 3, "thickness")):
            chain[row, NAMES.index(name)] = amount * named["halo"]
    return chain


def _failed(reason: str) -> Fit:
    nan = np.full(len(NAMES), np.nan)
    return Fit(nan, np.full((len(NAMES), len(NAMES)), np.nan), np.nan, 0, reason)
