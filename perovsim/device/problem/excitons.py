"""Excitons of the layers: what they add to the recombination of the cells, and how many there are."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.tables import DARK, RADIATIVE
from perovsim.device.problem.cells import Cells
from perovsim.physics import excitons


def exciton_rates(cells: Cells, vt: float) -> np.ndarray:
    """B [m^3/s], k_d, k_r and k_n [1/s] of every cell (4, n), NaN where there are no excitons."""
    formation, binding, states, radiative, nonradiative = (
        cells.given(f"exciton_{name}", np.nan)
        for name in ("formation", "binding_energy", "states", "radiative_rate", "nonradiative_rate")
    )
    dissociation = excitons.dissociation_rate(formation, states, binding, vt)
    return np.array([formation, dissociation, radiative, nonradiative])


def add_excitons(cells: Cells, vt: float, cell: np.ndarray) -> None:
    """Add the two coefficients of recombination by excitons to those of the cells."""
    cell[[RADIATIVE, DARK]] += np.nan_to_num(excitons.coefficients(*exciton_rates(cells, vt)))


def exciton_density(cells: Cells, vt: float, excess: np.ndarray, intrinsic: np.ndarray) -> np.ndarray | None:
    """X [m^-3] (time, n), NaN in layers without; None where no layer has any.

    excess : n p - n_i^2, intrinsic : n_i^2 [m^-6] (time, n)
    """
    rates = exciton_rates(cells, vt)
    return excitons.density(excess, intrinsic, *rates) if np.isfinite(rates).any() else None
