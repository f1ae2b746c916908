"""The crystal table against full multislice, Bloch waves and averaged phonons; its speed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks import _nanobeam as truth
from benchmarks import strain

PERFECT = [9, 17, 34, 68, 102]
"""Thicknesses of the perfect crystal [cells]: 5 to 60 nm."""
BLOCH_ANGLE = 52e-3
EXCITATION = 0.12
"""Largest excitation error of a Bloch wave [1/angstrom]: all beams of the zero Laue zone within the angle."""
CELL_POINTS = 288
"""Grid points of a cell on which blurred potentials are made: 0.02 angstrom."""
BRIGHT = 1e-3
"""Disks that hold more of the beam than this are compared one by one."""
STATES = 40


def run(quick: int = 0) -> dict[str, Any]:
    """Return differences to the truth, times of a pattern and of a table; quick = 1 leaves out 40 and 60 nm."""
    from perovsim.microscopy.table.nanobeam_table import state

    still = strain.tables("static")
    found = perfect(still, PERFECT[:3] if quick else PERFECT)
    table, camera = still.at(state(thickness=20e-9)), strain._camera()
    found |= graded(table, camera)
    found |= phonons(camera)
    found["difference_bloch_each"] = bloch()
    found["difference_bloch"] = max(found["difference_bloch_each"])
    return found | speed(table, camera)


def difference(pattern: np.ndarray, model: np.ndarray) -> float:
    """Return the sum of absolute differences over the total."""
    return float(np.abs(pattern - model).sum() / pattern.sum())


def perfect(still: Any, repeats: list[int]) -> dict[str, Any]:
    """Compare the perfect static crystal with the full multislice at every thickness."""
    from perovsim.microscopy.table.nanobeam_table import nanobeam_table, state

    patterns = truth.patterns("perfect", truth.affine(0, 0, 0, 0), repeats)
    thick = (repeats[0] * truth.CELL, repeats[-1] * truth.CELL)
    table = nanobeam_table(
        still.phase,
        still.microscope,
        thicknesses=thick,
        compositions=(0.0,),
        tilt_range=0.0,
        sampling=still.sampling,
        static=True,
        strained=False,
    )
    camera = truth.Window().camera
    models = [table.pattern(state(thickness=n * truth.CELL), camera) for n in repeats]
    each = [difference(p, m) for p, m in zip(patterns, models, strict=True)]
    return {"difference_perfect": round(max(each), 5), "difference_perfect_each": [round(value, 5) for value in each]}


def graded(table: Any, camera: Any) -> dict[str, Any]:
    """Compare static graded strained random alloys with the table at the strain and composition under the probe.

    A seed's composition there is up to 0.06 from the mean that its gradient asks for.
    """
    from perovsim.microscopy.table.nanobeam_table import state

    pairs = []
    for place in strain.PLACES:
        exx, eyy, exy, rotation = strain.alloy_strain(place)
        for repeat, pattern, x in zip(
            strain.REPEATS, strain.alloy(place), strain.alloy_composition(place), strict=False
        ):
            at = state(
                exx=exx,
                eyy=eyy,
                exy=exy,
                rotation=rotation,
                composition=x,
                thickness=repeat * truth.CELL,
            )
            pairs.append((pattern, table.pattern(at, truth.Window().camera)))
    return {
        "correlation_graded": round(min(float(np.corrcoef(p.ravel(), m.ravel())[0, 1]) for p, m in pairs), 6),
        "difference_graded": round(max(difference(p, m) for p, m in pairs), 4),
    }


def phonons(camera: Any) -> dict[str, Any]:
    """Compare Bragg disks and the diffuse total at 10 and 20 nm with averaged frozen phonons under a plane wave."""
    from perovsim.microscopy.table.nanobeam_table import state

    table = strain.tables("phonon").at(state(thickness=20e-9))
    beams, totals = truth.snapshot_sums(strain.REPEATS[:2], table.beams)
    disks, diffuse = [], []
    for repeat, theirs, total in zip(strain.REPEATS, beams, totals, strict=False):
        at = state(thickness=repeat * truth.CELL)
        mine, bright = table.intensities(at), theirs > BRIGHT
        disks.append(float(np.sqrt(((mine[bright] / theirs[bright] - 1) ** 2).mean())))
        diffuse.append(abs(float(table.diffuse(at, camera).sum()) - total))
    return {"phonon_disks_rms": round(max(disks), 4), "phonon_diffuse": round(max(diffuse), 4)}


def bloch() -> list[float]:
    """Return the difference from abTEM's Bloch waves over the total of all beams, at each thickness, on the zone axis.

    Atoms are blurred by their Debye-Waller factors, without absorption: at rest a tenth of the beam leaves the
    angles of any set of Bloch waves that can be diagonalised.
    """
    from abtem.bloch import BlochWaves, StructureFactor

    from perovsim.microscopy.table.phase import crystal_phase
    from perovsim.microscopy.table.plane_waves import Band, PlaneWaves
    from perovsim.microscopy.waves.optics import wavelength

    atoms = crystal_phase("CsPbBr3", cell=truth.CELL).atoms()
    spread = {symbol: 1e10 * truth.DISPLACEMENTS[number] for symbol, number in zip(*_kinds(atoms), strict=True)}
    most = 1e-10 * BLOCH_ANGLE / wavelength(truth.ENERGY)
    factors = StructureFactor(atoms, g_max=2 * most, thermal_sigma=spread)
    waves = BlochWaves(factors, truth.ENERGY, EXCITATION, g_max=most)
    thick = [n * truth.CELL * 1e10 for n in PERFECT]
    theirs = waves.calculate_diffraction_patterns(thick, lazy=False)
    flat = theirs.miller_indices[:, 2] == 0
    beams = theirs.miller_indices[flat][:, :2]
    band = Band(truth.CELL / truth.POINTS)
    mine = PlaneWaves(_blurred(atoms), band).intensities(np.zeros((1, 2)), beams, (0, PERFECT[-1]))
    pairs = zip(np.asarray(theirs.array)[:, flat], mine[PERFECT][..., 0], strict=True)
    return [round(difference(one, other), 5) for one, other in pairs]


def _kinds(atoms: Any) -> tuple[list[str], list[int]]:
    """Return symbols and numbers of the elements."""
    kinds = dict(zip(atoms.get_chemical_symbols(), map(int, atoms.numbers), strict=True))
    return list(kinds), list(kinds.values())


def _blurred(atoms: Any) -> Any:
    """Return the cell with the potentials of atoms blurred by their Debye-Waller factors, without absorption."""
    from perovsim.microscopy.table.crystal import CrystalCell, atomic_layers
    from perovsim.microscopy.waves.optics import interaction
    from perovsim.microscopy.waves.potential import scattering_factor

    h, places = np.fft.fftfreq(CELL_POINTS, 1 / CELL_POINTS), atoms.positions[:, :2] * 1e-10 / truth.CELL
    k = np.hypot(h[:, None], h) / truth.CELL
    groups, spacing = atomic_layers(atoms)
    layers = []
    for group in groups:
        total = np.zeros(k.shape, complex)
        for number, (x, y) in zip(atoms.numbers[group], places[group], strict=True):
            factor = np.exp(-2 * np.pi**2 * truth.DISPLACEMENTS[int(number)] ** 2 * k**2)
            total += scattering_factor(int(number), k) * factor * np.exp(-2j * np.pi * (h[:, None] * x + h * y))
        potential = np.fft.ifft2(total).real * CELL_POINTS**2 / truth.CELL**2
        layers.append(np.fft.fft2(np.exp(1j * interaction(truth.ENERGY) * potential)) / CELL_POINTS**2)
    return CrystalCell(np.eye(2) * truth.CELL, truth.CELL, truth.ENERGY, np.array(layers), spacing)


def speed(table: Any, camera: Any) -> dict[str, Any]:
    """Time patterns of random states, and a table of 5 compositions and 60 thicknesses made anew.

    ms_per_pattern : processor time, the median
    """
    from perovsim.microscopy.table.nanobeam_table import state
    from perovsim.microscopy.table.table_build import compute_table
    from perovsim.microscopy.table.table_settings import COMPOSITIONS, settings_of

    rng = np.random.default_rng(1)
    states = np.array(
        [
            state(
                exx=rng.uniform(0, 0.015),
                composition=rng.uniform(0, 0.6),
                thickness=rng.uniform(10e-9, 40e-9),
                tilt_x=rng.uniform(-5e-4, 5e-4),
            )
            for _ in range(STATES)
        ]
    )
    table.pattern(states[0], camera)
    spent_each = []
    for at in states:
        began = time.process_time()
        table.pattern(at, camera)
        spent_each.append(time.process_time() - began)
    made = strain.tables("static")
    cells = (truth.CELL, 57 * truth.CELL)
    settings = settings_of(made.phase, made.microscope, thicknesses=cells, static=True, sampling=made.sampling)
    began = time.perf_counter()
    compute_table(settings)
    spent = time.perf_counter() - began
    return {
        "ms_per_pattern": round(1e3 * float(np.median(spent_each)), 2),
        "table_seconds": round(spent, 1),
        "table_compositions": len(COMPOSITIONS),
        "table_thicknesses": settings.repeats[1] - settings.repeats[0] + 1,
    }
