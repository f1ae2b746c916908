"""Start of every run: carriers in equilibrium at zero bias, ions as built, reactions not yet begun."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.compiled import compiled
from perovsim.device.kernels.tables import (
    BUILT_IN,
    CHARGE,
    ELECTRON,
    FILM_SCALE,
    FIXED,
    GAP,
    HALIDE,
    HOLE,
    OFFSET,
    PSI,
    SCALE,
    SITES,
    SPECIES,
    STRAINED,
    VACANCY,
    WIDTH,
    WORK,
)
from perovsim.device.kernels.transport import density_of
from perovsim.device.problem.build import Problem
from perovsim.errors import SimulationError
from perovsim.physics.statistics import occupied

NEWTON_LIMIT = 300
LARGEST_STEP = 3.0
"""Most that a potential changes in one step of the damped Newton iteration [kT/q]."""
CONVERGED = 1e-13


def equilibrium(problem: Problem) -> np.ndarray:
    """Unknowns y (size,) with E_Fn = E_Fp = E_F of both metals and the ions at their starting densities.

    Solves d/dx(eps dpsi/dx) = -rho(psi) on the mesh of the run.
    """
    t = problem.tables
    gap, width, first, n = t.face[GAP], t.cell[WIDTH], t.number[BUILT_IN], problem.mesh.n
    traps = [s for s, plan in enumerate(problem.plans) if plan.traps is not None]
    fixed = [s for s in range(len(problem.plans)) if s > HOLE and s not in traps]
    ionic = t.cell[FIXED] + t.cell[SITES] * problem.theta_start
    ionic += t.species[CHARGE, fixed] @ problem.density_start[fixed]
    levels = _trap_levels(problem, traps)
    fermi = -t.contact[1, WORK]
    psi = np.linspace(first, 0.0, n)
    for _ in range(NEWTON_LIMIT):
        density, slope = _densities(t, psi, fermi)
        filled, filling = _filled(levels, psi, fermi)
        flux = -gap * np.diff(np.concatenate(([first], psi, [0.0])))
        charge = density[HOLE] - density[ELECTRON] - filled.sum(axis=0) + ionic
        residual = flux[:-1] - flux[1:] + charge * width
        step = _solved(gap, (slope.sum(axis=0) + filling.sum(axis=0)) * width, residual)
        largest = np.abs(step).max()
        psi = psi + step * min(1.0, LARGEST_STEP / max(largest, LARGEST_STEP))
        if largest <= CONVERGED * max(np.abs(psi).max(), 1.0):
            start = np.array(problem.density_start)
            start[: HOLE + 1], start[traps] = _densities(t, psi, fermi)[0], _filled(levels, psi, fermi)[0]
            return _state(problem, psi, start)
    raise SimulationError(
        f"device '{problem.device.name}': no equilibrium found in {NEWTON_LIMIT} Newton steps (last change "
        f"{largest:.1e} kT/q); check doping, work functions and permittivities"
    )


@compiled
def _solved(gap, slope, residual):
    """x of slope x - d(gap dx) = residual, with x = 0 at both contacts: elimination in a chain of n cells."""
    n = slope.shape[0]
    pivot, x = np.empty(n), np.empty(n)
    for i in range(n):
        pivot[i], x[i] = gap[i] + gap[i + 1] + slope[i], residual[i]
        if i > 0:
            share = gap[i] / pivot[i - 1]
            pivot[i] -= share * gap[i]
            x[i] += share * x[i - 1]
    x[n - 1] /= pivot[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (x[i] + gap[i + 1] * x[i + 1]) / pivot[i]
    return x


@compiled
def _densities(p, psi, fermi):
    """Electrons and holes at one Fermi level [m^-3] (2, n), and how they change with the potential."""
    density, slope = np.zeros((2, psi.size)), np.zeros((2, psi.size))
    for s in range(2):
        z = p.species[CHARGE, s]
        for i in range(psi.size):
            if p.slot[SPECIES + s, i] >= 0:
                own = p.species_cell[:, s, i]
                level = -z * fermi - own[OFFSET] - own[STRAINED] - z * psi[i]
                density[s, i], _, slope[s, i], _ = density_of(p, s, i, level)
    return density, slope


def _trap_levels(problem: Problem, traps: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Density [m^-3] (traps, n) and energy against vacuum [kT] (traps, 1) of the levels with a state of their own."""
    slot, width = problem.tables.slot, problem.tables.cell[WIDTH]
    levels = [problem.plans[s].traps for s in traps]
    density = [
        (slot[SPECIES + s] >= 0) * (x.density if x.junction is None else x.density / width)
        for s, x in zip(traps, levels, strict=True)
    ]
    shape = (len(traps), width.size)
    return np.reshape(density, shape), np.reshape([-x.energy / problem.vt for x in levels], (-1, 1))


def _filled(levels: tuple[np.ndarray, np.ndarray], psi: np.ndarray, fermi: float) -> tuple[np.ndarray, np.ndarray]:
    """Trapped electrons [m^-3] (traps, n), N/(1 + e^{(E_t - E_F)/kT}), and their slope by the potential."""
    density, energy = levels
    share = occupied(fermi - energy + psi)
    return density * share, density * share * (1.0 - share)


def _state(problem: Problem, psi: np.ndarray, start: np.ndarray) -> np.ndarray:
    slot, scale = problem.tables.slot, problem.tables.species[SCALE]
    y = np.zeros(problem.size)
    first = problem.band + 1
    y[first : first + len(problem.products.keys)] = problem.products.start / FILM_SCALE
    values = {PSI: psi, VACANCY: problem.theta_start, HALIDE: problem.halide_start}
    values |= {SPECIES + s: start[s] / scale[s] for s in range(scale.size)}
    for kind, value in values.items():
        there = slot[kind] >= 0
        y[slot[kind, there]] = value[there]
    return y
