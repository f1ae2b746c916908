"""4D-STEM scans of a lamella: frozen phonons, finite dose, by the way chosen, audited where wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import PerovsimError
from perovsim.microscopy.records.audit import EDGE_SHARE, Audit, compare_exactly, draw
from perovsim.microscopy.records.counting import poisson_counts
from perovsim.microscopy.records.fidelity import choose
from perovsim.microscopy.records.provenance import provenance
from perovsim.microscopy.records.readout import binned, read_out, require_unsaturated
from perovsim.microscopy.records.scan import FORMAT, Scan4D
from perovsim.microscopy.records.segments import Segments, collect, segment_weights
from perovsim.microscopy.signals.exact import ExactPatterns
from perovsim.microscopy.signals.tabulated import TablePatterns, is_crystal
from perovsim.microscopy.signals.window import WindowPatterns
from perovsim.microscopy.waves.beam_directions import directions, lit_pixels, shape_attributes
from perovsim.microscopy.waves.plan import Plan, electrons_per_pattern, plan_scan
from perovsim.microscopy.waves.potential import ABTEM, POSITIONS
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Share, Workers

WAYS = {"crystal": TablePatterns, "window": WindowPatterns, "exact": ExactPatterns}
_COUNT_SEEDS, _READOUT_SEEDS, _SEGMENT_SEEDS = 2, 3, 6
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
    device_potential: bool = False,
    audit: int = 0,
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
) -> Scan4D:
    """Simulate diffraction patterns on a line across the lamella (x), at mid-height unless told.

    I(q) = < |F psi_out|^2 > over frozen phonons; counts are Poisson(electrons x I)
    step : distance of the probes [m] or text, of the mode when None; they lie at the interface plus
    multiples of it. positions : x, or (x, y) pairs, on the device axis [m], instead; (rows, columns, 2) for a grid
    phonons : snapshots, of the microscope when None; seed : of phonons and counts
    fidelity : "exact" (abTEM on the whole lamella), "window" (crops around each probe) or "crystal" (table of one
    cell, perovskite alone), or error : the tolerated sum |I - I_exact| / sum I_exact
    window : edge of the crops [m] or text, at least 2 nm when None
    projection : of atoms, "positions" or "abtem" (its infinite projection, which spreads them over the grid)
    device_potential : with the electrostatic potential of the device as a slow phase, which deflects the beam
    audit : positions drawn at random and computed again exactly; the deviation goes to attrs and `Scan4D.audit`
    progress : called with the share done, 0 to 1; workers : threads, one per processor when None
    A mode with precession averages I over the directions of its cone; one with a segmented detector has its counts
    too, as if a second scan had been made with it (`segmented`).
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
    fold = plan.fold * (1 if beam.camera is None else beam.camera.binning)
    require_unsaturated(beam.camera, electrons, lit_pixels(plan, beam, fold), mode)
    segments = None if beam.segmented is None else Segments.of(beam.segmented)
    weights = None if segments is None else _weights(plan, fold, segments)
    snapshots = Snapshots(plan, lamella, microscope, beam, seed, device_potential)
    tool = microscope, beam, projection
    patterns = WAYS[way](plan, snapshots, *tool)
    checked = draw(len(plan.positions), audit, seed)
    checks = [ExactPatterns(plan.only(checked), snapshots.only(checked), *tool)] if audit else []
    tilts, numbers = directions(beam), range(phonons)
    done = Share(progress, phonons * len(tilts) * sum(part.work for part in (patterns, *checks)))
    with Workers(workers) as pool:

        def snapshots_of(part: Any) -> Iterable[np.ndarray]:
            if executor is not None:
                return _by_executor(executor, part, numbers, tilts, fold, workers, done)
            return (_detected(part, number, tilts, fold, pool, done) for number in numbers)

        expectation, rings = _average(snapshots_of(patterns))
        again = [_average(snapshots_of(check))[0] for check in checks]
    found = [_audited(fold * plan.pixel, beam, expectation[checked], exact) for exact in again]
    camera = beam.camera
    counts = poisson_counts(electrons * expectation, [seed, _COUNT_SEEDS])
    if camera is not None:
        counts = read_out(counts, camera, [seed, _READOUT_SEEDS])
    scan = _scan(
        plan,
        lamella,
        microscope,
        beam,
        snapshots,
        fold,
        expectation,
        counts,
        rings,
        electrons_per_pattern=electrons,
        phonons=phonons,
        seed=seed,
        fidelity=way,
        projection=projection,
        device_potential=int(device_potential),
        **(found[0].attributes() if found else {}),
    )
    return scan if segments is None else _with_segments(scan, segments, weights, electrons, seed)


def _weights(plan: Plan, fold: int, segments: Segments) -> np.ndarray:
    """Return the share of each detector pixel in each segment, before anything is computed."""
    q = _angles(plan, fold)
    return segment_weights(np.stack(np.meshgrid(q, q, indexing="xy"), axis=-1), fold * plan.pixel, segments)


def _angles(plan: Plan, fold: int) -> np.ndarray:
    """Return the angles of the detector pixels along x and along y [rad]."""
    half = (plan.half - fold // 2) // fold
    return fold * plan.pixel * np.arange(-half, half + 1)


def _with_segments(scan: Scan4D, segments: Segments, weights: np.ndarray, electrons: float, seed: int) -> Scan4D:
    """Return the scan with the counts and the expectation of a segmented detector."""
    dims = ("position", "detector_ring", "sector")
    expected = collect(scan.expectation, weights)
    counts = poisson_counts(electrons * expected, [seed, _SEGMENT_SEEDS])
    known = {"radii": list(segments.radii), "rotation": segments.rotation}
    found = scan.dataset.assign(
        segments=(dims, counts, {"units": "electron", "long_name": "counts of the segmented detector", **known}),
        segments_expectation=(dims, expected, {"units": "1", "long_name": "fraction of the beam per segment", **known}),
    )
    return Scan4D(found)


def _detected(
    part: Any, number: int, tilts: list[tuple[float, float]], fold: int, pool: Workers, done: Callable[[int], None]
) -> np.ndarray:
    """Return one snapshot on the pixels of the detector, the mean over the directions of the beam.

    fold : computed pixels along each edge of a detector pixel
    """
    return binned(sum(part.snapshot(number, pool, done, tilt) for tilt in tilts) / len(tilts), fold)


def _average(snapshots: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over snapshots (position, qy, qx), and the rings of each (position, snapshot, ring)."""
    total, rings = 0.0, []
    for intensity in snapshots:
        total = total + intensity
        rings.append(_ring_sums(intensity))
    return total / len(rings), np.stack(rings, axis=1)


def _by_executor(
    executor: Executor,
    part: Any,
    numbers: range,
    tilts: list[tuple[float, float]],
    fold: int,
    workers: int | None,
    done: Callable[[int], None],
) -> Iterator[np.ndarray]:
    """Yield the snapshots that an executor computes, in order."""
    tasks = [executor.submit(_snapshot, part, number, tilts, fold, workers) for number in numbers]
    for task in tasks:
        yield task.result()
        done(part.work * len(tilts))


def _snapshot(part: Any, number: int, tilts: list[tuple[float, float]], fold: int, workers: int | None) -> np.ndarray:
    """Return one snapshot (position, qy, qx), in a process of its own."""
    with Workers(workers) as pool:
        return _detected(part, number, tilts, fold, pool, lambda _: None)


def _audited(pixel: float, beam: Any, found: np.ndarray, exact: np.ndarray) -> Audit:
    steps = np.arange(found.shape[-1]) - found.shape[-1] // 2
    outside = pixel * np.hypot(steps[None, :], steps[:, None]) > EDGE_SHARE * float(beam.semiangle)
    return compare_exactly(found, exact, outside)


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
    fold: int,
    expectation: np.ndarray,
    counts: np.ndarray,
    rings: np.ndarray,
    **settings: Any,
) -> Scan4D:
    camera = beam.camera
    q = _angles(plan, fold)
    dims = ("position", "qy", "qx")
    data: dict[str, Any] = {
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
    if snapshots.sample.potential is not None:
        known = {"units": "rad", "long_name": "deflection along x by the device's own field"}
        data["device_deflection"] = (("position",), snapshots.deflections(), known)
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
        "defocus": float(beam.defocus),
        **settings,
        **({"scan_shape": list(plan.shape)} if plan.shape else {}),
        **shape_attributes(beam),
        "kept_angle": plan.grid.kept(plan.lam),
        "sampling": max(plan.grid.step),
        "cell_edge": plan.grid.size[0],
        "slice_thickness": snapshots.sample.thickness,
        "gain": 1.0 if camera is None else float(camera.gain),
        "beyond_detector": float(1 - expectation.sum(axis=(1, 2)).mean()),
        **provenance(lamella, microscope, beam),
    }
    return Scan4D(xr.Dataset(data, coords, attrs))
