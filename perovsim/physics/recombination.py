"""Recombination of electrons and holes: every rate is a factor times the excess n p - n_i^2, so all vanish together.

Scalars in the compiled kernel, arrays elsewhere. References: Shockley & Read, Phys. Rev. 87, 835 (1952); Selberherr
(1984).
"""

from numba.extending import register_jitable as jitable


@jitable
def srh_factor(n, p, tau_n, tau_p, n_1, p_1):
    """1/[tau_p (n + n_1) + tau_n (p + p_1)] [m^3/s] of neutral traps with lifetimes tau [s]."""
    return 1.0 / (tau_p * (n + n_1) + tau_n * (p + p_1))


@jitable
def capture_factor(n, p, traps, c_n, c_p, n_1, p_1):
    """N c_n c_p/[c_n (n + n_1) + c_p (p + p_1)] [m^3/s] of N traps [m^-3] with capture coefficients c [m^3/s]."""
    return traps * c_n * c_p / (c_n * (n + n_1) + c_p * (p + p_1))


@jitable
def auger_factor(n, p, k_n, k_p):
    """k_n n + k_p p [m^3/s]."""
    return k_n * n + k_p * p
