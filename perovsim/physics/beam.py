"""What an electron beam does to a crystal that it crosses."""

import math


def beam_pairs(stopping_power: float, gap: float, gaps_per_pair: float) -> float:
    """S/(a E_g): electron-hole pairs that one beam electron makes per depth [1/m]; S [eV/m], E_g [eV], a about 3.

    References: Klein, J. Appl. Phys. 39, 2029 (1968).
    """
    return stopping_power / (gaps_per_pair * gap)


def survival(dose: float, section: float) -> float:
    """exp(-sigma D): share that a dose D [1/m^2] leaves of what it destroys with a cross-section sigma [m^2]."""
    return math.exp(-section * dose)
