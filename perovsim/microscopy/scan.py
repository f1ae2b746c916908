"""A 4D-STEM scan, simulated or measured: patterns, positions, calibration, provenance, file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError
from perovsim.microscopy.store import read_store, write_store

FORMAT = "perovsim-scan/1"


@dataclass(frozen=True)
class Scan4D:
    """Diffraction patterns at probe positions.

    dataset : xarray Dataset with `counts` (position, qy, qx) [electron or count], where simulated
    also `expectation` [fraction of the beam] and `rings` (position, snapshot, ring), the part of
    each ring one pixel wide in every phonon snapshot; coordinates x, y (position) [m], qx, qy [rad]
    attrs : energy [eV], semiangle [rad], electrons_per_pattern, kind, provenance
    """

    dataset: xr.Dataset

    @property
    def patterns(self) -> np.ndarray:
        """Counts, (position, qy, qx)."""
        return self.dataset["counts"].values

    @property
    def expectation(self) -> np.ndarray | None:
        """Noiseless fraction of the beam per pixel, (position, qy, qx); None where measured."""
        return self.dataset["expectation"].values if "expectation" in self.dataset else None

    @property
    def positions(self) -> np.ndarray:
        """Probe positions (x, y), (position, 2) [m]; x on the device axis where simulated."""
        return np.stack([self.dataset["x"].values, self.dataset["y"].values], axis=-1)

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
    def attrs(self) -> dict[str, Any]:
        """Provenance and calibration."""
        return self.dataset.attrs

    @property
    def simulated(self) -> bool:
        """Whether the noiseless expectation is known."""
        return "expectation" in self.dataset

    @property
    def electrons(self) -> float:
        """Electrons that hit the sample per pattern; NaN where not known."""
        return float(self.attrs.get("electrons_per_pattern", np.nan))

    @property
    def wavelength(self) -> float:
        """Wavelength of the electrons [m]; NaN where the energy is not known."""
        from perovsim.microscopy.optics import wavelength

        return wavelength(float(self.attrs["energy"])) if "energy" in self.attrs else np.nan

    @property
    def semiangle(self) -> float:
        """Convergence half-angle [rad]; NaN where not known."""
        return float(self.attrs.get("semiangle", np.nan))

    def select(self, chosen: Any) -> Scan4D:
        """Return the patterns chosen by a slice, a mask or indices."""
        return Scan4D(self.dataset.isel(position=chosen))

    def __len__(self) -> int:
        return self.dataset.sizes["position"]

    def __repr__(self) -> str:
        kind = "simulated" if self.simulated else "measured"
        rows, columns = self.dataset.sizes["qy"], self.dataset.sizes["qx"]
        return (
            f"Scan4D({kind}, {len(self)} patterns of {rows} x {columns} pixels, {self.pixel * 1e3:.3g} mrad per pixel)"
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
    counts = data["counts"].values
    if not np.isfinite(counts).all():
        raise MeasurementError(f"{path}: {int((~np.isfinite(counts)).sum())} pixels are not a number")
    if counts.min() < 0:
        raise MeasurementError(
            f"{path}: {int((counts < 0).sum())} pixels have negative counts (lowest {counts.min():g}); "
            "counts cannot be below zero: subtract the detector's dark level less, or give its offset"
        )
    return scan
