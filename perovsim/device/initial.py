"""Start of every run: carriers in equilibrium at zero bias, ions as built, reactions not yet begun."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_banded

from perovsim.device.build import Problem
from perovsim.device.tables import (
    BUILT_IN,
    CHARGE,
    ELECTRON,
    FILM_SCALE,
    FIXED,
    GAP,
    HALIDE,
    OFFSET,
    PSI,
    SCALE,
    SITES,
    SPECIES,
    VACANCY,
    WIDTH,
    WORK,
)
from perovsim.errors import SimulationError

NEWTON_LIMIT = 300
LARGEST_STEP = 3.0
"""Most that a potential changes in one step of the damped Newton iteration [kT/q]."""
CONVERGED = 1e-13
EXPONENT_LIMIT = 600.0


def equilibrium(problem: Problem) -> np.ndarray:
    """Unknowns y (size,) with E_Fn = E_Fp = E_F of both metals and the ions at their starting densities.

    Solves d/dx(eps dpsi/dx) = -rho(psi) on the mesh of the run.
    """
    t = problem.tables
    gap, width, first, n = t.face[GAP], t.cell[WIDTH], t.number[BUILT_IN], problem.mesh.n
    carries = (t.slot[SPECIES + ELECTRON : SPECIES + 2] >= 0).astype(float)
    ionic = t.cell[FIXED] + t.cell[SITES] * problem.theta_start + t.species[CHARGE] @ problem.density_start
    fermi = -t.contact[1, WORK]
    charge = t.species[CHARGE, :2, None]
    base = -charge * fermi - t.species_cell[OFFSET, :2]
    psi = np.linspace(first, 0.0, n)
    for _ in range(NEWTON_LIMIT):
        density = _densities(carries, base, charge, psi)
        flux = -gap * np.diff(np.concatenate(([first], psi, [0.0])))
        residual = flux[:-1] - flux[1:] + ((charge * density).sum(axis=0) + ionic) * width
        bands = np.zeros((3, n))
        bands[1] = gap[:-1] + gap[1:] + density.sum(axis=0) * width
        bands[0, 1:] = bands[2, :-1] = -gap[1:-1]
        step = solve_banded((1, 1), bands, residual)
        largest = np.abs(step).max()
        psi = psi + step * min(1.0, LARGEST_STEP / max(largest, LARGEST_STEP))
        if largest <= CONVERGED * max(np.abs(psi).max(), 1.0):
            return _state(problem, psi, _densities(carries, base, charge, psi))
    raise SimulationError(
        f"device '{problem.device.name}': no equilibrium found in {NEWTON_LIMIT} Newton steps (last change "
        f"{largest:.1e} kT/q); check doping, work functions and permittivities"
    )


def _densities(carries, base, charge, psi) -> np.ndarray:
    """Boltzmann densities of electrons and holes at one Fermi level [m^-3] (2, n)."""
    return carries * np.exp(np.clip(base - charge * psi, -EXPONENT_LIMIT, EXPONENT_LIMIT))


def _state(problem: Problem, psi: np.ndarray, density: np.ndarray) -> np.ndarray:
    slot, scale = problem.tables.slot, problem.tables.species[SCALE]
    y = np.zeros(problem.size)
    first = problem.band + 1
    y[first : first + len(problem.products.keys)] = problem.products.start / FILM_SCALE
    start = np.array(problem.density_start)
    start[:2] = density
    values = {PSI: psi, VACANCY: problem.theta_start, HALIDE: problem.halide_start}
    values |= {SPECIES + s: start[s] / scale[s] for s in range(scale.size)}
    for kind, value in values.items():
        there = slot[kind] >= 0
        y[slot[kind, there]] = value[there]
    return y
