"""Currents of a polished state through every face: fluxes of the scheme and derivatives of the integrator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import Q
from perovsim.device.integrator.bdf import Polished
from perovsim.device.integrator.equations import Equations
from perovsim.device.kernels.assemble import choose_face
from perovsim.device.kernels.rounding import ROUNDING, largest_term
from perovsim.device.kernels.tables import (
    BESIDE,
    CHARGE,
    ELECTRON,
    FILM_FIELD,
    GAP,
    HOLE,
    IN_CELL,
    PROCESS,
    PSI,
    QUADRATURES,
    SIGN,
    SPECIES,
    STEPS,
    VACANCY,
    Control,
    Tables,
)


@dataclass(frozen=True)
class FaceCurrents:
    """x-directed current densities [A/m^2] (n + 1,), what is rounding in their sum, the radiative rate [m^-2 s^-1].

    clearest : the sum at the face whose terms are the smallest [A/m^2]
    """

    electron: np.ndarray
    hole: np.ndarray
    ion: np.ndarray
    displacement: np.ndarray
    floor: float
    radiative: float
    clearest: float

    @property
    def total(self) -> np.ndarray:
        """Sum of all currents."""
        return self.electron + self.hole + self.ion + self.displacement


def face_currents(equations: Equations, control: Control, state: Polished, crossings: Crossings | None) -> FaceCurrents:
    """Evaluate the currents of a stored state; crossings : those of its tables, None where there are none."""
    t = equations.tables
    equations.control = control
    ledger = equations.evaluate(state.time, state.y)
    choose_face(t, equations.state)
    flow, density = equations.state.flow, equations.state.density
    ion = flow[-1] + t.species[CHARGE, HOLE + 1 :] @ flow[HOLE + 1 : -1]
    ion[[0, -1]] += ledger[-2:]
    if crossings is not None:
        ion += crossings.passed(ledger)
    psi = state.slope[t.slot[PSI]]
    across = state.slope[int(t.number[FILM_FIELD]) + 1] if t.number[FILM_FIELD] >= 0 else 0.0
    first = t.number[SIGN] * state.slope[t.where.shape[1]] - across
    displacement = -t.face[GAP] * np.diff(np.concatenate(([first], psi, [0.0])))
    parts = -Q * flow[ELECTRON], Q * flow[HOLE], Q * ion, Q * displacement
    return FaceCurrents(
        *parts,
        Q * ROUNDING * largest_term(t, state.y, state.slope, state.coefficient, density),
        float(ledger[QUADRATURES.index("radiative")]),
        float(sum(part[equations.state.held[0]] for part in parts)),
    )


@dataclass(frozen=True)
class Crossings:
    """Rows of reactions that take charge from a layer into the next one.

    face : where each crosses; process : to which it belongs; charge : that its extent as written takes across
    """

    faces: int
    face: np.ndarray
    process: np.ndarray
    charge: np.ndarray

    def passed(self, ledger: np.ndarray) -> np.ndarray:
        """Charge that they pass at the rates of a ledger, x-directed [m^-2 s^-1] (faces,)."""
        rate = ledger[len(QUADRATURES) + self.process]
        return np.bincount(self.face, self.charge * rate, self.faces)


def crossings(t: Tables) -> Crossings | None:
    """The crossings of a device; None where nothing passes beside the fluxes."""
    if not t.face[BESIDE].any():
        return None
    unknowns = t.row
    inside = (unknowns >= 0) & (unknowns < t.where.shape[1])
    cells = t.where[IN_CELL, np.where(inside, unknowns, 0)]
    right = np.where(inside, cells, -1).max(axis=1, initial=-1)
    across = np.nonzero((inside & (cells < right[:, None])).any(axis=1))[0]
    made = np.where(inside & (cells == right[:, None]), _charges(t)[np.where(inside, unknowns, 0)] * t.change, 0.0)
    charge = made[across].sum(axis=1) * t.rate[across, STEPS]
    return Crossings(t.cell.shape[1] + 1, right[across], t.link[across, PROCESS], charge)


def _charges(t: Tables) -> np.ndarray:
    """Charge number of a particle of each unknown of the cells (band,): of a vacancy +1."""
    charge = np.zeros(t.where.shape[1])
    for kind, number in ((VACANCY, 1.0), *((SPECIES + s, z) for s, z in enumerate(t.species[CHARGE]))):
        charge[t.slot[kind][t.slot[kind] >= 0]] = number
    return charge
