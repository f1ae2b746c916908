"""The findings at the CdTe boundary as text and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.atoms.figure import scale_bar

if TYPE_CHECKING:
    from perovsim.microscopy.measured.cdte import BoundaryFindings

_WIDTH, _HEIGHT = 10.5, 7.0
SPAN = 4.0
"""Strain and rotation are drawn to this many per cent and mrad / 10."""
BINS = 14


def table_text(found: BoundaryFindings) -> str:
    """Return the findings as text: calibration, grains, dumbbells, strain."""
    stretch, mean, true = found.distortion, found.mean_spacing, found.true_spacing
    angle, error = np.degrees(found.angle)
    lines = [
        "CdTe <110> tilt boundary, HAADF",
        f"  file: {found.image.attrs['source']} ({found.image.attrs['citation']})",
        "calibration on the lower grain, cell of 6.481 angstrom",
        f"  pixel                     {found.pixel * 1e10:.4f} A, the file says {found.image.pixel * 1e10:.4f} A "
        f"({100 * (found.image.pixel / found.pixel - 1):+.2f} %)",
        f"  stretch between axes      {100 * stretch.between_axes:.2f} % ± {100 * stretch.between_axes_error:.2f} % at "
        f"{np.degrees(stretch.direction):.0f} deg from the scan lines",
        "grains",
        f"  share of the image        lower {found.lower.share:.0%}, upper {found.upper.share:.0%}",
        f"  misorientation            {angle:.2f}° ± {error:.2f}° about <110> (or {180 - angle:.2f}° the other way)",
        "  upper grain against the cell, not used for the calibration: "
        f"exx, eyy, exy = {', '.join(f'{100 * value:+.2f}' for value in found.other_cell)} %",
        f"dumbbells of the lower grain ({len(found.spacing)} in {len(np.unique(found.row))} rows; ± from the rows)",
        f"  spacing                   {mean[0] * 1e10:.3f} A ± {mean[1] * 1e10:.3f}, a/4 = {true * 1e10:.3f} A "
        f"({100 * (mean[0] / true - 1):+.1f} %); scatter {found.spacing.std(ddof=1) * 1e10:.2f} A",
        f"  with the file's pixel     {found.nominal * 1e10:.3f} A ({100 * (found.nominal / true - 1):+.1f} %)",
        "strain against the lower grain 2 nm from the boundary on, scan calibrated (± median error of one point)",
    ]
    for name, part in zip(("lower", "upper"), found.strain, strict=True):
        values = [
            f"{label} {100 * float(part[key].mean()):+.2f} % (scatter {100 * float(part[key].std()):.2f}, "
            f"± {100 * float(part[key + '_error'].median()):.2f})"
            for label, key in (("exx", "strain"), ("eyy", "strain_yy"), ("exy", "strain_xy"))
        ]
        lines.append(f"  {name}: {', '.join(values)}")
    lines.append(
        f"  exx along x correlates with {found.common:.2f} between the grains: near one, the bands are of the scan, "
        "not of the crystal"
    )
    return "\n".join(lines)


def draw(found: BoundaryFindings) -> Any:
    """Draw image with grains and dumbbells, maps of exx, eyy, exy and rotation, and the spacings."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    _image(axes[0], found)
    panels = (
        ("exx", "strain", 100.0),
        ("eyy", "strain_yy", 100.0),
        ("exy", "strain_xy", 100.0),
        ("rotation", "rotation", 100.0),
    )
    for panel, (title, key, factor) in zip(axes[1:5], panels, strict=True):
        _map(figure, panel, found, title, key, factor)
    _spacings(axes[5], found)
    return figure


def _image(axes: Any, found: BoundaryFindings) -> None:
    image = found.image
    low, high = np.percentile(image.counts, [0.5, 99.8])
    axes.imshow(image.counts, cmap="gray", vmin=low, vmax=high)
    for grain, colour in ((found.lower, "#E69F00"), (found.upper, "#56B4E9")):
        axes.contour(grain.mask, levels=[0.5], colors=colour, linewidths=1.2)
    place = found.dumbbells
    axes.plot(place["x"] / image.pixel, place["y"] / image.pixel, ".", ms=1.5, color="#E69F00")
    axes.set(xticks=[], yticks=[], title="HAADF, grains, columns fitted")
    scale_bar(axes, (0.05 * image.counts.shape[1], 0.95 * image.counts.shape[0]), 2e-9 / found.pixel, "2 nm")


def _map(figure: Any, axes: Any, found: BoundaryFindings, title: str, key: str, factor: float) -> None:
    """Draw one component in both grains; the rotation of each against its own mean."""
    lower, upper = (part[key].values * factor for part in found.strain)
    if key == "rotation":
        lower, upper = lower - np.nanmean(lower), upper - np.nanmean(upper)
    edge = 1e9 * found.pixel / found.image.pixel
    x, y = (found.strain[0][axis].values * edge for axis in ("x", "y"))
    both = np.where(np.isfinite(lower), lower, upper)
    drawn = axes.pcolormesh(x, y, both, cmap="RdBu_r", vmin=-SPAN, vmax=SPAN, shading="nearest")
    area = np.where(found.reference, 1.0, 0.0)
    axes.contour(x, y, area, levels=[0.5], colors="black", linewidths=0.8, linestyles="dotted")
    size = found.image.counts.shape[0] * found.pixel * 1e9
    axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="x [nm]", ylabel="y [nm]")
    unit = "mrad / 10" if key == "rotation" else "%"
    axes.set_title(f"{title} [{unit}]" + (", each grain's mean taken off" if key == "rotation" else ""), fontsize=9)
    figure.colorbar(drawn, ax=axes, shrink=0.8)


def _spacings(axes: Any, found: BoundaryFindings) -> None:
    mean, error = found.mean_spacing
    axes.hist(found.spacing * 1e10, bins=BINS, color="#BBBBBB", edgecolor="white")
    axes.axvline(found.true_spacing * 1e10, color="black", lw=1.2, label=f"a/4 = {found.true_spacing * 1e10:.3f} Å")
    axes.axvspan((mean - error) * 1e10, (mean + error) * 1e10, color="#E69F00", alpha=0.5)
    axes.axvline(mean * 1e10, color="#E69F00", label=f"mean {mean * 1e10:.3f} ± {error * 1e10:.3f} Å")
    axes.set(xlabel="dumbbell spacing, calibrated [Å]", ylabel="dumbbells")
    axes.legend(fontsize=7, frameon=False)
