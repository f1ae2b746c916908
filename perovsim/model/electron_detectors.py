"""Detectors of electrons in a microscope file: the pixelated camera, the segmented detector."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.quantity import Dimension, zero


class CameraSpec(ModelData):
    """A pixelated camera behind the ideal counting of electrons, in the order in which a signal passes.

    pixel_angle : edge of a pixel [rad]; or pixel_size [m] and camera_length [m], angle = size / length; without
    either a pixel is lambda over the cell that is computed around the probe
    binning : pixels summed along each direction, odd so that the centre stays a pixel
    psf : standard deviation of the point spread (its transform is the MTF) [pixels after binning]
    gain : counts per electron; readout_noise : standard deviation [counts]; saturation : largest count
    """

    pixel_angle: dim.PositiveAngle | None = None
    pixel_size: dim.Length | None = None
    camera_length: dim.CameraLength | None = None
    binning: int = Field(default=1, ge=1, le=99)
    psf: dim.RatioOrZero = Field(default_factory=lambda: zero(""))
    gain: dim.PositiveRatio = Field(default_factory=lambda: Dimension(("",)).read(1.0))
    readout_noise: dim.RatioOrZero = Field(default_factory=lambda: zero(""))
    saturation: dim.PositiveRatio | None = None

    @model_validator(mode="after")
    def _check_binning(self) -> Self:
        if self.binning % 2 == 0:
            raise ValueError(f"binning = {self.binning} must be odd, so that the direct beam stays on a pixel's centre")
        return self

    @model_validator(mode="after")
    def _check_pixel(self) -> Self:
        if (self.pixel_size is None) != (self.camera_length is None):
            raise ValueError("pixel_size and camera_length belong together: give both, or pixel_angle, or none")
        if self.pixel_angle is not None and self.pixel_size is not None:
            raise ValueError("give pixel_angle, or pixel_size and camera_length, not both")
        return self

    @property
    def pixel(self) -> float | None:
        """Edge of a pixel before binning [rad]; None where the computed cell decides."""
        if self.pixel_size is not None and self.camera_length is not None:
            return float(self.pixel_size) / float(self.camera_length)
        return None if self.pixel_angle is None else float(self.pixel_angle)


class SegmentedSpec(ModelData):
    """A detector of rings, each cut into equal sectors; counts electrons without gain or noise.

    radii : borders of the rings, ascending [rad], one more than there are rings
    sectors : of each ring; rotation : of the first sector's first border from x towards y [rad]
    """

    radii: tuple[dim.Angle, ...] = Field(min_length=2, max_length=65)
    sectors: int = Field(ge=1, le=64)
    rotation: dim.Turn = Field(default_factory=lambda: zero("rad"))

    @model_validator(mode="after")
    def _check_radii(self) -> Self:
        for inner, outer in pairwise(self.radii):
            if inner.si >= outer.si:
                raise ValueError(f"radii must ascend, but {inner} comes before {outer}")
        return self
