"""Collapse of a crystal that has lost too much of a sublattice."""


def collapse_rate(theta, rate, critical):
    """k (theta_V/theta_c - 1)_+ [1/s], and its slope by theta_V: the order parameter C falls as dC/dt = -that C."""
    if theta <= critical:
        return 0.0, 0.0
    return rate * (theta / critical - 1.0), rate / critical
