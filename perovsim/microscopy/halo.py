"""Diffuse electrons: the angular distribution of what thermal motion and disorder scatter out of the beams.

One site scatters p(q) = sum_s c_s |t_s|^2 - |sum_s c_s t_s exp(-2 pi^2 u_s^2 q^2)|^2 diffusely, t_s(q) the
transform of exp(i sigma v_s) - 1 of an atom: Einstein's independent motion, and random occupation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from perovsim.microscopy.nanobeam_table import TableSettings


class Halo:
    """Placeholder until the diffuse term is measured."""

    def __init__(self, settings: TableSettings, profiles: np.ndarray) -> None:
        self.settings, self.profiles = settings, profiles

    @classmethod
    def of(cls, settings: TableSettings) -> Halo:
        return cls(settings, np.zeros((1, 1)))
