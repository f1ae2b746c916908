"""What is cut out of a device for the microscope."""

from __future__ import annotations

from pydantic import Field, field_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.quantity import Dimension


class Cut(ModelData):
    """A window around a named interface.

    around : the interface, e.g. "emitter|etl" or "etl|cathode"
    width : of the window along x, centred on the interface [m]
    height : along the interface, across the beam [m]
    thickness : along the beam [m]
    seed : of every random choice
    """

    around: str
    width: dim.Length
    thickness: dim.Length
    height: dim.Length = Field(default_factory=lambda: Dimension(("m",)).read("3 nm"))
    seed: int = Field(default=1, ge=0)

    @field_validator("around")
    @classmethod
    def _check_pair(cls, around: str) -> str:
        parts = [part.strip() for part in around.split("|")]
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"'{around}' does not name an interface; write \"etl|cathode\"")
        return "|".join(parts)


class LamellaSpec(Cut):
    """A window around a named interface at a time of the result [s]."""

    time: dim.Time
