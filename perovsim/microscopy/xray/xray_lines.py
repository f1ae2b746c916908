"""Characteristic X-rays of an element under fast electrons, and what stops X-rays on their way.

Yields, Coster-Kronig probabilities, line energies and branching, attenuation: the tables of Elam, Ravel and
Sieber as xraydb holds them. Left out: vacancies that deeper shells pass on, some 10 % of Pb M, less elsewhere.
References: Elam et al., Radiat. Phys. Chem. 63, 121 (2002)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from perovsim.constants import N_A
from perovsim.errors import PerovsimError
from perovsim.physics.ionisation import OCCUPANCY, SHELLS, bote_salvat, casnati, shells_of

SECTIONS = ("bote2009", "casnati1982")
"""Sets of ionisation cross-sections; the second shows how far the first can be trusted."""
CM2 = 1e-4
"""Square centimetres in square metres."""
LEAST_ENERGY = 100.0
"""The attenuation tables begin here [eV]."""


@dataclass(frozen=True)
class Line:
    """One line: energy [eV], and photons per electron and per atom and area, over all directions [m^2]."""

    element: str
    name: str
    energy: float
    section: float


@lru_cache(maxsize=256)
def lines_of(element: str, energy: float, low: float, high: float, sections: str) -> tuple[Line, ...]:
    """Return the lines of an element between low and high, sigma_line = sigma_shell x yield x branching.

    energy : of the electrons [eV]; low, high : of the spectrum [eV]; sections : one of SECTIONS
    Raises PerovsimError for an unknown set, or an element with a line in the spectrum but no cross-sections.
    """
    import xraydb

    check_sections(sections)
    edges = xraydb.xray_edges(element)
    if not any(line.energy >= low for line in xraydb.xray_lines(element).values()):
        return ()
    vacancies = _vacancies(element, energy, sections)
    found = []
    for name, line in xraydb.xray_lines(element).items():
        if low <= line.energy <= high and vacancies.get(line.initial_level, 0.0) > 0.0:
            photons = vacancies[line.initial_level] * edges[line.initial_level].fyield * line.intensity
            found.append(Line(element, name, float(line.energy), float(photons)))
    return tuple(found)


def check_sections(sections: str) -> None:
    """Raise PerovsimError unless there is a set of cross-sections of this name."""
    if sections not in SECTIONS:
        raise PerovsimError(f"no cross-sections '{sections}'; known: {', '.join(SECTIONS)}")


def _vacancies(element: str, energy: float, sections: str) -> dict[str, float]:
    """Return vacancies per shell, those that Coster-Kronig transitions move outwards included [m^2]."""
    import xraydb

    direct = {
        shell: bote_salvat(energy, fit) if sections == SECTIONS[0] else casnati(energy, fit.edge, OCCUPANCY[shell])
        for shell, fit in shells_of(element).items()
    }
    moved = dict(direct)
    for shell, section in direct.items():
        for outer in SHELLS[SHELLS.index(shell) + 1 :]:
            if outer[0] == shell[0] and outer in moved:
                moved[outer] += section * float(xraydb.ck_probability(element, shell, outer) or 0.0)
    return moved


def attenuation(element: str, photon: np.ndarray) -> np.ndarray:
    """Return the attenuation per atom, sigma = (mu/rho) M/N_A [m^2], at photon energies [eV]."""
    import xraydb

    grams = xraydb.mu_elam(element, np.maximum(photon, LEAST_ENERGY))
    return CM2 * grams * xraydb.atomic_mass(element) / N_A


def escape(depth: np.ndarray) -> np.ndarray:
    """Return the share of X-rays that leave a layer in which they arise evenly, (1 - exp(-chi))/chi.

    depth : optical depth chi of the layer along the way out
    References: Goldstein et al., in Introduction to Analytical Electron Microscopy, Plenum (1979), chapter 3
    """
    safe = np.where(depth > 0, depth, 1.0)
    return np.where(depth > 0, -np.expm1(-safe) / safe, 1.0)
