"""Observables of two results: numbers at the end of the runs, to the tolerance of the solver."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from perovsim.comparison.noise import chi_square
from perovsim.comparison.table import Row
from perovsim.errors import MeasurementError
from perovsim.result import Result

TOLERANCES = 10.0
"""A number of a run is good to this many relative tolerances of its integrator."""
USUAL_RTOL = 1e-5
"""Relative tolerance where a result does not say it."""


def result_name(result: Result) -> str:
    """Name one side of the comparison."""
    return f"{result.device.name}, {' + '.join(result.hypotheses)}, {float(result.times[-1]):.4g} s"


def _end(first: Result, second: Result, name: str, label: str, group: str, scale: float, unit: str, **_: Any) -> Row:
    sides = []
    for result in (first, second):
        table = getattr(result, group)
        if name not in table:
            raise MeasurementError(f"{label}: the result of '{result.device.name}' has no {name}")
        value = float(table[name].values[-1]) * scale
        rtol = float(result.attrs.get("rtol", USUAL_RTOL))
        sides.append((value, TOLERANCES * rtol * abs(value)))
    chi2, error, count = chi_square(
        np.array([sides[0][0]]), np.array([sides[1][0]]), np.array([sides[0][1] ** 2 + sides[1][1] ** 2])
    )
    if sides[0][0] == sides[1][0]:
        chi2, error, count = 1.0, float(np.sqrt(2)), 1
    return Row(label, unit, sides[0], sides[1], chi2, error, count)


RESULT_OBSERVABLES: dict[str, Callable[..., Row]] = {
    "voltage": partial(_end, name="V", label="voltage", group="terminals", scale=1.0, unit="V"),
    "light": partial(_end, name="luminance", label="light", group="terminals", scale=1.0, unit="cd/m²"),
    "AlCl3": partial(_end, name="thickness_AlCl3", label="AlCl3", group="interfaces", scale=1e9, unit="nm"),
    "AlBr3": partial(_end, name="thickness_AlBr3", label="AlBr3", group="interfaces", scale=1e9, unit="nm"),
    "Pb0": partial(_end, name="Pb0_total", label="Pb0", group="interfaces", scale=1e6, unit="µmol/m²"),
}
"""Name -> row at the end of the runs; side-by-side time traces can be added beside it."""
