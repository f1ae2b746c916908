"""Figures of results; each function returns a matplotlib Figure that no window shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perovsim.conservation import FLOOR, allowed
from perovsim.emitter import first_moment, mean_composition
from perovsim.plot.drawing import (
    BLUE,
    COLOURS,
    GREY,
    LINES,
    NM,
    VERMILLION,
    by_layer,
    edges_of,
    label_x,
    legend_beside,
    limit_decades,
    log_time,
    mark_reference,
    names_of,
    over_time,
    panels,
    plain,
    positive,
    scale_or_note,
    shade,
    share_legend,
    time_text,
    zoom,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.result import Result


def terminals(*results: Result, labels: list[str] | None = None) -> Figure:
    """Voltage, luminance, EQE and emission peak over time, one line per result."""
    figure, axes = panels(2, 2, (8.6, 5.6), sharex=True)
    names = names_of(results, labels)
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        style = {"color": COLOURS[number % 7], "ls": LINES[number % 7], "label": name}
        t, data = result.times, result.terminals
        light = data["luminance"].values
        axes[0, 0].plot(t, data["V"], **style)
        axes[0, 1].plot(t, positive(light), **style)
        axes[1, 0].plot(t, 100 * positive(data["EQE"].values), **style)
        axes[1, 1].plot(t, data["peak_wavelength"].where(light > 0) * NM, **style)
    titles = (
        ("Voltage", "voltage [V]"),
        ("Light", "luminance [cd/m²]"),
        ("External quantum efficiency", "EQE [%]"),
        ("Emission peak", "wavelength [nm]"),
    )
    for panel, scale, (title, label) in zip(axes.flat, ("linear", "log", "log", "linear"), titles, strict=True):
        panel.set(title=title, ylabel=label)
        log_time(panel, results)
        scale_or_note(panel, scale)
        mark_reference(panel, results)
    plain(axes[1, 1])
    plain(axes[0, 0])
    label_x(axes, "time [s]")
    share_legend(figure, axes[0, 0])
    return figure


def profile_times(result: Result) -> list[float]:
    """Start, 1 us, 1 ms, 1 s, 1 min and the end, as far as stored [s]."""
    last = float(result.times[-1])
    wanted = [0.0, 1e-6, 1e-3, 1.0, 60.0, last]
    return [moment for moment in wanted if result.times[0] <= moment <= last]


def band_diagram(result: Result, time: float | str) -> Figure:
    """Band edges, quasi-Fermi levels and carrier densities over depth at `time` [s or text]."""
    figure, axes = panels(2, 1, (7.4, 6.0), sharex=True, ratios=(3, 2))
    state = result.at(time)
    shade(axes, result)
    for name, label, colour, line in (
        ("E_c", "$E_c$", BLUE, "-"),
        ("E_v", "$E_v$", VERMILLION, "-"),
        ("E_Fn", "$E_{Fn}$", BLUE, "--"),
        ("E_Fp", "$E_{Fp}$", VERMILLION, "--"),
    ):
        by_layer(axes[0], state, name, color=colour, ls=line, label=label)
    for name, colour in (("n", BLUE), ("p", VERMILLION)):
        by_layer(axes[1], state, name, 1e-6, color=colour, label=name)
    axes[0].set(ylabel="energy [eV]", title=f"Bands at {time_text(result.seconds(time))}")
    axes[1].set(
        ylabel="density [cm$^{-3}$]",
        yscale="log",
        xlabel="depth x [nm]",
        title="Electrons (n) and holes (p)",
        xlim=(0, float(edges_of(result)[-1])),
    )
    limit_decades(axes[1], np.concatenate([state["n"].values, state["p"].values]) * 1e-6, 20)
    for panel in axes:
        legend_beside(panel)
    return figure


def profiles(result: Result, times: list[float] | None = None) -> Figure:
    """Composition, vacancies, lead, neutral halogen, emission, strain in depth at several times."""
    figure, axes = panels(3, 2, (8.6, 7.6))
    moments = times if times is not None else profile_times(result)
    from matplotlib import colormaps

    for number, moment in enumerate(moments):
        state = result.at(moment)
        colour = colormaps["viridis"](0.9 * number / max(len(moments) - 1, 1))
        for panel, (name, factor, _, _, _) in zip(axes.flat, PROFILES, strict=True):
            if name in state:
                by_layer(panel, state, name, factor, color=colour, label=time_text(moment))
    for panel, (name, _, title, label, scale) in zip(axes.flat, PROFILES, strict=True):
        panel.set(title=title, ylabel=label, xlabel="depth x [nm]")
        scale_or_note(panel, scale)
        zoom(panel, result, name)
        plain(panel)
    share_legend(figure, axes[0, 0])
    return figure


PROFILES = (
    ("x_Cl", 1.0, "Share of chloride", "$x_{Cl}$", "linear"),
    ("theta_V", 1.0, "Halide vacancies", r"site fraction $\theta_V$", "log"),
    ("Pb0", 1e-6, "Reduced lead", "Pb$^0$ [cm$^{-3}$]", "log"),
    ("c_Br_neutral", 1e-6, "Oxidised neutral bromine", "Br$^0$ [cm$^{-3}$]", "log"),
    ("R_radiative", 1e-6, "Radiative recombination", "rate [cm$^{-3}$ s$^{-1}$]", "log"),
    ("strain_lattice", 100.0, "Lattice strain, out of plane", "strain [%]", "linear"),
)
"""Field, factor to the drawn unit, title, label, scale."""


def films(*results: Result, labels: list[str] | None = None) -> Figure:
    """Film thicknesses, blocked share and reduced lead over time, one line per result."""
    figure, axes = panels(2, 2, (8.6, 5.6), sharex=True)
    series = (
        ("thickness_AlCl3", NM, "AlCl$_3$ on the cathode", "mean thickness [nm]"),
        ("thickness_AlBr3", NM, "AlBr$_3$ on the cathode", "mean thickness [nm]"),
        ("blocked_fraction", 100.0, "Blocked share of the cathode", "share [%]"),
        ("Pb0_total", 1e6, "Reduced lead in the emitter", "amount [µmol/m²]"),
    )
    over_time(axes, results, series, "interfaces", names_of(results, labels))
    label_x(axes, "time [s]")
    share_legend(figure, axes[0, 0])
    return figure


def halides(*results: Result, labels: list[str] | None = None) -> Figure:
    """First moments of chloride and vacancies and the mean composition over time.

    moment = ∫ (x - centre) w dx / (thickness ∫ w dx); > 0 is towards the cathode
    """
    figure, axes = panels(1, 3, (9.6, 3.4))
    for number, (result, name) in enumerate(zip(results, names_of(results, labels), strict=True)):
        style = {"color": COLOURS[number % 7], "ls": LINES[number % 7], "label": name}
        for panel, field in zip(axes, ("theta_Cl", "theta_V"), strict=False):
            panel.plot(result.times, first_moment(result, field), **style)
        axes[2].plot(result.times, mean_composition(result), **style)
    for panel, (title, label) in zip(
        axes,
        (
            ("Chloride in the emitter", "first moment [layer thickness]"),
            ("Vacancies in the emitter", "first moment [layer thickness]"),
            ("Share of chloride left", "mean $x_{Cl}$"),
        ),
        strict=True,
    ):
        panel.set(title=title, ylabel=label, xlabel="time [s]")
        log_time(panel, results)
        plain(panel)
    for panel in axes[:2]:
        panel.axhline(0, color=GREY, lw=0.6)
        low, high = panel.get_ylim()
        panel.text(
            0.02,
            0.97 if high > -low else 0.03,
            "up: towards the cathode",
            transform=panel.transAxes,
            fontsize=7.5,
            color=GREY,
            va="top" if high > -low else "bottom",
        )
    share_legend(figure, axes[0])
    return figure


def conservation(result: Result) -> Figure:
    """Imbalance of current, elements and charge over time, below the largest admissible ones in the same colour.

    What is allowed for the current is 1e-6 beyond its rounding floor, so that line moves with time.
    """
    figure, panel = panels(1, 1, (7.4, 3.8))
    names = [name for name in result.balance if name != FLOOR]
    for number, name in enumerate(names):
        values = np.maximum(np.abs(result.balance[name].values), NOTHING)
        label = name.replace("element_", "").replace("_", " ")
        panel.plot(result.times, values, color=COLOURS[number % 7], ls=LINES[number % 7], label=label)
    log_time(panel, (result,))
    limits = {"current_uniformity": "current\n(1e-6 + rounding floor)", "charge": "charge"}
    limits |= {name: "elements" for name in names if name.startswith("element_")}
    for text, name in {text: name for name, text in limits.items() if name in names}.items():
        colour = GREY if text == "elements" else COLOURS[names.index(name) % 7]
        panel.plot(result.times, allowed(name, result.balance), color=colour, lw=1.1, ls=":", label=f"allowed: {text}")
    title = f"Conservation ({NOTHING:g} stands for zero)"
    panel.set(yscale="log", ylabel="relative imbalance", xlabel="time [s]", title=title)
    legend_beside(panel)
    return figure


NOTHING = 1e-18
"""Drawn in place of an imbalance of exactly zero."""
