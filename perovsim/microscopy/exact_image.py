"""Annular images by abTEM, probe by probe on the whole lamella, and the audit of faster ones by some such pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from perovsim.microscopy.exact import ExactPatterns
from perovsim.microscopy.grid import fast_length
from perovsim.microscopy.plan import Plan
from perovsim.microscopy.potential import POSITIONS
from perovsim.microscopy.snapshots import Snapshots
from perovsim.microscopy.work import Workers


def whole_plan(plan: Any, lamella: Any, beam: Any) -> Plan:
    """Return the plan of every pixel of an image on the whole lamella, its steps and aperture those of the image.

    The lamella is continued beyond its window by as much as the cell of the image is beyond its field.
    """
    margin = 0.5 * (plan.grid.size[0] - (plan.x[-1] - plan.x[0]))
    low, high = lamella.window[0] - margin, lamella.window[1] + margin
    step = plan.grid.step[0]
    low = plan.low - step * int(np.ceil((plan.low - low) / step - 1e-9))
    columns = fast_length(int(np.ceil((high - low) / step - 1e-9)))
    places = np.stack(np.meshgrid(plan.x, plan.y, indexing="xy"), axis=-1)
    return Plan(plan.grid, plan.period, low, columns, places.reshape(-1, 2), 1, plan.lam, shape=places.shape[:2])


class ExactPixels:
    """Pixels of an annular image on the whole lamella for one snapshot after another.

    chosen : their indices, without the blur of the source; all, each at a place drawn from the source, when None
    """

    def __init__(
        self, plan: Plan, lamella: Any, microscope: Any, beam: Any, seed: int, chosen: np.ndarray | None
    ) -> None:
        self.shape, self.ends = plan.shape, (float(beam.detector_inner), float(beam.detector_outer))
        if chosen is not None:
            beam, part = beam.replace(source_size="0 m"), plan.only(chosen)
        else:
            part = plan
        snapshots = Snapshots(part, lamella, microscope, beam, seed)
        self.patterns = ExactPatterns(part, snapshots, microscope, beam, POSITIONS)

    @property
    def work(self) -> int:
        """Probes and slices of one snapshot."""
        return self.patterns.work

    def values(self, number: int, pool: Workers, done: Callable[[int], None]) -> np.ndarray:
        """Return the share of the beam on the annulus, (pixel,)."""
        return self.patterns.annular(number, *self.ends, pool, done)

    def snapshot(
        self, seed: int, number: int, pool: Workers, done: Callable[[int], None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the image of one snapshot (y, x), a variance of zero (no Monte-Carlo waves), and the image again."""
        image = self.values(number, pool, done).reshape(self.shape)
        return image, np.zeros_like(image), image


@dataclass(frozen=True)
class ImageAudit:
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

    def attributes(self) -> dict[str, Any]:
        """Return the numbers by the names that a file holds them under."""
        return {f"audit_{name}": value for name, value in asdict(self).items()}


def audit_of(attributes: dict[str, Any]) -> ImageAudit | None:
    """Return the audit that a file's attributes hold, None where they hold none."""
    if "audit_points" not in attributes:
        return None
    known = {field.name: attributes[f"audit_{field.name}"] for field in fields(ImageAudit)}
    return ImageAudit(int(known.pop("points")), **{name: float(value) for name, value in known.items()})


def compare_pixels(found: np.ndarray, exact: np.ndarray, scatter: float) -> ImageAudit:
    """Compare pixels with exact ones; scatter : relative mean deviation that the detector waves make."""
    total = exact.sum()
    return ImageAudit(len(found), float(np.abs(found - exact).sum() / total), scatter, float(found.sum() / total - 1))
