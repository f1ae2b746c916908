"""Lesson 4: what the microscope sees. HAADF columns, nanobeam patterns, strain, and what dose buys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import erfc

from perovsim.teach.chart import Axis, Panel, Picture, chart
from perovsim.teach.lesson import Check, Control, Lesson, Option, Reading, Settings, View, short

if TYPE_CHECKING:
    from perovsim.microscopy.records.scan import Scan4D

FILE = Path(__file__).parents[1] / "microscope.npz"
"""Made by ``python -m perovsim.teach.microscope_grid``."""
TILES = 4
"""Cells along each edge of the image."""
COLUMN_RADIUS = 0.9e-10
"""A column is read within this distance of its centre [m]; columns are 2.9 angstrom apart."""
SEMIANGLE, EDGE = 1.5e-3, 0.1e-3
"""Of the nanobeam probe, as the shipped microscope, and the softness of its aperture [rad]."""
PIXEL, HALF = 0.25e-3, 42
"""Detector pixel [rad] and pixels on each side of the middle."""
STEP = 1e-9
"""Distance of the probes of the scan [m]: a pattern gets the electrons of this square."""
DAMAGE_DOSE = 300.0
"""D_e [1/angstrom^2] of exp(-D/D_e), the assumed beam_dose of the shipped device; reports give 100 to 1000."""
ANGSTROM = 1e-10
REFERENCE_ELECTRONS = 1e7
"""Electrons of the reference pattern: its error is a tenth of that of the highest dose."""
DOSES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
SEED = 7


@dataclass(frozen=True)
class Table:
    """The precomputed table: compositions, cell edges [m], image cells, orders and insides of the disks."""

    x_cl: np.ndarray
    cell: np.ndarray
    haadf: np.ndarray
    orders: np.ndarray
    disks: np.ndarray
    energy: float
    thickness: np.ndarray


@lru_cache
def table() -> Table:
    """Read the table that is shipped with the package."""
    with np.load(FILE) as stored:
        return Table(**{name: stored[name] for name in Table.__dataclass_fields__})


def _view(settings: Settings) -> View:
    return _seen(float(settings["chloride"]), float(settings["strain"]), float(settings["dose"]))


@lru_cache
def _seen(x_cl: float, strain: float, dose: float) -> View:
    """The view of a crystal with a composition and an elastic strain [%] along x at a dose [1/angstrom^2]."""
    image, pattern = image_counts(x_cl, dose), pattern_counts(x_cl, 0.01 * strain, dose)
    ratio, error = column_ratio(image)
    truth = 100.0 * lattice_strain(x_cl, 0.01 * strain)
    found, spread = measured_strain(pattern)
    bragg = 100.0 * float(np.exp(-dose / DAMAGE_DOSE))
    readings = (
        Reading("ratio", "halide column : lead column", ratio, "", f"± {short(error)} from counting"),
        Reading("electrons", "electrons in the pattern", float(pattern.sum()), ""),
        Reading("strain", "strain along x, measured", 100.0 * found, "%", f"± {short(100.0 * spread)} %"),
        Reading("truth", "strain along x, put in", truth, "%", "against CsPbBr₃: chloride and stress together"),
        Reading("bragg", "Bragg amplitude left after this dose", bragg, "%", "exp(−D/300 Å²), assumed"),
    )
    sentence = (
        f"At {short(dose)} e/Å² the pattern gives {short(100.0 * found)} ± {short(100.0 * spread)} % where "
        f"{short(truth)} % was put in; the halide column has {short(ratio)} of the lead column."
        if np.isfinite(found)
        else f"At {short(dose)} e/Å² no lattice stands out of the noise of the pattern; {short(truth)} % was put in."
    )
    alt = f"Left: HAADF image of {TILES} by {TILES} cells. Right: nanobeam diffraction pattern. {sentence}"
    return View(readings, sentence, _figure(x_cl, image, pattern, alt))


def _index(x_cl: float) -> int:
    return int(np.argmin(np.abs(table().x_cl - x_cl)))


def lattice_strain(x_cl: float, elastic: float) -> float:
    """(1 + e) a(x)/a(0) - 1: what diffraction sees against CsPbBr3."""
    known = table()
    return (1.0 + elastic) * float(known.cell[_index(x_cl)] / known.cell[0]) - 1.0


def image_counts(x_cl: float, dose: float) -> np.ndarray:
    """Electrons per pixel of the image (y, x); Poisson with the dose [1/angstrom^2]."""
    cell = table().haadf[_index(x_cl)]
    pixel = float(table().cell[_index(x_cl)]) / cell.shape[0] / ANGSTROM
    mean = np.tile(cell, (TILES, TILES)) * dose * pixel**2
    return np.random.default_rng(SEED).poisson(mean)


def column_ratio(counts: np.ndarray) -> tuple[float, float]:
    """Counts of the halide columns over those of the lead columns, per column, and its standard error."""
    size = counts.shape[0] // TILES
    cell = counts.reshape(TILES, size, TILES, size).sum(axis=(0, 2))
    lead = _column(cell, 0.5, 0.5)
    halide = _column(cell, 0.5, 0.0) + _column(cell, 0.0, 0.5)
    ratio = 0.5 * halide / max(lead, 1)
    return ratio, ratio * float(np.sqrt(1.0 / max(halide, 1) + 1.0 / max(lead, 1)))


def _column(cell: np.ndarray, y: float, x: float) -> float:
    """Counts around a place of the cell, in shares of its edge; the lead column stands at (1/2, 1/2)."""
    size = cell.shape[0]
    steps = (np.arange(size) - size // 2) / size + 0.5
    far = [np.abs(steps - at) for at in (y, x)]
    dy, dx = (np.minimum(one, 1.0 - one) for one in far)
    edge = float(table().cell.mean())
    return float(cell[np.hypot(dy[:, None], dx[None, :]) * edge < COLUMN_RADIUS].sum())


def pattern_counts(x_cl: float, elastic: float, dose: float) -> np.ndarray:
    """Electrons per detector pixel (qy, qx) of one probe of the scan."""
    electrons = dose * (STEP / ANGSTROM) ** 2
    return np.random.default_rng(SEED).poisson(electrons * pattern_expectation(x_cl, elastic))


@lru_cache
def pattern_expectation(x_cl: float, elastic: float) -> np.ndarray:
    """Share of the beam per pixel: the disks of the table, moved to the strained reciprocal lattice.

    I(q) = I_h(u), u = q - B h; strain along x divides the first reciprocal vector by 1 + e. The inside of a disk is
    that of the unstrained crystal.
    """
    from perovsim.microscopy.waves.optics import wavelength

    known, number = table(), _index(x_cl)
    lam, edge = wavelength(known.energy), float(known.cell[number])
    spacing = lam / edge
    q = np.arange(-HALF, HALF + 1) * PIXEL
    qx, qy = np.meshgrid(q, q)
    period = spacing / (1.0 + elastic), spacing
    order = np.rint(qx / period[0]), np.rint(qy / period[1])
    ux, uy = qx - order[0] * period[0], qy - order[1] * period[1]
    inside = _inside(known.disks[number], known.orders, order, (ux / spacing, uy / spacing))
    soft = 0.5 * erfc((np.hypot(ux, uy) - SEMIANGLE) / (np.sqrt(2.0) * EDGE))
    return inside * soft * PIXEL**2 / (np.pi * SEMIANGLE**2)


def _inside(disks: np.ndarray, orders: np.ndarray, order: tuple, u: tuple) -> np.ndarray:
    """Intensity inside the disks (order, y, x), linear between wave vectors; zero beyond the table."""
    reach, zones = int(orders.max()), disks.shape[-1]
    known = np.maximum(np.abs(order[0]), np.abs(order[1])) <= reach
    which = (order[0] + reach) * (2 * reach + 1) + order[1] + reach
    places = [np.where(known, which, 0.0), *((part + 0.5) * zones - 0.5 for part in (u[1], u[0]))]
    return known * map_coordinates(disks, places, order=1, mode="nearest")


def measured_strain(counts: np.ndarray) -> tuple[float, float]:
    """Strain along x and its standard error, by the fit that measured scans go through; NaN without a lattice."""
    from perovsim.errors import MeasurementError
    from perovsim.microscopy.patterns.strain import strain_profile

    try:
        found = strain_profile(_scan(counts), reference=reference_cell())
    except MeasurementError:  # so few counts that another lattice fits as well
        return float("nan"), float("nan")
    return float(found["strain"].values[0]), float(found["strain_error"].values[0])


@lru_cache
def reference_cell() -> float:
    """Cell edge [m] as read from a pattern of CsPbBr3 without stress.

    Intensity structure inside the disks makes it 0.08 % too long, here and in every other pattern alike.
    """
    from perovsim.microscopy.patterns.strain import strain_profile

    edge = float(table().cell[0])
    pattern = np.round(REFERENCE_ELECTRONS * pattern_expectation(0.0, 0.0))
    return edge * (1.0 + float(strain_profile(_scan(pattern), reference=edge)["strain"].values[0]))


def _scan(counts: np.ndarray) -> Scan4D:
    """The pattern as a scan of one position."""
    import xarray as xr

    from perovsim.microscopy.records.scan import FORMAT, Scan4D

    q = np.arange(-HALF, HALF + 1) * PIXEL
    coords = {"x": ("position", [0.0]), "y": ("position", [0.0]), "qx": ("qx", q), "qy": ("qy", q)}
    known = {"format": FORMAT, "kind": "measured", "energy": table().energy, "semiangle": SEMIANGLE}
    return Scan4D(xr.Dataset({"counts": (("position", "qy", "qx"), counts[None])}, coords, known))


def _figure(x_cl: float, image: np.ndarray, pattern: np.ndarray, alt: str) -> str:
    edge = TILES * float(table().cell[_index(x_cl)]) * 1e9
    angle = (HALF + 0.5) * PIXEL * 1e3
    columns = Panel(
        f"HAADF image, {TILES} × {TILES} cells, square root of counts",
        Axis("x [nm]", 0.0, edge),
        Axis("y [nm]", 0.0, edge),
        (Picture(np.sqrt(image / max(image.max(), 1))[::-1]),),
        square=True,
    )
    disks = Panel(
        "Nanobeam pattern, square root of counts",
        Axis("scattering angle x [mrad]", -angle, angle),
        Axis("scattering angle y [mrad]", -angle, angle),
        (Picture(np.sqrt(pattern / max(pattern.max(), 1))[::-1]),),
        square=True,
    )
    return chart((columns, disks), alt)


LESSON = Lesson(
    key="microscope",
    title="4. What the microscope sees",
    question="The lattice in the pattern is 1 % smaller than it was. Is it stress, or is it chloride?",
    story=(
        "Two signals of one electron microscope. In a **HAADF image** (probe of 25 mrad, detector from 60 to 100 mrad) "
        "a column is the brighter the heavier its atoms: lead with halide in the middle of the cell, caesium at the "
        "corners, halide alone on the edges. In a **nanobeam pattern** (1.5 mrad) every reflection is a disk; the "
        "distance of the disks is the inverse of the lattice distance, so a strained lattice moves them. The strain "
        "that diffraction measures is a sum: more chloride shrinks the cell, and stress stretches or "
        "compresses it. Electrons are few: counts scatter, and each electron damages the crystal."
    ),
    tries=(
        "Compare 20 % chloride without stress to 0 % chloride under −1 % strain. Does the pattern tell them apart?",
        "Raise the chloride share at 3000 e/Å² and watch the columns on the edges of the cell.",
        "Find the dose at which the strain is known to 0.2 %, and see what is left of the crystal.",
    ),
    controls=(
        Control("chloride", "chloride share x", "", (0.0, 0.2, 0.4, 0.6), 0.2),
        Control("strain", "elastic strain along x", "%", (-2.0, -1.0, 0.0, 1.0, 2.0), 0.0),
        Control("dose", "dose", "e/Å²", DOSES, 300.0),
    ),
    view=_view,
    check=Check(
        "A scan reads −0.8 % strain against CsPbBr₃, in a place where a simulation puts 20 % chloride. What follows?",
        (
            Option("The film is under compressive stress.", False, "It may be, but chloride alone gives this number."),
            Option(
                "Nothing yet: 20 % chloride without any stress gives the same lattice.",
                True,
                "Right. Diffraction sees the sum of both. The halide columns of a HAADF image, or an EDX map, tell "
                "how much chloride there is; only then is the rest of the strain stress. Reading y as well helps "
                "where the stress is along x alone: chloride shrinks the cell along both.",
            ),
            Option("There is no chloride left.", False, "No: chloride makes the cell smaller, as it is here."),
        ),
    ),
    theory="microscope",
    limits=(
        "A perfect crystal of 10 nm at the zone axis, no tilt, mean halide in the pattern, alloy averaged in the "
        "image; the strained crystal keeps the disk insides of the unstrained one; electrons scattered by thermal "
        "motion are left out of the pattern. Chloride shrinks the cell along x and y, the stress here acts along x "
        "alone, and only x is read; stress that is alike along x and y, as in a film held by its substrate, is told "
        "from chloride by no axis of the pattern. Damage is a number here and not in the pictures; its dose is "
        "assumed."
    ),
)
