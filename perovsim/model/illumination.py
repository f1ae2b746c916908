"""Light that a step shines on the stack: absorbed exponentially, or with a profile of the user."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData, PlacedError


class Profile(ModelData):
    """Pairs generated in one layer: `generation` [m^-3 s^-1] at `depth` [m], linear between, constant beyond.

    The depth counts from the face of the layer that the light meets first.
    """

    inline: ClassVar[bool] = True

    depth: tuple[dim.LengthOrZero, ...] = Field(min_length=1)
    generation: tuple[dim.GenerationRate, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if len(self.depth) != len(self.generation):
            raise ValueError(f"{len(self.depth)} depths but {len(self.generation)} generation rates; give pairs")
        for number, (before, after) in enumerate(zip(self.depth, self.depth[1:], strict=False), 1):
            if after.si <= before.si:
                raise PlacedError(f"{after} does not follow {before}; depths must increase", "depth", number)
        return self


class Illumination(ModelData):
    """What `light = 1` of a step generates, in place of the `generation` of the layers.

    side : contact through which the light enters
    photon_flux : photons that enter the stack [m^-2 s^-1]; every absorbed one makes a pair
    absorption : coefficient of each absorbing layer [1/m]; layers that are not named are transparent
    profile : generation profile of each generating layer, instead of photon_flux and absorption
    """

    inline: ClassVar[bool] = True

    side: Literal["anode", "cathode"]
    photon_flux: dim.PhotonFlux | None = None
    absorption: dict[str, dim.InverseLength] = Field(default_factory=dict)
    profile: dict[str, Profile] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_one_way(self) -> Self:
        if self.profile and (self.photon_flux is not None or self.absorption):
            raise ValueError("give either photon_flux and absorption (Beer-Lambert) or profile, not both")
        if not self.profile and (self.photon_flux is None or not self.absorption):
            raise ValueError("give photon_flux and absorption of the layers (Beer-Lambert), or profile")
        return self

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that it names."""
        return (*self.absorption, *self.profile)


def beer_lambert(
    photon_flux: float | str, absorption: dict[str, float | str], side: Literal["anode", "cathode"]
) -> Illumination:
    """Photons [m^-2 s^-1] that enter at a side and are absorbed with the coefficients [1/m] of the layers."""
    return Illumination(photon_flux=photon_flux, absorption=absorption, side=side)


def generation_profile(
    profile: dict[str, dict[str, list[float | str]]], side: Literal["anode", "cathode"]
) -> Illumination:
    """Generation rates [m^-3 s^-1] over the depth [m] of layers: {"emitter": {"depth": [...], "generation": [...]}}."""
    return Illumination(profile=profile, side=side)
