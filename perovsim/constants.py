"""Physical constants in SI units (CODATA 2018; the first five are exact by definition).

References: Tiesinga et al., Rev. Mod. Phys. 93, 025010 (2021).
"""

from __future__ import annotations

Q = 1.602176634e-19
"""Elementary charge [C]."""

K_B = 1.380649e-23
"""Boltzmann constant [J/K]."""

H = 6.62607015e-34
"""Planck constant [J s]."""

C_LIGHT = 299792458.0
"""Speed of light in vacuum [m/s]."""

N_A = 6.02214076e23
"""Avogadro constant [1/mol]."""

EPS_0 = 8.8541878128e-12
"""Vacuum permittivity [F/m]."""

F = Q * N_A
"""Faraday constant [C/mol]."""

R = K_B * N_A
"""Molar gas constant [J/mol/K]."""

ELECTRON_MASS = 9.1093837015e-31
"""Mass of the electron [kg]."""

REST_ENERGY = ELECTRON_MASS * C_LIGHT**2 / Q
"""Rest energy of the electron [eV]."""

BOHR_RADIUS = 5.29177210903e-11
"""Bohr radius [m]."""

RYDBERG = 13.605693122994
"""Rydberg energy [eV]."""

FINE_STRUCTURE = 7.2973525693e-3
"""Fine-structure constant."""
