"""The crystal table against full multislice, Bloch waves and averaged phonons; its speed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks import _nanobeam as truth
from benchmarks import strain
from benchmarks._dense_waves import TURNS, dense_intensities, turned
from perovsim.microscopy.table.crystal import CrystalCell, atomic_layers
from perovsim.microscopy.waves.optics import interaction
from perovsim.microscopy.waves.potential import scattering_factor

PERFECT = [9, 17, 34, 68, 102]
"""Thicknesses of the perfect crystal [cells]: 5 to 60 nm."""
BLOCH_ANGLE = 67e-3
"""Outermost beams of Bloch waves and dense matrices [rad]; at 52 mrad the waves themselves change by 4 % in 60 nm."""
BEYOND = 2.2
"""Structure factors reach this many times further than the beams, clear of abTEM's taper."""
SLABS = 32
"""Slabs of a cell; with 16 dense intensities change by 0.2 % at 60 nm."""
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
    found |= bloch()
    found["difference_bloch"] = max(found["difference_bloch_each"])
    found["difference_dense"] = max(found["difference_dense_each"])
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


def bloch() -> dict[str, Any]:
    """Return differences over the total of all beams between the table's waves and two others, on the zone axis.

    Atoms are blurred by their Debye-Waller factors, without absorption: at rest a tenth of the beam leaves the
    angles of any set of Bloch waves that can be diagonalised. No such set holds enough beams of higher Laue zones
    either, so abTEM's waves see the potential projected along the cell, to which dense matrices add its depth.
    difference_bloch_each : table's waves against abTEM's Bloch waves, both in the projected potential
    difference_dense_each : table's waves, in the layers that tables have, against dense matrices in three dimensions
    zones_each : what the higher Laue zones do, dense matrices in the projected potential against three dimensions
    """
    from perovsim.microscopy.table.phase import crystal_phase
    from perovsim.microscopy.table.plane_waves import Band, PlaneWaves
    from perovsim.microscopy.table.table_settings import SAMPLING

    atoms, band = crystal_phase("CsPbBr3", cell=truth.CELL).atoms(), Band(SAMPLING)
    moving = atoms, truth.DISPLACEMENTS, truth.ENERGY, BLOCH_ANGLE
    beams, solid = dense_intensities(*moving, SLABS, PERFECT)
    flat = dense_intensities(*moving, 0, PERFECT)[1]
    members = np.array([len({turned(h, k, turn) for turn in TURNS}) for h, k in beams])

    def ours(cell: Any, beams: np.ndarray) -> np.ndarray:
        waves = PlaneWaves(cell, band).intensities(np.zeros((1, 2)), beams, (0, PERFECT[-1]))
        return waves[PERFECT][..., 0]

    def each(model: np.ndarray, pattern: np.ndarray, weight: np.ndarray | int = 1) -> list[float]:
        return [round(difference(one * weight, other * weight), 5) for one, other in zip(pattern, model, strict=True)]

    indices, theirs = _bloch_waves(atoms)
    return {
        "difference_bloch_each": each(ours(_projected(atoms), indices), theirs),
        "difference_dense_each": each(ours(_blurred(atoms), beams), solid, members),
        "zones_each": each(flat, solid, members),
    }


def _bloch_waves(atoms: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return (h, k) and intensities (thickness, beam) in the projected potential by abTEM's Bloch waves.

    A cell SLABS times thinner with as much less of each atom has that potential, and no other Laue zone in reach.
    """
    from abtem.bloch import BlochWaves, StructureFactor

    from perovsim.microscopy.waves.optics import wavelength

    spread = {symbol: 1e10 * truth.DISPLACEMENTS[number] for symbol, number in zip(*_kinds(atoms), strict=True)}
    lam = wavelength(truth.ENERGY) * 1e10
    most = BLOCH_ANGLE / lam
    thin = atoms.copy()
    thin.positions[:, 2], thin.cell[2, 2] = 0.0, atoms.cell[2, 2] / SLABS
    factors = StructureFactor(thin, g_max=BEYOND * most, thermal_sigma=spread, occupancy=1 / SLABS)
    waves = BlochWaves(factors, truth.ENERGY, 0.5 * lam * most**2, g_max=most)
    found = waves.calculate_diffraction_patterns([n * truth.CELL * 1e10 for n in PERFECT], lazy=False)
    return found.miller_indices[:, :2], np.asarray(found.array)


def _kinds(atoms: Any) -> tuple[list[str], list[int]]:
    """Return symbols and numbers of the elements."""
    kinds = dict(zip(atoms.get_chemical_symbols(), map(int, atoms.numbers), strict=True))
    return list(kinds), list(kinds.values())


def _blurred(atoms: Any) -> Any:
    """Return the cell with the potentials of atoms blurred by their Debye-Waller factors, without absorption."""
    groups, spacing = atomic_layers(atoms)
    return _cell([_potential(atoms, group) for group in groups], spacing)


def _projected(atoms: Any) -> Any:
    """Return the cell whose potential is the same at every height, in SLABS slices."""
    whole = _potential(atoms, np.arange(len(atoms)))
    return _cell([whole / SLABS] * SLABS, np.full(SLABS, truth.CELL / SLABS))


def _cell(potentials: list[np.ndarray], spacing: np.ndarray) -> Any:
    """Return the cell of the projected potentials of its slices [V m]."""
    layers = [np.fft.fft2(np.exp(1j * interaction(truth.ENERGY) * one)) / CELL_POINTS**2 for one in potentials]
    return CrystalCell(np.eye(2) * truth.CELL, truth.CELL, truth.ENERGY, np.array(layers), spacing)


def _potential(atoms: Any, chosen: np.ndarray) -> np.ndarray:
    """Return the projected potential of some blurred atoms [V m]."""
    h, places = np.fft.fftfreq(CELL_POINTS, 1 / CELL_POINTS), atoms.positions[:, :2] * 1e-10 / truth.CELL
    k = np.hypot(h[:, None], h) / truth.CELL
    total = np.zeros(k.shape, complex)
    for number, (x, y) in zip(atoms.numbers[chosen], places[chosen], strict=True):
        factor = np.exp(-2 * np.pi**2 * truth.DISPLACEMENTS[int(number)] ** 2 * k**2)
        total += scattering_factor(int(number), k) * factor * np.exp(-2j * np.pi * (h[:, None] * x + h * y))
    return np.fft.ifft2(total).real * CELL_POINTS**2 / truth.CELL**2


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
