"""Mean patterns of the phases: the crystal table of the lattice, and windows on slabs of everything else.

An amorphous layer scatters into rings that fluctuate from place to place (speckle); its mean pattern, with the
symmetry of a square, stands for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms import build_lamella
from perovsim.microscopy.film.columns import Columns, cells_of, lattice_of
from perovsim.microscopy.signals.nanobeam import scan_4d
from perovsim.microscopy.signals.tabulated import perovskite_table
from perovsim.microscopy.table import table_cache
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.nanobeam_table import NanobeamTable, state
from perovsim.microscopy.waves.plan import SPAN, Plan, plan_scan

FORMAT = "perovsim-slab/1"
SLAB = 4e-9
"""Width of the slab of a material without a table [m]."""
PLACES, SNAPSHOTS = 4, 1
"""Places along the slab, and frozen phonons at each; each counts eight times by the symmetries of a square."""
SLABS = 3
"""Slabs of a material, each packed anew."""


@dataclass(frozen=True)
class Optics:
    """What every pattern of a film shares: microscope, mode, thickness and height of the lamella [m], the plan."""

    microscope: Any
    mode: str
    thickness: float
    height: float
    plan: Plan

    @property
    def beam(self) -> Any:
        """The mode of the microscope."""
        return self.microscope.mode(self.mode)

    @property
    def camera(self) -> Camera:
        """The camera of the patterns."""
        return Camera(self.plan.pixel, (2 * self.plan.half + 1,) * 2, float(self.beam.semiangle))


def optics(result: Any, microscope: Any, mode: str, thickness: float) -> Optics:
    """Choose the cell of the patterns: a lamella just high enough to hold the probe."""
    from perovsim.microscopy.waves.optics import wavelength

    beam = microscope.mode(mode)
    least = SPAN * wavelength(float(microscope.energy)) / float(beam.semiangle)
    cell, in_plane = cells_of(result.device)
    height = np.ceil(least / cell + 0.5) * cell
    lattice = lattice_of(result.device)
    lamella = _slab(result, lattice, height, thickness, 1)
    middle = [0.5 * sum(lamella.window)]
    plan = plan_scan(lamella, microscope, beam, positions=middle)
    return Optics(microscope, mode, lamella.thickness, lamella.height, plan)


def table_of(
    result: Any, view: Optics, columns: list[Columns], progress: Any = None, workers: int | None = None
) -> NanobeamTable:
    """Return the crystal table of a device's lattice for the compositions that a film meets."""
    cell, _ = cells_of(result.device)
    depth = round(view.thickness / cell) * cell
    highest = max(float(one.composition.max()) for one in columns)
    return perovskite_table(view.microscope, view.mode, cell, depth, highest, progress, workers)


def crystal_pattern(table: NanobeamTable, view: Optics, exx: float, eyy: float, composition: float) -> np.ndarray:
    """Return the pattern of the lattice, (qy, qx) [fraction of the beam]."""
    cell = table.phase.edges[2]
    depth = round(view.thickness / cell) * cell
    found = table.pattern(state(exx=exx, eyy=eyy, composition=composition, thickness=depth), view.camera)
    return np.maximum(found, 0.0)


def slab_pattern(result: Any, view: Optics, region: Any, workers: int | None = None) -> np.ndarray:
    """Return the mean pattern of a layer without a table, from disk where it was made before, (qy, qx)."""
    name = table_cache.key(
        FORMAT,
        region.kind,
        region.material,
        (view.thickness, view.height, view.plan.grid, view.plan.half),
        view.microscope.source_text,
        sorted((one, str(value)) for one, value in view.beam.quantities()),
        (SLAB, SLABS, PLACES, SNAPSHOTS),
    )
    stored = table_cache.load(name)
    if stored is None:
        parts = [_slab_mean(result, view, region, seed + 1, workers) for seed in range(SLABS)]
        stored = {"pattern": symmetric(np.mean(parts, axis=0))}
        table_cache.store(name, stored)
    return stored["pattern"]


def _slab_mean(result: Any, view: Optics, region: Any, seed: int, workers: int | None) -> np.ndarray:
    lamella = _slab(result, region, view.height, view.thickness, seed)
    y = np.arange(PLACES) / PLACES * lamella.height
    places = np.stack([np.full(PLACES, _middle(region)), y], axis=1)
    scan = scan_4d(lamella, view.microscope, positions=places, mode=view.mode, phonons=SNAPSHOTS, seed=seed)
    return scan.expectation.mean(axis=0, dtype=float)


def _slab(result: Any, region: Any, height: float, thickness: float, seed: int) -> Any:
    """Build a slab around the middle of a layer at the first time."""
    window = _middle(region) - 0.5 * SLAB, _middle(region) + 0.5 * SLAB
    time = float(result.times[0])
    return build_lamella(result, time=time, window=window, height=height, thickness=thickness, seed=seed)


def _middle(region: Any) -> float:
    return 0.5 * (region.x0 + region.x1)


def symmetric(pattern: np.ndarray) -> np.ndarray:
    """Return the mean over the eight symmetries of a square."""
    turned = [np.rot90(pattern, k) for k in range(4)]
    return np.mean([*turned, *(one.T for one in turned)], axis=0)
