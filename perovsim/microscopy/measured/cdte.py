"""A measured grain boundary: CdTe <110> tilt boundary in HAADF, calibrated on its lower grain.

The lower grain is taken for the textbook cell; everything else (its dumbbells, the other grain, strain) is then found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from perovsim.atoms.crystals import crystal
from perovsim.errors import MeasurementError
from perovsim.microscopy.images.atom_columns import find_columns, fit_columns
from perovsim.microscopy.images.grains import Grain, find_grains, misorientation
from perovsim.microscopy.images.image_lattice import Distortion, scan_distortion
from perovsim.microscopy.images.image_strain import LocalLattice, local_lattice, strain_against
from perovsim.microscopy.measured.datasets import dataset_image
from perovsim.microscopy.patterns.deformation import deformation, on_basis
from perovsim.microscopy.patterns.reflections import zone_pattern
from perovsim.microscopy.records.image import Image

NAME = "cdte_tilt_boundary_haadf"
PHASE, ZONE = "CdTe", (1, 1, 0)
ANGSTROM = 1e-10
RESOLUTION = 4e-10
"""Standard deviation of the filter of the strain maps [m]: the widest planes are 3.7 angstrom apart."""
CLEAR = 2e-9
"""The reference area is the lower grain from this distance to the boundary on [m]."""
MARGIN = 4e-10
"""Dumbbells nearer to the border of their grain or of the image are left out [m]."""
DUMBBELLS = 2.4e-10
"""Least distance of dumbbells for their first positions [m]."""
WIDTH = 0.55e-10
"""Starting width of a column [m]."""


@dataclass(frozen=True)
class BoundaryFindings:
    """Outcome of `cdte_boundary`.

    distortion : of the scan, from the lower grain; pixel : calibrated edge of a pixel [m]
    angle : misorientation [rad], its error, after the distortion is taken out; other_cell : strain of the upper grain's
    mean lattice against the textbook cell (xx, yy, xy), not used for the calibration
    dumbbells : fitted columns; spacing : along [001] of each dumbbell [m], calibrated; row : which of the rows across
    [001] it lies in; nominal : mean with the pixel of the file
    strain : maps of the lower and of the upper grain against the reference area; common : correlation of exx along x
    in both grains, which no strain of one of them makes
    """

    image: Image
    lower: Grain
    upper: Grain
    distortion: Distortion
    pixel: float
    angle: tuple[float, float]
    other_cell: np.ndarray
    dumbbells: xr.Dataset = field(repr=False)
    spacing: np.ndarray = field(repr=False)
    row: np.ndarray = field(repr=False)
    nominal: float
    strain: tuple[xr.Dataset, xr.Dataset] = field(repr=False)
    reference: np.ndarray = field(repr=False)
    common: float

    @property
    def mean_spacing(self) -> tuple[float, float]:
        """Mean over the rows of dumbbells and its standard error [m]: scan lines shift whole rows alike."""
        rows = np.array([self.spacing[self.row == number].mean() for number in np.unique(self.row)])
        return float(rows.mean()), float(rows.std(ddof=1) / np.sqrt(len(rows)))

    @property
    def true_spacing(self) -> float:
        """Projected distance of Cd and Te along [001], a / 4 [m]."""
        return 0.25 * crystal(PHASE).cell[0] * ANGSTROM

    def table(self) -> str:
        """Return the findings as text."""
        from perovsim.microscopy.measured.cdte_report import table_text

        return table_text(self)

    def figure(self) -> Any:
        """Return a matplotlib Figure: image with grains and dumbbells, strain maps, spacings."""
        from perovsim.microscopy.measured.cdte_report import draw

        return draw(self)


def cdte_boundary(progress: Callable[[float], None] | None = None) -> BoundaryFindings:
    """Find grains, misorientation, strain and dumbbells of the measured CdTe boundary.

    Raises MeasurementError where the file is not there (with its address), or does not show two grains.
    """
    tell = progress or (lambda share: None)
    image = dataset_image(NAME)
    grains = find_grains(image, RESOLUTION)
    if len(grains) != 2:
        raise MeasurementError(f"{NAME}: {len(grains)} grains were found, two are expected")
    upper, lower = sorted(grains, key=lambda grain: float(np.nonzero(grain.mask)[0].mean()))
    tell(0.5)
    true = zone_pattern(PHASE, ZONE).basis
    distortion = scan_distortion(lower.lattice, _true_cell(true, lower))
    undistort = np.linalg.inv(distortion.stretch)
    dumbbells = _dumbbells(image, lower, undistort)
    tell(0.8)
    spacing, row, nominal = _spacings(dumbbells, _axis(lower, undistort), undistort)
    local = [local_lattice(image, grain.lattice, RESOLUTION).undistorted(undistort) for grain in (lower, upper)]
    reference = _reference(image, lower, local[0])
    strain = tuple(
        _inside(strain_against(part, reference, local[0]), image, grain.mask)
        for part, grain in zip(local, (lower, upper), strict=True)
    )
    seen = np.linalg.inv(undistort).T @ upper.lattice.reciprocal
    tell(1.0)
    return BoundaryFindings(
        image,
        lower,
        upper,
        distortion,
        float(image.pixel / (0.5 * np.trace(distortion.stretch))),
        misorientation(upper, lower, undistort),
        deformation(seen, on_basis(true, seen))[:3],
        dumbbells,
        spacing,
        row,
        nominal,
        strain,
        reference,
        _common(*strain),
    )


def _true_cell(true: np.ndarray, grain: Grain) -> np.ndarray:
    """Return the direct vectors of the textbook cell in the axes of a grain, columns [m]."""
    return np.linalg.inv(on_basis(true, grain.lattice.reciprocal)).T


def _dumbbells(image: Image, grain: Grain, undistort: np.ndarray) -> xr.Dataset:
    """Fit both columns of every dumbbell well inside a grain."""
    centres = find_columns(image, DUMBBELLS)
    deep = ndimage.distance_transform_edt(np.pad(grain.mask, 1))[1:-1, 1:-1] * image.pixel > MARGIN
    column, row = (np.rint((centres - [image.x[0], image.y[0]]) / image.pixel).astype(int)).T
    centres = centres[deep[row, column]]
    half = 0.5 * _axis(grain, undistort) * 0.25
    found = fit_columns(image, np.concatenate([centres - half, centres + half]), WIDTH, 1.2 * np.linalg.norm(2 * half))
    groups, sizes = np.unique(found["group"], return_counts=True)
    pairs = np.isin(found["group"], groups[sizes == 2])
    return found.isel(column=pairs)


def _axis(grain: Grain, undistort: np.ndarray) -> np.ndarray:
    """Return [001] of a grain in the image [m]: of sum and difference of its vectors the one as long as a."""
    first, second = grain.lattice.direct.T
    edge = crystal(PHASE).cell[0] * ANGSTROM
    return min((first + second, first - second), key=lambda v: abs(np.linalg.norm(undistort @ v) - edge))


def _spacings(dumbbells: xr.Dataset, axis: np.ndarray, undistort: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return spacing along `axis` ([001] in the image), calibrated, and row of every dumbbell; the nominal mean."""
    place = np.stack([dumbbells["x"].values, dumbbells["y"].values], axis=1)
    order = np.argsort(dumbbells["group"].values, kind="stable")
    first, second = place[order[::2]], place[order[1::2]]
    fitted = np.isfinite(first + second).all(axis=1)
    vectors, centres = (second - first)[fitted], 0.5 * (first + second)[fitted]
    true_axis, length = undistort @ axis, np.linalg.norm(axis)
    along = np.abs(vectors @ undistort.T @ true_axis) / np.linalg.norm(true_axis)
    height = centres @ axis / length**2 * 2  # rows are half of [001] apart
    row = np.rint(height - np.median(height % 1)).astype(int)
    return along, row, float(np.abs(vectors @ axis).mean() / length)


def _reference(image: Image, grain: Grain, local: LocalLattice) -> np.ndarray:
    """Return the reference area on the grid: the grain, some way from the boundary."""
    rows = np.nonzero(grain.mask.any(axis=1))[0]
    top = image.y[rows[0]] + CLEAR
    return _on_grid(image, grain.mask, local.x, local.y) & (local.y > top)[:, None]


def _on_grid(image: Image, mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows, columns = (np.abs(axis[:, None] - grid).argmin(axis=0) for axis, grid in ((image.y, y), (image.x, x)))
    return mask[np.ix_(rows, columns)]


def _inside(strain: xr.Dataset, image: Image, mask: np.ndarray) -> xr.Dataset:
    inside = _on_grid(image, mask, strain["x"].values, strain["y"].values)
    return strain.where(xr.DataArray(inside, dims=("y", "x")))


def _common(lower: xr.Dataset, upper: xr.Dataset) -> float:
    """Return the correlation over x of exx, averaged over y, of both grains."""
    lines = [part["strain"].mean("y").values for part in (lower, upper)]
    both = np.isfinite(lines[0]) & np.isfinite(lines[1])
    return float(np.corrcoef(lines[0][both], lines[1][both])[0, 1])
