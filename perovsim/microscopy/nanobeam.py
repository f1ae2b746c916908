"""4D-STEM scans of a lamella: frozen phonons, finite dose, by the way chosen, audited where wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import PerovsimError
from perovsim.microscopy.audit import EDGE_SHARE, Audit, compare_exactly, draw
from perovsim.microscopy.counting import poisson_counts
from perovsim.microscopy.exact import ExactPatterns
from perovsim.microscopy.fidelity import choose
from perovsim.microscopy.plan import Plan, electrons_per_pattern, plan_scan
from perovsim.microscopy.potential import ABTEM, POSITIONS
from perovsim.microscopy.provenance import provenance
from perovsim.microscopy.readout import binned, read_out, require_unsaturated
from perovsim.microscopy.scan import FORMAT, Scan4D
from perovsim.microscopy.snapshots import Snapshots
from perovsim.microscopy.tabulated import TablePatterns, is_crystal
from perovsim.microscopy.window import WindowPatterns
from perovsim.microscopy.work import Workers

WAYS = {"crystal": TablePatterns, "window": WindowPatterns, "exact": ExactPatterns}
_COUNT_SEEDS, _READOUT_SEEDS = 2, 3
"""Streams of random numbers beside those of the snapshots, so that no two uses share numbers."""


def scan_4d(
    lamella: Any,
    microscope: Any,
    *,
    step: float | str | None = None,
    positions: Sequence | np.ndarray | None = None,
    phonons: int | None = None,
    seed: int = 1,
    mode: str = "nanobeam",
    fidelity: str | None = None,
    error: float | None = None,
    window: float | str | None = None,
    projection: str = POSITIONS,
    audit: int = 0,
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
) -> Scan4D:
    """Simulate diffraction patterns on a line across the lamella (x), at mid-height unless told.

    I(q) = < |F psi_out|^2 > over frozen phonons; counts are Poisson(electrons x I)
    step : distance of the probes [m] or text, of the mode when None; they lie at the interface plus
    multiples of it. positions : x, or (x, y) pairs, on the device axis [m], instead
    phonons : snapshots, of the microscope when None; seed : of phonons and counts
    fidelity : "exact" (abTEM on the whole lamella), "window" (crops around each probe) or "crystal" (table of one
    cell, perovskite alone), or error : the tolerated sum |I - I_exact| / sum I_exact
    window : edge of the crops [m] or text, at least 2 nm when None
    projection : of atoms, "positions" or "abtem" (its infinite projection, which spreads them over the grid)
    audit : positions drawn at random and computed again exactly; the deviation goes to attrs and `Scan4D.audit`
    progress : called with the share done, 0 to 1; workers : threads, one per processor when None
    executor : computes the snapshots instead, one a task: processes, or dask's `Client.get_executor()` for machines
    Raises PerovsimError for a detector beyond the grid's angles, a probe that does not fit into the
    window, overlapping atoms, missing thermal displacements, more memory than there is.
    """
    beam = microscope.mode(mode)
    phonons = microscope.phonon_configurations if phonons is None else int(phonons)
    if phonons < 1 or audit < 0:
        raise PerovsimError(f"phonons = {phonons} must be at least 1, audit = {audit} at least 0")
    if projection not in (POSITIONS, ABTEM):
        raise PerovsimError(f"projection = '{projection}' must be '{POSITIONS}' or '{ABTEM}'")
    choose(fidelity, error)
    electrons = electrons_per_pattern(beam, step)
    plan = plan_scan(lamella, microscope, beam, step, positions, window)
    way = choose(fidelity, error, error is not None and is_crystal(lamella, plan))
    require_unsaturated(beam.camera, electrons, np.pi * (float(beam.semiangle) / plan.pixel) ** 2, mode)
    snapshots = Snapshots(plan, lamella, microscope, beam, seed)
    tool = microscope, beam, projection
    patterns = WAYS[way](plan, snapshots, *tool)
    checked = draw(len(plan.positions), audit, seed)
    checks = [ExactPatterns(plan.only(checked), snapshots.only(checked), *tool)] if audit else []
    done = _Share(progress, phonons * sum(part.work for part in (patterns, *checks)))
    numbers = range(phonons)
    with Workers(workers) as pool:

        def snapshots_of(part: Any) -> Iterable[np.ndarray]:
            if executor is not None:
                return _by_executor(executor, part, numbers, workers, done)
            return (part.snapshot(number, pool, done) for number in numbers)

        expectation, rings = _average(snapshots_of(patterns))
        again = [_average(snapshots_of(check))[0] for check in checks]
    found = [_audited(plan, beam, expectation[checked], exact) for exact in again]
    camera = beam.camera
    if camera is not None:
        expectation = binned(expectation, camera.binning)
    counts = poisson_counts(electrons * expectation, [seed, _COUNT_SEEDS])
    if camera is not None:
        counts = read_out(counts, camera, [seed, _READOUT_SEEDS])
    return _scan(
        plan,
        lamella,
        microscope,
        beam,
        snapshots,
        expectation,
        counts,
        rings,
        electrons_per_pattern=electrons,
        phonons=phonons,
        seed=seed,
        fidelity=way,
        projection=projection,
        **(found[0].attributes() if found else {}),
    )


def _average(snapshots: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over snapshots (position, qy, qx), and the rings of each (position, snapshot, ring)."""
    total, rings = 0.0, []
    for intensity in snapshots:
        total = total + intensity
        rings.append(_ring_sums(intensity))
    return total / len(rings), np.stack(rings, axis=1)


def _by_executor(
    executor: Executor, part: Any, numbers: range, workers: int | None, done: Callable[[int], None]
) -> Iterator[np.ndarray]:
    """Yield the snapshots that an executor computes, in order."""
    tasks = [executor.submit(_snapshot, part, number, workers) for number in numbers]
    for task in tasks:
        yield task.result()
        done(part.work)


def _snapshot(part: Any, number: int, workers: int | None) -> np.ndarray:
    """Return one snapshot (position, qy, qx), in a process of its own."""
    with Workers(workers) as pool:
        return part.snapshot(number, pool, lambda _: None)


def _audited(plan: Plan, beam: Any, found: np.ndarray, exact: np.ndarray) -> Audit:
    outside = np.hypot(plan.q[None, :], plan.q[:, None]) > EDGE_SHARE * float(beam.semiangle)
    return compare_exactly(found, exact, outside)


class _Share:
    """Progress in slices and probes."""

    def __init__(self, progress: Callable[[float], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done / self.total)


def _ring_sums(intensity: np.ndarray) -> np.ndarray:
    """Return sums over rings one pixel wide, (position, ring): how far snapshots scatter."""
    half = intensity.shape[-1] // 2
    steps = np.arange(-half, half + 1)
    ring = np.rint(np.hypot(steps[:, None], steps)).astype(int).ravel()
    inside = ring <= half
    return np.stack([np.bincount(ring[inside], one.ravel()[inside], half + 1) for one in intensity])


def _scan(
    plan: Plan,
    lamella: Any,
    microscope: Any,
    beam: Any,
    snapshots: Snapshots,
    expectation: np.ndarray,
    counts: np.ndarray,
    rings: np.ndarray,
    **settings: Any,
) -> Scan4D:
    camera = beam.camera
    pixel = plan.pixel * (1 if camera is None else camera.binning)
    half = expectation.shape[-1] // 2
    q = pixel * np.arange(-half, half + 1)
    dims = ("position", "qy", "qx")
    data = {
        "counts": (dims, counts, {"units": "electron" if camera is None else "count", "long_name": "counts"}),
        "expectation": (
            dims,
            expectation.astype(np.float32),
            {"units": "1", "long_name": "fraction of the beam per pixel"},
        ),
        "rings": (
            ("position", "snapshot", "ring"),
            rings.astype(np.float32),
            {"units": "1", "long_name": "fraction of the beam per ring one pixel wide"},
        ),
    }
    coords = {
        "x": ("position", plan.positions[:, 0], {"units": "m", "long_name": "device axis"}),
        "y": ("position", plan.positions[:, 1], {"units": "m", "long_name": "along the interface"}),
        "qx": ("qx", q, {"units": "rad", "long_name": "scattering angle along x"}),
        "qy": ("qy", q, {"units": "rad", "long_name": "scattering angle along y"}),
    }
    attrs = {
        "format": FORMAT,
        "kind": "simulated",
        "mode": beam.name,
        "energy": float(microscope.energy),
        "semiangle": float(beam.semiangle),
        **settings,
        "kept_angle": plan.grid.kept(plan.lam),
        "sampling": max(plan.grid.step),
        "cell_edge": plan.grid.size[0],
        "slice_thickness": snapshots.sample.thickness,
        "gain": 1.0 if camera is None else float(camera.gain),
        "beyond_detector": float(1 - expectation.sum(axis=(1, 2)).mean()),
        **provenance(lamella, microscope, beam),
    }
    return Scan4D(xr.Dataset(data, coords, attrs))
