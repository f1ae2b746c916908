"""How all figures look: colours, axes of time and depth, legends.

Colours: Okabe and Ito, told apart with every common colour blindness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from perovsim.result import Result

BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, BLACK)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), "-", "--")
FILLS = {"htl": "#FBEBDD", "emitter": "#E3F3EC", "etl": "#E2EEF7"}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
NM = 1e9
NO_LIGHT = 1e-12
"""Shares of the largest value below this are not drawn on logarithmic axes."""


def panels(
    rows: int, columns: int, size: tuple[float, float], ratios: Any = None, **options: Any
) -> tuple[Figure, Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, height_ratios=ratios, **options)
    return figure, axes


def over_time(axes: Any, results: Any, series: Any, group: str, names: list[str]) -> None:
    for panel, (name, factor, title, label) in zip(axes.flat, series, strict=True):
        for number, (result, text) in enumerate(zip(results, names, strict=True)):
            values = getattr(result, group)[name].values * factor
            panel.plot(result.times, values, color=COLOURS[number % 7], ls=LINES[number % 7], label=text)
        panel.set(title=title, ylabel=label)
        log_time(panel, results)
        if not any(np.any(line.get_ydata()) for line in panel.get_lines()):
            panel.set_ylim(-0.05, 1)
            panel.text(0.5, 0.5, "zero", transform=panel.transAxes, ha="center", color=GREY)


def names_of(results: Any, labels: list[str] | None) -> list[str]:
    if labels is not None:
        return [str(label).replace("_", " ") for label in labels]
    return [" + ".join(result.hypotheses).replace("_", " ") for result in results]


def log_time(panel: Any, results: Any) -> None:
    """Logarithmic time from the first stored time after the start."""
    starts = [result.times[result.times > 0.0] for result in results]
    panel.set_xscale("log")
    panel.set_xlim(min(t[0] for t in starts), max(t[-1] for t in starts))


def mark_reference(panel: Any, results: Any) -> None:
    """Draw the reference time of T50 and ΔV; its words stand in the legend, where no line crosses them."""
    at = next((r.reference_time for r in results if r.reference_time is not None), None)
    if at is not None:
        panel.axvline(at, color=GREY, lw=0.7, ls=":", label="reference")


def positive(values: np.ndarray) -> np.ndarray:
    top = np.nanmax(values) if np.any(np.isfinite(values)) else 0.0
    return np.where(values > NO_LIGHT * top, values, np.nan)


def by_layer(panel: Any, state: xr.Dataset, name: str, factor: float = 1.0, **style: Any) -> None:
    """Draw a field, broken at the junctions where it jumps."""
    layer = state["layer"].values
    label = style.pop("label", None)
    for number, part in enumerate(dict.fromkeys(layer)):
        own = layer == part
        values = state[name].values[own] * factor
        panel.plot(state["x"].values[own] * NM, values, label=None if number else label, **style)


def edges_of(result: Result) -> np.ndarray:
    return np.cumsum([0.0, *(float(layer.thickness) * NM for layer in result.device.layers)])


def shade(axes: Any, result: Result) -> None:
    edges = edges_of(result)
    for layer, left, right in zip(result.device.layers, edges, edges[1:], strict=False):
        for panel in axes:
            panel.axvspan(left, right, color=FILLS.get(layer.role, "#F4F4F4"), lw=0)
        axes[0].text(
            0.5 * (left + right),
            0.985,
            layer.name,
            ha="center",
            va="top",
            fontsize=8,
            color=GREY,
            transform=axes[0].get_xaxis_transform(),
        )


def zoom(panel: Any, result: Result, name: str) -> None:
    """Show the emitter, or the whole stack for what spreads over it; few decades if log."""
    drawn = (line.get_ydata() for line in panel.get_lines())
    lines = [values for values in drawn if np.any(np.isfinite(values))]
    edges = edges_of(result)
    where = [layer.name for layer in result.device.layers].index(result.device.emitter.name)
    wide = name.startswith("c_")
    panel.set_xlim(edges[0] if wide else edges[where], edges[-1] if wide else edges[where + 1])
    if wide:
        for edge in edges[1:-1]:
            panel.axvline(edge, color=GREY, lw=0.5, ls=":")
    if panel.get_yscale() == "log" and lines:
        limit_decades(panel, np.concatenate(lines), 8)


def limit_decades(panel: Any, values: np.ndarray, decades: int) -> None:
    top = np.nanmax(values)
    if top > 0:
        shown = values[np.isfinite(values) & (values > top * 10.0**-decades)]
        panel.set_ylim(0.5 * shown.min(), 3 * top)


def scale_or_note(panel: Any, scale: str) -> None:
    """Set the scale of the y axis; where nothing can be drawn on it, say "none"."""
    drawn = [np.ravel(line.get_ydata()) for line in panel.get_lines()]
    values = np.concatenate(drawn) if drawn else np.array([])
    values = values[np.isfinite(values)]
    if values.size == 0 or (scale == "log" and not np.any(values > 0)):
        panel.text(0.5, 0.5, "none", transform=panel.transAxes, ha="center", color=GREY)
        panel.set_yticks([])
    else:
        panel.set_yscale(scale)


def plain(panel: Any) -> None:
    """No offsets on linear axes: a voltage reads as a voltage; small spans are widened."""
    if panel.get_yscale() != "linear":
        return
    low, high = panel.get_ylim()
    middle, span = 0.5 * (low + high), high - low
    if span < 1e-4 * abs(middle):
        panel.set_ylim(middle * (1 - 1e-3), middle * (1 + 1e-3))
    panel.ticklabel_format(axis="y", useOffset=False)


def label_x(axes: Any, text: str) -> None:
    for panel in np.atleast_2d(axes)[-1]:
        panel.set_xlabel(text)


def legend_beside(panel: Any) -> None:
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)


def share_legend(figure: Figure, panel: Any) -> None:
    handles, texts = panel.get_legend_handles_labels()
    columns = min(len(texts), 6)
    figure.legend(handles, texts, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)


def time_text(seconds: float) -> str:
    """Write a time [s] with the unit a reader would choose."""
    if seconds == 0:
        return "start"
    for size, unit in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= 0.999 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * NM:.3g} ns"
