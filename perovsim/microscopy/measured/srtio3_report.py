"""The SrTiO3 comparison as text and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.atoms.figure import scale_bar

if TYPE_CHECKING:
    from perovsim.microscopy.measured.srtio3 import SrTiO3Comparison

SHOWN = 2.2e-9
"""Edge of the part of the right half that is drawn [m]."""
FINE = 96
"""Points along the averaged cell."""
_WIDTH, _HEIGHT = 9.6, 7.6


def table_text(found: SrTiO3Comparison) -> str:
    """Return the comparison as text: calibration, fitted values with errors, correlations."""
    solution, errors, stretch = found.solution, found.solution.errors, found.distortion
    lines = [
        "SrTiO3 <110>, annular bright field, measured against simulation",
        f"  file: {found.image.attrs['source']} ({found.image.attrs['citation']})",
        "calibration on the cell of 3.905 angstrom (whole image)",
    ]
    for name, (seen, true) in found.spacings.items():
        lines.append(
            f"  d({name})                    {seen * 1e10:8.4f} A  true {true * 1e10:.4f} A "
            f"({100 * (seen / true - 1):+.2f} %)"
        )
    lines += [
        f"  stretch between axes      {100 * stretch.between_axes:8.3f} % ± {100 * found.distortion_error:.3f} %"
        f"  at {np.degrees(stretch.direction):.0f} deg from the scan lines",
        f"  of it along x, y, shear   {100 * (stretch.stretch[0, 0] - 1):+.3f}, "
        f"{100 * (stretch.stretch[1, 1] - 1):+.3f}, {100 * stretch.stretch[0, 1]:+.3f} %",
        f"  the same of a simulation  {100 * found.check.between_axes:8.3f} % ± "
        f"{100 * found.check.between_axes_error:.3f} %  made with {100 * found.put_in.between_axes:.3f} %",
        "fitted on the left half (200 kV and thermal motion are assumed, ± from curvature and misfit)",
        f"  thickness                 {solution.thickness * 1e9:8.1f} nm ± {errors['thickness'] * 1e9:.1f}",
        f"  defocus (underfocus > 0)  {solution.defocus * 1e9:8.1f} nm ± {errors['defocus'] * 1e9:.1f}",
        f"  source size (sigma)       {solution.match.source * 1e10:8.2f} A  ± {errors['source'] * 1e10:.2f}",
        f"  probe half-angle          {solution.semiangle * 1e3:8.1f} mrad ± {errors['semiangle'] * 1e3:.1f}, "
        "detector from half of it to the whole",
        f"  crystal tilt [001], [1-10] {solution.tilt[0] * 1e3:7.1f}, {solution.tilt[1] * 1e3:.1f} mrad ± "
        f"{errors['tilt_x'] * 1e3:.1f}, {errors['tilt_y'] * 1e3:.1f}",
        "correlation with the measured pixels      left (fitted)   right (not seen)",
    ]
    for name, score in found.scores.items():
        lines.append(f"  {name:38s}  {found.fitted[name]:10.4f}   {score:12.4f}")
    return "\n".join(lines)


def draw(found: SrTiO3Comparison) -> Any:
    """Draw measured, simulated and residual pixels of the right half, and averaged cells below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.25, 1.0))
    measured, simulated = found.image.counts.astype(float), found.models["simulation"]
    low, high = np.percentile(measured, [0.5, 99.5])
    part = _part(found)
    panels = (
        ("measured, right half", measured, "gray", low, high),
        (f"simulated, {found.solution.thickness * 1e9:.0f} nm", simulated, "gray", low, high),
        ("measured − simulated", measured - simulated, "RdBu_r", 0.5 * (low - high), 0.5 * (high - low)),
    )
    for axes, (title, data, colours, least, most) in zip(top.subplots(1, 3), panels, strict=True):
        drawn = axes.imshow(data[part], cmap=colours, vmin=least, vmax=most, interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.set(xticks=[], yticks=[])
        bar = top.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.8, pad=0.03)
        bar.ax.tick_params(labelsize=6)
        bar.ax.locator_params(nbins=4)
        bar.set_label("counts", fontsize=7)
        if data is measured:
            rows, columns = data[part].shape
            scale_bar(axes, (0.05 * columns, 0.95 * rows), 0.5e-9 / found.image.pixel, "0.5 nm")
    _cells(bottom.subplots(1, 4, width_ratios=(1, 1, 1, 1.25)), found)
    return figure


def _part(found: SrTiO3Comparison) -> tuple[slice, slice]:
    """Return the rows and columns of the drawn part, inside the right half."""
    count = int(min(SHOWN / found.image.pixel, found.image.counts.shape[1] // 2))
    middle = found.image.counts.shape[0] // 2
    return slice(middle - count // 2, middle + count // 2), slice(-count, None)


def _cells(panels: Any, found: SrTiO3Comparison) -> None:
    """Draw the averaged cell of measurement, simulation and Gaussian columns, and correlations."""
    parts = {
        "measured, averaged": found.measured.coefficients,
        "simulated": found.solution.match.model,
        "Gaussian columns": found.columns.model,
    }
    drawn = {name: cell_image(found.measured.index, part) for name, part in parts.items()}
    extent = (0, found.size[0] * 1e10, 0, found.size[1] * 1e10)
    low = min(float(cell.min()) for cell in drawn.values())
    high = max(float(cell.max()) for cell in drawn.values())
    for axes, (title, cell) in zip(panels, drawn.items(), strict=False):
        axes.imshow(cell, cmap="gray", vmin=low, vmax=high, extent=extent, origin="lower")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("[001] [Å]", fontsize=7)
        axes.tick_params(labelsize=7)
    panels[0].set_ylabel("[1$\\bar{1}$0] [Å]", fontsize=7)
    _bars(panels[3], found.scores)


def _bars(axes: Any, scores: dict[str, float]) -> None:
    """Draw the correlations with the half that no model has seen."""
    colours = ("#0072B2", "#E69F00", "#7F7F7F")
    for place, (name, value) in enumerate(scores.items()):
        axes.plot(value, place, "o", ms=8, color=colours[place])
        axes.annotate(
            f"{name.split(' (')[0]}\n{value:.4f}",
            (value, place),
            xytext=(0, 10),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set(yticks=[], ylim=(len(scores) - 0.6, -0.8), xlim=(min(scores.values()) - 0.008, 0.98))
    axes.set_title("correlation, right half", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.grid(axis="x", lw=0.4)


def cell_image(index: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return the cell ([1-10], [001]) without its mean from one half of its Fourier coefficients."""
    step = np.arange(FINE) / FINE
    x, y = np.meshgrid(step, step, indexing="xy")
    phase = 2j * np.pi * (index[:, 0, None, None] * x + index[:, 1, None, None] * y)
    return 2 * (coefficients[:, None, None] * np.exp(phase)).sum(axis=0).real
