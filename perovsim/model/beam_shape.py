"""What shapes the beam beside lens and round aperture: a patterned aperture, precession."""

from __future__ import annotations

from pydantic import Field

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.quantity import Dimension


class Bullseye(ModelData):
    """A pattern inside the round aperture: opaque rings held by opaque bars, which disks are found by.

    rings : opaque ones, as wide as the clear ones between them and the clear middle
    bars : from the middle to the rim, the first along x; bar_width : in semiangles
    References: Zeltmann et al., Ultramicroscopy 209, 112890 (2020)
    """

    rings: int = Field(default=3, ge=1, le=50)
    bars: int = Field(default=4, ge=0, le=32)
    bar_width: dim.Fraction = Field(default_factory=lambda: Dimension(("",)).read(0.1))


class Precession(ModelData):
    """The beam turns on a cone around its axis and is turned back below the sample.

    angle : half-angle of the cone [rad]; points : directions on it that are computed and averaged
    """

    angle: dim.PositiveAngle
    points: int = Field(default=12, ge=3, le=360)
