"""The device state that a lamella is built from: fields, films and provenance at one time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms.film import FilmState
from perovsim.constants import N_A
from perovsim.errors import PerovsimError

HALIDE_FIELDS = ("theta_Cl", "theta_Br", "theta_V")
LEAST_COVERAGE = 0.05
"""Islands cover at least this share of the area, so that none is a tower; assumed."""
_STRAIN_STEP = 2e-11
"""Step of the integral of the strain [m]: a tenth of a plane spacing."""


@dataclass(frozen=True)
class DeviceState:
    """Profiles over the fixed mesh at one time.

    x : cell centres [m]
    profiles : name -> values on x
    lead_at_start : Pb0 of the first output time [1/m^3]
    films : name -> value of the interface group at this time
    """

    device: Any
    time: float
    x: np.ndarray
    profiles: dict[str, np.ndarray]
    lead_at_start: np.ndarray
    films: dict[str, float]

    def profile(self, name: str, x: np.ndarray, low: float, high: float) -> np.ndarray:
        """Return a field at x [m], read from the mesh cells between low and high only."""
        values = self.profiles.get(name)
        inside = (self.x > low) & (self.x < high)
        if values is None or not inside.any():
            return np.zeros_like(np.asarray(x, float))
        known = inside & np.isfinite(values)
        if not known.any():
            return np.zeros_like(np.asarray(x, float))
        return np.interp(x, self.x[known], values[known])

    def film(self) -> FilmState:
        """Return the halide film at the aluminium contact."""
        h = {key: max(self.films.get(f"thickness_{key}", 0.0), 0.0) for key in ("AlCl3", "AlBr3")}
        amounts = {key: self._film_amount(key, h[key]) for key in h}
        total = sum(amounts.values())
        return FilmState(
            units=total * N_A * 1e-20,
            thickness=sum(h.values()) * 1e10,
            bromide_fraction=amounts["AlBr3"] / total if total > 0 else 0.0,
            coverage=self._coverage(),
        )

    def _coverage(self) -> float:
        """Return the area fraction under the film; a film of unknown coverage is closed."""
        blocked = self.films.get("blocked_fraction", 1.0)
        return float(np.clip(blocked, LEAST_COVERAGE, 1.0)) if blocked > 0 else 1.0

    def _film_amount(self, formula: str, thickness: float) -> float:
        """Return the amount [mol/m^2]; from the thickness when the result does not give it."""
        if thickness == 0:
            return 0.0
        amount = self.films.get(f"film_{formula}")
        return amount if amount else thickness / MOLAR_VOLUME[formula]


MOLAR_VOLUME = {"AlCl3": 53.77e-6, "AlBr3": 83.34e-6}
"""Molar volumes of the solids [m^3/mol]; CRC densities."""


@dataclass(frozen=True)
class Displacement:
    """Continuum displacement u(x) = integral of the out-of-plane lattice strain, u(anchor) = 0."""

    grid: np.ndarray
    u: np.ndarray

    def __call__(self, x: np.ndarray | float) -> np.ndarray:
        """Return the position x + u(x) [m] of material points x [m]."""
        return np.asarray(x) + np.interp(x, self.grid, self.u)


def displacement(
    state: DeviceState, spans: list[tuple[float, float]], anchor: float, relaxation: float
) -> Displacement:
    """Integrate the strain of the lattice layers (spans, [m]) from the anchor.

    relaxation : 0 keeps the strain of the film in the device, 1 removes its elastic part, as a
    free lamella may (physics: thin film between plane stress limits)
    """
    if not spans:
        return Displacement(np.array([anchor]), np.zeros(1))
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    grid = np.linspace(low, high, max(2, int((high - low) / _STRAIN_STEP)))
    strain = lattice_strain(state, spans, grid, relaxation)
    steps = 0.5 * (strain[1:] + strain[:-1]) * np.diff(grid)
    u = np.concatenate([[0.0], np.cumsum(steps)])
    return Displacement(grid, u - np.interp(anchor, grid, u))


def lattice_strain(
    state: DeviceState, spans: list[tuple[float, float]], x: np.ndarray, relaxation: float
) -> np.ndarray:
    """Return the out-of-plane lattice strain at material points x [m], zero outside the spans."""
    strain = np.zeros_like(x)
    for low, high in spans:
        inside = (x >= low) & (x <= high)
        total = state.profile("strain_lattice", x[inside], low, high)
        elastic = state.profile("strain_elastic", x[inside], low, high)
        strain[inside] = total - relaxation * elastic
    return strain


def state_at(result: Any, time: float) -> DeviceState:
    """Read the device state at `time` [s], linear between outputs; outside the run: an error."""
    fields = result.fields
    names = [name for name in fields.data_vars if fields[name].dims == ("time", "x")]
    times = np.asarray(fields["time"].values, float)
    _check_time(time, times)
    profiles = {name: _at(fields[name].values, times, time) for name in names}
    lead = profiles.get("Pb0")
    x = np.asarray(fields["x"].values, float)
    start = np.asarray(fields["Pb0"].values[0], float) if lead is not None else np.zeros_like(x)
    return DeviceState(
        device=result.device,
        time=float(time),
        x=x,
        profiles=profiles,
        lead_at_start=np.nan_to_num(start),
        films=_films_at(result, time),
    )


def _films_at(result: Any, time: float) -> dict[str, float]:
    table = result.interfaces
    times = np.asarray(table["time"].values, float)
    names = [name for name in table.data_vars if table[name].dims == ("time",)]
    return {name: float(np.nan_to_num(_at(table[name].values, times, time))) for name in names}


def _at(values: np.ndarray, times: np.ndarray, time: float) -> np.ndarray:
    right = int(np.clip(np.searchsorted(times, time), 1, max(len(times) - 1, 1)))
    if len(times) == 1:
        return np.asarray(values[0], float)
    left = right - 1
    gap = times[right] - times[left]
    weight = (time - times[left]) / gap if gap > 0 else 1.0
    first, second = (np.asarray(values[k], float) for k in (left, right))
    return (1 - weight) * first + weight * second


def _check_time(time: float, times: np.ndarray) -> None:
    slack = 1e-9 * max(abs(times[-1]), 1e-300)
    if not times[0] - slack <= time <= times[-1] + slack:
        raise PerovsimError(
            f"time {time:g} s is outside the result, which runs from {times[0]:g} s to "
            f"{times[-1]:g} s; choose a time in that range or run longer"
        )
