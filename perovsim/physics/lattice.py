"""Lattice parameter, strain and free energy of the pseudo-cubic perovskite; what device and diffraction share."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable as jitable

EMPTY = 1e-3
"""Share of the sites below which the composition of an emptied lattice fades to that at the start: it has none."""
VANISHING = 1e-9
"""Share of the sites below which an emptied lattice has no mixing energy."""


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


def clamped_strain(elastic, poisson: float):
    """In-plane misfit strain that makes an elastic strain out of plane: the inverse of `biaxial_elastic`."""
    return -0.5 * (1.0 - poisson) / poisson * elastic


def volume_strain(misfit, free, poisson: float):
    """Trace of the elastic strain of such a film, 2 (1 - 2 nu)/(1 - nu) (eps_mis - eps0)."""
    return 2.0 * (1.0 - 2.0 * poisson) / (1.0 - poisson) * (misfit - free)


@jitable
def site_energy(first, second, vacancy, mixing, stiffness, misfit, base, eta, swelling, start):
    """Excess potentials of two halides on the sites of a clamped film, all from one free energy per site.

    g = w t1 t2/(t1 + t2) + K (eps_mis - eps0)^2,  eps0 = base + eta x + swelling theta_V,  x = t1/(t1 + t2):
    the regular solution, whose mixing term is Margules' w (1 - x)^2 and w x^2, and the elastic energy of a coherent
    film, whose term is -Omega_X sigma_h with Omega_X = 3 V_X d(eps0)/d(theta_X), sigma_h = 2/3 E/(1 - nu)
    (eps_mis - eps0) and K = V_X E/(1 - nu)/kT. Being slopes of one g they obey Maxwell's relation.

    first, second, vacancy : site fractions; a halide takes the place of a vacancy; mixing = w/kT; start : x to which
    that of an emptied lattice fades, which has none (below EMPTY; at full sites by EMPTY^2)
    Returns mu_1, mu_2 [kT], their slopes g_11, g_12, g_22, then eps_mis - eps0 and the slopes of eps0 by the halides.
    References: Larché & Cahn, Acta Metall. 21, 1051 (1973); 33, 331 (1985).
    """
    own, other = first + VANISHING, second + VANISHING
    filled, all_of = first + second, first + other
    square, cube, down = all_of**2, all_of**3, filled**2 + EMPTY**2
    x = (first * filled + EMPTY**2 * start) / down
    x_1, x_2 = (filled + first - 2.0 * filled * x) / down, (first - 2.0 * filled * x) / down
    bend_11 = eta * (2.0 - 2.0 * x - 4.0 * filled * x_1) / down
    bend_12 = eta * (1.0 - 2.0 * x - 2.0 * filled * (x_1 + x_2)) / down
    bend_22 = eta * (-2.0 * x - 4.0 * filled * x_2) / down
    strain = misfit - base - eta * x - swelling * vacancy
    by_1, by_2 = eta * x_1 - swelling, eta * x_2 - swelling
    cross = (2.0 * first * second + VANISHING * all_of) / cube
    return (
        mixing * second * other / square - 2.0 * stiffness * strain * by_1,
        mixing * first * own / square - 2.0 * stiffness * strain * by_2,
        -2.0 * mixing * second * other / cube + 2.0 * stiffness * (by_1 * by_1 - strain * bend_11),
        mixing * cross + 2.0 * stiffness * (by_1 * by_2 - strain * bend_12),
        -2.0 * mixing * first * own / cube + 2.0 * stiffness * (by_2 * by_2 - strain * bend_22),
        strain,
        by_1,
        by_2,
    )


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
