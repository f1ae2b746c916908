"""What runs a case: the reduction of its file, and the quantities that its expectations name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perovsim.microscopy.measured.cdte import cdte_boundary
from perovsim.microscopy.measured.precession import precession_findings
from perovsim.microscopy.measured.srtio3 import srtio3_comparison

PERCENT = 100.0
Values = dict[str, tuple[float, float]]
"""Quantity -> value and standard error; NaN where it has none."""
NAN = float("nan")


def srtio3_abf(progress: Callable[[float], None]) -> tuple[Any, Values]:
    """Reduce the SrTiO3 micrograph."""
    found = srtio3_comparison(progress)
    simulation, rival = found.scores["simulation"], found.scores["Gaussian columns"]
    solution = found.solution
    return found, {
        "stretch between the axes of the scan": (
            PERCENT * found.distortion.between_axes, PERCENT * found.distortion_error,
        ),
        "correlation of the simulation with the half that it has not seen": (simulation, NAN),
        "its lead over Gaussian columns": (simulation - rival, NAN),
        "thickness": (1e9 * solution.thickness, 1e9 * solution.errors["thickness"]),
        "source size (sigma)": (1e10 * solution.match.source, 1e10 * solution.errors["source"]),
    }  # fmt: skip


def cdte(progress: Callable[[float], None]) -> tuple[Any, Values]:
    """Reduce the CdTe boundary."""
    found = cdte_boundary(progress)
    mean, error = found.mean_spacing
    return found, {
        "grains": (2.0, NAN),
        "dumbbell spacing": (1e10 * mean, 1e10 * error),
        "pixel of the file against the calibrated one": (PERCENT * (found.image.pixel / found.pixel - 1), NAN),
        "misorientation": (float(np.degrees(found.angle[0])), float(np.degrees(found.angle[1]))),
    }


def precession(progress: Callable[[float], None]) -> tuple[Any, Values]:
    """Reduce the precession patterns."""
    found = precession_findings(progress)
    return found, {
        "patterns with a lattice": (float(sum(not fit.reason for fit in found.fits)), NAN),
        "largest strain or rotation between neighbours, in standard errors": (found.worst, NAN),
        "share of rings": (PERCENT * float(found.shares["rings"].mean()), NAN),
    }


RUNS: dict[str, Callable[[Callable[[float], None]], tuple[Any, Values]]] = {
    "srtio3_abf": srtio3_abf,
    "cdte_boundary": cdte,
    "precession": precession,
}
"""Name of a case -> what reduces its file."""
