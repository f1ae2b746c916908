"""Lattice parameter and strain of the pseudo-cubic perovskite; the line that device and diffraction share."""

from __future__ import annotations

import numpy as np

EMPTY = 1e-3
"""Share of the sites below which the composition of an emptied lattice fades to that at the start: it has none."""


def composition(first, vacancy, start):
    """x = theta_first/(1 - theta_V) and its slopes by theta_V and theta_first; `start` where the lattice is empty."""
    halide = 1.0 - vacancy + EMPTY
    x = (first + EMPTY * start) / halide
    return x, x / halide, 1.0 / halide


def lattice_parameter(x, a_br: float, a_cl: float):
    """Vegard: a(x) = a_Br (1 - x) + a_Cl x [m]; x = theta_Cl/(theta_Cl + theta_Br)."""
    return a_br * (1.0 - x) + a_cl * x


def vegard_strain(x, x_reference, a_br: float, a_cl: float):
    """Stress-free strain eps0 = a(x)/a(x_ref) - 1 against the cell of the reference composition."""
    return lattice_parameter(x, a_br, a_cl) / lattice_parameter(x_reference, a_br, a_cl) - 1.0


def biaxial_elastic(misfit, free, poisson: float):
    """Elastic out-of-plane strain of a film whose in-plane strain is held at `misfit`, plane stress, isotropic.

    eps_zz - eps0 = -2 nu/(1 - nu) (eps_mis - eps0)
    """
    return -2.0 * poisson / (1.0 - poisson) * (misfit - free)


def biaxial_stress(misfit, free, youngs_modulus: float, poisson: float):
    """In-plane stress sigma_b = E/(1 - nu) (eps_mis - eps0) [Pa]."""
    return youngs_modulus / (1.0 - poisson) * (misfit - free)


def interfacial_profile(x, left: float, right: float, value: float, decay: float):
    """Input that decays from both faces of a layer: value (e^{-(x-l)/d} + e^{-(r-x)/d}), 0 outside.

    x, left, right, decay : [m]
    """
    x = np.asarray(x, float)
    inside = (x >= left) & (x <= right)
    profile = np.exp(-np.abs(x - left) / decay) + np.exp(-np.abs(right - x) / decay)
    return np.where(inside, value * profile, 0.0)


def strain_energy_release(strain, youngs_modulus: float, poisson: float, thickness: float):
    """Griffith: G = E/(1 - nu) eps^2 h [J/m^2], all stored energy of the film."""
    return youngs_modulus / (1.0 - poisson) * np.square(strain) * thickness
