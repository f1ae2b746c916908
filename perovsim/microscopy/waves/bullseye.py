"""The bullseye aperture: opaque rings and bars whose image in every disk tells where the disk lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.errors import PerovsimError


def zone(spec: Any, semiangle: float) -> float:
    """Return the width of a ring, opaque or clear [rad]: 2 rings + 1 zones fill the radius, the middle one is clear."""
    return semiangle / (2 * spec.rings + 1)


def bullseye(
    kx: np.ndarray, ky: np.ndarray, lam: float, semiangle: float, pixel: tuple[float, float], spec: Any
) -> np.ndarray:
    """Return the amplitude that the pattern lets through, 0 to 1; edges are one pixel wide, as of the round aperture.

    kx, ky : broadcastable frequencies [1/m]; pixel : width of an edge along both [1/m]; spec : Bullseye of the mode
    Raises PerovsimError where rings or bars are narrower than a pixel.
    """
    x, y = lam * kx, lam * ky
    angle, azimuth = np.hypot(x, y), np.arctan2(y, x)
    width = lam * np.hypot(pixel[0] * np.cos(azimuth), pixel[1] * np.sin(azimuth))
    _require_wide(spec, semiangle, lam * max(pixel))
    edges = zone(spec, semiangle) * np.arange(1, 2 * spec.rings + 1)
    clear = np.ones(np.broadcast(kx, ky).shape)
    for inner, outer in zip(edges[::2], edges[1::2], strict=True):
        clear *= 1 - _above(angle - inner, width) * _above(outer - angle, width)
    for turn in 2 * np.pi / max(spec.bars, 1) * np.arange(spec.bars):
        along, across = x * np.cos(turn) + y * np.sin(turn), np.abs(y * np.cos(turn) - x * np.sin(turn))
        clear *= 1 - _above(along, width) * _above(0.5 * float(spec.bar_width) * semiangle - across, width)
    return clear


def _above(distance: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return 1 where distance is above zero, with an edge of some width."""
    return np.clip(distance / width + 0.5, 0.0, 1.0)


def _require_wide(spec: Any, semiangle: float, pixel: float) -> None:
    ring = zone(spec, semiangle)
    if ring < pixel:
        raise PerovsimError(
            f"bullseye: {spec.rings} opaque rings in {semiangle * 1e3:.3g} mrad are {ring * 1e3:.2g} mrad wide, less "
            f"than a pixel of {pixel * 1e3:.2g} mrad of the computed patterns; give fewer rings, or a larger window"
        )
