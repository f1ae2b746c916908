"""The microscope: beam, its named modes (HAADF image, nanobeam patterns), thermal motion."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from perovsim.errors import ModelFileError
from perovsim.model import dimensions as dim
from perovsim.model import library
from perovsim.model.base import FileData, ModelData
from perovsim.model.beam_shape import Bullseye, Precession
from perovsim.model.document import Document, read_document
from perovsim.model.electron_detectors import CameraSpec, SegmentedSpec
from perovsim.model.names import Name, did_you_mean
from perovsim.model.quantity import Dimension, zero
from perovsim.model.validate import build
from perovsim.model.xray_detector import XrayDetector


class ImagingMode(ModelData):
    """One way to use the beam.

    semiangle : convergence half-angle of the probe [rad]
    detector_inner, detector_outer : annular detector [rad]; None for a camera
    max_angle : largest angle on the camera [rad]
    dose : electrons per area of the scan [1/m^2]
    electrons_per_pattern : electrons per probe position; takes the place of `dose`
    step : distance of probe positions [m]
    defocus, spherical_aberration : of the probe-forming lens [m]
    source_size : standard deviation of the source image [m]
    sampling : pixel of the wave function [m]
    chromatic_aberration [m], energy_spread : standard deviation [eV]; they blur the focus
    dwell_time : per position [s]; drift : of the sample along x, (positive) [m/s]; scan_noise : standard deviation
    of each position [m]; patterns only
    camera : pixels and what happens to the counted electrons; None for an ideal counting camera
    segmented : a detector of rings and sectors beside the camera; bullseye : pattern in the aperture, None for a
    round one; precession : the beam turns on a cone
    """

    name: Name
    semiangle: dim.Angle
    detector_inner: dim.Angle | None = None
    detector_outer: dim.Angle | None = None
    max_angle: dim.Angle | None = None
    dose: dim.Dose | None = None
    electrons_per_pattern: dim.PositiveRatio | None = None
    step: dim.Length | None = None
    sampling: dim.Length | None = None
    defocus: dim.SignedLength = Field(default_factory=lambda: zero("m"))
    spherical_aberration: dim.SignedLength = Field(default_factory=lambda: zero("m"))
    source_size: dim.LengthOrZero = Field(default_factory=lambda: zero("m"))
    chromatic_aberration: dim.LengthOrZero = Field(default_factory=lambda: zero("m"))
    energy_spread: dim.Barrier = Field(default_factory=lambda: zero("eV"))
    dwell_time: dim.Time = Field(default_factory=lambda: zero("s"))
    drift: dim.Velocity = Field(default_factory=lambda: zero("m/s"))
    scan_noise: dim.LengthOrZero = Field(default_factory=lambda: zero("m"))
    camera: CameraSpec | None = None
    segmented: SegmentedSpec | None = None
    bullseye: Bullseye | None = None
    precession: Precession | None = None

    @model_validator(mode="after")
    def _check_detector(self) -> Self:
        inner, outer = self.detector_inner, self.detector_outer
        if (inner is None) != (outer is None):
            raise ValueError("give both detector_inner and detector_outer, or neither")
        if inner is not None and inner.si >= outer.si:
            raise ValueError(f"detector_inner {inner} must be smaller than detector_outer {outer}")
        return self

    @model_validator(mode="after")
    def _check_dose(self) -> Self:
        if self.dose is not None and self.electrons_per_pattern is not None:
            raise ValueError("give dose or electrons_per_pattern, not both")
        return self


class Microscope(FileData):
    """A transmission electron microscope as abTEM needs it.

    energy : of the electrons [eV]
    displacements : standard deviation of the thermal motion per element, each direction [m]
    slice_thickness : of the multislice potential [m]
    phonon_configurations : number of frozen-phonon snapshots
    edx : the detector of X-rays, where there is one
    """

    name: str
    description: str = ""
    energy: dim.BeamEnergy
    modes: tuple[ImagingMode, ...] = Field(alias="mode", min_length=1)
    displacements: dict[str, dim.LengthOrZero] = Field(default_factory=dict)
    slice_thickness: dim.Length = Field(default_factory=lambda: Dimension(("m",)).read("2 angstrom"))
    phonon_configurations: int = Field(default=4, ge=1, le=10_000)
    edx: XrayDetector | None = None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [mode.name for mode in self.modes]
        if len(set(names)) < len(names):
            raise ValueError("two modes have the same name; give each its own")
        return self

    def mode(self, name: str) -> ImagingMode:
        """Return the mode called `name`."""
        known = {mode.name: mode for mode in self.modes}
        if name not in known:
            hint = did_you_mean(name, known)
            raise ModelFileError(self._source_path, None, f"there is no mode '{name}'; {hint}")
        return known[name]

    @property
    def haadf(self) -> ImagingMode:
        """The mode "haadf": atomic-resolution annular dark field."""
        return self.mode("haadf")

    @property
    def nanobeam(self) -> ImagingMode:
        """The mode "nanobeam": diffraction patterns of a nearly parallel probe."""
        return self.mode("nanobeam")


def load_microscope(path: str | Path) -> Microscope:
    """Read a microscope file."""
    return microscope_from(read_document(library.find(path, "microscope")))


def microscope_from(document: Document) -> Microscope:
    """Build a microscope from a parsed file."""
    return build(Microscope, document.body("microscope"), document).read_from(document)
