"""What a state of the compiled equations dissipates, term by term: every flux and rate with its driving force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.device.lattice import halides
from perovsim.device.reactions import react
from perovsim.device.recombination import recombine
from perovsim.device.run import Runner
from perovsim.device.tables import (
    ALPHA,
    BUILT_IN,
    CHARGE,
    DROP,
    ELECTRON,
    ENERGY,
    HALIDE,
    HOLE,
    LINK,
    MOBILE,
    OFFSET,
    PSI,
    RATE,
    SIGN,
    SPECIES,
    VACANCY,
    VALUE,
    WORK,
)

GONE = 1e-250
"""Densities below this have no logarithm."""


@dataclass(frozen=True)
class Dissipation:
    """Flux times force of each kind of term, in kT per area and time; all should be at least zero."""

    transport: np.ndarray
    contacts: np.ndarray
    halides: np.ndarray
    recombination: np.ndarray
    reactions: np.ndarray

    @property
    def terms(self) -> np.ndarray:
        """All terms."""
        return np.concatenate([getattr(self, name) for name in self.__dataclass_fields__])


def dissipation(runner: Runner, y: np.ndarray) -> Dissipation:
    """Entropy production of a state y in the dark, by term."""
    equations, tables = runner.equations, runner.tables
    equations.evaluate(0.0, y)
    state, matrix = equations.state, equations.matrix
    flow = state.flow.copy()
    psi = y[tables.slot[PSI]]
    level = _levels(tables, state, psi)
    mobile = np.nonzero(tables.species[MOBILE])[0]
    with np.errstate(invalid="ignore"):
        transport = np.nan_to_num(flow[mobile, 1:-1] * (level[mobile, :-1] - level[mobile, 1:])).ravel()
    contacts = np.concatenate([_at_contacts(tables, flow, level, y, s) for s in (ELECTRON, HOLE)])
    f = np.zeros(runner.problem.size)
    recombine(tables, y, state, f, matrix, False, equations.control._replace(light=0.0, beam=0.0))
    both = (tables.slot[SPECIES + ELECTRON] >= 0) & (tables.slot[SPECIES + HOLE] >= 0)
    excess = level[ELECTRON] + level[HOLE]
    recombined = -f[tables.slot[SPECIES + ELECTRON]]
    return Dissipation(
        transport,
        contacts,
        _of_halides(runner, y, psi),
        (recombined * excess)[both],
        _of_reactions(runner, y),
    )


def _levels(tables, state, psi: np.ndarray) -> np.ndarray:
    """Electrochemical potentials of the species [kT] (s, n); NaN where there is none."""
    there = tables.slot[SPECIES:] >= 0
    density = np.where(there, np.maximum(state.density, GONE), np.nan)
    return np.log(density) + tables.species[CHARGE][:, None] * psi + tables.species_cell[OFFSET] + state.shift


def _at_contacts(tables, flow, level, y, s: int) -> np.ndarray:
    first = tables.number[SIGN] * y[tables.where.shape[1]] + tables.number[BUILT_IN]
    metal = tables.species[CHARGE, s] * (tables.contact[:, WORK] + np.array([first, 0.0]))
    terms = [flow[s, 0] * (metal[0] - level[s, 0]), flow[s, -1] * (level[s, -1] - metal[1])]
    return np.nan_to_num(np.array(terms))


def _of_halides(runner: Runner, y: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """J_X times the fall of M_X through the inner faces, both halides."""
    tables, state = runner.tables, runner.equations.state
    vacancy, first = tables.slot[VACANCY], tables.slot[HALIDE]
    if not (vacancy >= 0).any():
        return np.zeros(0)
    f = np.zeros(runner.problem.size)
    halides(tables, y, state, f, runner.equations.matrix, False)
    flux_v = state.flow[-1, 1:-1].copy()
    flux_first = -np.cumsum(np.where(first >= 0, f[first], 0.0))[:-1]
    own_first = np.where(first >= 0, y[first], 0.0)
    own_last = 1.0 - y[vacancy] - own_first
    terms = []
    for k, (flux, own) in enumerate(((flux_first, own_first), (-flux_v - flux_first, own_last))):
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.where((vacancy >= 0) & (own > 0.0), np.log(own / y[vacancy]) + state.excess[k] - psi, np.nan)
            terms.append(np.nan_to_num(flux * (level[:-1] - level[1:])))
    return np.concatenate(terms)


def affinities(tables, activity: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A [kT] per elementary step of every row: its energy, potentials and activities (rows,)."""
    energy = tables.rate[:, ENERGY].copy()
    for k in range(2):
        unknown = tables.link[:, LINK + k]
        energy += np.where(unknown >= 0, tables.rate[:, DROP + k] * y[unknown], 0.0)
    log = np.log(np.maximum(activity[:, VALUE], GONE))
    for side, sign in enumerate((1.0, -1.0)):
        ids = tables.side[side]
        energy += sign * np.where(ids >= 0, log[ids], 0.0).sum(axis=1)
    return energy


def rates(runner: Runner, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps per area and time of every row [m^-2 s^-1], one at a time from the kernel, and affinities [kT] (rows,)."""
    tables, equations = runner.tables, runner.equations
    f, found = np.zeros(runner.problem.size), np.zeros(tables.rate.shape[0])
    for r in range(found.size):
        alone = tables.rate.copy()
        alone[:, RATE] = 0.0
        alone[r, RATE] = tables.rate[r, RATE]
        f[:] = 0.0
        react(tables._replace(rate=alone), y, equations.state, f, equations.matrix, False, 0.0)
        k = int(np.argmax(np.abs(tables.change[r])))
        found[r] = f[tables.row[r, k]] / tables.change[r, k]
    return found, affinities(tables, equations.state.activity, y)


def exchange(tables, activity: np.ndarray) -> np.ndarray:
    """r_0' = r_0 (prod a_reactants)^(1 - alpha) (prod a_products)^alpha of every row [m^-2 s^-1] (rows,)."""
    log = np.log(np.maximum(activity[:, VALUE], GONE))
    fore, back = (np.where(ids >= 0, log[ids], 0.0).sum(axis=1) for ids in tables.side)
    alpha = tables.rate[:, ALPHA]
    return tables.rate[:, RATE] * np.exp((1.0 - alpha) * fore + alpha * back)


def _of_reactions(runner: Runner, y: np.ndarray) -> np.ndarray:
    if runner.tables.rate.shape[0] == 0:
        return np.zeros(0)
    rate, affinity = rates(runner, y)
    return rate * affinity
