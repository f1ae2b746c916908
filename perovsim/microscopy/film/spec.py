"""What a film shows: times, columns across the stack, rows along the interface; checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim import units
from perovsim.atoms.stack import check_window, regions
from perovsim.errors import PerovsimError
from perovsim.microscopy.film.columns import lattice_of
from perovsim.microscopy.waves.plan import electrons_per_pattern

INTO_CONTACT = 1e-8
"""A film reaches this deep into the contact behind the lattice [m]."""
SQUARE_NM = 1e-18


@dataclass(frozen=True)
class FilmSpec:
    """Times [s], columns x and rows y [m], electrons per pattern, thickness along the beam [m], error promised."""

    times: np.ndarray
    x: np.ndarray
    y: np.ndarray
    electrons: float
    thickness: float
    error: float
    seed: int

    @property
    def step(self) -> float:
        """Distance of the columns [m]."""
        return float(self.x[1] - self.x[0])


def film_spec(
    result: Any,
    beam: Any,
    *,
    times: Sequence[float | str] | None,
    dose: float | str | None,
    region: tuple[float | str, float | str] | None,
    rows: float | str,
    step: float | str,
    thickness: float | str,
    error: float,
    seed: int,
) -> FilmSpec:
    """Read what the user wants; times : [s] or text, or dose : electrons per area of the whole film instead.

    region : first and last x [m] or text; None for the lattice, the layers behind it and INTO_CONTACT of the contact
    """
    width = units.parse(step, "m")
    if not width > 0:
        raise PerovsimError(f"step = {width * 1e9:g} nm must be positive")
    electrons = electrons_per_pattern(beam, step)
    if (times is None) == (dose is None):
        raise PerovsimError("a film needs either times or a dose")
    if times is not None:
        found = [result.seconds(one) for one in times]
    else:
        found = _budget(result, units.parse(dose, "1/m^2"), electrons / width**2)
    if not found:
        raise PerovsimError("a film needs at least one time")
    low, high = _default(result) if region is None else (units.parse(edge, "m") for edge in region)
    check_window(regions(result.device), (low, max(high, low + width)), result.device)
    high_rows = units.parse(rows, "m")
    counts = int((high - low) / width + 1e-6), int(high_rows / width + 1e-6)
    if counts[0] < 2 or counts[1] < 1:
        raise PerovsimError(
            f"the film's region is {(high - low) * 1e9:.3g} x {high_rows * 1e9:.3g} nm: less than two columns and one "
            f"row of {width * 1e9:.3g} nm; widen it"
        )
    x, y = low + width * (np.arange(counts[0]) + 0.5), width * (np.arange(counts[1]) + 0.5)
    if not 0 < error < 1:
        raise PerovsimError(f"error = {error:g} must lie between 0 and 1: the share of electrons in wrong pixels")
    return FilmSpec(np.array(found), x, y, electrons, units.parse(thickness, "m"), float(error), int(seed))


def _default(result: Any) -> tuple[float, float]:
    lattice = lattice_of(result.device)
    last = sum(float(layer.thickness) for layer in result.device.layers)
    return lattice.x0, last + INTO_CONTACT


def _budget(result: Any, budget: float, per_scan: float) -> list[float]:
    """Return as many times as the dose allows, the first, the last, and between them equal steps of log(time)."""
    count = int(budget / per_scan)
    if count < 1:
        raise PerovsimError(
            f"dose {budget * SQUARE_NM:.3g} electrons/nm^2 is less than one scan's {per_scan * SQUARE_NM:.3g}; give "
            "more, a larger step, or fewer electrons_per_pattern in the microscope file"
        )
    known = np.asarray(result.times, float)
    later = known[known > 0]
    if count == 1 or len(later) < 2:
        return [float(known[-1])]
    return [float(known[0]), *np.geomspace(later[0], later[-1], count)[1:]]
