"""The whole chain in one figure: ageing, depth profiles, lamella, HAADF image, diffraction, strain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.atoms.figure import draw_slice, legend_of
from perovsim.plot.drawing import BLUE, GREY, NM, STYLE, VERMILLION, by_layer, log_time, positive, time_text, zoom
from perovsim.report.pictures import draw_image, draw_pattern, draw_strain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.atoms import Lamella
    from perovsim.result import Result

SIZE = (13.0, 6.5)
"""Of the figure [inch]."""
MARGINS = {"left": 0.045, "right": 0.98, "top": 0.945, "bottom": 0.08, "wspace": 0.4, "hspace": 0.38}
TITLES = {"axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left"}
MOMENTS = (0.0, 1.0, 60.0)
"""Times of the profiles besides the end [s]."""
COLUMNS = 3
"""Patterns drawn per state."""


def chain_figure(
    run: Result, lamella: Lamella, image: Any, scans: Mapping[str, Any], strain: Mapping[str, Any]
) -> Figure:
    """Draw what a constant current does to the device and what the microscope sees of it.

    lamella, image : of the aged device; scans, strain : by state, pristine and aged
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE | TITLES):
        figure = Figure(figsize=SIZE)
        grid = figure.add_gridspec(2, 3, height_ratios=(1.25, 1.0), **MARGINS)
        _voltage_and_light(figure.add_subplot(grid[0, 0]), run)
        _vacancies(figure.add_subplot(grid[0, 1]), run)
        _atoms(figure.add_subplot(grid[0, 2]), lamella)
        _images(figure, grid[1, 0], image)
        _patterns(figure, grid[1, 1], scans)
        last = figure.add_subplot(grid[1, 2])
        draw_strain(last, strain)
        last.set_title("6  Strain from the patterns, and put in")
        figure.text(MARGINS["left"], 0.02, _words(run, lamella), fontsize=8, color=GREY)
    return figure


def _words(run: Result, lamella: Lamella) -> str:
    """Say what is drawn: device, hypotheses, age and thickness of the lamella."""
    mechanisms = " + ".join(run.hypotheses).replace("_", " ")
    return (
        f"{run.device.name}; hypothesis: {mechanisms};\n"
        f"aged for {time_text(lamella.time)}; lamella {NM * lamella.thickness:.1f} nm along the beam"
    )


def _voltage_and_light(panel: Any, run: Result) -> None:
    """Draw voltage on the left axis and luminance on the right one."""
    panel.plot(run.times, run.terminals["V"], color=BLUE)
    panel.set_title("1  A constant current ages the device")
    panel.set(xlabel="time [s]")
    panel.set_ylabel("voltage [V]", color=BLUE)
    light = panel.twinx()
    light.plot(run.times, positive(run.terminals["luminance"].values), color=VERMILLION, ls="--")
    light.set_yscale("log")
    light.set_ylabel("luminance [cd/m²]", color=VERMILLION)
    light.spines["right"].set_visible(True)
    log_time(panel, (run,))


def _vacancies(panel: Any, run: Result) -> None:
    """Draw the site fraction of halide vacancies in the emitter at several times."""
    from matplotlib import colormaps

    moments = [*(t for t in MOMENTS if t < run.times[-1]), float(run.times[-1])]
    for number, moment in enumerate(moments):
        colour = colormaps["viridis"](0.9 * number / max(len(moments) - 1, 1))
        by_layer(panel, run.at(moment), "theta_V", color=colour, label=time_text(moment))
    panel.set_title("2  Halide vacancies in the emitter")
    panel.set(xlabel="depth x [nm]", ylabel="site fraction", yscale="log")
    zoom(panel, run, "theta_V")
    panel.legend(loc="upper left", ncols=2)


def _atoms(panel: Any, lamella: Lamella) -> None:
    """Draw a slice of the lamella in true proportion, the beam upwards."""
    box = lamella.atoms.cell.lengths()
    place, (width, height) = panel.get_position(), SIZE
    wide = min(place.width, place.height * height * box[0] / box[2] / width)
    panel.set_position([place.x0, place.y0, wide, wide * width * box[2] / box[0] / height])
    draw_slice(panel, lamella, 2)
    panel.set_title("3  The aged interface in atoms")
    panel.set(xlabel="depth x [nm]")
    panel.spines[["top", "right"]].set_visible(True)
    handles, labels = legend_of(lamella)
    panel.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.03), handletextpad=0.2)


def _images(figure: Figure, place: Any, image: Any) -> None:
    """Draw the HAADF image: counts at finite dose beside their expectation, each on its grey scale."""
    cells = place.subgridspec(1, 2, wspace=0.05)
    for number, (words, data) in enumerate((("counts", image.counts), ("expectation", image.expectation))):
        panel = figure.add_subplot(cells[number])
        draw_image(panel, data, float(image.pixel), float(np.min(data)), float(np.max(data)))
        panel.set_anchor("N")
        panel.set_xlabel(words)
        if number == 0:
            panel.set_title("4  HAADF image of it")


def _patterns(figure: Figure, place: Any, scans: Mapping[str, Any]) -> None:
    """Draw patterns along the line, one row per state."""
    cells = place.subgridspec(len(scans), COLUMNS, wspace=0.05, hspace=0.05)
    for row, (state, scan) in enumerate(scans.items()):
        chosen = np.linspace(0, len(scan.positions) - 1, COLUMNS).round().astype(int)
        for column, position in enumerate(chosen):
            panel = figure.add_subplot(cells[row, column])
            draw_pattern(panel, scan.patterns[position])
            panel.set_anchor("N")
            if row == len(scans) - 1:
                panel.set_xlabel(f"{NM * scan.positions[position, 0]:.1f} nm")
            if column == 0:
                panel.set_ylabel(state)
            if row == column == 0:
                panel.set_title("5  4D-STEM line across it")
