"""Whether the mesh resolves the charge of a run: double layers thinner than a cell are seen by what they do to it."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.tables import GAP, PSI
from perovsim.device.outputs.trace import Trace
from perovsim.device.problem.build import Problem

MOST = 10.0
"""Bend of the potential across one cell [kT/q] beyond which its charge stands in a layer thinner than the cell."""


def bends(problem: Problem, y: np.ndarray) -> np.ndarray:
    """rho h^2/(2 eps) of every inner cell [kT/q] (time, n - 2): the step of its displacement over both its faces."""
    psi, gap = y[:, problem.tables.slot[PSI]], problem.tables.face[GAP]
    flow = gap[1:-1] * np.diff(psi, axis=1)
    return np.abs(np.diff(flow, axis=1)) / (gap[1:-2] + gap[2:-1])


def unresolved(trace: Trace) -> tuple[float, str] | None:
    """Time [s] of the first stored state with such a cell, and what to do about it; None where there is none."""
    for part in trace.parts():
        problem = part.problems[0]
        found = bends(problem, np.array([state.y for state in part.states]))
        beyond = np.nonzero(found.max(axis=1, initial=0.0) > MOST)[0]
        if beyond.size:
            first = beyond[0]
            cell = 1 + int(found[first].argmax())
            layer = problem.device.layers[problem.mesh.layer[cell]].name
            return part.states[first].time, (
                f"the charge at x = {problem.mesh.centres[cell] * 1e9:.2f} nm (layer '{layer}') bends the potential by "
                f"{found[first].max() * problem.vt:.2g} V across one cell: its layer is thinner than the cell, and the "
                "voltage depends on the mesh. Refine that layer, give its ions a site_density, or let them pass the "
                "junction"
            )
    return None
