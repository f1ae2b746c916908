"""The time integrator against SUNDIALS IDA (scikit-sundae) on the same equations, tolerances and ageing hour.

Both see one compiled kernel. IDA factorises with SuperLU on the same pattern and keeps a matrix while its coefficient
is within 25 %: fewer matrices, and balances that hold to its tolerance instead of to rounding.
Needs `pip install perovsim[bench]`.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

CURRENT, HOUR, FIRST = 100.0, 3600.0, 1e-9
RTOL, CONVERGED = 1e-5, 1e-7


def run() -> dict[str, Any]:
    """Seconds, steps, matrices, error of the voltage against a converged run, imbalance of chloride; ours and IDA's."""
    import perovsim as ps

    device = ps.load_device("nanoled_like").with_hypotheses("oxidised_halogen", "corrosion_couple")
    v_end, _ = ours(device, CONVERGED)
    ours(device, RTOL)
    found: dict[str, Any] = {"ida_rtol": RTOL, "unknowns": Both(device).problem.size}
    for name, solve in (("ours", ours), ("ida", ida)):
        v, measured = solve(device, RTOL)
        found |= {f"{name}_{key}": value for key, value in measured.items()}
        found[f"{name}_error_mV"] = round(1e3 * abs(v - v_end), 5)
    return found | {"ratio": round(found["ida_seconds"] / found["ours_seconds"], 2)}


class Both:
    """What both integrators start from."""

    def __init__(self, device: Any, rtol: float = RTOL) -> None:
        from perovsim.device.outputs.contents import Contents
        from perovsim.device.running.run import Runner, _tolerances

        self.runner = Runner(device, rtol)
        self.problem = self.runner.problem
        self.equations = self.runner.equations
        self.equations.control = self.runner.current_control(CURRENT)
        self.start = self.runner.state.y
        self.tolerance = _tolerances(self.problem, rtol)
        self.contents = Contents(self.problem)

    def chloride(self, y: np.ndarray) -> float:
        """Relative change of all chloride since the start."""
        first = self.contents.inventory("Cl", self.start)
        return abs(self.contents.inventory("Cl", y) - first) / first


def ours(device: Any, rtol: float) -> tuple[float, dict[str, Any]]:
    both = Both(device, rtol)
    began = time.perf_counter()
    both.runner.follow_current(CURRENT, 0.0, np.array([HOUR]), "", [])
    seconds = time.perf_counter() - began
    y, counts = both.runner.state.y, both.runner.statistics
    return y[both.problem.band] * both.problem.vt, {
        "seconds": round(seconds, 4),
        "steps": counts["steps"],
        "matrices": counts["factorisations"],
        "evaluations": counts["evaluations"],
        "chloride": f"{both.chloride(y):.1e}",
    }


def ida(device: Any, rtol: float) -> tuple[float, dict[str, Any]]:
    from sksundae.ida import IDA

    from perovsim.device.integrator.differences import ABSOLUTE
    from perovsim.device.kernels.assemble import add_storage, assemble, stored

    both = Both(device, rtol)
    e, size = both.equations, both.problem.size
    pattern, where = compressed(both.problem)
    count = [0]

    def residual(t, y, slope, out):
        assemble(e.tables, e.control, t, y, e.state, e.f, e.matrix, False)
        stored(e.tables, e.control.a, e.state.held[0], slope, out)
        out -= e.f

    def jacobian(t, y, slope, res, cj, out):
        count[0] += 1
        assemble(e.tables, e.control, t, y, e.state, e.f, e.matrix, True)
        add_storage(e.tables, e.control.a, e.state.held[0], e.matrix, np.full(size, cj))
        out[:] = np.concatenate((e.matrix.blocks.ravel(), e.matrix.below.ravel()))[where]

    warm, slope = np.zeros(size), e.slope(0.0, both.start)
    residual(0.0, both.start, slope, warm)
    warnings.filterwarnings("ignore", message="Custom sparse Jacobian")
    solver = IDA(
        residual, jacfn=jacobian, linsolver="sparse", sparsity=pattern, rtol=rtol, atol=rtol * both.tolerance[ABSOLUTE],
        algebraic_idx=np.nonzero(storage(e, size) == 0.0)[0], first_step=1e-3 * FIRST, max_num_steps=100_000,
    )  # fmt: skip
    began = time.perf_counter()
    solution = solver.solve(np.array([0.0, FIRST, HOUR]), both.start, slope)
    seconds = time.perf_counter() - began
    y = solution.y[-1]
    return y[both.problem.band] * both.problem.vt, {
        "seconds": round(seconds, 4),
        "matrices": count[0],
        "evaluations": int(solution.nfev),
        "chloride": f"{both.chloride(y):.1e}",
        "success": bool(solution.success),
        "reached": float(solution.t[-1]),
    }


def storage(equations: Any, size: int) -> np.ndarray:
    from perovsim.device.kernels.assemble import stored

    out = np.zeros(size)
    stored(
        equations.tables, equations.control.a, equations.state.held[0], np.random.default_rng(1).normal(size=size), out
    )
    return out


def compressed(problem: Any) -> tuple[Any, np.ndarray]:
    """Pattern of the matrix, and where each of its entries (by columns) lies in the block storage."""
    from scipy.sparse import csc_matrix

    from perovsim.device.kernels.matrix import allocate
    from perovsim.device.kernels.tables import COUNT, IN_CELL, IN_PLACE

    where, size = problem.tables.where, problem.tables.size
    m = allocate(size, problem.lumps, 1)
    band, most, n = where.shape[1], m.blocks.shape[1], size.shape[1]
    rows, cols, places = [], [], []
    first = np.concatenate(([0], np.cumsum(size[COUNT])))
    stride = m.blocks.shape[2]
    for row in range(band):
        i = where[IN_CELL, row]
        near = np.arange(first[max(i - 1, 0)], first[min(i + 2, n)])
        at = (where[IN_CELL, near] - i + 1) * most + where[IN_PLACE, near]
        lumped = band + np.arange(problem.lumps)
        cols += [near, lumped]
        places += [(i * most + where[IN_PLACE, row]) * stride + np.concatenate((at, 3 * most + lumped - band))]
        rows += [np.full(near.size + lumped.size, row)]
    for k in range(problem.lumps):
        every = np.arange(band + problem.lumps)
        cols, rows = [*cols, every], [*rows, np.full(every.size, band + k)]
        places += [m.blocks.size + k * m.below.shape[1] + every]
    row, col, place = (np.concatenate(parts) for parts in (rows, cols, places))
    order = np.lexsort((row, col))
    shape = (band + problem.lumps,) * 2
    return csc_matrix((np.ones(row.size), (row, col)), shape=shape), place[order]
