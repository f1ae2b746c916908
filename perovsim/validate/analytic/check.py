"""One number of the running solver beside the exact one, and the curves that show where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Check:
    """A value of the solver against the exact value; the deviation is |solver - exact|/scale.

    scale : |exact| for a relative tolerance, 1 for an absolute one in `unit`
    """

    quantity: str
    solver: float
    exact: float
    tolerance: float
    unit: str = ""
    scale: float = 1.0

    @property
    def deviation(self) -> float:
        """|solver - exact|/scale."""
        return float(abs(self.solver - self.exact) / self.scale)

    @property
    def passes(self) -> bool:
        """Whether the deviation is within the tolerance; NaN is not."""
        return bool(self.deviation <= self.tolerance)

    def __str__(self) -> str:
        return (
            f"{self.quantity}: {self.solver:.8g} {self.unit} of the solver, {self.exact:.8g} exact, "
            f"off by {self.deviation:.2e} of {self.tolerance:.0e} allowed"
        )


def relative(quantity: str, solver: float, exact: float, tolerance: float, unit: str = "") -> Check:
    """A check whose tolerance is a share of the exact value."""
    return Check(quantity, float(solver), float(exact), tolerance, unit, abs(float(exact)))


def absolute(quantity: str, solver: float, exact: float, tolerance: float, unit: str = "") -> Check:
    """A check whose tolerance has the unit of the value."""
    return Check(quantity, float(solver), float(exact), tolerance, unit)


def worst(quantity: str, solver, exact, tolerance: float, unit: str = "", scale=None) -> Check:
    """The check of the point of two arrays where they differ most, relative to each exact value or to `scale`."""
    solver, exact = np.asarray(solver, float), np.asarray(exact, float)
    scales = np.abs(exact) if scale is None else np.broadcast_to(scale, exact.shape)
    k = int(np.argmax(np.abs(solver - exact) / scales))
    return Check(
        f"{quantity}, worst of {exact.size}", float(solver[k]), float(exact[k]), tolerance, unit, float(scales[k])
    )


@dataclass(frozen=True)
class Curve:
    """Points of one line in a figure; `exact` is drawn as a line, what the solver gives as marks."""

    label: str
    x: np.ndarray
    y: np.ndarray
    exact: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel of a figure; scales are "linear" or "log"."""

    title: str
    xlabel: str
    ylabel: str
    curves: tuple[Curve, ...]
    xscale: str = "linear"
    yscale: str = "linear"


@dataclass(frozen=True)
class Outcome:
    """What one limit gave: checks and panels."""

    checks: tuple[Check, ...]
    panels: tuple[Panel, ...] = field(default=())
