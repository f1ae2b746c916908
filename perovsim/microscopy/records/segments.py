"""Segmented detectors: rings cut into sectors, virtual on recorded patterns or recorded beside the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovsim import units
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.detectors import source
from perovsim.microscopy.records.scan import Scan4D

FINE = 8
"""Points along each edge of a pixel that share it out between segments; even, so that none lies on a border
through the centre and opposite segments get the same share."""
SLACK = 1e-9
"""Rounding that the outermost radius may have [relative]."""


@dataclass(frozen=True)
class Segments:
    """Rings cut into equal sectors.

    radii : borders of the rings, ascending [rad]; sectors : of each; rotation : of the first sector's first border
    from x towards y [rad]
    """

    radii: tuple[float, ...]
    sectors: int
    rotation: float = 0.0

    @classmethod
    def of(cls, spec: Any) -> Segments:
        """Return the detector of a mode of the microscope (SegmentedSpec)."""
        return cls(tuple(float(radius) for radius in spec.radii), int(spec.sectors), float(spec.rotation))

    @property
    def shape(self) -> tuple[int, int]:
        """Rings and sectors."""
        return len(self.radii) - 1, self.sectors

    @property
    def directions(self) -> np.ndarray:
        """Angles of the middles of the sectors from x towards y, (sector,) [rad]."""
        return self.rotation + 2 * np.pi / self.sectors * (np.arange(self.sectors) + 0.5)

    def weights(self, angles: np.ndarray, pixel: float) -> np.ndarray:
        """Return the share of each pixel in each segment, (ring, sector, qy, qx).

        angles : of the middles of the pixels, (qy, qx, 2) [rad]; pixel : their edge [rad]
        """
        found = np.zeros((*self.shape, *angles.shape[:2]))
        offsets = (np.arange(FINE) + 0.5) / FINE - 0.5
        rows, columns = np.indices(angles.shape[:2])
        for dy in offsets * pixel:
            for dx in offsets * pixel:
                x, y = angles[..., 0] + dx, angles[..., 1] + dy
                ring = np.searchsorted(self.radii, np.hypot(x, y), side="right") - 1
                turn = ((np.arctan2(y, x) - self.rotation) / (2 * np.pi)) % 1.0
                sector = np.minimum((turn * self.sectors).astype(int), self.sectors - 1)
                inside = (ring >= 0) & (ring < self.shape[0])
                found[ring[inside], sector[inside], rows[inside], columns[inside]] += FINE**-2
        return found


def segments_of(radii: Any, sectors: int, rotation: float | str = 0.0) -> Segments:
    """Return a detector from radii ([rad] or text, ascending), sectors and rotation ([rad] or text)."""
    borders = tuple(units.parse(radius, "rad") for radius in radii)
    ascending = len(borders) >= 2 and borders[0] >= 0 and all(np.diff(borders) > 0)
    if not ascending or sectors < 1:
        text = ", ".join(f"{1e3 * radius:g}" for radius in borders)
        raise MeasurementError(
            f"a segmented detector has two or more ascending radii and at least one sector, not ({text}) mrad and "
            f'{sectors} sectors; give radii = ("0 mrad", "1 mrad"), sectors = 4, for example'
        )
    return Segments(borders, int(sectors), units.parse(rotation, "rad"))


def segmented(
    scan: Scan4D,
    radii: Any = None,
    sectors: int = 4,
    rotation: float | str = 0.0,
    *,
    noiseless: bool = False,
) -> xr.DataArray:
    """Return the counts of every segment at each position, (position, ring, sector).

    radii : borders of the rings [rad] or text, on the recorded patterns; None for the detector that the microscope
    file had beside the camera; sectors, rotation : see `Segments`
    noiseless : the expectation (fraction of the beam) of a simulated scan instead
    Raises MeasurementError for rings beyond the recorded angles or within one pixel, or where none was recorded.
    """
    if radii is None:
        detector, values, unit = recorded(scan, noiseless)
    else:
        detector = segments_of(radii, sectors, rotation)
        values = collect(source(scan, noiseless), segment_weights(scan.angles, scan.pixel, detector))
        unit = "1" if noiseless else scan.dataset["counts"].attrs.get("units", "count")
    coords = scan.places | {"direction": ("sector", detector.directions, {"units": "rad"})}
    attrs = {"units": unit, "radii": list(detector.radii), "rotation": detector.rotation}
    return xr.DataArray(values, coords, dims=("position", "ring", "sector"), attrs=attrs, name="segments")


def segment_weights(angles: np.ndarray, pixel: float, detector: Segments) -> np.ndarray:
    """Return the share of each pixel in each segment, (ring, sector, qy, qx).

    angles : of the middles of the pixels, (qy, qx, 2) [rad]; pixel : their edge [rad]
    Raises MeasurementError for rings beyond the recorded angles or narrower than a pixel.
    """
    ends = [np.abs(edge).min() for edge in (angles[:, [0, -1], 0], angles[[0, -1], :, 1])]
    most = min(ends) + 0.5 * pixel
    if detector.radii[-1] > most * (1 + SLACK):
        raise MeasurementError(
            f"the segmented detector reaches {detector.radii[-1] * 1e3:.4g} mrad, the patterns were recorded to "
            f"{most * 1e3:.4g} mrad; give smaller radii, or record (max_angle of the mode) to larger angles"
        )
    narrow = float(np.diff(detector.radii).min())
    if narrow < pixel:
        raise MeasurementError(
            f"a ring of the segmented detector is {narrow * 1e3:.3g} mrad wide, less than a pixel of "
            f"{pixel * 1e3:.3g} mrad; give wider rings, or patterns of finer pixels (a larger window, pixel_angle)"
        )
    return detector.weights(angles, pixel)


def collect(patterns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sums of patterns (position, qy, qx) over segments, (position, ring, sector)."""
    return np.tensordot(patterns.astype(float), weights, axes=([1, 2], [2, 3]))


def recorded(scan: Scan4D, noiseless: bool = False) -> tuple[Segments, np.ndarray, str]:
    """Return the detector that recorded beside the camera, its values (position, ring, sector) and their unit."""
    name = "segments_expectation" if noiseless else "segments"
    if name not in scan.dataset:
        raise MeasurementError(
            "the scan has no segmented detector of its own; give radii and sectors, or simulate with a mode that has "
            '[mode.segmented] with radii = ["0 mrad", "1.5 mrad"] and sectors = 4'
        )
    data = scan.dataset[name]
    radii = np.atleast_1d(data.attrs["radii"])
    detector = Segments(tuple(float(r) for r in radii), data.sizes["sector"], float(data.attrs["rotation"]))
    return detector, data.values.astype(float), str(data.attrs["units"])
