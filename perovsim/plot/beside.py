"""Two or more results side by side: terminals and films over time, the emitter (or salt) in depth at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.plot.drawing import (
    COLOURS,
    LINES,
    NM,
    label_x,
    limit_decades,
    log_time,
    mark_reference,
    names_of,
    over_time,
    panels,
    plain,
    positive,
    scale_or_note,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.result import Result

FILMS = (
    ("thickness_AlCl3", NM, "AlCl$_3$ on the cathode", "mean thickness [nm]"),
    ("thickness_AlBr3", NM, "AlBr$_3$ on the cathode", "mean thickness [nm]"),
    ("Pb0_total", 1e6, "Reduced lead", "amount [µmol/m²]"),
)
"""Column of the interfaces, factor to the drawn unit, title, label."""
DEPTHS = (
    ("x_Cl", 1.0, "Chloride", "$x_{Cl}$", "linear"),
    ("theta_V", 1.0, "Vacancies", r"site fraction $\theta_V$", "log"),
    ("strain_lattice", 100.0, "Lattice strain", "out of plane [%]", "linear"),
)
"""Field, factor to the drawn unit, title, label, scale."""
LIGHT_DECADES = 6
"""Decades of luminance drawn below its maximum."""


def beside(*results: Result, labels: list[str] | None = None) -> Figure:
    """Voltage, light and peak over time; composition, vacancies and strain in depth; films and lead over time.

    In depth: the end of each run in its colour, its start dotted; depth counts from the side of the anode.
    """
    names = names_of(results, labels)
    figure, axes = panels(3, 3, (10.2, 8.4))
    _over_time(axes[0], results, names)
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        for panel, (field, factor, *_) in zip(axes[1], DEPTHS, strict=True):
            _in_depth(panel, result, field, factor, number, name)
    for panel, (_, _, title, label, scale) in zip(axes[1], DEPTHS, strict=True):
        panel.set(title=f"{title}, at the end", ylabel=label, xlabel="depth in the halide layer [nm]")
        scale_or_note(panel, scale)
        panel.margins(x=0.01)
        plain(panel)
    over_time(axes[2], results, FILMS, "interfaces", names)
    for row in (axes[0], axes[2]):
        label_x(row, "time [s]")
    share_legend(figure, axes[0, 0])
    return figure


def _over_time(axes: Any, results: tuple[Result, ...], names: list[str]) -> None:
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        style = {"color": COLOURS[number % 7], "ls": LINES[number % 7], "label": name}
        light = result.terminals["luminance"].values
        axes[0].plot(result.times, result.terminals["V"], **style)
        axes[1].plot(result.times, positive(light), **style)
        axes[2].plot(result.times, result.terminals["peak_wavelength"].where(light > 0) * NM, **style)
    parts = (("Voltage", "voltage [V]"), ("Light", "luminance [cd/m²]"), ("Emission peak", "wavelength [nm]"))
    for panel, (title, label) in zip(axes, parts, strict=True):
        panel.set(title=title, ylabel=label)
        log_time(panel, results)
    for panel in axes[:2]:
        mark_reference(panel, results)
    scale_or_note(axes[1], "log")
    limit_decades(axes[1], np.concatenate([run.terminals["luminance"].values for run in results]), LIGHT_DECADES)
    scale_or_note(axes[2], "linear")
    for panel in axes:
        plain(panel)


def _in_depth(panel: Any, result: Result, field: str, factor: float, number: int, name: str) -> None:
    layer = result.device.emitter or next((part for part in result.device.layers if part.lattice is not None), None)
    if layer is None or field not in result.fields:
        return
    cells = result.fields.isel(x=result.fields["layer"].values == layer.name)
    x, width = cells["x"].values, cells["cell_width"].values
    depth = x - x[0] + 0.5 * width[0]
    if result.device.contacts[0].which == "cathode":
        depth = depth[-1] + 0.5 * width[-1] - depth
    values = cells[field].values * factor
    if np.isfinite(values[-1]).any():
        panel.plot(depth * NM, values[0], color=COLOURS[number % 7], ls=":", lw=0.9)
        panel.plot(depth * NM, values[-1], color=COLOURS[number % 7], ls=LINES[number % 7], label=name)
