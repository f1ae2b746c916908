"""Atoms where a film needs them: lamellae around runs of columns at one time, windows on them, and exact patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms import build_lamella
from perovsim.microscopy.film.columns import Columns
from perovsim.microscopy.film.sources import Optics
from perovsim.microscopy.signals.nanobeam import scan_4d

MARGIN = 4e-9
"""Material on each side of the outermost column [m]: 3 % of an Airy probe of 1.5 mrad lies further out."""
SEAM = 1e-9
"""Columns further apart than this belong to different lamellae [m], beyond the step of the film."""


@dataclass(frozen=True)
class Piece:
    """A lamella at one time, and how far the film's axis is shifted against its own [m]."""

    lamella: Any
    shift: float

    def patterns(
        self, view: Optics, x: np.ndarray, y: np.ndarray, phonons: int, seed: int, fidelity: str, workers: int | None
    ) -> np.ndarray:
        """Return patterns at places (x of the film, y) [m], (place, qy, qx) float64."""
        places = np.stack([x - self.shift, y], axis=1)
        scan = scan_4d(
            self.lamella,
            view.microscope,
            positions=places,
            mode=view.mode,
            phonons=phonons,
            seed=seed,
            fidelity=fidelity,
            workers=workers,
        )
        return scan.expectation.astype(float)


def piece(result: Any, view: Optics, columns: Columns, time: float, x: np.ndarray, seed: int) -> Piece:
    """Build the lamella under columns x [m] of the film at a time [s].

    A lamella is anchored at the border of layers that is nearest to its middle, the film at the far face of the
    lattice; between them lies the displacement. Under columns deep in a contact it reaches back into the layers.
    """
    middle = 0.5 * (x.min() + x.max())
    edges = [layer.x1 for layer in columns.layers[:-1]]
    anchor = min(edges, key=lambda edge: abs(edge - middle))
    shift = float(columns.move(anchor)) - anchor
    window = min(x.min() - MARGIN - shift, edges[-1] - SEAM), max(x.max() + MARGIN - shift, edges[0] + SEAM)
    lamella = build_lamella(result, time=time, window=window, thickness=view.thickness, height=view.height, seed=seed)
    return Piece(lamella, shift)


def runs(chosen: np.ndarray, step: float) -> list[np.ndarray]:
    """Split indices of columns into runs whose gaps are at most SEAM beyond the step of the film."""
    if len(chosen) == 0:
        return []
    gap = 1 + int(SEAM / step)
    return np.split(chosen, np.flatnonzero(np.diff(chosen) > gap) + 1)
