"""Curves of the solver over those of another program, and what lies between them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from perovsim.plot.drawing import BLACK, BLUE, COLOURS, GREY, ORANGE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from perovsim.validate.peers import Deviation, PeerRun

MARKS, PROFILE_MARKS = 130, 60
"""Points of the peer that are marked at the most."""
GAP = 4.0
"""Distance of two points over that of their neighbours at which a line is broken."""
DECADES, MOST_DECADES = 2.0, 12.0
"""A current or a time that spans more than the first is drawn on a logarithmic axis; the second bounds a current."""
NAMES = {"J": "current density [A/m²]", "V": "voltage [V]", "EL": "emission [A/m²]"}


def peers(run: PeerRun) -> Figure:
    """Each curve of a case over the points of the peer; below, the deviation within its tolerance."""
    rows = [row for row in run.deviations if row.comparison.quantity in NAMES]
    figure, axes = panels(2, len(rows), (4.2 * len(rows), 5.6), ratios=(2, 1), squeeze=False, sharex="col")
    for (above, below), row in zip(axes.T, rows, strict=True):
        _curves(above, row)
        _deviation(below, row)
    case = run.loaded.case
    figure.suptitle(textwrap.fill(f"{case.name}: {case.what}", 42 * len(rows)), fontsize=10)
    return figure


def peer_profiles(run: PeerRun) -> Figure | None:
    """Fields over depth beside those of the peer, one column for each voltage or time; None where there are none."""
    rows = [row for row in run.deviations if row.comparison.along == "depth"]
    if not rows:
        return None
    columns = list(dict.fromkeys(_taken(row) for row in rows))
    names = list(dict.fromkeys(row.comparison.quantity for row in rows))
    figure, axes = panels(len(names), len(columns), (3.4 * len(columns), 2.5 * len(names)), squeeze=False)
    for i, name in enumerate(names):
        for k, column in enumerate(columns):
            own = [row for row in rows if row.comparison.quantity == name and _taken(row) == column]
            _profile(axes[i, k], own, column if i == 0 else "")
        axes[i, 0].set_ylabel(f"{name} [{own[0].unit}]")
    for panel in axes[-1]:
        panel.set_xlabel("depth [nm]")
    figure.suptitle(run.loaded.case.name, fontsize=10)
    return figure


def _taken(row: Deviation) -> str:
    """Voltage or time of a profile, and its light."""
    from perovsim.validate.peers.profiles import taken_at

    return taken_at(row.comparison) + {None: "", 0.0: ", dark"}.get(row.comparison.light, ", light")


def _profile(panel: Axes, rows: list[Deviation], title: str) -> None:
    """One field: the solver, the peer as stored, and how far each column is away."""
    stored = rows[0]
    every = max(1, stored.x.size // PROFILE_MARKS)
    panel.plot(1e9 * stored.x[::every], stored.peer[::every], "o", ms=3, mfc="none", mew=0.8, color=ORANGE)
    panel.plot(1e9 * stored.x, np.where(_before_gap(stored.x), np.nan, stored.solver), color=BLUE, lw=1.0)
    if stored.comparison.quantity != "potential":
        panel.set_yscale("log")
    said = [f"{row.comparison.column}: {_farthest(row)}" for row in rows]
    panel.set_title("\n".join([*([title] if title else []), *said]), fontsize=7.5)


def _before_gap(x: np.ndarray) -> np.ndarray:
    """Points beyond which others were left out: the next is much farther away than the neighbours on either side."""
    gaps = np.diff(x)
    beside = np.maximum(np.concatenate((gaps[:1], gaps[:-1])), np.concatenate((gaps[1:], gaps[-1:])))
    return np.append(gaps > GAP * beside, False)


def _farthest(row: Deviation) -> str:
    absolute = row.comparison.scale == "absolute"
    return f"{1e3 * row.maximum:.2g} m{row.unit}" if absolute else f"{100.0 * row.maximum:.2g} %"


def _curves(panel: Axes, row: Deviation) -> None:
    every = max(1, row.x.size // MARKS)
    panel.plot(row.x[::every], row.peer[::every], "o", ms=4, mfc="none", mew=0.9, color=ORANGE, label="peer")
    panel.plot(row.x, row.solver, color=BLUE, lw=1.2, label="perovsim")
    one = row.comparison
    panel.set(ylabel=NAMES[one.quantity])
    steps = "\nboth by backward Euler" if one.time_steps == "reference" else ""
    light = {None: "", 0.0: ", dark"}.get(one.light, ", light")
    panel.set_title(f"{one.column}{light}{steps}", fontsize=8.5)
    if one.quantity != "V" and row.peer.min() > 0.0 and np.log10(row.peer.max() / row.peer.min()) > DECADES:
        panel.set(yscale="log", ylim=(max(row.peer.min(), 10.0**-MOST_DECADES * row.peer.max()), 2.0 * row.peer.max()))
    panel.legend(frameon=False)


def _deviation(panel: Axes, row: Deviation) -> None:
    one = row.comparison
    absolute = one.scale == "absolute"
    factor, unit = (1e3, f"m{row.unit}") if absolute else (100.0, "%")
    limit = factor * one.tolerance
    panel.axhspan(-limit, limit, color=COLOURS[2], alpha=0.12, lw=0)
    panel.axhline(0.0, color=GREY, lw=0.6)
    panel.plot(row.x, factor * row.deviation, color=BLACK, lw=1.0)
    top = 1.15 * max(limit, factor * row.maximum)
    panel.set(ylabel=f"deviation [{unit}]", ylim=(-top, top))
    panel.set_xlabel("voltage [V]" if one.along == "voltage" else "time [s]")
    is_even = np.ptp(np.diff(row.x)) < 1e-6 * row.x[-1]
    if one.along == "time" and not is_even and np.log10(row.x[-1] / row.x[0]) > DECADES:
        panel.set_xscale("log")
