"""Measured precession patterns: centre, roundness of the halo, lattices, strain and rotation between them.

The sample of the file is not known and no camera length comes with it: only what needs neither is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from perovsim.microscopy.measured.datasets import dataset_scan
from perovsim.microscopy.patterns.disks import DiskFit
from perovsim.microscopy.patterns.lattice import find_peaks
from perovsim.microscopy.patterns.pattern_calibration import RoundCalibration, calibrate_on_halo
from perovsim.microscopy.patterns.shares import crystallinity
from perovsim.microscopy.patterns.strain import fit_lattices, strain_map
from perovsim.microscopy.records.scan import Scan4D

NAME = "precession_patterns"
CAMERA_LENGTH = "20 cm"
"""Nominal, assumed: the file gives its detector pixel as a length; no result below depends on it."""
HALOS = ((12.0, 45.0), (20.0, 60.0))
"""Two annuli in which the roundness of the halo is fitted [pixel]; their difference is its error."""
REFERENCE = (slice(0, 1), slice(None))
"""The first row of positions is the unstrained one."""
SPOT = 3.0
"""Radius of a spot [pixel]."""
SHOWN = 0.3
"""Power of the counts that is drawn."""


@dataclass(frozen=True)
class PrecessionFindings:
    """Outcome of `precession_findings`.

    fits : lattice of every pattern [pixel]; halos : centre and ellipse of the halo in both annuli
    strain : map (row, column) against the first row; shares : spots, rings, diffuse of every pattern
    """

    scan: Scan4D
    fits: list[DiskFit] = field(repr=False)
    halos: tuple[RoundCalibration, RoundCalibration]
    strain: xr.Dataset = field(repr=False)
    shares: xr.Dataset = field(repr=False)

    @property
    def worst(self) -> float:
        """Largest strain or rotation of the map, in standard errors."""
        names = ("strain", "strain_yy", "strain_xy", "rotation")
        return float(max(np.abs(self.strain[name] / self.strain[f"{name}_error"]).max() for name in names))

    @property
    def off_lattice(self) -> np.ndarray:
        """Spots of the summed patterns off the lattice, as fractions of its vectors in -0.5 to 0.5, (n, 2)."""
        basis = np.mean([fit.basis for fit in self.fits if not fit.reason], axis=0)
        centre = np.mean([fit.centre for fit in self.fits if not fit.reason], axis=0)
        total = self.scan.patterns.sum(axis=0, dtype=float)
        points = find_peaks(np.sqrt(total), SPOT, strict=True)[0]
        place = np.linalg.solve(basis, (points - centre).T).T
        rest = place - np.rint(place)
        return rest[np.hypot(*(basis @ rest.T)) > SPOT]

    def table(self) -> str:
        """Return the findings as text."""
        fits = [fit for fit in self.fits if not fit.reason]
        lengths = np.array([np.linalg.norm(fit.basis, axis=0) for fit in fits])
        angles = [_angle(fit.basis) for fit in fits]
        centres = np.array([fit.centre for fit in fits])
        lines = [
            "precession electron diffraction, 3 x 2 patterns, unknown sample",
            f"  file: {self.scan.attrs['source']}; {self.scan.attrs['saturated_pixels']} saturated pixels in the beam",
            f"  lattices found            {len(fits)} of {len(self.fits)}",
            f"  centre                    {centres[:, 0].mean():.2f}, {centres[:, 1].mean():.2f} pixel, scatter "
            f"{centres[:, 0].std(ddof=1):.2f}, {centres[:, 1].std(ddof=1):.2f}",
            f"  lattice vectors           {lengths[:, 0].mean():.2f}, {lengths[:, 1].mean():.2f} pixel, ratio "
            f"{(lengths[:, 0] / lengths[:, 1]).mean():.4f} ± {(lengths[:, 0] / lengths[:, 1]).std(ddof=1):.4f}, "
            f"{np.mean(angles):.2f}° ± {np.std(angles, ddof=1):.2f} apart",
        ]
        off = self.off_lattice
        if len(off):
            middle = np.abs(np.median(off, axis=0))
            lines.append(
                f"  spots off the lattice     {len(off)}, about {middle[0]:.2f} and {middle[1]:.2f} of its vectors "
                "away: a higher Laue zone of a tilted crystal, or a second crystal"
            )
        for halo, (low, high) in zip(self.halos, HALOS, strict=True):
            lines.append(
                f"  halo, {low:.0f} to {high:.0f} pixel       ellipse {halo.ellipse:.3f} ± "
                f"{halo.errors['ellipse']:.3f} at {np.degrees(halo.direction):.0f}°, centre "
                f"{1e3 * halo.centre[0]:+.2f}, {1e3 * halo.centre[1]:+.2f} mrad"
            )
        lines += [
            "  the halo is not round in the same way at both radii: it does not decide an ellipse of the detector, and "
            "none is taken out",
            f"  strain against row 1      largest {100 * float(np.abs(self.strain['strain']).max()):.2f} % ± "
            f"{100 * float(self.strain['strain_error'].median()):.2f} along x, "
            f"{100 * float(np.abs(self.strain['strain_yy']).max()):.2f} % ± "
            f"{100 * float(self.strain['strain_yy_error'].median()):.2f} along y",
            f"  rotation against row 1    {1e3 * float(self.strain['rotation'].min()):+.2f} to "
            f"{1e3 * float(self.strain['rotation'].max()):+.2f} mrad ± "
            f"{1e3 * float(self.strain['rotation_error'].median()):.2f}; largest of all {self.worst:.1f} standard "
            "errors (they hold the scatter between the spots, which one crystal shares)",
            "  outside the beam          "
            + ", ".join(
                f"{100 * float(self.shares[name].mean()):.1f} % {name}" for name in ("spots", "rings", "diffuse")
            ),
        ]
        return "\n".join(lines)

    def figure(self) -> Any:
        """Return a matplotlib Figure: patterns with their lattice, maps of strain and rotation."""
        return _draw(self)


def precession_findings(progress: Callable[[float], None] | None = None) -> PrecessionFindings:
    """Reduce the measured precession patterns.

    Raises MeasurementError where the file is not there (with its address).
    """
    tell = progress or (lambda share: None)
    scan = dataset_scan(NAME, camera_length=CAMERA_LENGTH)
    fits = fit_lattices(scan)
    tell(0.4)
    halos = tuple(calibrate_on_halo(scan, low * scan.pixel, high * scan.pixel) for low, high in HALOS)
    strain = strain_map(scan, REFERENCE)
    tell(0.8)
    return PrecessionFindings(scan, fits, halos, strain, crystallinity(scan))


def _angle(basis: np.ndarray) -> float:
    """Return the angle between both vectors [degree]."""
    first, second = basis.T
    return float(np.degrees(np.arccos(first @ second / np.hypot(*first) / np.hypot(*second))))


def _draw(found: PrecessionFindings) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 6.2), layout="constrained")
    rows, columns = found.scan.shape
    left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.25))
    for axes, pattern, fit in zip(left.subplots(rows, columns).ravel(), found.scan.patterns, found.fits, strict=True):
        axes.imshow(np.asarray(pattern, float) ** SHOWN, cmap="gray")
        axes.set(xticks=[], yticks=[])
        if not fit.reason:
            span = np.stack(np.meshgrid(np.arange(-6, 7), np.arange(-6, 7)), -1).reshape(-1, 2)
            points = fit.centre + span @ fit.basis.T
            inside = ((points > 0) & (points < np.array(pattern.shape[::-1]))).all(axis=1)
            axes.plot(*points[inside].T, "o", ms=7, mfc="none", mec="#E69F00", mew=0.8)
    left.suptitle("patterns (counts to the power 0.3) and lattice", fontsize=9)
    panels = (
        ("strain", "exx [%]", 100.0),
        ("strain_yy", "eyy [%]", 100.0),
        ("strain_xy", "exy [%]", 100.0),
        ("rotation", "rotation [mrad]", 1e3),
    )
    for axes, (name, title, factor) in zip(right.subplots(2, 2).ravel(), panels, strict=True):
        values, errors = found.strain[name].values * factor, found.strain[f"{name}_error"].values * factor
        span = float(np.nanmax(errors)) * 2
        drawn = axes.imshow(values, cmap="RdBu_r", vmin=-span, vmax=span)
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:+.2f}\n±{errors[row, column]:.2f}", ha="center", va="center", fontsize=7)
        axes.set(xticks=range(columns), yticks=range(rows), title=title)
        right.colorbar(drawn, ax=axes, shrink=0.8)
    return figure
