"""Halide lattices by themselves: a state that is set, followed on the running solver, and read as composition."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.tables import HALIDE, VACANCY
from perovsim.device.running.run import Runner


class Couple:
    """One run of a device of halide lattices at open circuit: no ionic current in all.

    start : composition x(position) at t = 0; times [s]. x (cells,) positions and `width` [m];
    composition, vacancies : (times, cells)
    """

    def __init__(self, device, times, start=None, rtol: float = 1e-7):
        self.runner = Runner(device, rtol)
        slot, y = self.runner.tables.slot, self.runner.state.y
        self.x, self.width = self.runner.mesh.centres, self.runner.mesh.widths
        if start is not None:
            y[slot[HALIDE]] = start(self.x) * (1.0 - y[slot[VACANCY]])
        self.runner.record_start()
        self.runner.follow_current(0.0, 0.0, np.array(times, float), "exchange of halides", [])
        states = np.array([state.y for state in self.runner.trace.states])
        self.vacancies = states[:, slot[VACANCY]]
        self.composition = states[:, slot[HALIDE]] / (1.0 - self.vacancies)


def modes(device) -> tuple[np.ndarray, np.ndarray]:
    """Decay constants k^2 [1/m^2] and shapes (cells, modes) of diffusion between cells with closed ends."""
    mesh = Runner(device).mesh
    g = 2.0 / (mesh.widths[1:] + mesh.widths[:-1])
    matrix = np.diag(np.r_[0.0, g] + np.r_[g, 0.0]) - np.diag(g, 1) - np.diag(g, -1)
    root = np.sqrt(mesh.widths)
    values, shapes = np.linalg.eigh(matrix / np.outer(root, root))
    return values, shapes / root[:, None]
