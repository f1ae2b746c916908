"""Transformations of the perovskite CsPbX3 into other solids of the same Cs, Pb and X, after Johnson, Mehl and Avrami.

With a state of its own, d(zeta)/dt = k, a transformation takes d(xi)/dt = n zeta^(n-1) P k of the lead, P the share
that is still perovskite: alone it follows xi = 1 - exp(-zeta^n) at any k(t), and many of them share what is left.
References: Avrami, J. Chem. Phys. 7, 1103 (1939); 8, 212 (1940).
"""

import math

SHARES = {"PbX2": (1.0, 0.0, 0.0, 1.0), "CsPb2X5": (0.0, 1.0, 0.0, 0.5), "Cs4PbX6": (0.75, 0.0, 0.25, 0.0)}
"""Of the lead that a transformation takes, the shares in PbX2, CsPb2X5 and Cs4PbX6, and of as much Cs the share in CsX:
CsPbX3 -> PbX2 + CsX; 2 CsPbX3 -> CsPb2X5 + CsX; 4 CsPbX3 -> Cs4PbX6 + 3 PbX2."""


def drive(gibbs, thermal):
    """1 - exp(dG/kT) where dG < 0 favours the product, else 0; dG and kT [eV]."""
    return -math.expm1(gibbs / thermal) if gibbs < 0.0 else 0.0


def avrami(zeta, exponent):
    """n zeta^(n-1) and its slope by zeta, n >= 1; noise below zero counts as zero."""
    if exponent == 1.0:
        return 1.0, 0.0
    zeta = max(zeta, 0.0)
    bend = 0.0
    if zeta > 0.0 or exponent >= 2.0:
        bend = exponent * (exponent - 1.0) * zeta ** (exponent - 2.0)
    return exponent * zeta ** (exponent - 1.0), bend
