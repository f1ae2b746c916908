"""Annular images by abTEM, probe by probe on the whole lamella."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perovsim.microscopy.signals.exact import ExactPatterns
from perovsim.microscopy.waves.grid import fast_length
from perovsim.microscopy.waves.plan import Plan
from perovsim.microscopy.waves.potential import POSITIONS
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers


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
