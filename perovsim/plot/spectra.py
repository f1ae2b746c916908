"""X-ray spectra: the mean spectrum with its lines, and the elements across the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.plot.drawing import BLACK, BLUE, COLOURS, GREY, NM, ORANGE, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("Al", "Cl", "Br", "Cs", "Pb")
"""Elements that are drawn across the window."""
LABELLED = 0.3
"""Of each element, lines with at least this share of its strongest one carry their name."""
APART = 0.25
"""Names of lines stand at least this far apart [keV]."""
PER_NM2 = 1e-18
HEADROOM = 100.0
"""Room for names above the highest peak, on a logarithmic axis."""


def spectra(found: Any, quantification: Any) -> Figure:
    """Draw the sum of all spectra with its expectation, and areal densities with standard errors over x.

    found : Spectra; quantification : of the same spectra
    """
    figure, (above, below) = panels(2, 1, (7.2, 6.0))
    _spectrum(above, found)
    _profiles(below, found, quantification)
    return figure


def _spectrum(axes: Any, found: Any) -> None:
    energy, counts = found.energy / 1e3, found.counts.sum(axis=0)
    axes.step(energy, counts, where="mid", color=BLUE, lw=0.7, label="counts, all positions")
    if found.expectation is not None:
        axes.plot(energy, found.expectation.sum(axis=0), color=ORANGE, lw=1.0, label="expected")
    axes.set_yscale("log")
    top = max(float(counts.max()), 1.0)
    axes.set(
        xlabel="photon energy [keV]", ylabel="counts per channel", ylim=(0.5, HEADROOM * top), xlim=(0, energy[-1])
    )
    for at, name, height in _names(found, counts):
        axes.annotate(name, (at, 1.6 * height), rotation=90, ha="center", va="bottom", fontsize=7, color=BLACK)
    axes.legend(loc="upper right")


def _names(found: Any, counts: np.ndarray) -> list[tuple[float, str, float]]:
    """Return place [keV], text and height of the names of the strong lines."""
    from perovsim.microscopy.xray.xray_lines import lines_of

    ends, marks = (float(found.energy[0]), float(found.energy[-1])), []
    for element in found.elements:
        lines = lines_of(element, float(found.attrs["energy"]), *ends, "bote2009")
        strongest = max((line.section for line in lines), default=0.0)
        for line in sorted(lines, key=lambda line: -line.section):
            if line.section >= LABELLED * strongest:
                marks.append((line.energy / 1e3, f"{element} {line.name}"))
    kept: list[tuple[float, str, float]] = []
    for at, name in sorted(marks):
        near = np.abs(found.energy / 1e3 - at) < APART
        height = max(float(counts[near].max()), 1.0)
        if kept and at - kept[-1][0] < APART:
            kept[-1] = (kept[-1][0], _joined(kept[-1][1], name), max(kept[-1][2], height))
        else:
            kept.append((at, name, height))
    return kept


def _joined(names: str, name: str) -> str:
    """Add the name of a line to others at the same place, one line per element."""
    elements = [part.split()[0] for part in names.split(", ")]
    return names if name.split()[0] in elements else f"{names}, {name}"


def _profiles(axes: Any, found: Any, quantification: Any) -> None:
    x = quantification.x * NM
    names = [name for name in SHOWN if name in quantification.elements] or list(quantification.elements)
    for colour, name in zip(COLOURS, names, strict=False):
        column = quantification.elements.index(name)
        value, error = (
            part[:, column] * PER_NM2 for part in (quantification.areal_density, quantification.standard_error)
        )
        axes.errorbar(x, value, error, fmt="o", ms=3, lw=0.8, color=colour, label=name)
        if "areal_density" in found.dataset:
            true = found.dataset["areal_density"].values[:, found.elements.index(name)] * PER_NM2
            axes.plot(x, true, color=colour, lw=0.9)
    axes.axhline(0.0, color=GREY, lw=0.5)
    axes.set(xlabel="x on the device axis [nm]", ylabel="atoms per nm$^2$")
    text = "points: found, with standard errors; lines: what the probe met"
    axes.set_title(text if "areal_density" in found.dataset else "found, with standard errors", loc="left")
    axes.legend(ncols=len(names), loc="best")
