"""What scans, images and spectra share: a dataset of counts with calibration and provenance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError


@dataclass(frozen=True)
class Record:
    """A dataset with `counts`, where simulated also `expectation`; attrs : calibration and provenance."""

    dataset: xr.Dataset

    @property
    def expectation(self) -> np.ndarray | None:
        """What the counts are without noise, over the same dimensions; None where measured.

        Fraction of the beam in scans and images, counts in spectra.
        """
        return self.dataset["expectation"].values if self.simulated else None

    @property
    def simulated(self) -> bool:
        """Whether the noiseless expectation is known."""
        return "expectation" in self.dataset

    @property
    def fidelity(self) -> str:
        """How a simulated one was computed; "" where measured."""
        return str(self.attrs.get("fidelity", ""))

    @property
    def attrs(self) -> dict[str, Any]:
        """Provenance and calibration."""
        return self.dataset.attrs

    @property
    def _kind(self) -> str:
        return "simulated" if self.simulated else "measured"


def require_counts(counts: np.ndarray, path: str | Path, remedy: str) -> None:
    """Raise MeasurementError where counts are no numbers or negative; remedy : against negative ones."""
    if not np.isfinite(counts).all():
        raise MeasurementError(f"{path}: {int((~np.isfinite(counts)).sum())} pixels are not a number")
    if counts.min() < 0:
        raise MeasurementError(
            f"{path}: {int((counts < 0).sum())} pixels have negative counts (lowest {counts.min():g}); counts cannot "
            f"be below zero: {remedy}"
        )
