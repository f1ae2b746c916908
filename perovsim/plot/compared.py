"""A comparison of scans or images as a figure: profiles with error bands, patterns, images and their residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.errors import MeasurementError
from perovsim.plot.drawing import BLUE, NM, ORANGE, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.comparison import Comparison, Row

SIGMAS = 5.0
"""Residuals are drawn to this many standard deviations."""
MRAD = 1e3
POWER = 0.25
"""Power of the counts of a pattern that is drawn."""
LOW, HIGH = 0.5, 99.5
"""Percentiles between which the grey of an image runs."""
SHORT = 46
"""Longest name of one side in a legend."""


def compared(found: Comparison) -> Figure:
    """Draw every row of a comparison that has something to draw, one row of panels each.

    Profiles: both sides with bands of one standard error, and their difference in standard errors; patterns and
    images: measured, simulated, and the residual in standard deviations (images of unknown gain: in counts).
    Raises MeasurementError where no row has data.
    """
    drawn = [row for row in found.rows if row.name in DRAWN]
    if not drawn:
        names = ", ".join(DRAWN)
        raise MeasurementError(f"nothing to draw: the comparison has none of {names}; name one with observables")
    figure, axes = panels(len(drawn), 3, (10.2, 3.1 * len(drawn)))
    for line, row in zip(np.reshape(axes, (len(drawn), 3)), drawn, strict=True):
        DRAWN[row.name](figure, line, row, (found.first, found.second))
    return figure


def _profile(figure: Any, axes: Any, row: Row, names: tuple[str, str]) -> None:
    """Draw a virtual detector along x."""
    sides = [
        (row.data[f"{side}_x"], row.data[side], np.sqrt(row.data[f"{side}_variance"])) for side in ("first", "second")
    ]
    _lines(axes, row, sides, names, "share of the electrons", 1.0)


def _strain(figure: Any, axes: Any, row: Row, names: tuple[str, str]) -> None:
    """Draw the strain along x."""
    sides = [
        (part["x"].values, part["strain"].values, part["strain_error"].values)
        for part in (row.data["first"], row.data["second"])
    ]
    _lines(axes, row, sides, names, "strain [%]", 100.0)


def _lines(axes: Any, row: Row, sides: list, names: tuple[str, str], label: str, factor: float) -> None:
    for (x, y, error), name, colour in zip(sides, names, (BLUE, ORANGE), strict=True):
        order = np.argsort(x, kind="stable")
        x, y, error = NM * x[order], factor * y[order], factor * error[order]
        axes[0].fill_between(x, y - error, y + error, color=colour, alpha=0.3, lw=0)
        axes[0].plot(x, y, ".-", ms=3, lw=1, color=colour, label=name[:SHORT])
    axes[0].set(title=row.name, xlabel="x [nm]", ylabel=label)
    axes[0].legend(fontsize=6)
    (x, first, one), (_, second, two) = sides
    if len(first) == len(second):
        sigma = (first - second) / np.hypot(one, two)
        axes[1].axhspan(-1, 1, color="0.9", lw=0)
        axes[1].plot(NM * x, sigma, ".", color="black", ms=4)
        axes[1].set(title="difference / its standard error", xlabel="x [nm]")
    else:
        axes[1].set_axis_off()
    _verdict(axes[2], row)


def _pacbed(figure: Any, axes: Any, row: Row, names: tuple[str, str]) -> None:
    """Draw both averaged patterns as shares, and their difference in standard deviations."""
    first, second = row.data["first"], row.data["second"]
    totals = row.first[0], row.second[0]
    spread = np.sqrt(first / totals[0] + second / totals[1])
    sigma = np.divide(first - second, spread, out=np.full(first.shape, np.nan), where=spread > 0)
    _pair(figure, axes, row, (first, second), names, sigma, "sigma", None)


def _pattern(figure: Any, axes: Any, row: Row, names: tuple[str, str]) -> None:
    """Draw measured pattern, registered model, and the residual in standard deviations."""
    model, counts = row.data["model"], row.data["measured"]
    sigma = (counts - model) / np.sqrt(np.maximum(model, 1e-300))
    qx, qy = MRAD * row.data["qx"], MRAD * row.data["qy"]
    extent = (qx[0], qx[-1], qy[-1], qy[0])
    _pair(figure, axes, row, (counts, model), ("measured", "simulated, registered"), sigma, "sigma", extent)


def _pair(
    figure: Any, axes: Any, row: Row, sides: tuple, names: tuple, sigma: np.ndarray, unit: str, extent: Any
) -> None:
    top = np.nanmax(sides[0]) ** POWER
    for panel, side, name in zip(axes, sides, names, strict=False):
        panel.imshow(side**POWER, cmap="magma", vmin=0, vmax=top, extent=extent)
        panel.set_title(f"{row.name}: {name[:SHORT]}", fontsize=7)
        panel.set(
            xticks=[] if extent is None else panel.get_xticks(), yticks=[] if extent is None else panel.get_yticks()
        )
        if extent is not None:
            panel.set(xlabel="mrad", xlim=extent[:2], ylim=extent[2:])
    _residual(figure, axes[2], row, sigma, unit, SIGMAS, extent)


def _registered(figure: Any, axes: Any, row: Row, names: tuple[str, str]) -> None:
    """Draw measured image, registered simulation, residual."""
    counts, model = row.data["measured"], row.data["model"]
    low, high = np.percentile(counts, [LOW, HIGH])
    edge = NM * row.data["pixel"]
    extent = (0, counts.shape[1] * edge, counts.shape[0] * edge, 0)
    for panel, side, name in ((axes[0], counts, "measured"), (axes[1], model, "simulated, registered")):
        panel.imshow(side, cmap="gray", vmin=low, vmax=high, extent=extent)
        panel.set(title=name, xlabel="nm")
    known = np.isfinite(row.chi2)
    residual = row.data["residual"] / (np.sqrt(np.maximum(model, 1e-300)) if known else 1.0)
    span = SIGMAS if known else 0.5 * (high - low)
    _residual(figure, axes[2], row, residual, "sigma" if known else "counts", span, extent)


def _residual(figure: Any, axes: Any, row: Row, values: np.ndarray, unit: str, span: float, extent: Any) -> None:
    shown = axes.imshow(values, cmap="RdBu_r", vmin=-span, vmax=span, extent=extent)
    figure.colorbar(shown, ax=axes, shrink=0.8, label=unit)
    axes.set_title(f"residual: {row.verdict}", fontsize=7)
    axes.set(xticks=[], yticks=[])


def _verdict(axes: Any, row: Row) -> None:
    """Write both means, the deviance against its expected value, and the verdict."""
    axes.set_axis_off()
    lines = [
        f"first    {row.first[0]:.5g} ± {row.first[1]:.2g}",
        f"second   {row.second[0]:.5g} ± {row.second[1]:.2g}",
        f"chi²/n   {row.chi2:.3g}, expected 1 ± {row.chi2_error:.2g}",
        row.verdict,
    ]
    axes.text(0.0, 0.95, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=8)


DRAWN = {
    "haadf": _profile, "bf": _profile, "strain": _strain, "pacbed": _pacbed, "pattern": _pattern,
    "registered": _registered,
}  # fmt: skip
"""Observable -> what draws it."""
