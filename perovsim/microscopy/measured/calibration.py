"""The calibration file (perovsim-calibration/1): what a measured file does not say about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import PrivateAttr, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.check import READERS
from perovsim.model.document import Document, read_document
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.validate import build

Ellipse = Annotated[Quantity, Dimension(("",), low=1, high=1.5)]


class Calibration(ModelData):
    """Units and instrument of a measured file; every entry is optional and wins over the file.

    energy : of the electrons [eV]; semiangle : convergence half-angle [rad]
    pixel : of an image, or distance of the probe positions of a scan [m]
    detector_pixel : of a diffraction pattern [rad], or camera_length [m] where the file knows the
    detector pixel as a length
    length_unit, angle_unit : units of the file's own scales where it names none, such as "nm", "mrad"
    ellipse : long over short axis of what should be a circle on the detector, at ellipse_angle from its x
    detector_rotation : of the detector's x against the scan's [rad]
    dark_level : counts of a pixel without electrons; electrons_per_count : gain
    electrons_per_pattern : of the beam, for comparisons in absolute units
    """

    description: str = ""
    citation: str = ""
    energy: dim.BeamEnergy | None = None
    semiangle: dim.Angle | None = None
    pixel: dim.Length | None = None
    detector_pixel: dim.Angle | None = None
    camera_length: dim.CameraLength | None = None
    ellipse: Ellipse | None = None
    ellipse_angle: dim.Turn | None = None
    detector_rotation: dim.Turn | None = None
    length_unit: str | None = None
    angle_unit: str | None = None
    dark_level: dim.Ratio | None = None
    electrons_per_count: dim.PositiveRatio | None = None
    electrons_per_pattern: dim.PositiveRatio | None = None

    _source_path: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_detector(self) -> Self:
        if self.detector_pixel is not None and self.camera_length is not None:
            raise ValueError("give detector_pixel or camera_length, not both")
        if self.ellipse_angle is not None and self.ellipse is None:
            raise ValueError("ellipse_angle needs ellipse, the ratio of the axes")
        return self

    @property
    def detector(self) -> np.ndarray:
        """From recorded to true angles in the axes of the scan, (2, 2): circles become round, areas stay."""
        ratio = 1.0 if self.ellipse is None else float(self.ellipse)
        axis = _turn(0.0 if self.ellipse_angle is None else float(self.ellipse_angle))
        round_off = axis @ np.diag([ratio**-0.5, ratio**0.5]) @ axis.T
        return _turn(0.0 if self.detector_rotation is None else float(self.detector_rotation)) @ round_off


def _turn(angle: float) -> np.ndarray:
    """Return the rotation matrix of an angle [rad]."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration file; ModelFileError with file, line and remedy where it is wrong."""
    return calibration_from(read_document(Path(path)))


def calibration_from(document: Document) -> Calibration:
    """Build a calibration from a parsed file."""
    calibration = build(Calibration, document.body("calibration"), document)
    calibration._source_path = document.path
    return calibration


READERS.setdefault("calibration", calibration_from)
