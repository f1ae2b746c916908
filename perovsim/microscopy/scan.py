"""A 4D-STEM scan, simulated or measured: patterns, positions, calibration, provenance, file."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError, PerovsimError

FORMAT = "perovsim-scan/1"
CHUNK = 8
"""Patterns per chunk of the file."""


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

    @property
    def fidelity(self) -> str:
        """How a simulated scan was computed; "" where measured."""
        return str(self.attrs.get("fidelity", ""))

    @property
    def audit(self) -> str:
        """Deviation from exact patterns where positions were computed again, in words; "" where none was."""
        from perovsim.microscopy.audit import audit_of

        return str(audit_of(self.attrs) or "")

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
        path = Path(path)
        partial = path.with_name(path.name + ".part")
        chunks = {
            name: (min(CHUNK, len(self)), *self.dataset[name].shape[1:])
            for name in ("counts", "expectation")
            if name in self.dataset
        }
        encoding = {name: {"chunks": chunk} for name, chunk in chunks.items()}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove(partial)
            self.dataset.to_zarr(partial, mode="w", zarr_format=3, consolidated=False, encoding=encoding)
            _remove(path)
            partial.rename(path)
        except OSError as cause:
            raise PerovsimError(f"{path}: cannot be written ({cause.strerror or cause}); choose another path") from None
        return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def load_scan(path: str | Path) -> Scan4D:
    """Read a scan written by `Scan4D.save`; MeasurementError where it is none or damaged."""
    path = Path(path)
    if not path.is_dir():
        raise MeasurementError(f"{path}: no such scan; make one with 'perovsim scan … --out {path}'")
    try:
        dataset = xr.open_zarr(path, consolidated=False, chunks=None).load()
    except Exception as cause:  # zarr, numcodecs and xarray raise many kinds on a damaged store
        raise MeasurementError(
            f"{path}: not a readable zarr scan ({type(cause).__name__}: {cause}); repeat the run that wrote it"
        ) from None
    if dataset.attrs.get("format") != FORMAT:
        raise MeasurementError(
            f"{path}: format is {dataset.attrs.get('format')!r}, expected "
            f"'{FORMAT}'; this zarr store holds something else"
        )
    return check_scan(Scan4D(dataset), path)


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
