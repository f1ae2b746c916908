"""A measured micrograph against abTEM's physics: SrTiO3 [110] in annular bright field.

The image is calibrated on the known cell; thickness, defocus, tilt, probe angle and source size are
fitted on its left half, and simulation and Gaussian columns are scored on the right half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perovsim.microscopy.images.abf_fit import GOOD, Measured, Search, Solution
from perovsim.microscopy.images.columns import GaussianColumns, fit_columns
from perovsim.microscopy.images.image_lattice import (
    Distortion,
    ImageLattice,
    fit_image_lattice,
    periodic_design,
    pixel_positions,
    scan_distortion,
)
from perovsim.microscopy.measured.datasets import DATASETS, dataset_image
from perovsim.microscopy.records.image import Image
from perovsim.microscopy.table.crystal import CrystalCell, crystal_cell
from perovsim.microscopy.waves.work import Workers

NAME = "srtio3_abf"
ENERGY = 200e3
"""Energy of the electrons [eV]: assumed, the file does not say; usual for such images."""
DISPLACEMENTS = {"Sr": 0.0887e-10, "Ti": 0.0746e-10, "O": 0.0963e-10}
"""Thermal displacements at 295 K [m], sqrt(B / 8 pi^2) with B = 0.62, 0.44, 0.73 A^2, after Abramov
et al., Acta Cryst. B 51, 942 (1995); unconfirmed."""
SEMIANGLE = 25e-3
"""Starting half-angle of the probe [rad]: aberration-corrected instruments use 20 to 30 mrad."""
WIDEST = 30e-3
"""Largest probe half-angle that is searched [rad]."""
THINNEST, THICKEST, THICKNESS_STEP = 6, 110, 5
"""Searched thicknesses in repeats of 0.552 nm: 3 to 61 nm."""
DEFOCI = np.arange(-6e-9, 6.1e-9, 3e-9)
"""Searched defoci [m]."""
RING = 2.5e-3
"""Tilts that are searched lie on a ring of this radius [rad], and at zero."""
DIRECTIONS, STARTS = 8, 2
"""Tilts on the ring, and how many of the best are refined; they end in the same minimum."""
ROUNDS, LAST_ROUNDS = 6, 2
"""Gauss-Newton steps from each start, and last ones from the best at higher accuracy."""
SHIFTS = 25
"""Origins tried along each direction of the cell for the first registration."""
COLUMNS = {"SrO": [(0.0, 0.0), (0.0, 0.5)], "Ti": [(0.5, 0.0), (0.5, 0.5)], "O": [(0.5, 0.25), (0.5, 0.75)]}
"""Columns of SrTiO3 [110] in the cell [001] x [1-10] (cell units)."""
QUARTERS = 4
AVERAGE = "averaged left half (noise ceiling)"
"""The periodic part of the measured left half: what noise and drift leave to any periodic model."""


@dataclass(frozen=True)
class SrTiO3Comparison:
    """Outcome of `srtio3_comparison`.

    image : measured; lattice, distortion : of the whole image; distortion_error : scatter of quarters
    measured, size : averaged left half in crystal axes ([001], [1-10]), its cell [m]
    solution, columns : fitted to it; scores, fitted : correlation with the pixels of the right half
    and of the left one, by name
    models : name -> image of the whole field (y, x), scaled to counts
    check : distortion of the simulated image by the same code; put_in : what it was made with
    """

    image: Image
    lattice: ImageLattice
    distortion: Distortion
    distortion_error: float
    spacings: dict[str, tuple[float, float]]
    measured: Measured = field(repr=False)
    size: tuple[float, float]
    solution: Solution
    columns: GaussianColumns
    scores: dict[str, float]
    fitted: dict[str, float]
    check: Distortion
    put_in: Distortion
    models: dict[str, np.ndarray] = field(repr=False)

    def table(self) -> str:
        """Return the comparison as text."""
        from perovsim.microscopy.measured.srtio3_report import table_text

        return table_text(self)

    def figure(self) -> Any:
        """Return a matplotlib Figure: measured, simulated, residual, and the averaged cells."""
        from perovsim.microscopy.measured.srtio3_report import draw

        return draw(self)


def srtio3_comparison(progress: Callable[[float], None] | None = None, workers: int | None = None) -> SrTiO3Comparison:
    """Compare the measured SrTiO3 image with simulation and with Gaussian columns.

    Raises MeasurementError where the measured file is not there (with its address).
    """
    image = dataset_image(NAME)
    tell = progress or (lambda share: None)
    atoms = projected_cell()
    cell = crystal_cell(atoms, ENERGY, DISPLACEMENTS)
    lattice = fit_image_lattice(image)
    left = np.zeros(image.counts.shape, bool)
    left[:, : left.shape[1] // 2] = True
    half = fit_image_lattice(image, lattice.reciprocal, left)
    measured = in_crystal_axes(half, cell)
    shift = first_shift(measured)
    tell(0.1)
    with Workers(workers) as pool:
        solution = _fit(measured, cell, shift, pool, tell)
    columns = fit_columns(
        measured, {name: np.array(at) for name, at in COLUMNS.items()}, cell.size[0] * cell.size[1], shift
    )
    models = {
        "simulation": _render(image, half, solution.match.model),
        "Gaussian columns": _render(image, half, columns.model),
        AVERAGE: _render(image, half, half.coefficients),
    }
    true = true_vectors(half, cell)
    simulated = _noisy(image, models["simulation"], half.noise)
    check = scan_distortion(fit_image_lattice(simulated, lattice.reciprocal), true)
    tell(1.0)
    return SrTiO3Comparison(
        image=image,
        lattice=lattice,
        distortion=scan_distortion(lattice, true),
        distortion_error=_quarter_scatter(image, lattice, true),
        spacings=_spacings(lattice, true),
        measured=measured,
        size=cell.size[:2],
        solution=solution,
        columns=columns,
        check=check,
        put_in=scan_distortion(half, true),
        models=models,
        scores={name: _correlation(image, model, ~left) for name, model in models.items()},
        fitted={name: _correlation(image, model, left) for name, model in models.items()},
    )


def projected_cell() -> Any:
    """Return SrTiO3 with [001] along x, [1-10] along y and the beam [110] along z (ASE Atoms)."""
    from ase.build import make_supercell

    from perovsim.atoms import unit_cell

    atoms = make_supercell(unit_cell("SrTiO3"), [[0, 0, 1], [1, -1, 0], [1, 1, 0]])
    atoms.set_cell(np.diag(atoms.cell.lengths()), scale_atoms=True)
    atoms.wrap(eps=1e-6)
    return atoms


def in_crystal_axes(lattice: ImageLattice, cell: CrystalCell) -> Measured:
    """Index the harmonics of an image lattice on the simulated cell ([001], [1-10])."""
    hk = lattice.indices
    short_first = _short_first(lattice)
    index = np.stack([hk[:, 1], 2 * hk[:, 0]] if short_first else [hk[:, 0], 2 * hk[:, 1]], axis=1)
    g = np.hypot(index[:, 0] / cell.size[0], index[:, 1] / cell.size[1])
    return Measured(index, g, lattice.coefficients)


def true_vectors(lattice: ImageLattice, cell: CrystalCell) -> np.ndarray:
    """Return the true vectors that the image's direct lattice stands for, columns [m]."""
    long, short = cell.size[0], 0.5 * cell.size[1]
    return np.diag([short, long] if _short_first(lattice) else [long, short])


def _short_first(lattice: ImageLattice) -> bool:
    """Whether the first direct vector is the half of [1-10] (2.76 A), not [001] (3.91 A)."""
    lengths = np.linalg.norm(lattice.direct, axis=0)
    return bool(lengths[0] < lengths[1])


def first_shift(measured: Measured) -> np.ndarray:
    """Return the origin on a SrO column, where annular bright field is darkest (cell units)."""
    low = measured.g <= np.sort(measured.g)[min(4, len(measured.g) - 1)]
    steps = (np.arange(SHIFTS) + 0.5) / SHIFTS
    origins = np.stack(np.meshgrid(steps, 0.5 * steps, indexing="ij"), -1).reshape(-1, 2)
    waves = np.exp(-2j * np.pi * origins @ measured.index[low].T)
    darkness = -(waves * measured.coefficients[low]).real.sum(axis=1)
    return origins[int(darkness.argmax())]


def _fit(
    measured: Measured,
    cell: CrystalCell,
    shift: np.ndarray,
    pool: Workers,
    tell: Callable[[float], None],
) -> Solution:
    """Search thickness, defocus and tilt on a grid, then refine the best few starts."""
    search = Search(measured, cell, THICKEST, WIDEST, pool)
    thicknesses = np.arange(THINNEST, THICKEST, THICKNESS_STEP) * cell.size[2]
    ring = [(RING * np.cos(a), RING * np.sin(a)) for a in 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS]
    found = []
    for number, tilt in enumerate([(0.0, 0.0), *ring]):
        start = found[0].match.shift if found else shift
        found.append(search.grid(thicknesses, DEFOCI, [tilt], SEMIANGLE, start))
        tell(0.1 + 0.5 * (number + 1) / (DIRECTIONS + 1))
    found.sort(key=lambda solution: solution.match.misfit)
    refined = []
    for number, start in enumerate(found[:STARTS]):
        refined.append(search.refine(start, ROUNDS))
        tell(0.6 + 0.25 * (number + 1) / STARTS)
    search.refocus(GOOD)
    best = min(refined, key=lambda solution: solution.match.misfit)
    return search.with_errors(search.refine(best, LAST_ROUNDS))


def _render(image: Image, lattice: ImageLattice, coefficients: np.ndarray) -> np.ndarray:
    """Return the periodic image of these coefficients on the pixels of the measured one [counts]."""
    design = periodic_design(pixel_positions(image), lattice.reciprocal, lattice.indices)
    linear = np.empty(design.shape[1])
    linear[0] = lattice.mean
    linear[1::2], linear[2::2] = 2 * coefficients.real, -2 * coefficients.imag
    return (design @ linear).reshape(image.counts.shape)


def _noisy(image: Image, model: np.ndarray, noise: float) -> Image:
    """Return a simulated image with the measured one's pixels and noise, for the same reduction."""
    counts = model + noise * np.random.default_rng(1).standard_normal(model.shape)
    dataset = image.dataset.copy()
    dataset["counts"] = (("y", "x"), counts, {"units": "count"})
    return Image(dataset)


def _correlation(image: Image, model: np.ndarray, region: np.ndarray) -> float:
    return float(np.corrcoef(image.counts[region], model[region])[0, 1])


def _quarter_scatter(image: Image, lattice: ImageLattice, true: np.ndarray) -> float:
    """Return the standard error of the stretch between axes from four quarters of the image."""
    rows, columns = (n // 2 for n in image.counts.shape)
    values = []
    for top in (False, True):
        for first in (False, True):
            region = np.zeros(image.counts.shape, bool)
            region[
                slice(rows, None) if top else slice(0, rows), slice(columns, None) if first else slice(0, columns)
            ] = True
            part = fit_image_lattice(image, lattice.reciprocal, region)
            values.append(scan_distortion(part, true).between_axes)
    return float(np.std(values, ddof=1) / np.sqrt(QUARTERS))


def _spacings(lattice: ImageLattice, true: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return name -> (measured, true) spacing of planes [m]."""
    spacing = 1 / np.linalg.norm(lattice.reciprocal, axis=0)
    names = ("110", "001") if _short_first(lattice) else ("001", "110")
    return {name: (float(d), float(t)) for name, d, t in zip(names, spacing, np.diag(true), strict=True)}


CITATION = DATASETS[NAME].citation
