"""What a scan computes: cell and grid around each probe, positions, detector pixels, electrons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perovsim import units
from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.bullseye import zone
from perovsim.microscopy.waves.grid import Grid, fast_length
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.probe import RAYLEIGH

SPAN = 6.0
"""Least edge of the cell around a probe [lambda / semiangle]: 3.4 % of an Airy probe lies beyond."""
LEAST_EDGE = 2e-9
"""Least edge of the cell around a probe [m]: what scatters to 100 mrad is then within 1 % of a whole
lamella of 20 nm (benchmark `window`)."""
REACH = 5e-10
"""Atoms act on what is closer than this [m]: their projected potential has decayed to 0.2 V angstrom
(Cs) or less."""


@dataclass(frozen=True)
class Plan:
    """What is computed: cell of each probe, its grid, the positions and the detector.

    grid : of the wave around one probe (square cell); period : grid points of one lamella height
    low, columns : first x [m] and grid points along x of the whole lamella, continued beyond its window
    so that the tails of every probe lie in it
    positions : (n, 2) [m]; half : computed pixels of the pattern on each side of the centre; lam : wavelength [m]
    fold : computed pixels along each edge of a detector pixel; angle_step : their step [rad], lambda over the cell's
    edge when None; shape : rows and columns where the positions form a grid
    """

    grid: Grid
    period: int
    low: float
    columns: int
    positions: np.ndarray
    half: int
    lam: float
    fold: int = 1
    angle_step: float | None = None
    shape: tuple[int, ...] = ()

    @property
    def cropped(self) -> bool:
        """Whether the cell is a part of the lamella's height (else it holds whole heights)."""
        return self.grid.shape[1] < self.period

    @property
    def whole(self) -> Grid:
        """Grid over the whole lamella: one height, or as many as the cell of a probe has."""
        return Grid((self.columns, max(self.period, self.grid.shape[1])), self.grid.step)

    @property
    def span(self) -> tuple[float, float]:
        """First and last x of the whole lamella, continued [m]."""
        return self.low, self.low + self.columns * self.grid.step[0]

    @property
    def pixel(self) -> float:
        """Edge of a computed pixel [rad]."""
        return self.lam / self.grid.size[0] if self.angle_step is None else self.angle_step

    @property
    def q(self) -> np.ndarray:
        """Angles of the computed pixels along x and along y [rad]."""
        return np.arange(-self.half, self.half + 1) * self.pixel

    def only(self, chosen: np.ndarray) -> Plan:
        """Return the plan of some positions."""
        return replace(self, positions=self.positions[chosen])


def plan_scan(
    lamella: Any,
    microscope: Any,
    beam: Any,
    step: float | str | None = None,
    positions: Sequence | np.ndarray | None = None,
    edge: float | str | None = None,
) -> Plan:
    """Choose cell and grid and check detector, probe and positions, before anything is computed.

    edge : least edge of the cell around a probe [m] or text; of SPAN and LEAST_EDGE when None
    """
    lam = wavelength(float(microscope.energy))
    for name in ("max_angle", "sampling"):
        if getattr(beam, name) is None:
            raise PerovsimError(
                f"mode '{beam.name}' of microscope '{microscope.name}' has no "
                f"{name}, which patterns need; give it, or choose another mode"
            )
    semiangle, reach = float(beam.semiangle), RAYLEIGH * lam / float(beam.semiangle)
    if lamella.height < 2 * reach:
        raise _too_wide("height", lamella.height, semiangle, reach)
    least = _least_edge(beam, lam) if edge is None else units.parse(edge, "m")
    if least < 2 * reach:
        raise _too_wide("edge of the window of a probe", least, semiangle, reach, "give a larger edge")
    grid, period = _cell(least, lamella.height, float(beam.sampling))
    grid.require(float(beam.max_angle), lam, f"max_angle of mode '{beam.name}'")
    half, fold, angle_step = _detector_pixels(beam, lam / grid.size[0])
    margin = 0.5 * grid.size[0] + 2 * REACH
    low, high = lamella.window[0] - margin, lamella.window[1] + margin
    columns = fast_length(int(np.ceil((high - low) / grid.step[0])))
    places = _positions(lamella, beam, step, positions, reach)
    return Plan(grid, period, low, columns, places, half, lam, fold, angle_step, grid_shape(positions))


def _least_edge(beam: Any, lam: float) -> float:
    """Return the least edge of the cell around a probe [m]; rings of a bullseye send electrons to lambda / ring."""
    rings = 0.0 if beam.bullseye is None else 1 / zone(beam.bullseye, float(beam.semiangle))
    return max(lam * (SPAN / float(beam.semiangle) + rings), LEAST_EDGE)


def _detector_pixels(beam: Any, native: float) -> tuple[int, int, float | None]:
    """Return computed pixels on each side of the centre, their number along a detector pixel, and their step [rad].

    native : the step that the cell of a probe gives [rad]; a detector pixel holds an odd number, none wider than it
    """
    pixel = None if beam.camera is None else beam.camera.pixel
    if pixel is None:
        return int(float(beam.max_angle) / native), 1, None
    count = int(float(beam.max_angle) / pixel + 1e-9)
    if count < 1:
        raise PerovsimError(
            f"mode '{beam.name}': a detector pixel of {pixel * 1e3:.3g} mrad is larger than max_angle, "
            f"{float(beam.max_angle) * 1e3:.3g} mrad; give a longer camera_length, or a smaller pixel"
        )
    fold = 2 * int(np.ceil(0.5 * (pixel / native - 1) - 1e-9)) + 1 if pixel > native else 1
    return count * fold + fold // 2, fold, pixel / fold


def _cell(least: float, height: float, sampling: float) -> tuple[Grid, int]:
    """Return the grid of a square cell, and the grid points of one height of the lamella.

    The cell is a part of a high lamella, and whole heights of a low one.
    """
    period = fast_length(int(np.ceil(height / sampling - 1e-9)))
    step = height / period
    count = fast_length(int(np.ceil(least / step - 1e-9)))
    if count < period:
        return Grid((count, count), (step, step)), period
    tiles = int(np.ceil(least / height - 1e-9))
    edge = tiles * height
    columns = fast_length(int(np.ceil(edge / sampling - 1e-9)))
    return Grid((columns, tiles * period), (edge / columns, step)), period


def _positions(lamella: Any, beam: Any, step: float | str | None, positions: Any, reach: float) -> np.ndarray:
    """Return (n, 2) positions [m] that lie at least `reach` inside the window."""
    x0, x1 = lamella.window
    if x1 - x0 < 2 * reach:
        raise _too_wide("width", x1 - x0, float(beam.semiangle), reach)
    if positions is None:
        distance = step_of(beam, step)
        first = np.ceil((x0 + reach - lamella.interface) / distance - 1e-9)
        last = np.floor((x1 - reach - lamella.interface) / distance + 1e-9)
        x = lamella.interface + distance * np.arange(first, last + 1)
        if len(x) == 0:
            x = np.array([0.5 * (x0 + x1)])
        return np.stack([x, np.full_like(x, 0.5 * lamella.height)], axis=-1)
    if step is not None:
        raise PerovsimError("give either step or positions, not both")
    given = given_positions(positions, lamella.height)
    for x in given[:, 0]:
        if not x0 + reach - 1e-15 <= x <= x1 - reach + 1e-15:
            raise PerovsimError(
                f"a probe at x = {x * 1e9:.3f} nm does not fit into the window {x0 * 1e9:.3f} to "
                f"{x1 * 1e9:.3f} nm; allowed with a probe of radius {reach * 1e9:.2f} nm: "
                f"{(x0 + reach) * 1e9:.3f} to {(x1 - reach) * 1e9:.3f} nm; build a wider lamella"
            )
    return given


def given_positions(positions: Any, height: float) -> np.ndarray:
    """Return (n, 2) positions [m] from x, at mid-height, or (x, y) pairs, of any grid; PerovsimError for others."""
    given = np.asarray(positions, float)
    if given.ndim == 3:
        given = given.reshape(-1, given.shape[2])
    if given.ndim == 1:
        given = np.stack([given, np.full_like(given, 0.5 * height)], axis=-1)
    if given.ndim != 2 or given.shape[1] != 2 or len(given) == 0 or not np.isfinite(given).all():
        raise PerovsimError("positions must be a list of x, or of (x, y) pairs, in metres")
    return given


def grid_shape(positions: Any) -> tuple[int, ...]:
    """Return rows and columns of positions (rows, columns, 2); () for a list."""
    return np.shape(positions)[:2] if positions is not None and np.ndim(positions) == 3 else ()


def _too_wide(name: str, size: float, semiangle: float, reach: float, remedy: str = "") -> PerovsimError:
    remedy = remedy or f"build a lamella with a {name} of at least {2 * reach * 1e9:.2f} nm"
    return PerovsimError(
        f"the probe of {semiangle * 1e3:g} mrad is {2 * reach * 1e9:.2f} nm wide (first dark ring), "
        f"larger than the {name}{'' if 'edge' in name else ' of the lamella'}, {size * 1e9:.2f} nm; {remedy}, or use "
        "a larger semiangle"
    )


def step_of(beam: Any, step: float | str | None) -> float:
    """Return the distance of the probes [m]: given, or of the mode; PerovsimError where there is none above zero."""
    given = beam.step if step is None else step
    if given is None:
        raise PerovsimError(f"mode '{beam.name}' has no step; give step, such as \"0.5 nm\"")
    distance = units.parse(given, "m") if isinstance(given, str) else float(given)
    if not distance > 0:
        raise PerovsimError(f"step = {distance * 1e9:g} nm must be positive")
    return distance


def electrons_per_pattern(beam: Any, step: float | str | None, usual: str = "electrons_per_pattern = 1e5") -> float:
    """Return the electrons per position of a mode: given, or dose x step^2; usual : what an error proposes."""
    if beam.electrons_per_pattern is not None:
        return float(beam.electrons_per_pattern)
    if beam.dose is None:
        raise PerovsimError(f"mode '{beam.name}' has neither dose nor electrons_per_pattern; give {usual}, for example")
    return float(beam.dose) * step_of(beam, step) ** 2
