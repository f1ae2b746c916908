"""How an exposed film is lost: evaporation into a vapour, and rates that grow with temperature."""

from __future__ import annotations

import math

from perovsim.constants import K_B, N_A, Q


def arrhenius(rate: float, energy: float, temperature: float, reference: float) -> float:
    """k(T) = k(T_0) exp[-(E/k)(1/T - 1/T_0)], E [eV], T [K]; of a vapour pressure: Clausius-Clapeyron."""
    return rate * math.exp(-energy * Q / K_B * (1.0 / temperature - 1.0 / reference))


def hertz_knudsen(pressure: float, molar_mass: float, temperature: float) -> float:
    """P/sqrt(2 pi m k T): molecules that strike a face [m^-2 s^-1] at a pressure [Pa]; molar mass [kg/mol].

    In equilibrium as many leave the solid whose vapour pressure that is.
    References: Knudsen, Ann. Phys. 352, 697 (1915).
    """
    return pressure / math.sqrt(2.0 * math.pi * molar_mass / N_A * K_B * temperature)
