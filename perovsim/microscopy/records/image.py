"""A STEM image, simulated or measured: counts, expectation, pixel, provenance, file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy.records.image_audit import ImageAudit
from perovsim.microscopy.records.record import Record, require_counts

FORMAT = "perovsim-image/1"


@dataclass(frozen=True)
class Image(Record):
    """An image over (y, x).

    dataset : xarray Dataset with `counts` (y, x), where simulated also `expectation` [fraction of
    the beam] and `standard_error` of it; coordinates x, y [m]; attrs : calibration, provenance
    """

    @property
    def counts(self) -> np.ndarray:
        """Counts per pixel, (y, x)."""
        return self.dataset["counts"].values

    @property
    def standard_error(self) -> np.ndarray | None:
        """Standard error of the expectation (Monte-Carlo and phonons), (y, x); None where measured."""
        return self.dataset["standard_error"].values if "standard_error" in self.dataset else None

    @property
    def x(self) -> np.ndarray:
        """Pixel centres along x [m]; on the device axis where simulated."""
        return self.dataset["x"].values

    @property
    def y(self) -> np.ndarray:
        """Pixel centres along y [m]."""
        return self.dataset["y"].values

    @property
    def pixel(self) -> float:
        """Edge of a pixel [m]."""
        return float(self.x[1] - self.x[0])

    @property
    def electrons(self) -> float:
        """Electrons per pixel; NaN where not known."""
        return float(self.attrs.get("electrons_per_pixel", np.nan))

    @property
    def audit(self) -> str:
        """Deviation from exact pixels where some were computed again, in words; "" where none was."""
        return str(ImageAudit.of(self.attrs) or "")

    def __repr__(self) -> str:
        rows, columns = self.counts.shape
        return f"Image({self._kind}, {rows} x {columns} pixels of {self.pixel * 1e10:.3g} angstrom)"

    def save(self, path: str | Path) -> Path:
        """Write NetCDF-4 with units on every variable."""
        path = Path(path)
        partial = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.dataset.to_netcdf(partial, engine="h5netcdf")
            partial.replace(path)
        except OSError as cause:
            raise PerovsimError(f"{path}: cannot be written ({cause.strerror or cause}); choose another path") from None
        return path


def load_image(path: str | Path) -> Image:
    """Read an image written by `Image.save`; MeasurementError where it is none or damaged."""
    path = Path(path)
    if not path.is_file():
        raise MeasurementError(f"{path}: no such image file")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load()
    except Exception as cause:  # h5py and xarray raise many kinds on a damaged file
        raise MeasurementError(
            f"{path}: not a readable NetCDF-4 image ({type(cause).__name__}: {cause}); repeat the run that wrote it"
        ) from None
    if dataset.attrs.get("format") != FORMAT:
        raise MeasurementError(
            f"{path}: format is {dataset.attrs.get('format')!r}, expected '{FORMAT}'; this file holds something else"
        )
    return check_image(Image(dataset), path)


def check_image(image: Image, path: str | Path) -> Image:
    """Return the image, or raise MeasurementError where it is empty or its counts are impossible."""
    data = image.dataset
    if "counts" not in data or data["counts"].dims != ("y", "x"):
        raise MeasurementError(f"{path}: has no image 'counts' over (y, x)")
    if min(data["counts"].shape) < 2:
        raise MeasurementError(f"{path}: is empty: {data['counts'].shape} pixels")
    remedy = "give the dark level of the detector as dark_level in the calibration file"
    require_counts(data["counts"].values, path, remedy)
    return image
