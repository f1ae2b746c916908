"""The pixelated camera of a nanobeam pattern: pixels, edge of the aperture, point spread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.microscopy.table.draw import PARAMETERS


@dataclass(frozen=True)
class Camera:
    """How disks appear on the pixels.

    pixel [rad]; shape : (rows, columns); radius : of the aperture, to half the intensity [rad]
    edge : standard deviation of the aperture's edge, I = erfc((r - radius) / (sqrt(2) edge)) / 2 [rad];
    None for the edge of a simulated scan: amplitude falls linearly over one pixel, sampled at the pixels
    psf : standard deviation of the point spread of the camera [rad], 0 without
    field : disks that lie beyond this angle from the middle are left out [rad]
    Angles are counted from the middle of the camera.
    """

    pixel: float
    shape: tuple[int, int]
    radius: float
    edge: float | None = None
    psf: float = 0.0
    field: float = np.inf

    @classmethod
    def of_scan(cls, scan: Any) -> Camera:
        """Return the camera of a simulated scan (`scan_4d`); PerovsimError where disks are not those of a table."""
        for name, text in (("aperture", "a bullseye aperture"), ("precession_angle", "precession")):
            if name in scan.attrs:
                raise PerovsimError(
                    f"the scan was made with {text}; the crystal table draws disks of a round aperture and a still "
                    "beam: use strain_map, or simulate without it"
                )
        return cls(scan.pixel, scan.patterns.shape[1:], scan.semiangle)

    @property
    def q(self) -> tuple[np.ndarray, np.ndarray]:
        """Angles of the columns and rows [rad]."""
        rows, columns = (((np.arange(n) - 0.5 * (n - 1)) * self.pixel) for n in self.shape)
        return columns, rows

    @property
    def norm(self) -> float:
        """Share of the beam on a pixel inside an undiffracted disk."""
        radius = self.radius / self.pixel
        if self.edge is None:
            steps = np.arange(-int(radius) - 2, int(radius) + 3)
            return float(1 / (np.clip(radius - np.hypot(steps[:, None], steps) + 0.5, 0, 1) ** 2).sum())
        return float(1 / (np.pi * (radius**2 + (self.edge / self.pixel) ** 2)))

    @property
    def profile(self) -> tuple[float, float, float]:
        """Radius, edge and point spread of a disk on the camera [pixel]; edge 0 for a scan's own edge.

        Blur moves half the intensity of a convex edge inwards by psf^2 / (2 radius).
        """
        psf = self.psf / self.pixel
        radius = self.radius / self.pixel
        edge = 0.0 if self.edge is None else float(np.hypot(self.edge / self.pixel, psf))
        return radius - psf**2 / (2 * radius), edge, psf

    @cached_property
    def index(self) -> np.ndarray:
        """Number of each pixel within the field, -1 beyond it, (rows, columns)."""
        x, y = self.q
        inside = np.hypot(x[None, :], y[:, None]) <= self.field
        return np.where(inside, np.cumsum(inside).reshape(self.shape) - 1, -1)

    @cached_property
    def inside(self) -> np.ndarray:
        """Place of the pixels within the field among all, in the order of `index`."""
        return np.flatnonzero(self.index >= 0)

    @property
    def pixels(self) -> int:
        """How many pixels lie within the field."""
        return len(self.inside)

    def placed(self, values: np.ndarray) -> np.ndarray:
        """Return values of the pixels within the field on the whole camera, zero beyond it, (rows, columns)."""
        found = np.zeros(self.shape)
        found.ravel()[self.inside] = values
        return found

    @property
    def chain(self) -> np.ndarray:
        """Matrix from drawn columns (value, derivatives on pixels) to the beam's share and SI derivatives, (13, 13)."""
        radius, edge, psf = self.profile
        factors = np.ones(len(PARAMETERS) + 1)
        factors[9:] = 1 / self.pixel
        factors[11] *= 1 + 0.5 * (psf / radius) ** 2
        factors[12] *= (self.edge / self.pixel) / edge if self.edge is not None else 0.0
        matrix = np.diag(factors)
        matrix[0, 11:] = self._norm_slopes()
        return self.norm * matrix

    def _norm_slopes(self) -> tuple[float, float]:
        """Return d ln(norm) / d(radius, edge) [1/rad]."""
        if self.edge is None:
            return -2 / self.radius, 0.0
        square = self.radius**2 + self.edge**2
        return -2 * self.radius / square, -2 * self.edge / square
