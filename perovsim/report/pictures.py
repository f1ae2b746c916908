"""Figures of the report, written as PNG files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim import plot
from perovsim.atoms.figure import scale_bar
from perovsim.plot.drawing import BLUE, VERMILLION, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from perovsim.result import Result

RESOLUTION = 130
"""Dots per inch of the figures on the page."""
SHOWN_PATTERNS = 12
"""Patterns drawn per state and window."""
DECADES = 4.0
"""Decades of intensity shown in a pattern."""
STATES = ("pristine", "aged")
STATE_STYLE = {"pristine": {"color": BLUE, "marker": "o"}, "aged": {"color": VERMILLION, "marker": "s"}}


def result_figures(
    folder: Path, results: Mapping[str, Result], labels: Mapping[str, str], shown: str
) -> dict[str, Path]:
    """Draw stack, bands, profiles and the comparison of hypotheses; name -> file."""
    from perovsim.show import draw_device

    run, names = results[shown], [labels[name] for name in results]
    at = run.reference_time if run.reference_time is not None else float(run.times[-1])
    made = {
        "stack": draw_device(run.device),
        "bands": plot.band_diagram(run, at),
        "bands_end": plot.band_diagram(run, float(run.times[-1])),
        "terminals": plot.terminals(*results.values(), labels=names),
        "profiles": plot.profiles(run),
        "films": plot.films(*results.values(), labels=names),
        "halides": plot.halides(*results.values(), labels=names),
        "conservation": plot.conservation(run),
    }
    return {name: save_figure(figure, folder / f"{name}.png") for name, figure in made.items()}


def flip_figure(folder: Path, runs: Mapping[str, Result]) -> Path:
    """Draw where the halides of these runs go."""
    return save_figure(plot.halides(*runs.values(), labels=list(runs)), folder / "flip.png")


def microscope_figures(folder: Path, out: Path, study: Any) -> dict[str, Path]:
    """Draw HAADF images, patterns and strain profiles of what the folder holds; name -> file."""
    made: dict[str, Path] = {}
    images = {state: out / f"haadf_{state}.nc" for state in STATES}
    if all(path.exists() for path in images.values()):
        made["haadf"] = save_figure(haadf_figure(images), folder / "haadf.png")
    for window in study.windows:
        scans = {state: out / f"scan_{window.name}_{state}.zarr" for state in STATES}
        if all(path.exists() for path in scans.values()):
            made[f"patterns_{window.name}"] = save_figure(
                patterns_figure(scans), folder / f"patterns_{window.name}.png"
            )
        change = out / f"change_{window.name}.json"
        if change.is_file():
            strain = json.loads(change.read_text(encoding="utf-8"))["strain"]
            if any(np.isfinite(profile["strain"]).any() for profile in strain.values()):
                made[f"strain_{window.name}"] = save_figure(
                    strain_figure(strain, window), folder / f"strain_{window.name}.png"
                )
    made |= {name: out / f"{name}.png" for name in ("chain", "micrograph") if (out / f"{name}.png").is_file()}
    return made


def haadf_figure(files: Mapping[str, Path]) -> Figure:
    """HAADF images side by side, each row on one grey scale: counts above, their expectation below."""
    from perovsim.microscopy import load_image

    images = {state: load_image(path) for state, path in files.items()}
    rows = (
        ("counts at this dose", [image.counts for image in images.values()]),
        ("expectation, no counting noise", [image.expectation for image in images.values()]),
    )
    figure, axes = panels(2, len(images), (3.8 * len(images), 7.6))
    for line, (words, drawn) in zip(np.atleast_2d(axes), rows, strict=True):
        low, high = min(map(np.min, drawn)), max(map(np.max, drawn))
        for panel, data, (state, image) in zip(line, drawn, images.items(), strict=True):
            draw_image(panel, data, float(image.pixel), low, high)
            panel.set_title(f"{state}, {words}")
    return figure


def patterns_figure(files: Mapping[str, Path]) -> Figure:
    """Patterns along the line, one row per state, logarithmic intensity."""
    from perovsim.microscopy import load_scan

    scans = {state: load_scan(path) for state, path in files.items()}
    count = min(SHOWN_PATTERNS, *(len(scan.positions) for scan in scans.values()))
    figure, axes = panels(len(scans), count, (11.5, 11.5 / count * len(scans) + 0.4))
    for number, (row, (state, scan)) in enumerate(zip(np.atleast_2d(axes), scans.items(), strict=True)):
        chosen = np.linspace(0, len(scan.positions) - 1, count).round().astype(int)
        for panel, position in zip(row, chosen, strict=True):
            draw_pattern(panel, scan.patterns[position])
            if number == 0:
                panel.set_title(f"{1e9 * scan.positions[position, 0]:.1f} nm", fontsize=8)
        row[0].set_ylabel(state, fontsize=9)
    return figure


def strain_figure(strain: Mapping[str, Mapping[str, list[float]]], window: Any) -> Figure:
    """Strain from the patterns across the window with standard errors, beside that of the atoms."""
    figure, panel = panels(1, 1, (6.4, 3.4))
    draw_strain(panel, strain)
    panel.set_title(f"Lattice strain out of plane, {window.around}")
    return figure


def draw_image(panel: Any, data: np.ndarray, pixel: float, low: float, high: float) -> None:
    """Draw an image on the grey scale from `low` to `high`, with a scale bar; pixel [m]."""
    height, width = (n * pixel * 1e9 for n in data.shape)
    extent = (0, width, 0, height)
    panel.imshow(data, cmap="gray", vmin=low, vmax=high, origin="lower", extent=extent, interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    scale_bar(panel, (0.05 * width, 0.05 * width), 0.5, "0.5 nm")


def draw_pattern(panel: Any, pattern: np.ndarray) -> None:
    """Draw a diffraction pattern, logarithmic from its largest value down."""
    counts = np.asarray(pattern, float)
    top = counts.max()
    drawn = np.log10(np.maximum(counts, top * 10.0**-DECADES) / top)
    panel.imshow(drawn, cmap="magma", vmin=-DECADES, vmax=0)
    panel.set(xticks=[], yticks=[])


def draw_strain(panel: Any, strain: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Draw the strain found in the patterns with its standard errors, and that of the atoms [%]."""
    for state, profile in strain.items():
        found = {name: np.array(values, float) for name, values in profile.items()}
        style = STATE_STYLE[state]
        panel.errorbar(
            1e9 * found["x"],
            100 * found["strain"],
            100 * found["error"],
            label=f"{state}, from patterns",
            ms=4,
            ls="",
            capsize=2,
            lw=1.0,
            **style,
        )
        panel.plot(
            1e9 * found["x_atoms"],
            100 * found["strain_atoms"],
            color=style["color"],
            lw=1.2,
            label=f"{state}, of the atoms",
        )
    panel.set(xlabel="depth x [nm]", ylabel="strain [%]")
    panel.legend(frameon=False, fontsize=8)


def save_figure(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=RESOLUTION)
    return path
