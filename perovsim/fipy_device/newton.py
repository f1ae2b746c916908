"""Newton's iteration with one coupled FiPy equation, and steps of backward Euler made of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perovsim.fipy_device import fipy
from perovsim.fipy_device.direct import ScaledLU
from perovsim.fipy_device.equations import Circuit, Equations, State
from perovsim.fipy_device.linear import CHARGE_UNIT, Linear

NEWTON_LIMIT = 60
CONVERGED = 1e-9
"""Largest correction (relative, kT/q) after which the next is rounding, convergence being quadratic. It has to be:
fluxes at dense cells are differences of terms 1e9 times larger."""
STAGNANT = 1e-7
"""A correction below this that no longer shrinks is rounding too."""
DIVERGED = 1e60
"""A correction that large leads nowhere."""
LARGEST_MOVE = 5.0
"""Most that a potential moves in one correction [kT/q]; larger ones are shortened."""
LEAST_SHARE = 1e-3
"""Least share of a density that one correction leaves."""
INSTANT = 1e-25
"""Step [s] beside which every process of the device is slow."""


class NotConverged(Exception):
    """Newton's iteration found no state; `size` is its last correction, `cell` where it was largest."""

    def __init__(self, size: float, cell: int) -> None:
        super().__init__(size)
        self.size, self.cell = size, cell


class Newton:
    """The coupled FiPy equation of one stack."""

    def __init__(self, equations: Equations):
        self.equations = equations
        size, grid = equations.size, equations.stack.grid
        self.change = fipy.CellVariable(mesh=grid, elementshape=(size,), hasOld=True)
        self.source = fipy.CellVariable(mesh=grid, elementshape=(size, size))
        self.flow = fipy.FaceVariable(mesh=grid, elementshape=(1, size, size))
        self.spread = fipy.FaceVariable(mesh=grid, elementshape=(size, size))
        self.flux = fipy.FaceVariable(mesh=grid, elementshape=(1, size))
        self.rest = fipy.CellVariable(mesh=grid, elementshape=(size,))
        # a TransientTerm with a zero old value and dt = 1 is a source that is implicit whatever its sign: an
        # ImplicitSourceTerm leaves out of the matrix what would weaken the diagonal
        self.equation = (
            fipy.TransientTerm(coeff=self.source)
            + fipy.CentralDifferenceConvectionTerm(coeff=self.flow)
            - fipy.DiffusionTerm(coeff=[self.spread])
            + (self.flux.divergence + self.rest)
        )
        self.solver = ScaledLU()
        self.corrections = 0

    def step(self, old: State, dt: float, circuit: Circuit) -> tuple[State, np.ndarray]:
        """State after a step of backward Euler of dt [s], and by how much psi moved; raises NotConverged.

        The move is the sum of small corrections, which has more digits than the difference of two potentials.
        """
        new, before, moved = old, np.inf, 0.0
        for _ in range(NEWTON_LIMIT):
            new, more, sizes = self._corrected(new, old, dt, circuit)
            moved = moved + more
            size = float(sizes.max())
            if size <= CONVERGED or before <= STAGNANT and size > 0.5 * before:
                return new, moved
            if not size < DIVERGED:
                break
            before = size
        raise NotConverged(size, int(np.argmax(sizes)))

    def slope(self, state: State, circuit: Circuit) -> tuple[np.ndarray, np.ndarray]:
        """d psi/dt [kT/q/s] of a state that fulfils Poisson's equation, and the feed [q m^-3 s^-1] along with it."""
        e = self.equations
        at = e.evaluate(state)
        flux, rest = e.imbalance(state, state, at, INSTANT, circuit)
        flux[e.psi], rest[e.psi] = 0.0, 0.0
        u = self._solve(flux, rest, Linear(e, state, at, INSTANT, circuit))
        return u[e.psi] / INSTANT, state.feed + CHARGE_UNIT / INSTANT * u[e.feed]

    def _corrected(self, new: State, old: State, dt: float, circuit: Circuit) -> tuple[State, np.ndarray, np.ndarray]:
        """One Newton correction, its part for psi, its size in every cell (largest relative change or that of psi)."""
        e = self.equations
        at = e.evaluate(new)
        u = self._solve(*e.imbalance(new, old, at, dt, circuit), Linear(e, new, at, dt, circuit))
        u *= min(1.0, LARGEST_MOVE / max(np.abs(u[e.psi]).max(), LARGEST_MOVE))
        self.corrections += 1
        relative, fractions = u[list(e.density)] * e.here, u[list(e.theta)] if e.theta else np.zeros((3, u.shape[1]))
        sizes = np.abs(np.vstack([u[e.psi], relative, fractions])).max(axis=0)
        return (
            replace(
                new,
                psi=new.psi + u[e.psi],
                density=_grown(new.density, relative),
                theta=_grown(new.theta, fractions),
                charge=new.charge + CHARGE_UNIT * u[e.charge],
                feed=new.feed + CHARGE_UNIT / dt * u[e.feed],
            ),
            u[e.psi],
            sizes,
        )

    def _solve(self, flux: np.ndarray, rest: np.ndarray, linear: Linear) -> np.ndarray:
        """Corrections u (size, n + 2) of the coupled equation."""
        self.flux.setValue(flux[None])
        self.rest.setValue(rest)
        self.source.setValue(linear.source)
        self.flow.setValue(linear.flow[None])
        self.spread.setValue(linear.spread * self.equations.stack.distance)
        self.change.setValue(0.0)
        self.change.updateOld()
        try:
            self.equation.sweep(var=self.change, dt=1.0, solver=self.solver)
        except RuntimeError:  # what scipy raises where the factors are singular
            raise NotConverged(np.inf, 0) from None
        return np.array(self.change.value)


def _grown(amount: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """amount (1 + relative), never less than a share of it: densities stay positive."""
    return amount * np.maximum(1.0 + relative, LEAST_SHARE)
