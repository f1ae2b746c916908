"""Conservation checks of a run: uniform current, ledgers of electrons, holes and ions, inventories of the elements.

Each check compares two things that were computed apart: face fluxes with the terminal current, amounts in the cells
with time integrals that the integrator carried. Beyond the bars a run raises ConservationError.
"""

from __future__ import annotations

import numpy as np

from perovsim.constants import Q
from perovsim.device.kernels.rounding import ROUNDING
from perovsim.device.kernels.tables import QUADRATURES
from perovsim.device.outputs.contents import Contents
from perovsim.device.outputs.currents import FaceCurrents
from perovsim.device.outputs.trace import Trace
from perovsim.device.problem.build import Problem

SMALLEST_CURRENT = 1e-2
"""Current [A/m^2] below which its imbalance is absolute."""
SMALLEST_AMOUNT = 1e6
"""Amount of an element [m^-2] below which its imbalance is absolute: one atom on a square millimetre is none."""


def balance(
    problem: Problem, trace: Trace, currents: list[FaceCurrents], terminal: np.ndarray, passed: np.ndarray
) -> dict[str, tuple[np.ndarray, str, str]]:
    """Name -> (relative imbalance at every stored time, unit, meaning).

    terminal : x-directed current through the stack that the circuit holds [A/m^2]; passed : charge so far [C/m^2]
    """
    contents = Contents(problem)
    y, z = np.array([s.y for s in trace.states]), np.array([s.z for s in trace.states])
    scale = np.maximum(np.abs(terminal), SMALLEST_CURRENT)
    gap = np.array([np.abs(c.total - j).max() for c, j in zip(currents, terminal, strict=True)])
    out = {
        "current_uniformity": (gap / scale, "1", "max |J_face - J_terminal| / max(|J|, 1e-2 A/m^2)"),
        "current_rounding_floor": (
            np.array([c.floor for c in currents]) / scale,
            "1",
            "100 eps max|face term| on the same scale",
        ),
        "charge": (_charge(contents, y, z, passed), "1", "largest of the electron, hole, trap and ion ledgers"),
    }
    for name in contents.elements:
        top = max(contents.inventory(name, y[0]), contents.inventory(name, y[-1]), SMALLEST_AMOUNT)
        gap = _gap(contents.amount(name, y), contents.made(name), z, [])
        out[f"element_{name}"] = (gap / top, "1", f"imbalance of {name}")
    return out


def _gap(amount: np.ndarray, made: np.ndarray, z: np.ndarray, entered: list[np.ndarray]) -> np.ndarray:
    """|change of an amount - what entered - what the reactions made| since the start [m^-2] (time,), as far as it is
    more than rounding of the ledgers: each is known to ROUNDING of itself.

    made : by each reaction per extent
    """
    extents = z[:, len(QUADRATURES) :]
    gap = np.abs(amount - amount[0] - sum(entered) - (extents - extents[0]) @ made)
    ledgers = sum(np.abs(ledger) for ledger in entered) + np.abs(extents) @ np.abs(made)
    return np.maximum(gap - ROUNDING * ledgers, 0.0)


def _charge(contents: Contents, y: np.ndarray, z: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Largest gap of the electron, hole and ion ledgers over the charge passed plus the largest stored charge."""
    since = {name: z[:, k] - z[0, k] for k, name in enumerate(QUADRATURES)}
    entered = {
        "electron": [since["electrons_first"], -since["electrons_last"], -since["recombined"], -since["trapped"]],
        "hole": [since["holes_first"], -since["holes_last"], -since["recombined"]],
        "trapped": [since["trapped"]],
        "ion": [],
    }
    amounts = {name: contents.amount(name, y) for name in entered}
    worst = np.max([_gap(amounts[name], contents.made(name), z, own) for name, own in entered.items()], axis=0)
    largest = max(np.abs(amount).max() for amount in amounts.values())
    travelled = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(passed)))))
    return Q * worst / np.maximum(Q * largest + travelled, np.finfo(float).tiny)
