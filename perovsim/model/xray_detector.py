"""The detector of an energy-dispersive X-ray spectrometer."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.quantity import zero


class XrayDetector(ModelData):
    """A silicon drift detector without a window.

    solid_angle : that all its crystals see [sr]
    take_off : angle of the X-rays to the surface of the lamella [rad]
    energy_low, energy_high, channel_width : of the spectrum [eV]
    resolution : full width at half maximum at Mn K alpha [eV]
    crystal, dead_layer : thicknesses of the active and of the dead silicon [m]
    """

    solid_angle: dim.SolidAngle
    take_off: dim.Angle
    energy_low: dim.PhotonEnergy
    energy_high: dim.PhotonEnergy
    channel_width: dim.PhotonEnergy
    resolution: dim.PhotonEnergy
    crystal: dim.Length
    dead_layer: dim.LengthOrZero = Field(default_factory=lambda: zero("m"))

    @model_validator(mode="after")
    def _check_spectrum(self) -> Self:
        if self.energy_high.si < self.energy_low.si + self.channel_width.si:
            raise ValueError(f"energy_high {self.energy_high} must lie at least one channel above {self.energy_low}")
        if self.take_off.si <= 0:
            raise ValueError(f"take_off {self.take_off} must be above zero, else no X-ray leaves the lamella")
        return self
