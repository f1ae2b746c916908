"""X-ray spectra at probe positions, simulated or measured: counts, energies, provenance, file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perovsim.errors import MeasurementError
from perovsim.microscopy.records.record import Record
from perovsim.microscopy.records.store import read_store, write_store

FORMAT = "perovsim-edx/1"


@dataclass(frozen=True)
class Spectra(Record):
    """Spectra at probe positions.

    dataset : xarray Dataset with `counts` (position, channel) [count], where simulated also
    `expectation` and `areal_density` (position, element) [1/m^2], what the probe met; coordinates
    x, y (position) [m], energy (channel) [eV]
    attrs : beam energy [eV], electrons_per_pattern, detector, elements (their symbols, in order),
    cross-sections, provenance
    """

    @property
    def counts(self) -> np.ndarray:
        """Counts, (position, channel)."""
        return self.dataset["counts"].values

    @property
    def energy(self) -> np.ndarray:
        """Centres of the channels [eV]."""
        return self.dataset["energy"].values

    @property
    def positions(self) -> np.ndarray:
        """Probe positions (x, y), (position, 2) [m]; x on the device axis where simulated."""
        return np.stack([self.dataset["x"].values, self.dataset["y"].values], axis=-1)

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that the spectra may hold."""
        return tuple(str(self.attrs["elements"]).split())

    @property
    def electrons(self) -> float:
        """Electrons that hit the sample per spectrum."""
        return float(self.attrs["electrons_per_pattern"])

    def __len__(self) -> int:
        return self.dataset.sizes["position"]

    def __repr__(self) -> str:
        return (
            f"Spectra({self._kind}, {len(self)} positions, {len(self.energy)} channels from "
            f"{self.energy[0] / 1e3:.2f} to {self.energy[-1] / 1e3:.2f} keV, {int(self.counts.sum())} counts)"
        )

    def quantify(self, elements: tuple[str, ...] | None = None, sections: str = "bote2009") -> Any:
        """Return areal densities and standard errors: `perovsim.microscopy.xray.quantify.quantify`."""
        from perovsim.microscopy.xray.quantify import quantify

        return quantify(self, elements=elements, sections=sections)

    def save(self, path: str | Path) -> Path:
        """Write a zarr store (version 3, chunked by position, units on every variable)."""
        return write_store(self.dataset, path, ("counts", "expectation"))


def load_spectra(path: str | Path) -> Spectra:
    """Read spectra written by `Spectra.save`; MeasurementError where they are none, damaged or impossible."""
    dataset = read_store(path, FORMAT)
    if "counts" not in dataset or dataset["counts"].dims != ("position", "channel") or 0 in dataset["counts"].shape:
        raise MeasurementError(f"{path}: has no spectra 'counts' over (position, channel)")
    counts = dataset["counts"].values
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise MeasurementError(f"{path}: counts must be finite and not negative; lowest {np.nanmin(counts):g}")
    return Spectra(dataset)
