"""Bound pairs of an electron and a hole that follow the carriers at once.

Free pairs form them and thermal energy takes them apart, B n p <-> k_d X; they decay with light, k_r, and without, k_n:

    dX/dt = B n p - k_d X - (k_r + k_n)(X - X_0),  k_d X_0 = B n_i^2

so in equilibrium each of the three stands still by itself. Lifetimes of nanoseconds and less make X a function of n p,
and the decay a bimolecular recombination: R = (k_r + k_n)(X - X_0) = B (k_r + k_n)/(k_d + k_r + k_n) (n p - n_i^2).

References: Saha, Phil. Mag. 40, 472 (1920); D'Innocenzo et al., Nat. Commun. 5, 3586 (2014) for pairs in perovskites.
"""

import numpy as np


def dissociation_rate(formation, states, binding, vt):
    """k_d = B N e^{-E_b/kT} [1/s]: n p/X = N e^{-E_b/kT} in equilibrium.

    formation : B [m^3/s]; states : N = (mu kT/2 pi hbar^2)^{3/2} [m^-3]; binding : E_b [eV]; vt : kT/q [V]
    """
    return formation * states * np.exp(-np.asarray(binding) / vt)


def coefficients(formation, dissociation, radiative, nonradiative):
    """B k_r/(k_d + k_r + k_n) and B k_n/(k_d + k_r + k_n) [m^3/s]; rates [1/s] not all zero."""
    share = formation / (dissociation + radiative + nonradiative)
    return share * radiative, share * nonradiative


def density(excess, intrinsic, formation, dissociation, radiative, nonradiative):
    """X [m^-3] where n p - n_i^2 = excess, n_i^2 = intrinsic [m^-6]."""
    return formation * (excess / (dissociation + radiative + nonradiative) + intrinsic / dissociation)
