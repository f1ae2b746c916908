"""Figures of exact limits: lines are exact, marks are the solver; a line without a label is that of its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.plot.drawing import COLOURS, GREY, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.validate.analytic import LimitResult

MOST_MARKS = 40
"""Marks of one curve; more would hide the line below."""


def limit(result: LimitResult) -> Figure | None:
    """Draw the panels of one limit; None where it has none."""
    drawn = result.outcome.panels
    if not drawn:
        return None
    figure, axes = panels(1, len(drawn), (5.2 * len(drawn), 3.9), squeeze=False)
    for axis, panel in zip(axes.flat, drawn, strict=True):
        _curves(axis, panel)
        axis.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel, xscale=panel.xscale, yscale=panel.yscale)
        axis.legend(frameon=False, fontsize=8)
    figure.suptitle(f"{result.case.limit}: {_verdict(result)}", fontsize=9, color=GREY)
    return figure


def _curves(axis: Any, panel: Any) -> None:
    """Exact curves as lines and the solver as marks, in one colour each in order of appearance."""
    lines = marks = 0
    for curve in panel.curves:
        if curve.exact:
            axis.plot(curve.x, curve.y, color=COLOURS[lines % len(COLOURS)], lw=1.4, label=curve.label or "_")
            lines += 1
        else:
            every = max(1, int(np.ceil(curve.x.size / MOST_MARKS)))
            style = {"ms": 3.5, "mfc": "none", "color": COLOURS[marks % len(COLOURS)], "markevery": every}
            axis.plot(curve.x, curve.y, "o", label=curve.label, **style)
            marks += 1


def _verdict(result: LimitResult) -> str:
    failed = sum(not check.passes for check in result.checks)
    return f"{len(result.checks) - failed} of {len(result.checks)} checks within their tolerance"
