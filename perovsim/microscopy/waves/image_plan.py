"""What an image computes: cell and grid around the field, pixels, annulus; checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim import units
from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.grid import Grid, fast_length
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.probe import RAYLEIGH

MARGIN = 5e-10
"""Atoms further from the field than the probe's cone and this do not reach it [m]: their projected
potential has decayed to 0.2 V angstrom (Cs) or less."""


@dataclass(frozen=True)
class Plan:
    """Cell and pixels of an image.

    grid : of the waves; period : its points per lamella height; low : x of its first column [m]
    x, y : pixel centres [m]; annulus : detector pixels, indices into the flat grid
    """

    grid: Grid
    period: int
    low: float
    x: np.ndarray
    y: np.ndarray
    annulus: np.ndarray
    lam: float


def plan_image(lamella: Any, microscope: Any, beam: Any, field: Any, centre: Any) -> Plan:
    """Choose cell, grid and pixels, and check field, detector and probe before anything is computed."""
    lam = wavelength(float(microscope.energy))
    for name in ("detector_inner", "detector_outer", "sampling", "step"):
        if getattr(beam, name) is None:
            raise PerovsimError(
                f"mode '{beam.name}' of microscope '{microscope.name}' has no "
                f"{name}, which an image needs; give it, or choose another mode"
            )
    for name in ("drift", "scan_noise"):
        if float(getattr(beam, name)) > 0:
            raise PerovsimError(f"mode '{beam.name}': {name} is computed for patterns, not for images; leave it out")
    if beam.precession is not None:
        raise PerovsimError(
            f"mode '{beam.name}': precession is computed for patterns, not for images; leave it out, or use scan_4d"
        )
    wide, high = (units.parse(edge, "m") for edge in field)
    at = tuple(units.parse(value, "m") for value in centre)
    _check_field(lamella, wide, high, at, lam, float(beam.semiangle))
    margin = lamella.thickness * float(beam.semiangle) + MARGIN
    tiles = int(np.ceil(2 * margin / lamella.height - 1e-9))
    period = fast_length(int(np.ceil(lamella.height / float(beam.sampling) - 1e-9)))
    width = wide + 2 * margin
    columns = fast_length(int(np.ceil(width / float(beam.sampling) - 1e-9)))
    grid = Grid((columns, tiles * period), (width / columns, lamella.height / period))
    grid.require(float(beam.detector_outer), lam, f"detector_outer of mode '{beam.name}'")
    pixel = float(beam.step)
    x, y = (
        middle + pixel * (np.arange(count) - 0.5 * (count - 1))
        for middle, count in zip(at, (_pixels(wide, pixel), _pixels(high, pixel)), strict=True)
    )
    angle = grid.angles(lam)
    annulus = np.flatnonzero((angle >= float(beam.detector_inner)) & (angle < float(beam.detector_outer)))
    return Plan(grid, period, at[0] - 0.5 * width, x, y, annulus, lam)


def _pixels(edge: float, pixel: float) -> int:
    return max(2, int(np.ceil(edge / pixel - 1e-9)))


def _check_field(lamella: Any, wide: float, high: float, at: tuple[float, float], lam: float, semiangle: float) -> None:
    """Raise unless the field is a part of the lamella that holds the probe."""
    if not (wide > 0 and high > 0):
        raise PerovsimError(f"field = {wide * 1e9:g} x {high * 1e9:g} nm is empty; both edges must be positive")
    x0, x1 = lamella.window
    if at[0] - 0.5 * wide < x0 - 1e-15 or at[0] + 0.5 * wide > x1 + 1e-15:
        raise PerovsimError(
            f"the field {1e9 * (at[0] - 0.5 * wide):.2f} to {1e9 * (at[0] + 0.5 * wide):.2f} nm "
            f"leaves the lamella, {x0 * 1e9:.2f} to {x1 * 1e9:.2f} nm; move or narrow it, or build a "
            "wider lamella"
        )
    if high > lamella.height * (1 + 1e-9):
        raise PerovsimError(
            f"the field is {high * 1e9:.2f} nm high, the lamella {lamella.height * 1e9:.2f} "
            "nm; reduce the field or build a higher lamella"
        )
    reach = RAYLEIGH * lam / semiangle
    if 2 * reach > min(x1 - x0, lamella.height):
        raise PerovsimError(
            f"the probe of {semiangle * 1e3:g} mrad is {2 * reach * 1e9:.2f} nm wide, larger "
            f"than the lamella's {min(x1 - x0, lamella.height) * 1e9:.2f} nm"
        )
