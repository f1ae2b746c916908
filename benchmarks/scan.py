"""Scans and dark-field images against plain abTEM on the same atoms, grid and slices, in one run."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

CELL = 5.87e-10
THICKNESS, HEIGHT = 10.4e-9, 2.935e-9
FIELD = 2.2e-9
PROBES = 8
"""Positions timed with abTEM; its time is proportional to their number."""
SNAPSHOTS = 4


def run() -> dict[str, Any]:
    """Return times per pattern and image on one thread, speed-ups, and deviations."""
    lamella, microscope = crystal(0.012), shipped()
    return {**patterns(lamella, microscope), **image(lamella, microscope), **strain(microscope)}


def crystal(exx: float) -> Any:
    """Return a lamella of static CsPbBr3 sites, 12 nm wide, strained along x."""
    import xarray as xr
    from ase import Atoms

    from perovsim.atoms import Lamella

    base = np.array(
        [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.75, 0.75, 0.25], [0.75, 0.25, 0.75], [0.25, 0.75, 0.75]]
    )
    spacing = CELL * (1 + exx)
    counts = int(12e-9 / spacing), round(HEIGHT / CELL), round(THICKNESS / CELL)
    cells = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 1, 3)
    places = (cells + base).reshape(-1, 3) * [spacing, CELL, CELL]
    atoms = Atoms(
        np.tile([55, 82, 35, 35, 35], len(places) // 5),
        positions=1e10 * places,
        cell=1e10 * np.array([counts[0] * spacing, counts[1] * CELL, counts[2] * CELL]),
        pbc=(False, True, True),
    )
    atoms.set_array("phase", np.full(len(atoms), "perovskite"))
    x = np.arange(counts[0]) * spacing
    truth = xr.Dataset({"strain_xx": ("x", np.full(len(x), exx))}, {"x": x})
    return Lamella(
        atoms,
        (0.0, counts[0] * spacing),
        0.0,
        counts[2] * CELL,
        counts[1] * CELL,
        CELL / 2,
        CELL,
        truth,
        (),
        "",
        1,
        "crystal",
        0.0,
        (),
    )


def shipped() -> Any:
    """Return the shipped microscope with 0.125 angstrom for patterns."""
    from perovsim.model import load_microscope

    made = load_microscope("stem_300kv")
    beam = made.nanobeam.replace(sampling="0.125 angstrom")
    return made.replace(modes=(made.haadf, beam))


def patterns(lamella: Any, microscope: Any) -> dict[str, Any]:
    """Time one pattern of one snapshot, ours and abTEM's."""
    from perovsim.microscopy import scan_4d
    from perovsim.microscopy.waves.plan import plan_scan

    x = 0.5 * sum(lamella.window) + 0.3e-9 * np.arange(PROBES)
    plan = plan_scan(lamella, microscope, microscope.nanobeam, positions=x)
    scan_4d(lamella, microscope, positions=x[:1], phonons=1, workers=1)
    ours = seconds(lambda: scan_4d(lamella, microscope, positions=x, phonons=1, workers=1)) / PROBES
    atoms = window_of(lamella, x[0] - 0.5 * plan.grid.size[0], plan.grid)
    build, probe = abtem_seconds(atoms, plan.grid, microscope, microscope.nanobeam, 4)
    theirs = build / PROBES + probe
    return {
        "pattern_grid": "x".join(map(str, plan.grid.shape)),
        "pattern_s": round(ours, 3),
        "pattern_abtem_s": round(theirs, 3),
        "pattern_speedup": round(theirs / ours, 2),
    }


def image(lamella: Any, microscope: Any) -> dict[str, Any]:
    """Time one snapshot of an image, and compare with abTEM probe by probe on the same snapshots.

    image_z_rms : deviation over the standard error, which also holds the phonons' scatter: below 1
    """
    from perovsim.microscopy import haadf_image
    from perovsim.microscopy.waves.image_plan import plan_image
    from perovsim.microscopy.waves.reference import abtem_patterns, abtem_probe

    sharp = microscope.replace(modes=(microscope.haadf.replace(source_size="0 angstrom"), microscope.nanobeam))
    centre = 0.5 * sum(lamella.window), 0.5 * lamella.height
    made: dict[str, Any] = {}

    def simulate() -> None:
        made["image"] = haadf_image(lamella, sharp, field=(FIELD, FIELD), centre=centre, phonons=SNAPSHOTS, workers=1)

    ours = seconds(simulate) / SNAPSHOTS
    found, plan = made["image"], plan_image(lamella, sharp, sharp.haadf, (FIELD, FIELD), centre)
    atoms = window_of(lamella, plan.low, plan.grid)
    build, one = abtem_seconds(atoms, plan.grid, sharp, sharp.haadf, 4)
    theirs = build + one * found.counts.size
    rows, columns = np.arange(PROBES) * 9 % len(found.y), np.arange(PROBES) * 7 % len(found.x)
    at = np.stack([found.x[columns] - plan.low, found.y[rows]], axis=1)
    potentials = [precise(lamella, sharp, plan, number) for number in range(SNAPSHOTS)]
    probe = abtem_probe(plan.grid, sharp, sharp.haadf)
    direct = np.mean(
        [abtem_patterns(probe, potential, at).reshape(PROBES, -1)[:, plan.annulus].sum(1) for potential in potentials],
        axis=0,
    )
    value, error = found.expectation[rows, columns], found.standard_error[rows, columns]
    return {
        "image_pixels": found.counts.size,
        "image_s": round(ours, 2),
        "image_abtem_s": round(theirs, 1),
        "image_speedup": round(theirs / ours, 1),
        "image_relative_error": round(float((found.standard_error / found.expectation).mean()), 4),
        "image_z_rms": round(float(np.sqrt((((value - direct) / error) ** 2).mean())), 2),
    }


def precise(lamella: Any, microscope: Any, plan: Any, number: int) -> Any:
    """Return abTEM's potential of a snapshot: the same displaced atoms, our transmission's phase."""
    import abtem

    from perovsim.microscopy.signals.exact_image import whole_plan
    from perovsim.microscopy.waves.grid import Grid
    from perovsim.microscopy.waves.multislice import Gratings
    from perovsim.microscopy.waves.optics import interaction
    from perovsim.microscopy.waves.snapshots import Snapshots

    beam, energy = microscope.haadf, float(microscope.energy)
    atoms = Snapshots(whole_plan(plan, lamella, beam), lamella, microscope, beam, 1).atoms(number)
    moved = atoms.between(plan.low, plan.low + plan.grid.size[0])
    cell = Grid((plan.grid.shape[0], plan.period), plan.grid.step)
    gratings = Gratings(moved, cell, (plan.low, 0.0), energy)
    waves = [gratings.make(index) for index in range(moved.slices)]
    sigma = np.float32(interaction(energy) * 1e-10)
    array = np.array([-1j * np.log(wave) / sigma for wave in waves], np.complex64)
    return abtem.PotentialArray(
        array,
        slice_thickness=[moved.thickness * 1e10] * moved.slices,
        sampling=tuple(step * 1e10 for step in plan.grid.step),
    )


def window_of(lamella: Any, low: float, grid: Any) -> Any:
    """Return the atoms of one cell as a user of abTEM would cut them (ASE Atoms)."""
    size = np.array([*grid.size, lamella.thickness]) * 1e10
    atoms = lamella.atoms.repeat((1, max(1, round(size[1] / lamella.atoms.cell[1, 1])), 1))
    atoms.positions[:, 0] -= low * 1e10
    atoms = atoms[(atoms.positions[:, 0] >= 0) & (atoms.positions[:, 0] < size[0])]
    atoms.set_cell(size)
    atoms.pbc = True
    return atoms


def abtem_seconds(atoms: Any, grid: Any, microscope: Any, beam: Any, probes: int) -> tuple[float, float]:
    """Return the times of plain abTEM for its potential, and per probe, after everything was compiled."""
    import abtem

    from perovsim.microscopy.waves.reference import abtem_probe

    def build() -> Any:
        return abtem.Potential(atoms, gpts=grid.shape, slice_thickness=CELL / 2 * 1e10).build(lazy=False)

    with abtem.config.set({"diagnostics.progress_bar": None}):
        potential = build()
        probe, scan = abtem_probe(grid, microscope, beam), abtem.CustomScan(np.full((probes, 2), 20.0))
        detector = abtem.PixelatedDetector(max_angle=None)
        probe.multislice(potential, scan=scan, detectors=detector, lazy=False)
        return seconds(build), seconds(
            lambda: probe.multislice(potential, scan=scan, detectors=detector, lazy=False)
        ) / probes


def strain(microscope: Any) -> dict[str, Any]:
    """Return the strain error of static crystals, noiseless, and the time of one fit."""
    from perovsim.microscopy import scan_4d, strain_profile

    still = microscope.replace(displacements=dict.fromkeys(microscope.displacements, "0 angstrom"))
    errors, common, spent = [], [], []
    for exx in (0.0, 0.006, 0.012):
        lamella = crystal(exx)
        x = 0.5 * sum(lamella.window) + 0.4e-9 * np.arange(3)
        scan = scan_4d(lamella, still, positions=x, phonons=1)
        began = time.perf_counter()
        found = strain_profile(scan, noiseless=True)
        spent.append((time.perf_counter() - began) / len(x))
        errors.append(found["strain"].values - exx)
        common.append(found["strain_yy"].values)
    slope = np.polyfit([0.0, 0.006, 0.012], np.mean(errors, axis=1), 1)[0]
    return {
        "strain_rms": float(f"{np.sqrt(np.mean(np.square(errors))):.2e}"),
        "strain_scale_error": float(f"{np.mean(common):.2e}"),
        "strain_slope": round(1 + float(slope), 3),
        "strain_ms_per_pattern": round(1e3 * float(np.mean(spent)), 1),
    }


def seconds(do: Any) -> float:
    """Return the wall time of a call."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
