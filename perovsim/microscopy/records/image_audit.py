"""Audit of an annular image: pixels drawn at random, computed again exactly, and the deviation found there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.microscopy.records.audit import Stored


@dataclass(frozen=True)
class ImageAudit(Stored):
    """Deviation of an image from exact pixels, before the source blurs both.

    points : pixels computed again; difference : sum |I - I_exact| / sum I_exact; scatter : the part of it that the
    random detector waves make; bias : sum I / sum I_exact - 1
    """

    points: int
    difference: float
    scatter: float
    bias: float

    def __str__(self) -> str:
        return (
            f"audit of {self.points} pixels against the whole lamella: they differ by {self.difference:.2%} of the "
            f"total ({self.scatter:.2%} expected of the random detector waves), mean {self.bias:+.2%}"
        )


def compare_pixels(found: np.ndarray, exact: np.ndarray, scatter: float) -> ImageAudit:
    """Compare pixels with exact ones; scatter : relative mean deviation that the detector waves make."""
    total = exact.sum()
    return ImageAudit(len(found), float(np.abs(found - exact).sum() / total), scatter, float(found.sum() / total - 1))
