"""Conduction through an insulating film."""

import math

EXPONENT_LIMIT = 600.0
"""Arguments of exp are held inside the range of a double."""


def film_current(field, conductivity, frenkel):
    """j = sigma F exp(b sqrt|F|) and dj/dF; F the field in the film, b = 0 for an ohmic film.

    Poole-Frenkel: b = sqrt(q^3/(pi eps))/kT. References: Frenkel, Phys. Rev. 54, 647 (1938).
    """
    lowering = frenkel * math.sqrt(abs(field))
    easier = conductivity * math.exp(min(lowering, EXPONENT_LIMIT))
    return easier * field, easier * (1.0 + 0.5 * lowering if lowering < EXPONENT_LIMIT else 1.0)
