"""Strain, composition and thickness by forward fit, on patterns of a full multislice, against the Cramer-Rao bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks import _nanobeam as truth

STILL, GRADED = 5e-5, 1e-4
"""Bars of the noiseless error of each strain: uniform, graded."""
BARS = {"static": (1.2, 5e-5), "alloy": (1.5, 2e-4), "phonon": (1.5, 3e-4)}
"""rms <= factor x Cramer-Rao + constant, by kind."""
DOSES = (1e5, 1e4, 1e3)
REPEATS = [17, 34, 68]
"""Thicknesses of about 10, 20 and 40 nm [cells]."""
GRADIENT, WIDTH = 0.015, 16e-9
RICHEST = 0.6
UNIFORM = (
    ("strain1", (0.008, -0.004, 0.003, 0.006), (3, -2)),
    ("strain2", (-0.006, 0.011, -0.004, 0.02), (45, -60)),
    ("strain3", (0.012, 0.005, -0.002, -0.01), (0, 0)),
    ("strain4", (-0.003, -0.009, 0.004, 0.004), (-2, 1)),
)
"""Name, exx, eyy, exy, rotation, and tilt in frequencies of the window (0.112 mrad)."""
PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where the probe stands on the gradient [share of its width]."""


@dataclass(frozen=True)
class Case:
    """One noiseless pattern with the strain under the probe (exx, eyy, exy, rotation)."""

    kind: str
    group: str
    repeat: int
    pattern: np.ndarray
    strain: np.ndarray


def cases(kind: str, quick: bool) -> list[Case]:
    """Return the patterns of one kind: static, alloy or phonon."""
    found = []
    repeats = REPEATS if kind == "static" else REPEATS[:2]
    for name, strain, tilt in UNIFORM[: 2 if quick else None]:
        if kind == "alloy" or (kind == "phonon" and max(np.abs(tilt)) > 8):
            continue
        made = truth.patterns(name, truth.affine(*strain), repeats, tilt, thermal=kind == "phonon")
        found += [Case(kind, "uniform", n, p, np.array(strain)) for n, p in zip(repeats, made, strict=True)]
    for place in PLACES[1 : 4 if quick else None : 2] if quick else PLACES:
        if kind == "static":
            strain = np.array([GRADIENT * place, 0.0, 0.0, 0.0])
            made = truth.patterns(f"graded {place}", truth.graded(GRADIENT, WIDTH, place), repeats)
        elif kind == "alloy":
            strain = np.array([GRADIENT * place, 0.004, 0.002, -0.003])
            made = truth.patterns(
                f"alloy {place}",
                truth.affine(*strain),
                repeats,
                chlorine=lambda xy, place=place: np.clip(RICHEST * (xy[:, 0] / WIDTH + place), 0, RICHEST),
                seed=int(100 * place),
            )
        else:
            continue
        found += [Case(kind, "graded", n, p, strain) for n, p in zip(repeats, made, strict=True)]
    return found
