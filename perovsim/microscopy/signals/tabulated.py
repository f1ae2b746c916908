"""Patterns from the crystal table: a lamella of perovskite alone, its lattice read where the probe stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.nanobeam_table import NanobeamTable, nanobeam_table, state
from perovsim.microscopy.table.phase import crystal_phase
from perovsim.microscopy.table.table_settings import COMPOSITIONS
from perovsim.microscopy.waves.plan import Plan
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers

WIDE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Compositions of a table that holds every alloy."""
ROOM = 2
"""Cells by which a table is thicker and thinner than its crystal."""
PURE = 0.99
"""At least this share of the atoms under a probe belongs to the perovskite where the table stands for it."""


def perovskite_table(
    microscope: Any,
    mode: str,
    cell: float,
    thickness: float,
    highest: float,
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
    tilt: tuple[float, float] = (0.0, 0.0),
) -> NanobeamTable:
    """Return the table of CsPb(Br,Cl)3 on a reference cell [m], from disk where it was made before.

    It equals the multislice with the mode's sampling: tables and windows stand side by side in one map.
    thickness [m]; highest : largest chloride content needed; tilt : of the beam (x, y) [rad]
    """
    return nanobeam_table(
        crystal_phase("CsPbBr3", "CsPbCl3", cell=cell),
        microscope,
        mode,
        thicknesses=(thickness - ROOM * cell, thickness + ROOM * cell),
        compositions=COMPOSITIONS if highest <= COMPOSITIONS[-1] else WIDE,
        tilt=tilt,
        sampling=float(microscope.mode(mode).sampling),
        progress=progress,
        workers=workers,
    )


def is_crystal(lamella: Any, plan: Plan) -> bool:
    """Return whether every probe meets perovskite alone, out to the edge of its cell."""
    return len(_elsewhere(lamella, plan)) == 0


def _elsewhere(lamella: Any, plan: Plan) -> np.ndarray:
    """Return the places x [m] of probes that meet something else than perovskite."""
    atoms = lamella.atoms
    x = atoms.positions[:, 0] * 1e-10 + lamella.window[0]
    perovskite = atoms.arrays["phase"] == "perovskite"
    found = []
    for at in plan.positions[:, 0]:
        near = np.abs(x - at) < 0.5 * plan.grid.size[0]
        if perovskite[near].sum() < PURE * max(near.sum(), 1):
            found.append(at)
    return np.array(found)


class TablePatterns:
    """Patterns of the crystal table; as WindowPatterns, thermal motion as its mean in every snapshot."""

    def __init__(self, plan: Plan, snapshots: Snapshots, microscope: Any, beam: Any, projection: str) -> None:
        self.plan, self.lamella = plan, snapshots.lamella
        elsewhere = _elsewhere(self.lamella, plan)
        if len(elsewhere):
            raise PerovsimError(
                f"fidelity 'crystal': the probe at x = {elsewhere[0] * 1e9:.2f} nm meets more than the perovskite "
                f"({len(elsewhere)} of {len(plan.positions)} positions do); use fidelity = 'window'"
            )
        if beam.bullseye is not None:
            raise PerovsimError(
                f"fidelity 'crystal': its table draws disks of a round aperture, mode '{beam.name}' has a bullseye; "
                "use fidelity = 'window', or leave the bullseye out"
            )
        cell, truth = self.lamella.reference_cell, self.lamella.truth
        self.depth = round(0.5 * self.lamella.thickness / self.lamella.slice_thickness) * cell
        self.highest, self.microscope, self.mode = float(truth["x_Cl"].max()), microscope, beam.name
        self.camera = Camera(plan.pixel, (2 * plan.half + 1,) * 2, float(beam.semiangle))
        self._centre = snapshots.deflections()
        self._patterns: dict[tuple[float, float], np.ndarray] = {}

    @property
    def work(self) -> int:
        """Patterns of one snapshot."""
        return len(self.plan.positions)

    def snapshot(
        self, number: int, pool: Workers, done: Callable[[int], None], tilt: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Return the patterns (position, qy, qx), the same for every snapshot; splines undershoot zero a little."""
        if tilt not in self._patterns:
            cell = self.lamella.reference_cell
            table = perovskite_table(self.microscope, self.mode, cell, self.depth, self.highest, tilt=tilt)
            found = np.empty((self.work, *self.camera.shape))

            def make(index: int) -> None:
                found[index] = np.maximum(table.pattern(self._state(index, tilt), self.camera), 0.0)

            pool.each(make, self.work)
            self._patterns[tilt] = found
        done(self.work)
        return self._patterns[tilt]

    def _state(self, index: int, tilt: tuple[float, float]) -> np.ndarray:
        truth, x = self.lamella.truth, self.plan.positions[index, 0]
        exx, eyy, chloride = (
            float(np.interp(x, truth["x"], truth[name])) for name in ("strain_xx", "strain_in_plane", "x_Cl")
        )
        return state(
            exx=exx,
            eyy=eyy,
            composition=chloride,
            thickness=self.depth,
            tilt_x=tilt[0],
            tilt_y=tilt[1],
            centre_x=self._centre[index],
        )
