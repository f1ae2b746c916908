"""Series of simulations that differ in thickness or defocus, which a comparison then fits as nuisance values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perovsim.errors import MeasurementError

NAMES = ("thickness", "defocus")
"""What a series may vary [m], as a simulated file names it."""
SAME = 1e-13
"""Values count as one when they differ by less than this [m]."""


def varied(simulated: Sequence[Any]) -> list[dict[str, float]]:
    """Return thickness and defocus of simulated scans or images, those that differ among them [m].

    Raises MeasurementError where one is measured, or none of them differs.
    """
    for one in simulated:
        if not one.simulated:
            raise MeasurementError("series: every file of it must be simulated; a measured one has no thickness to try")
    known = [name for name in NAMES if all(name in one.attrs for one in simulated)]
    values = {name: [float(one.attrs[name]) for one in simulated] for name in known}
    differ = [name for name in known if np.ptp(values[name]) > SAME]
    if not differ:
        raise MeasurementError(
            f"series: the {len(simulated)} simulations have the same {' and '.join(known) or 'unknown values'}; give "
            "some of other thickness (--thickness of perovsim scan) or defocus (of the mode)"
        )
    return [{name: values[name][number] for name in differ} for number in range(len(simulated))]


def described(values: Mapping[str, float], errors: Mapping[str, float]) -> str:
    """Return the values of a series in words, "" where there are none."""
    parts = []
    for name, value in values.items():
        error = errors.get(name, float("nan"))
        end = f" ± {1e9 * error:.2g} nm" if np.isfinite(error) else " nm, at the end of the series: no error"
        parts.append(f"{name} {1e9 * value:.4g}{end}")
    return "; ".join(parts)
