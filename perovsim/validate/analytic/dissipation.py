"""What a state of the compiled equations dissipates, term by term: every flux and rate with its driving force.

Statistics, traps, stress and moving lattices count as the solver has them. What has no affinity (losses of films,
transformations, collapse) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.device.kernels.lattice import halides
from perovsim.device.kernels.reactions import react
from perovsim.device.kernels.recombination import recombine
from perovsim.device.kernels.tables import (
    ALPHA,
    CHARGE,
    DENSITY,
    ELECTRON,
    FIRST_CELL,
    GROUP,
    HALIDE,
    HOLE,
    LEVELS,
    MOBILE,
    MOVING,
    OCCUPIED,
    OFFSET,
    PSI,
    RATE,
    SCALE,
    SPECIES,
    VACANCY,
    VALUE,
    WEIGHT,
    WIDTH,
    WORK,
)
from perovsim.device.kernels.transport import first_contact
from perovsim.device.kernels.traps import trap
from perovsim.device.running.clusters import GONE, affinities
from perovsim.device.running.run import Runner
from perovsim.errors import PerovsimError

WITHOUT_AFFINITY = ("sublimation", "hydrolysis", "transformation", "collapse")
"""Kinds of processes that the balance does not cover."""


@dataclass(frozen=True)
class Dissipation:
    """Flux times force of each kind of term, in kT per area and time; all should be at least zero."""

    transport: np.ndarray
    contacts: np.ndarray
    halides: np.ndarray
    recombination: np.ndarray
    traps: np.ndarray
    reactions: np.ndarray

    @property
    def terms(self) -> np.ndarray:
        """All terms."""
        return np.concatenate([getattr(self, name) for name in self.__dataclass_fields__])


def dissipation(runner: Runner, y: np.ndarray) -> Dissipation:
    """Entropy production of a state y in the dark, by term; PerovsimError where a process has no affinity."""
    for process in runner.device.enabled_processes:
        if process.kind in WITHOUT_AFFINITY:
            raise PerovsimError(f"process '{process.name}' ({process.kind}) has no affinity; disable it first")
    equations, tables = runner.equations, runner.tables
    equations.evaluate(0.0, y)
    state, matrix = equations.state, equations.matrix
    flow = _transported(runner, y)
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
        _of_traps(runner, y, level, psi),
        _of_reactions(runner, y),
    )


def _levels(tables, state, psi: np.ndarray) -> np.ndarray:
    """Electrochemical potentials of the species [kT] (s, n); NaN where there is none."""
    there = tables.slot[SPECIES:] >= 0
    density = np.where(there, np.maximum(state.density, GONE), np.nan)
    group = tables.species_cell[GROUP].astype(int)
    crowded = -np.log(np.take_along_axis(state.free, group, axis=0))
    level = np.log(density) + tables.species[CHARGE][:, None] * psi + tables.species_cell[OFFSET] + state.shift
    return level + crowded


def _at_contacts(tables, flow, level, y, s: int) -> np.ndarray:
    metal = tables.species[CHARGE, s] * (tables.contact[:, WORK] + np.array([first_contact.py_func(tables, y), 0.0]))
    terms = [flow[s, 0] * (metal[0] - level[s, 0]), flow[s, -1] * (level[s, -1] - metal[1])]
    return np.nan_to_num(np.array(terms))


def _of_halides(runner: Runner, y: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """J_X times the fall of M_X through the inner faces, each halide; their sum where they exchange."""
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
    moving = tables.lattice[MOVING, :-1] > 0.0
    both = np.where(moving, terms[0] + terms[1], 0.0)
    return np.concatenate([*(np.where(moving, 0.0, term) for term in terms), both])


def _transported(runner: Runner, y: np.ndarray) -> np.ndarray:
    """Fluxes without what traps at a junction take from the cell behind it, which counts as passing (s + 1, n + 1)."""
    flow = runner.equations.state.flow
    both = flow.copy()
    _captures(runner, y, runner.tables)
    captured, flow[:] = flow - both, both
    return both - captured


def _of_traps(runner: Runner, y: np.ndarray, level: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Captured electrons and holes times their levels, less what the trap keeps, of every trap and junction.

    e E_n + h E_p - (e - h) mu, mu = ln[F/(N - F)] + ln n_1 + offset - psi of the filled traps [kT]; neutral traps at a
    junction keep nothing.
    """
    tables = runner.tables
    terms = []
    for t in range(tables.trap.shape[0]):
        own = tables.trap[t]
        if own[OCCUPIED] < 0.0:
            continue  # these are in the recombination of the cells
        f = _captures(runner, y, tables._replace(trap=tables.trap[t : t + 1], junction=tables.junction[:0]))
        for i in range(int(own[FIRST_CELL]), int(own[FIRST_CELL + 1]) + 1):
            terms.append(_kept(tables, y, f, level, own, (i,), psi[i], 1.0))
    for t in range(tables.junction.shape[0]):
        own = tables.junction[t]
        f = _captures(runner, y, tables._replace(trap=tables.trap[:0], junction=tables.junction[t : t + 1]))
        i, j = int(own[FIRST_CELL]), int(own[FIRST_CELL + 1])
        at_face = psi[i] + (1.0 - tables.face[WEIGHT, j]) * (psi[j] - psi[i])
        terms.append(_kept(tables, y, f, level, own, (i, j), at_face, tables.cell[WIDTH, i]))
    return np.array(terms)


def _captures(runner: Runner, y: np.ndarray, tables) -> np.ndarray:
    """Right-hand sides of the traps in some tables alone [m^-2 s^-1] (size,)."""
    f = np.zeros(runner.problem.size)
    trap(tables, y, runner.equations.state, f, runner.equations.matrix, False)
    return f


def _kept(tables, y, f, level, own, cells, psi, width) -> float:
    """Dissipation of one trap that captures from some cells; own[DENSITY] is what fills it over the width."""
    total = captured = 0.0
    for i in cells:
        rows = tables.slot[SPECIES + np.array([ELECTRON, HOLE]), i]
        if rows.min() < 0:
            continue
        electrons, holes = -f[rows]
        total += electrons * level[ELECTRON, i] + holes * level[HOLE, i]
        captured += electrons - holes
    if own[OCCUPIED] < 0.0:
        return total
    i, s = cells[0], int(own[OCCUPIED])
    filled = y[tables.slot[SPECIES + s, i]] * tables.species[SCALE, s] * width
    mu = np.log(filled / (own[DENSITY] - filled)) + np.log(own[LEVELS]) + tables.species_cell[OFFSET, ELECTRON, i] - psi
    return total - captured * mu


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
