"""A study of variants: one device, one protocol, and a line per variant that says what it changes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from perovsim.errors import ModelFileError
from perovsim.model import Device, load_device
from perovsim.model.base import ModelData
from perovsim.model.names import Name
from perovsim.study.file import StudyFile

Values = dict[str, bool | float | str]
"""Path of a number or switch of the device -> its value; text carries its unit, numbers are SI."""


class Variant(ModelData):
    """The device with some values changed, and without the reactions in which some species takes part.

    vary : path -> value; without : species, as written in reactions, whose reactions are off
    """

    name: Name
    title: str = ""
    vary: Values = Field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Title, or the name in words."""
        return self.title or self.name.replace("_", " ")

    @property
    def change(self) -> str:
        """What the variant changes, in words."""
        words = [f"{path} = {value}" for path, value in self.vary.items()]
        words += [f"no reaction of {species}" for species in self.without]
        return "; ".join(words) or "as in the file"


class WhatIf(StudyFile):
    """Variants of one device under one protocol, side by side.

    processes : hypotheses whose reactions are on in every variant; common : values of every variant
    """

    processes: tuple[str, ...] = Field(min_length=1)
    common: Values = Field(default_factory=dict)
    variants: tuple[Variant, ...] = Field(alias="variant", min_length=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [part.name for part in self.variants]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"variant '{name}' is given twice; give each its own name")
        return self

    def devices(self) -> dict[str, Device]:
        """Name of each variant -> its device."""
        usual = load_device(self._beside(self.device)).with_hypotheses(*self.processes).with_values(self.common)
        return {part.name: self._apply(part, usual) for part in self.variants}

    def check(self) -> None:
        """Make every device once: a wrong path or value is an error of the study file."""
        self.devices()

    def _apply(self, part: Variant, usual: Device) -> Device:
        try:
            device = usual.with_values(part.vary)
        except ModelFileError as error:
            raise ModelFileError(self.source_path, None, f"variant '{part.name}': {error}") from None
        for species in part.without:
            off = [r.name for r in device.reactions if species in r.equation.species]
            if not off:
                raise ModelFileError(
                    self.source_path,
                    None,
                    f"variant '{part.name}': without = '{species}', but no reaction that is on has it; write it as "
                    "in the reactions of the device",
                )
            device = device.with_processes(dict.fromkeys(off, False))
        return device
