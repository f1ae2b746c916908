"""Ionisation of inner shells and bremsstrahlung by fast electrons: cross-sections of free atoms.

Every function takes and returns floats or arrays; energies in eV, cross-sections in m^2.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from perovsim.constants import BOHR_RADIUS, FINE_STRUCTURE, REST_ENERGY, RYDBERG
from perovsim.errors import PerovsimError

TABLE = Path(__file__).resolve().parents[1] / "data" / "ionisation_bote2009.csv"
"""Coefficients of the analytical formulas of Bote et al. (2009), per element and shell."""
HIGH_OVERVOLTAGE = 16.0
"""The two formulas of Bote et al. meet at this ratio of energy to edge."""
SHELLS = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")
OCCUPANCY = {"K": 2, "L1": 2, "L2": 2, "L3": 4, "M1": 2, "M2": 2, "M3": 4, "M4": 4, "M5": 6}
"""Electrons of a full shell."""
CASNATI = ((10.57, -1.736, 0.317), (-0.0318, 0.3160, -0.1135))
"""Casnati et al. (1982): phi = c0 exp(c1/U + c2/U^2); psi = (I/Ry)^(d0 + d1/U + d2/U^2)."""


@dataclass(frozen=True)
class ShellFit:
    """Coefficients of one shell: edge [eV]; high (b, A, g1 ... g4) and low (a1 ... a5) overvoltage."""

    edge: float
    high: tuple[float, ...]
    low: tuple[float, ...]


def bote_salvat(energy: float, fit: ShellFit, edge: float | None = None) -> float:
    """Return the ionisation cross-section of Bote et al., a fit of distorted-wave and plane-wave Born results.

    U <= 16: sigma = 4 pi a0^2 (U - 1)/U^2 [a1 + a2 U + a3/(1+U) + a4/(1+U)^3 + a5/(1+U)^5]^2
    U > 16:  sigma = 4 pi a0^2 U/(U + b) (A/beta^2) {[2 ln X - beta^2](1 + g1/X) + g2 + g3 (1 - beta^2)^(1/4) + g4/X}
    with X = p/(m c) = beta gamma. energy, edge : [eV], edge of the fit when None; returns [m^2], 0 below the edge
    References: Bote et al., At. Data Nucl. Data Tables 95, 871 (2009); Bote and Salvat, Phys. Rev. A 77, 042701 (2008)
    """
    ratio = energy / (fit.edge if edge is None else edge)
    if ratio <= 1.0:
        return 0.0
    area = 4 * np.pi * BOHR_RADIUS**2
    if ratio <= HIGH_OVERVOLTAGE:
        a1, a2, a3, a4, a5 = fit.low
        near = 1 / (1 + ratio)
        return area * (ratio - 1) * ((a1 + a2 * ratio + a3 * near + a4 * near**3 + a5 * near**5) / ratio) ** 2
    b, scale, g1, g2, g3, g4 = fit.high
    beta2 = speed_squared(energy)
    x = np.sqrt(energy * (energy + 2 * REST_ENERGY)) / REST_ENERGY
    bracket = (2 * np.log(x) - beta2) * (1 + g1 / x) + g2 + g3 * (1 - beta2) ** 0.25 + g4 / x
    return area * ratio / (ratio + b) * scale / beta2 * bracket


def casnati(energy: float, edge: float, electrons: int) -> float:
    """Return the empirical ionisation cross-section of Casnati et al., made for K shells, here for all.

    sigma = n a0^2 (Ry/I)^2 F phi psi ln(U)/U, F the relativistic factor of Gryzinski
    energy, edge I : [eV]; electrons n : in the shell; returns [m^2], 0 below the edge
    References: Casnati, Tartari and Baraldi, J. Phys. B 15, 155 (1982); Powell, Ultramicroscopy 28, 24 (1989)
    """
    ratio = energy / edge
    if ratio <= 1.0:
        return 0.0
    (c0, c1, c2), (d0, d1, d2) = CASNATI
    phi = c0 * np.exp(c1 / ratio + c2 / ratio**2)
    psi = (edge / RYDBERG) ** (d0 + d1 / ratio + d2 / ratio**2)
    i, t = edge / REST_ENERGY, energy / REST_ENERGY
    push = (i + t) * (2 + t) * (1 + i) ** 2 / (t * (2 + t) * (1 + i) ** 2 + i * (2 + i))
    factor = (2 + i) / (2 + t) * ((1 + t) / (1 + i)) ** 2 * push**1.5
    return electrons * (BOHR_RADIUS * RYDBERG / edge) ** 2 * factor * phi * psi * np.log(ratio) / ratio


def kramers(photon: np.ndarray, energy: float, number: int) -> np.ndarray:
    """Return the bremsstrahlung cross-section per photon energy after Kramers, over all directions.

    d(sigma)/dk = 16 pi/(3 sqrt 3) alpha r_e^2 Z^2/(beta^2 k), r_e = alpha^2 a0, and zero above the energy
    photon k, energy : [eV]; number Z; returns [m^2/eV]
    References: Kramers, Phil. Mag. 46, 836 (1923); semi-classical, no screening, as if isotropic
    """
    radius = FINE_STRUCTURE**2 * BOHR_RADIUS
    whole = 16 * np.pi / (3 * np.sqrt(3)) * FINE_STRUCTURE * (radius * number) ** 2 / speed_squared(energy)
    return np.where(photon < energy, whole / photon, 0.0)


def speed_squared(energy: float) -> float:
    """Return beta^2 = E (E + 2 mc^2)/(E + mc^2)^2 of an electron; energy [eV]."""
    return energy * (energy + 2 * REST_ENERGY) / (energy + REST_ENERGY) ** 2


def shells_of(element: str) -> dict[str, ShellFit]:
    """Return the fits of the shells K, L1 ... M5 of an element; PerovsimError where the table has none."""
    known = _table()
    if element not in known:
        names = ", ".join(known)
        raise PerovsimError(
            f"no ionisation cross-sections of {element}; {TABLE.name} has {names}; add the rows of Bote et al. (2009)"
        )
    return known[element]


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, ShellFit]]:
    found: dict[str, dict[str, ShellFit]] = {}
    with TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            high = tuple(float(row[key]) for key in ("b", "A", "g1", "g2", "g3", "g4"))
            low = tuple(float(row[key]) for key in ("a1", "a2", "a3", "a4", "a5"))
            found.setdefault(row["element"], {})[row["shell"]] = ShellFit(float(row["edge_eV"]), high, low)
    return found
