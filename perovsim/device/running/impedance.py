"""Small-signal impedance: the equations linearised about a state, solved for every frequency.

With d(S y)/dt = f(y) and the row of the circuit 0 = c0 - J - ... under a held current, a modulation dc0 exp(i omega t)
answers with (i omega S - df/dy) dy = dc0 e_circuit; Z = dv/dJ. The exact matrix of the time integration serves, so
the impedance knows every process that the run knows. References: Laux, IEEE TED 32, 2028 (1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import Q
from perovsim.device.integrator.equations import Equations
from perovsim.device.kernels.assemble import add_storage, assemble, choose_face
from perovsim.device.kernels.compiled import compiled
from perovsim.device.kernels.matrix import Matrix, factor, solve
from perovsim.device.kernels.tables import SIGN, Control
from perovsim.errors import SimulationError


@dataclass(frozen=True)
class Spectrum:
    """Impedance Z of the terminals per area [ohm m^2] at frequencies [Hz], about the stored state `index`."""

    label: str
    index: int
    frequencies: np.ndarray
    impedance: np.ndarray


def small_signal(equations: Equations, y: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Complex impedance at the terminals [ohm m^2] (frequencies,) of the equations about a state y.

    Z = V_t dv/dc0 s/q + R_series, v the voltage of the stack [kT/q], c0 = s J/q; shunt and capacitor beside the stack
    count. Raises SimulationError where the matrix is singular.
    """
    problem, t = equations.problem, equations.tables
    circuit, s, vt = problem.device.circuit, t.number[SIGN], problem.vt
    equations.control = Control(1.0, s * vt * circuit.shunt / Q, 0.0, 0.0, 0.0, 0.0)
    equations.evaluate(0.0, y)
    choose_face(t, equations.state)
    real = equations.matrix
    assemble(t, equations.control, 0.0, y, equations.state, equations.f, real, True)
    equations.forget()
    work = Matrix(real.blocks.astype(complex), real.below.astype(complex), real.ledger, real.pivot)
    response = np.empty(len(frequencies), complex)
    failed = _responses(t, equations.state.held[0], real, work, 2.0 * np.pi * np.asarray(frequencies, float), response)
    if failed >= 0:
        raise SimulationError(f"the equations are singular at {frequencies[failed]:g} Hz; leave this frequency out")
    return vt * s / Q * response + circuit.series


@compiled
def _responses(p, face, real, work, omega, response):
    """Answers of the voltage of the stack to the current of the circuit; the first frequency that fails, or -1."""
    band = p.where.shape[1]
    size = band + real.below.shape[0]
    for k in range(omega.shape[0]):
        work.blocks[:] = real.blocks
        work.below[:] = real.below
        add_storage(p, 1.0, face, work, np.full(size, 1j * omega[k]))
        if factor(work, p.where, p.size) != 0:
            return k
        x = np.zeros(size, np.complex128)
        x[band] = 1.0
        solve(work, p.where, p.size, x)
        response[k] = x[band]
    return -1
