"""How the time of a run grows with the nodes (100 to 10 000) and with the mobile species (1 to 6 ions).

`exponent` is the largest over the species of d ln(time per evaluation)/d ln(nodes); `exponent_run` that of the whole
run, whose number of steps may change with the mesh.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks._stack import CELLS, solar_cell

NODES = (100, 300, 1000, 3000, 10_000)
IONS = (1, 2, 4, 6)
BAR = 1.1


def device(nodes: int, ions: int) -> Any:
    """The solar cell on so many nodes with ions of both signs in its perovskite."""
    from perovsim.model.material import DiluteIon

    kinds = [
        {"name": f"ion_{k}", "charge": 1 - 2 * (k % 2), "D": 2.6e-15 / 3.0**k, "density": 1e23} for k in range(ions)
    ]
    cell = solar_cell(0.0)
    etl, perovskite, htl = (
        layer.replace(cells=round(nodes * share / sum(CELLS))) for layer, share in zip(cell.layers, CELLS, strict=True)
    )
    return cell.replace(layers=(etl, perovskite.replace(ions=tuple(DiluteIon(**kind) for kind in kinds)), htl))


def run() -> dict[str, Any]:
    """Return seconds by nodes for each number of ions, and the exponents."""
    import numpy as np

    import perovsim as ps
    from benchmarks._timing import _steps

    protocol = ps.Protocol([ps.constant_current("100 A/m^2", duration="100 s")], points_per_decade=2)
    _steps(device(100, 1), protocol)
    found: dict[str, Any] = {"nodes": list(NODES)}
    per_evaluation, whole = [], []
    for ions in IONS:
        seconds, each = [], []
        for nodes in NODES:
            spent, evaluations = min(_spent(_steps, device(nodes, ions), protocol) for _ in range(2))
            seconds.append(round(spent, 4))
            each.append(spent / evaluations)
        found[f"seconds_{ions}_ions"] = seconds
        per_evaluation.append(np.polyfit(np.log(NODES), np.log(each), 1)[0])
        whole.append(np.polyfit(np.log(NODES), np.log(seconds), 1)[0])
    exponent, of_run = round(float(max(per_evaluation)), 3), round(float(max(whole)), 3)
    return {**found, "exponent": exponent, "exponent_run": of_run, "bar_exponent": BAR, "held": exponent <= BAR}


def _spent(steps: Any, *case: Any) -> tuple[float, int]:
    """CPU time of a run [s] and its evaluations."""
    began = time.process_time()
    runner = steps(*case)
    return time.process_time() - began, runner.statistics["evaluations"]
