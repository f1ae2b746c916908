"""What crystals and lamella are like beside the device state: grains, tilt, octahedra; thickness, surfaces, damage."""

from __future__ import annotations

from dataclasses import dataclass, field

from perovsim import units
from perovsim.errors import PerovsimError

AXES = ("x", "y", "z")
CUBIC = "cubic"
LARGEST_ANGLE = 0.1
"""Largest tilt [rad]: its cosine differs from 1 by 0.5 %."""


def _length(value: float | str) -> float:
    return units.parse(value, "m")


@dataclass(frozen=True)
class Microstructure:
    """The halide crystals.

    octahedra : "cubic", or the axis "x", "y", "z" of an orthorhombic crystal's long period (tilts of CsPbBr3)
    grain_size : of columnar grains [m] or text, None for one crystal
    mosaicity : standard deviation of the grains' rotation about the beam and of their two tilts [rad] or text
    tilt : of the whole crystal towards x and y [rad] or text
    cluster_spread : standard deviation of ln(radius) of the Pb clusters
    Raises PerovsimError for a value out of range.
    """

    octahedra: str = CUBIC
    grain_size: float | str | None = None
    mosaicity: float | str = 0.0
    tilt: tuple[float | str, float | str] = (0.0, 0.0)
    cluster_spread: float = 0.0
    turns: tuple[float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        if self.octahedra not in (CUBIC, *AXES):
            raise PerovsimError(f"octahedra = '{self.octahedra}' is unknown; give cubic, x, y or z")
        size = None if self.grain_size is None else _length(self.grain_size)
        mosaicity, *tilt = (units.parse(angle, "rad") for angle in (self.mosaicity, *self.tilt))
        if size is not None and not size > 0:
            raise PerovsimError(f"grain_size = {size * 1e9:g} nm must be positive")
        largest = max(abs(mosaicity), abs(tilt[0]), abs(tilt[1]))
        if largest > LARGEST_ANGLE or mosaicity < 0:
            raise PerovsimError(
                f"mosaicity and tilt must lie within {LARGEST_ANGLE * 1e3:g} mrad, mosaicity not below zero: tilts are "
                f"shears of the columns, exact for small angles; got {largest * 1e3:g} mrad"
            )
        if not 0 <= self.cluster_spread <= 1:
            raise PerovsimError(f"cluster_spread = {self.cluster_spread:g} must lie between 0 and 1")
        object.__setattr__(self, "grain_size", size)
        object.__setattr__(self, "turns", (mosaicity, *tilt))

    @property
    def turned(self) -> bool:
        """Whether any grain is turned or tilted."""
        return any(self.turns)


@dataclass(frozen=True)
class Preparation:
    """The lamella as it was cut.

    wedge : angle between its faces, thinner towards +x [rad] or text; the thick end has the stated thickness
    surface_relaxation : inward shift of the outermost planes, falling off over one cell [m] or text
    skin : thickness of the amorphous layer that ion milling leaves on each face [m] or text
    Raises PerovsimError for a value out of range.
    """

    wedge: float | str = 0.0
    surface_relaxation: float | str = 0.0
    skin: float | str = 0.0

    def __post_init__(self) -> None:
        for name, unit, low, high in (
            ("wedge", "rad", -0.5, 0.5),
            ("surface_relaxation", "m", -0.5e-10, 0.5e-10),
            ("skin", "m", 0.0, 1e-7),
        ):
            value = units.parse(getattr(self, name), unit)
            if not low <= value <= high:
                raise PerovsimError(f"{name} = {value:g} {unit} is out of range; allowed: {low:g} to {high:g} {unit}")
            object.__setattr__(self, name, value)

    @property
    def as_grown(self) -> bool:
        """Whether there are no faces: the lamella goes on above and below."""
        return self.wedge == self.surface_relaxation == self.skin == 0.0
