"""A 4D-STEM scan, simulated or measured: patterns, positions, calibration, provenance, file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError
from perovsim.microscopy.records.audit import Audit
from perovsim.microscopy.records.record import Record, require_counts
from perovsim.microscopy.records.store import read_store, write_store

FORMAT = "perovsim-scan/1"


@dataclass(frozen=True)
class Scan4D(Record):
    """Diffraction patterns at probe positions.

    dataset : xarray Dataset with `counts` (position, qy, qx) [electron or count], where simulated
    also `expectation` [fraction of the beam] and `rings` (position, snapshot, ring), the part of
    each ring one pixel wide in every phonon snapshot; coordinates x, y (position) [m], qx, qy [rad]
    attrs : energy [eV], semiangle [rad], electrons_per_pattern, kind, provenance; scan_shape : rows and columns
    where the positions form a grid (row by row); detector_matrix : see `detector`
    """

    @property
    def patterns(self) -> np.ndarray:
        """Counts, (position, qy, qx)."""
        return self.dataset["counts"].values

    @property
    def positions(self) -> np.ndarray:
        """Probe positions (x, y), (position, 2) [m]; x on the device axis where simulated."""
        return np.stack([self.dataset["x"].values, self.dataset["y"].values], axis=-1)

    @property
    def places(self) -> dict[str, tuple]:
        """The same as coordinates x and y of what is reduced to one value per position."""
        return {name: ("position", self.dataset[name].values, {"units": "m"}) for name in ("x", "y")}

    @property
    def qx(self) -> np.ndarray:
        """Scattering angles along x [rad]."""
        return self.dataset["qx"].values

    @property
    def qy(self) -> np.ndarray:
        """Scattering angles along y [rad]."""
        return self.dataset["qy"].values

    @property
    def pixel(self) -> float:
        """Detector pixel [rad]."""
        return float(self.qx[1] - self.qx[0])

    @property
    def detector(self) -> np.ndarray:
        """From recorded to true angles, in the axes of the scan: ellipse and rotation of the detector, (2, 2)."""
        return np.array(self.attrs.get("detector_matrix", (1, 0, 0, 1)), float).reshape(2, 2)

    @property
    def angles(self) -> np.ndarray:
        """True scattering angles (x, y) of every pixel, (qy, qx, 2) [rad]."""
        return np.stack(np.meshgrid(self.qx, self.qy, indexing="xy"), axis=-1) @ self.detector.T

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns where the positions form a grid, else the number of positions alone."""
        known = tuple(int(count) for count in np.atleast_1d(self.attrs.get("scan_shape", ())))
        return known if known and math.prod(known) == len(self) else (len(self),)

    @property
    def electrons(self) -> float:
        """Electrons that hit the sample per pattern; NaN where not known."""
        return float(self.attrs.get("electrons_per_pattern", np.nan))

    @property
    def wavelength(self) -> float:
        """Wavelength of the electrons [m]; NaN where the energy is not known."""
        from perovsim.microscopy.waves.optics import wavelength

        return wavelength(float(self.attrs["energy"])) if "energy" in self.attrs else np.nan

    @property
    def semiangle(self) -> float:
        """Convergence half-angle [rad]; NaN where not known."""
        return float(self.attrs.get("semiangle", np.nan))

    @property
    def audit(self) -> str:
        """Deviation from exact patterns where positions were computed again, in words; "" where none was."""
        return str(Audit.of(self.attrs) or "")

    def select(self, chosen: Any) -> Scan4D:
        """Return the patterns chosen by a slice, a mask or indices."""
        part = self.dataset.isel(position=chosen)
        part.attrs = {name: value for name, value in self.attrs.items() if name != "scan_shape"}
        return Scan4D(part)

    def on_grid(self, reduced: Any) -> Any:
        """Return a Dataset or DataArray over position as one over (row, column).

        Raises MeasurementError where the positions form no grid.
        """
        import pandas

        if len(self.shape) != 2:
            raise MeasurementError(f"the scan has {len(self)} positions in no grid; a map needs rows and columns")
        index = pandas.MultiIndex.from_product([range(count) for count in self.shape], names=("row", "column"))
        return reduced.assign_coords(xr.Coordinates.from_pandas_multiindex(index, "position")).unstack("position")

    def __len__(self) -> int:
        return self.dataset.sizes["position"]

    def __repr__(self) -> str:
        rows, columns = self.dataset.sizes["qy"], self.dataset.sizes["qx"]
        return (
            f"Scan4D({self._kind}, {len(self)} patterns of {rows} x {columns} pixels, "
            f"{self.pixel * 1e3:.3g} mrad per pixel)"
        )

    def save(self, path: str | Path) -> Path:
        """Write a zarr store (version 3, chunked by position, units on every variable)."""
        return write_store(self.dataset, path, ("counts", "expectation"))


def load_scan(path: str | Path) -> Scan4D:
    """Read a scan written by `Scan4D.save`; MeasurementError where it is none or damaged."""
    return check_scan(Scan4D(read_store(path, FORMAT)), path)


def check_scan(scan: Scan4D, path: str | Path) -> Scan4D:
    """Return the scan, or raise MeasurementError where it is empty or its counts are impossible."""
    data = scan.dataset
    if "counts" not in data or data["counts"].dims != ("position", "qy", "qx"):
        raise MeasurementError(f"{path}: has no patterns 'counts' over (position, qy, qx)")
    if 0 in data["counts"].shape:
        raise MeasurementError(f"{path}: is empty: {data['counts'].shape} patterns and pixels")
    require_counts(data["counts"].values, path, "subtract the detector's dark level less, or give its offset")
    return scan
