"""Traps of electrons and holes, in a layer or at the junction of two layers."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData
from perovsim.model.names import Name


class TrapLevels(ModelData):
    """One kind of trap: its energy below vacuum, how it captures, and the charge that it carries.

    charge : "neutral" traps carry none and follow the carriers at once; "acceptor" traps are -1 when they hold an
    electron, "donor" traps +1 when they hold none, and their occupation is a state of its own
    distribution : "level", one energy; "exponential", a tail N(E) ~ exp(-|E - energy|/width) that starts at `energy`
    and runs into the gap (from the conduction band for acceptors, from the valence band for donors); "gaussian"
    around `energy` with standard deviation `width`; both as Gauss quadrature over `levels` levels
    """

    name: Name
    energy: dim.Level
    capture_electron: dim.Capture
    capture_hole: dim.Capture
    charge: Literal["neutral", "acceptor", "donor"] = "neutral"
    distribution: Literal["level", "exponential", "gaussian"] = "level"
    width: dim.Barrier | None = None
    levels: int = Field(default=5, ge=1, le=40)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        if (self.distribution == "level") != (self.width is None):
            raise ValueError(f'distribution = "{self.distribution}" and width = {self.width}: a level has no width')
        if self.distribution == "exponential" and self.charge == "neutral":
            raise ValueError('an exponential tail is of "acceptor" or "donor" states; set charge')
        return self

    @property
    def share_and_energy(self) -> list[tuple[float, float]]:
        """(share of the density, energy below vacuum [eV]) of every level."""
        centre = float(self.energy)
        if self.distribution == "level":
            return [(1.0, centre)]
        if self.distribution == "gaussian":
            node, weight = np.polynomial.hermite_e.hermegauss(self.levels)
            node, weight = float(self.width) * node, weight / math.sqrt(2.0 * math.pi)
        else:
            node, weight = np.polynomial.laguerre.laggauss(self.levels)
            node = float(self.width) * node * (1.0 if self.charge == "acceptor" else -1.0)
        return [(float(w), centre + float(x)) for w, x in zip(weight, node, strict=True)]


class Trap(TrapLevels):
    """Traps in the volume of a layer."""

    density: dim.PositiveDensity


class InterfaceTrap(TrapLevels):
    """Traps at a junction, which exchange carriers with the layers on both sides."""

    density: dim.ArealDensity
