"""Strain, composition, thickness and tilt from whole patterns: the crystal table as the model, Poisson likelihood.

Starts from the lattice of the disks and a search over all tilts; neighbours start from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import MeasurementError
from perovsim.microscopy.forward.forward_model import NAMES, Fit, Model, Pattern, fit_pattern
from perovsim.microscopy.forward.forward_start import Search, lattice_state, start_fit
from perovsim.microscopy.records.scan import Scan4D
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.nanobeam_table import STATE, NanobeamTable, nanobeam_table
from perovsim.microscopy.table.phase import Phase
from perovsim.microscopy.table.table_settings import COMPOSITIONS, TILT_RANGE
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.work import Workers

COARSE_STEP = 1.2e-3
"""Distance of the directions of the coarse table [rad]."""
COARSE_TILT = 10e-3
"""Largest tilt along x and y that is searched [rad]."""
PITCH = 1.5e-3
"""Distance of the tilts of neighbouring fine tables [rad]: they overlap, each reaches 0.75 or more."""
KEPT = 4
"""Fine tables in memory."""
POOR = 1.5
"""A fit whose deviance is this many times its neighbour's is repeated from a search."""
HELD = ("radius", "edge")
"""Unknowns that are taken from the camera unless they are asked for."""
MODEL_ERROR = {"still": 5e-5, "alloy": 5.6e-4, "thermal": 1e-4}
"""Error of each strain by the model itself, added to Poisson's. Crystal at rest: measured, the worst of noiseless fits
of uniform and graded crystals of 40 nm (5.2e-5; of 10 and 20 nm 1.3e-5: benchmarks/strain). Thermal motion: 4e-5 at
40 nm against a coherent wave of mean transmissions, too little for single snapshots; assumed. Alloy: one random
occupation against its mean, at equal shares and DEPTH; measured, rms of noiseless fits of four random alloys over
2 sqrt(x (1 - x)): 1.7e-4 at 10 nm, 5.6e-4 at 20 nm, taken as the square of the thickness."""
DEPTH = 20e-9
"""Thickness at which the alloy's error is given [m]."""
QUANTITIES = {
    "exx": ("strain", "1", "strain along x"),
    "eyy": ("strain_yy", "1", "strain along y"),
    "exy": ("strain_xy", "1", "shear strain"),
    "rotation": ("rotation", "rad", "rotation of the lattice"),
    "composition": ("composition", "1", "composition"),
    "thickness": ("thickness", "m", "thickness"),
    "tilt_x": ("tilt_x", "rad", "tilt of the beam against the zone axis along x"),
    "tilt_y": ("tilt_y", "rad", "tilt of the beam against the zone axis along y"),
}


@dataclass
class CrystalTables:
    """The tables of one phase for one microscope: a coarse one of all tilts, fine ones where they are needed.

    thicknesses, compositions, sampling, static, tilt_range : as in `table_settings.settings_of`
    """

    phase: Phase
    microscope: Any
    mode: str
    thicknesses: tuple[float | str, float | str]
    compositions: Sequence[float] | None = None
    sampling: float | None = None
    static: bool = False
    tilt_range: float = TILT_RANGE
    workers: int | None = None
    progress: Callable[[float], None] | None = None
    _fine: dict[tuple[int, int], NanobeamTable] = field(default_factory=dict)
    _search: Search | None = None
    _lock: Any = field(default_factory=Lock)

    def _make(self, **settings: Any) -> NanobeamTable:
        return nanobeam_table(
            self.phase,
            self.microscope,
            self.mode,
            thicknesses=self.thicknesses,
            sampling=self.sampling,
            static=self.static,
            workers=self.workers,
            progress=self.progress,
            **settings,
        )

    @property
    def search(self) -> Search:
        """The search over all tilts, made once."""
        if self._search is None:
            every = COMPOSITIONS if self.compositions is None else self.compositions
            coarse = every[:: max((len(every) - 1) // 2, 1)] if self.phase.alloy else None
            table = self._make(compositions=coarse, tilt_range=COARSE_TILT, angle_step=COARSE_STEP, strained=False)
            self._search = Search(table)
        return self._search

    def at(self, values: np.ndarray) -> NanobeamTable:
        """Return a fine table that holds a state."""
        with self._lock:
            return self._at(values)

    def _at(self, values: np.ndarray) -> NanobeamTable:
        for table in self._fine.values():
            if table.holds(values):
                return table
        cos, sin = np.cos(values[3]), np.sin(values[3])
        tilt = np.array([cos * values[6] + sin * values[7], -sin * values[6] + cos * values[7]])
        place = tuple(int(round(t / PITCH)) for t in tilt)
        if place not in self._fine:
            while len(self._fine) >= KEPT:
                self._fine.pop(next(iter(self._fine)))
            self._fine[place] = self._make(
                compositions=self.compositions, tilt=tuple(PITCH * p for p in place), tilt_range=self.tilt_range
            )
        return self._fine[place]


def forward_profile(
    scan: Scan4D,
    tables: CrystalTables,
    *,
    camera: Camera | None = None,
    free: Sequence[str] = (),
    noiseless: bool = False,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Fit every pattern of a scan with the crystal table.

    camera : with the edge of the aperture and the point spread; that of the simulation when None
    free : "radius", "edge" where the aperture is to be fitted as well; noiseless : use the expectation
    Returns strain, strain_yy, strain_xy, rotation, composition, thickness, tilt_x, tilt_y along the scan, each
    with *_error (standard error, the model's own included for strains), deviance, reason.
    Raises MeasurementError for a measured scan without a camera, or one without a lattice.
    """
    if camera is None:
        if not scan.simulated:
            raise MeasurementError("a measured scan needs its camera: give camera = Camera(pixel, shape, radius, edge)")
        camera = Camera.of_scan(scan)
    camera = replace(camera, field=min(camera.field, float(scan.qx[-1])))
    patterns = scan.expectation if noiseless else scan.patterns
    electrons = scan.electrons if np.isfinite(scan.electrons) else float(patterns.sum(axis=(1, 2)).max())
    counts = patterns.astype(float) * (electrons if noiseless else 1.0)
    fits = fit_patterns(counts, electrons, camera, tables, free, workers, progress)
    return _dataset(scan, fits, tables)


def fit_patterns(
    counts: np.ndarray,
    electrons: float,
    camera: Camera,
    tables: CrystalTables,
    free: Sequence[str] = (),
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Fit]:
    """Fit patterns (n, rows, columns) that may start from each other; see `forward_profile`."""
    unknowns = free_unknowns(tables, free)
    patterns = [Pattern(one, electrons, camera) for one in counts]
    first = first_fit(patterns, tables, unknowns)
    tables.at(first.values)
    fits: list[Fit | None] = [None] * len(patterns)
    with Workers(workers) as pool:
        chains = np.array_split(np.arange(len(patterns)), min(pool.count, len(patterns)))
        done = []

        def run(which: int) -> None:
            start = first
            for number in chains[which]:
                fit = _next(patterns[number], tables, unknowns, start)
                fits[number] = replace(fit, model=None)
                start = start if fit.reason else fit
                done.append(number)
                if progress is not None:
                    progress(len(done) / len(patterns))

        pool.each(run, len(chains))
    return fits  # type: ignore[return-value]


def free_unknowns(tables: CrystalTables, free: Sequence[str] = ()) -> np.ndarray:
    """Return the indices of the unknowns that are fitted."""
    unknown = set(free) - set(HELD)
    if unknown:
        raise MeasurementError(f"'{unknown.pop()}' cannot be set free; {' and '.join(HELD)} can")
    held = {name for name in HELD if name not in free}
    if tables.static:
        held.add("halo")
    if not tables.phase.alloy:
        held.add("composition")
    return np.array([number for number, name in enumerate(NAMES) if name not in held])


def first_fit(patterns: list[Pattern], tables: CrystalTables, unknowns: np.ndarray) -> Fit:
    """Return the fit of the first pattern on the coarse table, its lattice from all patterns together."""
    camera = patterns[0].camera
    total = np.sum([pattern.counts for pattern in patterns], axis=0)
    lam = wavelength(float(tables.microscope.energy))
    lattice = lattice_state(total, camera, tables.phase, lam)
    return start_fit(patterns[0], tables.search, lattice, unknowns)


def _next(pattern: Pattern, tables: CrystalTables, unknowns: np.ndarray, start: Fit) -> Fit:
    """Fit a pattern from its neighbour, and from a search where that fails or fits much worse."""
    fit = fit_pattern(pattern, tables.at, _near(start, tables), unknowns)
    if not fit.reason and fit.deviance < POOR * max(start.deviance, 1.0):
        return fit
    try:
        again = start_fit(pattern, tables.search, start.values[: len(STATE)], unknowns)
    except MeasurementError:
        return fit
    other = fit_pattern(pattern, tables.at, again.values, unknowns)
    return fit if other.reason or (not fit.reason and fit.deviance <= other.deviance) else other


def _near(start: Fit, tables: CrystalTables) -> np.ndarray | Model:
    """Return the neighbour's model where it came from a fine table, else its values."""
    known = start.model is not None and tables.at(start.values) is start.model.table
    return start.model if known else start.values


def model_error(tables: CrystalTables, composition: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """Return the error of strains by the model itself; thickness [m]."""
    error = np.full(np.shape(composition), MODEL_ERROR["still"])
    if not tables.static:
        error = np.hypot(error, MODEL_ERROR["thermal"])
    if tables.phase.alloy:
        mixed = np.clip(composition, 0, 1)
        random = MODEL_ERROR["alloy"] * (thickness / DEPTH) ** 2
        error = np.hypot(error, random * 2 * np.sqrt(mixed * (1 - mixed)))
    return error


def _dataset(scan: Scan4D, fits: list[Fit], tables: CrystalTables) -> xr.Dataset:
    values = np.array([fit.values for fit in fits])
    errors = np.array([fit.errors for fit in fits])
    own = model_error(tables, values[:, NAMES.index("composition")], values[:, NAMES.index("thickness")])
    data: dict[str, Any] = {}
    for name, (label, unit, words) in QUANTITIES.items():
        column = NAMES.index(name)
        spread = errors[:, column]
        if name in NAMES[:4]:
            spread = np.hypot(spread, own)
        data[label] = ("position", values[:, column], {"units": unit, "long_name": words})
        data[f"{label}_error"] = ("position", spread, {"units": unit, "long_name": f"standard error of {words}"})
    data["deviance"] = ("position", [fit.deviance for fit in fits], {"units": "1"})
    data["reason"] = ("position", np.array([fit.reason for fit in fits], dtype=object))
    attrs = {"method": "forward fit of the crystal table, Poisson likelihood", "phase": tables.phase.name}
    return xr.Dataset(data, scan.places, attrs)
