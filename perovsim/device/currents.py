"""Currents of a polished state through every face: fluxes of the scheme and derivatives of the integrator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import Q
from perovsim.device.bdf import Polished
from perovsim.device.equations import Equations
from perovsim.device.rounding import largest_rounding
from perovsim.device.tables import (
    CHARGE,
    ELECTRON,
    GAP,
    HOLE,
    PSI,
    QUADRATURES,
    SIGN,
    Control,
)

ROUNDING = 32.0 * np.finfo(float).eps
"""Relative change of every unknown that is rounding: its own, and that of the functions that a flux is made of."""


@dataclass(frozen=True)
class FaceCurrents:
    """x-directed current densities [A/m^2] (n + 1,), what is rounding in their sum, the radiative rate [m^-2 s^-1]."""

    electron: np.ndarray
    hole: np.ndarray
    ion: np.ndarray
    displacement: np.ndarray
    floor: float
    radiative: float

    @property
    def total(self) -> np.ndarray:
        """Sum of all currents."""
        return self.electron + self.hole + self.ion + self.displacement


def face_currents(equations: Equations, control: Control, state: Polished) -> FaceCurrents:
    """Evaluate the currents of a stored state."""
    t = equations.tables
    equations.control = control
    ledger = equations.evaluate(state.time, state.y, True)
    flow = equations.state.flow
    ion = flow[-1] + t.species[CHARGE, HOLE + 1 :] @ flow[HOLE + 1 : -1]
    ion[[0, -1]] += ledger[-2:]
    psi = state.slope[t.slot[PSI]]
    first = t.number[SIGN] * state.slope[t.where.shape[1]]
    displacement = -t.face[GAP] * np.diff(np.concatenate(([first], psi, [0.0])))
    return FaceCurrents(
        -Q * flow[ELECTRON],
        Q * flow[HOLE],
        Q * ion,
        Q * displacement,
        Q * ROUNDING * (largest_rounding(t, state.y, equations.matrix) + _largest_displacement(t, state)),
        float(ledger[QUADRATURES.index("radiative")]),
    )


def _largest_displacement(t, state: Polished) -> float:
    """Largest single term of the displacement, as the integrator forms it from potentials [m^-2 s^-1]."""
    psi = t.slot[PSI]
    rate = state.coefficient * np.abs(state.y[psi]) + np.abs(state.slope[psi])
    return float((np.maximum(t.face[GAP, :-1], t.face[GAP, 1:]) * rate).max())
