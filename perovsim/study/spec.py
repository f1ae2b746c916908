"""The study file (perovsim-study/1): what is run, under which hypotheses, what is imaged."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from perovsim.model import Device, Microscope, library, load_device, load_microscope
from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.check import READERS
from perovsim.model.document import Document, read_document
from perovsim.model.lamella import Cut
from perovsim.model.names import Name, did_you_mean
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.validate import build
from perovsim.study.file import StudyFile
from perovsim.study.whatif import WhatIf


def _length(text: str) -> Quantity:
    return Dimension(("m",)).read(text)


class Hypothesis(ModelData):
    """One rival mechanism: the reactions of these hypothesis keys are on, the others off."""

    name: Name
    title: str = ""
    processes: tuple[str, ...] = Field(min_length=1)

    @property
    def label(self) -> str:
        """Title, or the name in words."""
        return self.title or self.name.replace("_", " ")


class Control(Hypothesis):
    """A run at constant voltage beside the hypotheses: does the outcome flip with the field?"""

    voltage: dim.Voltage
    duration: dim.Duration


class Window(Cut):
    """A named window of the lamella."""

    name: Name
    thickness: dim.Length = Field(default_factory=lambda: _length("10 nm"))


class LineScan(ModelData):
    """Nanobeam patterns on a line across each window: distance [m], phonon snapshots, seed."""

    step: dim.Length
    phonons: int = Field(default=4, ge=1, le=1000)
    seed: int = Field(default=1, ge=0)


class Image(ModelData):
    """HAADF image: window, edge of the square field [m], offset from the interface [m]."""

    window: Name
    field: dim.Length
    offset: dim.SignedLength = Field(default_factory=lambda: _length("0 nm"))
    phonons: int = Field(default=4, ge=1, le=1000)
    seed: int = Field(default=1, ge=0)


class Study(StudyFile):
    """A study file of the whole chain; device, protocol and microscope are files or shipped names."""

    microscope: str
    shown: Name
    hypotheses: tuple[Hypothesis, ...] = Field(alias="hypothesis", min_length=1)
    controls: tuple[Control, ...] = Field(default=(), alias="control")
    windows: tuple[Window, ...] = Field(default=(), alias="window")
    scan: LineScan | None = None
    image: Image | None = None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        runs = (*self.hypotheses, *self.controls)
        for table, parts in (("hypothesis or control", runs), ("window", self.windows)):
            names = [part.name for part in parts]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{table} '{name}' is given twice; give each its own name")
        known = [part.name for part in self.hypotheses]
        if self.shown not in known:
            raise ValueError(f"shown = '{self.shown}' is no hypothesis; " + did_you_mean(self.shown, known))
        windows = [part.name for part in self.windows]
        if self.image is not None and self.image.window not in windows:
            raise ValueError(
                f"image.window = '{self.image.window}' is no window; " + did_you_mean(self.image.window, windows)
            )
        if self.scan is not None and not windows:
            raise ValueError("[scan] needs at least one [[window]]")
        return self

    def window(self, name: str) -> Window:
        """Return the window called `name`."""
        return next(part for part in self.windows if part.name == name)

    def load_device(self) -> Device:
        """Read the device; every hypothesis must be one of its own."""
        device = load_device(self._beside(self.device))
        for part in (*self.hypotheses, *self.controls):
            device.with_hypotheses(*part.processes)
        return device

    def load_microscope(self) -> Microscope:
        """Read the microscope."""
        return load_microscope(self._beside(self.microscope))


def load_study(path: str | Path) -> Study | WhatIf:
    """Read a study file: a path, ``models/…`` from anywhere, or a shipped name."""
    return study_from(read_document(library.find(path, "study")))


def study_from(document: Document) -> Study | WhatIf:
    """Build a study from a parsed file: of variants where it has a [[variant]], else of the whole chain."""
    body = document.body("study")
    study = build(WhatIf if "variant" in body else Study, body, document).read_from(document)
    if isinstance(study, WhatIf):
        study.check()
    return study


READERS.setdefault("study", study_from)
