"""Windows against the whole lamella in abTEM: HAADF deviation, speed over area, time per probe and slice."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import scipy.fft as fft

from benchmarks import scan as bench

EDGE = "2.348 nm"
"""Edge of a window: four cells, at least the 2 nm of the bar."""
CELLS_HIGH = 6
INNER, OUTER = 60e-3, 100e-3
PROBES = 10
THICK, THIN = 34, 9
"""Cells along the beam: 20 and 5 nm."""
GRID_PROBES, TIMED_SLICES, REPEATS = 8, 4, 6


def run() -> dict[str, Any]:
    """Return the keys of the issue, the ratio of areas, and where a bare loop differs from abTEM."""
    from perovsim.microscopy.waves.plan import plan_scan

    tool = microscope()
    beam = tool.mode("annular")
    thick, thin = alloy(THICK), alloy(THIN)
    at = positions(thick)
    plan = plan_scan(thick, tool, beam, positions=at, edge=EDGE)
    area = np.prod(plan.whole.shape) / np.prod(plan.grid.shape)
    signals: dict[tuple[str, str], np.ndarray] = {}
    for name, lamella in (("5nm", thin), ("20nm", thick)):
        for way in ("window", "exact"):
            signals[name, way] = annular(lamella, tool, at, way)
    signals["5nm", "abtem"] = annular(thin, tool, at, "abtem")

    def rms(thickness: str, way: str) -> float:
        return round(float(np.sqrt(np.mean((signals[thickness, "window"] / signals[thickness, way] - 1) ** 2))), 5)

    ours, theirs, whole = per_slice(thin, tool, beam, plan)
    return {
        "haadf_rms_20nm": rms("20nm", "exact"),
        "haadf_rms_5nm": rms("5nm", "exact"),
        "abtem_projection_rms_5nm": rms("5nm", "abtem"),
        "grids": "{}x{}, {}x{}".format(*plan.grid.shape, *plan.whole.shape),
        "area_ratio": round(float(area), 2),
        "speedup": round(whole / ours, 2),
        "speedup_over_area": round(whole / ours / float(area), 2),
        "ratio_abtem": round(theirs / ours, 2),
        "ms_per_probe_slice": round(1e3 * ours, 2),
        **offsets(thick, tool, beam, plan),
    }


def per_slice(lamella: Any, tool: Any, beam: Any, plan: Any) -> tuple[float, float, float]:
    """Return times per probe and slice [s]: ours and abTEM's in a window, and abTEM's on the whole lamella.

    abTEM gets potentials, from which it makes transmission functions for each batch of probes (GRID_PROBES of them
    here, as many share them in ours); ours are ready, and both have their propagator. The shortest of interleaved
    repeats, one thread, processor time.
    """
    import abtem
    from abtem.antialias import AntialiasAperture
    from abtem.core.axes import AxisMetadata
    from abtem.multislice import FresnelPropagator, conventional_multislice_step

    from perovsim.microscopy.waves.grid import propagator
    from perovsim.microscopy.waves.multislice import forward
    from perovsim.microscopy.waves.optics import interaction
    from perovsim.microscopy.waves.probe import probe_spectrum, probe_wave
    from perovsim.microscopy.waves.work import Workers

    thickness, energy = lamella.slice_thickness * 1e10, float(tool.energy)
    runs: dict[str, Any] = {}

    def prepare(name: str, grid: Any, count: int) -> None:
        slices = crops(lamella, tool, grid)[:TIMED_SLICES]
        step = tuple(edge * 1e10 for edge in grid.step)
        wave = probe_wave(probe_spectrum(grid, plan.lam, beam), grid, 0.5 * np.array(grid.size))
        phase = np.float32(1e10 / interaction(energy))
        parts = [abtem.PotentialArray((phase * np.angle(one))[None], thickness, sampling=step) for one in slices]
        limit, free = AntialiasAperture(), FresnelPropagator()
        propagation = propagator(grid, plan.lam, thickness * 1e-10)

        def by_abtem() -> None:
            waves = abtem.Waves(
                np.array([wave] * count), energy, sampling=step, ensemble_axes_metadata=[AxisMetadata()]
            )
            for part in parts:
                waves = conventional_multislice_step(waves, part, free, limit)

        def by_us() -> None:
            waves = [wave.copy() for _ in range(count)]
            forward(waves, iter(slices), propagation, pool, lambda grating, _: grating)

        runs[f"abtem {name}"], runs[f"ours {name}"] = (by_abtem, count), (by_us, count)

    with Workers(1) as pool:
        prepare("window", plan.grid, GRID_PROBES)
        prepare("whole", plan.whole, GRID_PROBES)
        best = dict.fromkeys(runs, np.inf)
        for _ in range(REPEATS):
            for name, (run, count) in runs.items():
                began = time.process_time()
                run()
                best[name] = min(best[name], (time.process_time() - began) / count / TIMED_SLICES)
    return best["ours window"], best["abtem window"], best["abtem whole"]


def microscope() -> Any:
    """Return the shipped microscope with a camera to 100 mrad for its 25 mrad probe."""
    tool = bench.shipped()
    beam = tool.haadf.replace(name="annular", max_angle="105 mrad", sampling="0.058 angstrom", source_size="0 angstrom")
    return tool.replace(modes=(*tool.modes, beam))


def alloy(cells: int) -> Any:
    """Return a lamella 12 x 3.5 nm of CsPb(Br,Cl)3 whose chloride grows from 0 to 0.6 across it."""
    size = bench.HEIGHT, bench.THICKNESS
    bench.HEIGHT, bench.THICKNESS = CELLS_HIGH * bench.CELL, cells * bench.CELL
    lamella = bench.crystal(0.0)
    bench.HEIGHT, bench.THICKNESS = size
    atoms = lamella.atoms.copy()
    share = 0.6 * atoms.positions[:, 0] / atoms.cell[0, 0]
    drawn = np.random.default_rng(1).random(len(atoms)) < share
    atoms.numbers[(atoms.numbers == 35) & drawn] = 17
    return dataclasses.replace(lamella, atoms=atoms)


def positions(lamella: Any) -> np.ndarray:
    """Return places on and between columns, clear of the ends of the window (x, y) [m]."""
    x = np.linspace(2e-9, 10e-9, PROBES)
    return np.stack([x, lamella.height * (0.1 + 0.8 * np.modf(np.arange(PROBES) * 0.618)[0])], axis=1)


def annular(lamella: Any, tool: Any, at: np.ndarray, way: str) -> np.ndarray:
    """Return the share of the beam between INNER and OUTER at each place; one frozen-phonon snapshot, one thread.

    way : "window" (pixels of its patterns), "exact" (pixels of the whole cell), "abtem" (with its own projection)
    """
    from perovsim.microscopy import scan_4d, virtual_detector
    from perovsim.microscopy.signals.exact import ExactPatterns
    from perovsim.microscopy.waves.plan import plan_scan
    from perovsim.microscopy.waves.snapshots import Snapshots
    from perovsim.microscopy.waves.work import Workers

    if way == "window":
        scan = scan_4d(lamella, tool, positions=at, phonons=1, mode="annular", window=EDGE, workers=1)
        return virtual_detector(scan, INNER, OUTER, noiseless=True).values
    beam = tool.mode("annular")
    plan = plan_scan(lamella, tool, beam, positions=at, edge=EDGE)
    snapshots = Snapshots(plan, lamella, tool, beam, 1)
    with Workers(1) as pool:
        whole = ExactPatterns(plan, snapshots, tool, beam, "abtem" if way == "abtem" else "positions")
        return whole.annular(0, INNER, OUTER, pool)


def crops(lamella: Any, tool: Any, grid: Any) -> list[np.ndarray]:
    """Return the transmission functions of a cell cut out of the lamella, slice by slice."""
    from perovsim.microscopy.waves.multislice import Gratings
    from perovsim.microscopy.waves.sample import sample_of

    low = 5e-9
    sample = sample_of(lamella, (low, low + grid.size[0]), float(tool.slice_thickness))
    return [one for one in map(Gratings(sample, grid, (low, 0.0), float(tool.energy)).make, range(sample.slices))]


def offsets(lamella: Any, tool: Any, beam: Any, plan: Any) -> dict[str, float]:
    """Return what makes a bare loop differ from abTEM in HAADF, on one grid with the same potential.

    Each offset changes one thing in our loop, which is else equal to abTEM to rounding: an aperture without
    soft edge, a detector whose edges lie half a pixel off, a band limit without taper.
    """
    import abtem

    from perovsim.microscopy.waves.grid import propagator
    from perovsim.microscopy.waves.multislice import forward
    from perovsim.microscopy.waves.optics import interaction
    from perovsim.microscopy.waves.probe import probe_spectrum, probe_wave
    from perovsim.microscopy.waves.work import Workers

    grid, thickness = plan.grid, lamella.slice_thickness
    slices = crops(lamella, tool, grid)
    spectrum = probe_spectrum(grid, plan.lam, beam)
    step = tuple(edge * 1e10 for edge in grid.step)
    at = 0.5 * np.array(grid.size) + 0.11e-9 * np.stack([np.arange(GRID_PROBES), 0.7 * np.arange(GRID_PROBES)], 1)

    def loop(spectrum: np.ndarray, gratings: list, propagation: np.ndarray) -> np.ndarray:
        waves = [probe_wave(spectrum, grid, place) for place in at]
        with Workers(1) as pool:
            forward(waves, iter(gratings), propagation, pool, lambda grating, _: grating)
        return np.array([np.abs(np.fft.fft2(wave) / wave.size) ** 2 for wave in waves])

    with abtem.config.set({"diagnostics.progress_bar": None}):
        potential = abtem.PotentialArray(
            np.array([np.angle(one) / (1e-10 * interaction(float(tool.energy))) for one in slices], np.float32),
            slice_thickness=[thickness * 1e10] * len(slices),
            sampling=step,
        )
        limited = [fft.ifft2(fft.fft2(one / np.abs(one)) * grid.limit()) for one in slices]
        probe = abtem.Probe(energy=float(tool.energy), semiangle_cutoff=1e3 * float(beam.semiangle))
        probe.grid.match(potential)
        scan = abtem.CustomScan(at * 1e10)
        waves = probe.multislice(potential, scan=scan, lazy=False)
    found = loop(spectrum, limited, propagator(grid, plan.lam, thickness))
    exact = np.abs(np.fft.fft2(waves.array)) ** 2
    angle = grid.angles(plan.lam)

    def signal(pattern: np.ndarray, low: float = INNER, high: float = OUTER) -> np.ndarray:
        return pattern[:, (angle >= low) & (angle < high)].sum(axis=1)

    def offset(pattern: np.ndarray, **edges: float) -> float:
        return round(float((signal(pattern, **edges) / signal(exact) - 1).mean()), 5)

    hard = np.where(angle <= float(beam.semiangle), spectrum / np.maximum(np.abs(spectrum), 1e-300), 0)
    hard /= np.sqrt((np.abs(hard) ** 2).sum())
    sharp = propagator(grid, plan.lam, thickness)
    sharp = np.where(np.abs(sharp) > 0, sharp / np.maximum(np.abs(sharp), 1e-30), 0).astype(np.complex64)
    pixel = plan.lam / grid.size[0]
    return {
        "offset_same": offset(found),
        "offset_hard_aperture": offset(loop(hard, limited, propagator(grid, plan.lam, thickness))),
        "offset_detector_half_pixel": offset(found, low=INNER - 0.5 * pixel, high=OUTER - 0.5 * pixel),
        "offset_no_taper": offset(loop(spectrum, limited, sharp)),
    }
