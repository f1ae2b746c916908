"""The beam beside lens and round aperture: directions of a precession, light on the pixels, what a file says of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.microscopy.waves.plan import Plan
from perovsim.microscopy.waves.probe import probe_spectrum


def directions(beam: Any) -> list[tuple[float, float]]:
    """Return the directions of the beam that are averaged (x, y) [rad]: the axis, or points on the cone."""
    if beam.precession is None:
        return [(0.0, 0.0)]
    angle, count = float(beam.precession.angle), beam.precession.points
    turns = 2 * np.pi * (np.arange(count) + 0.5) / count
    return [(float(angle * np.cos(turn)), float(angle * np.sin(turn))) for turn in turns]


def lit_pixels(plan: Plan, beam: Any, fold: int) -> float:
    """Return how many detector pixels the direct beam lights evenly, without a sample.

    fold : computed pixels along each edge of a detector pixel
    """
    brightest = (np.abs(probe_spectrum(plan.grid, plan.lam, beam)) ** 2).max()
    return float((plan.lam / plan.grid.size[0] / (fold * plan.pixel)) ** 2 / brightest)


def shape_attributes(beam: Any) -> dict[str, Any]:
    """Return bullseye, precession and camera of a mode as a file holds them; empty for a plain one."""
    found: dict[str, Any] = {}
    if beam.bullseye is not None:
        found["aperture"] = f"bullseye, {beam.bullseye.rings} rings, {beam.bullseye.bars} bars"
    if beam.precession is not None:
        found |= {
            "precession_angle": float(beam.precession.angle),
            "precession_points": beam.precession.points,
        }
    if beam.camera is not None and beam.camera.camera_length is not None:
        found |= {
            "camera_length": float(beam.camera.camera_length),
            "detector_pixel_size": float(beam.camera.pixel_size) * beam.camera.binning,
        }
    return found
