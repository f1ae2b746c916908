"""Start of every run: carriers in equilibrium at zero bias, ions as built."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perovsim.errors import SimulationError
from perovsim.fipy_device import fipy
from perovsim.fipy_device.direct import ScaledLU
from perovsim.fipy_device.equations import Equations, State
from perovsim.fipy_device.linear import HELD

NEWTON_LIMIT = 300
LARGEST_STEP = 3.0
"""Most that a potential changes in one damped Newton step [kT/q]."""
CONVERGED = 1e-13


def equilibrium(equations: Equations) -> State:
    """State with E_Fn = E_Fp = E_F of both metals: div(eps grad psi) + p(psi) - n(psi) + ions + fixed = 0.

    Raises SimulationError where Newton's iteration does not converge.
    """
    stack = equations.stack
    change, screening, rest = (fipy.CellVariable(mesh=stack.grid) for _ in range(3))
    permittance = fipy.FaceVariable(mesh=stack.grid, value=stack.permittance * stack.distance)
    field = fipy.FaceVariable(mesh=stack.grid, rank=1)
    row = (
        fipy.ImplicitSourceTerm(coeff=screening + HELD * stack.metal, var=change)
        - fipy.DiffusionTerm(coeff=permittance, var=change)
        + field.divergence
        + rest
    )
    state = _state(equations, np.linspace(stack.built_in, 0.0, stack.n + 2))
    for _ in range(NEWTON_LIMIT):
        screening.setValue((state.density[:2] * equations.here[:2]).sum(axis=0))
        field.setValue(equations.polarisation(state.psi)[None, :])
        rest.setValue(-equations.space_charge(state))
        change.setValue(0.0)
        row.sweep(var=change, solver=ScaledLU())
        largest = np.abs(change.value).max()
        state = _state(equations, state.psi + change.value * min(1.0, LARGEST_STEP / max(largest, LARGEST_STEP)))
        if largest <= CONVERGED * max(np.abs(state.psi).max(), 1.0):
            return state
    raise SimulationError(
        f"device '{stack.device.name}': no equilibrium found in {NEWTON_LIMIT} Newton steps (last change "
        f"{largest:.1e} kT/q); check doping, work functions and permittivities"
    )


def _state(equations: Equations, psi: np.ndarray) -> State:
    """The state of the start for a potential: one Fermi level, charges of the metals from Poisson's equation."""
    stack, lattice = equations.stack, equations.stack.lattice
    density = np.array([s.start for s in equations.species])
    for k, s in enumerate(equations.species[:2]):
        own = np.exp(np.clip(s.charge * (stack.work[1] - psi) - s.offset, -600.0, 600.0))
        density[k] = np.where(stack.metal, s.start, np.where(s.here, own, 0.0))
    theta = np.array([lattice.theta_v, lattice.theta_first, lattice.here - lattice.theta_v - lattice.theta_first])
    bare = State(psi, density, theta, np.zeros(stack.n + 2), np.zeros(stack.n + 2))
    on_metals = np.diff(equations.polarisation(psi)) / stack.width
    return replace(bare, charge=np.where(stack.metal, on_metals, equations.space_charge(bare)))
