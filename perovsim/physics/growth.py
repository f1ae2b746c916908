"""Growth laws of a film: how its thickness h slows the reaction that makes it.

r = r0' P(h) [exp(alpha A/N(h)) - exp(-(1 - alpha) A/N(h))], A the affinity of one elementary step [kT], with
P(h) = exp(-fading h)/(offset + slowing h) and N(h) = 1 + jumps h. Both are the same for the forward and the backward
reaction, so that every law vanishes at A = 0. References: Deal & Grove, J. Appl. Phys. 36, 3770 (1965); Cabrera & Mott,
Rep. Prog. Phys. 12, 163 (1949); Macdonald, J. Electrochem. Soc. 139, 3434 (1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Growth:
    """Coefficients of P and N: offset [1], slowing, fading, jumps [1/m]; as they stand, h has no influence."""

    offset: float = 1.0
    slowing: float = 0.0
    fading: float = 0.0
    jumps: float = 0.0


@dataclass(frozen=True)
class Law:
    """One law: the parameter that it needs ("" for none), what that means, and its coefficients.

    coefficients : function of the parameter in SI, the factor alpha/(kT/q) [1/V] and the thickness of a film that just
    exists [m]
    """

    needs: str
    meaning: str
    coefficients: Callable[[float, float, float], Growth]


def interface(_value: float, _per_volt: float, _first: float) -> Growth:
    """h = k t: the reaction at the interface limits, P = N = 1."""
    return Growth()


def parabolic(length: float, _per_volt: float, first: float) -> Growth:
    """h^2 = 2 k_p t: transport through the film limits, P = L/(h + h_0), h_0 the thickness of a film that just exists;
    the rate constant is that at the thickness L."""
    return Growth(offset=first / length, slowing=1.0 / length)


def linear_parabolic(length: float, _per_volt: float, _first: float) -> Growth:
    """h^2 + 2 L h = 2 L k t (Deal-Grove, A = 2 L, B = 2 L k): P = 1/(1 + h/L), from linear to parabolic at h = L."""
    return Growth(slowing=1.0 / length)


def cabrera_mott(jump: float, _per_volt: float, _first: float) -> Growth:
    """dh/dt = 2 k sinh(A a/(2 (h + a))) at alpha = 1/2: N = 1 + h/a jumps of length a in series, each with A/N."""
    return Growth(jumps=1.0 / jump)


def point_defect(field: float, per_volt: float, _first: float) -> Growth:
    """dh/dt = k exp[alpha (A - q E h/kT)] far from equilibrium: the field E in the film takes its part of the drive.

    With a constant loss the steady thickness is linear in the voltage, dh/dV = 1/E.
    """
    return Growth(fading=per_volt * field)


LAWS: dict[str, Law] = {
    "interface": Law("", "the reaction at the interface limits", interface),
    "parabolic": Law("transition_thickness", "h^2 = 2 L k t", parabolic),
    "linear_parabolic": Law("transition_thickness", "h^2 + 2 L h = 2 L k t", linear_parabolic),
    "cabrera_mott": Law("jump_distance", "1 + h/a jumps share the affinity", cabrera_mott),
    "point_defect": Law("film_field", "k falls as exp(-alpha q E h/kT)", point_defect),
}
"""The laws by the name that a device file gives them."""


def prefactor(h: float, offset: float, slowing: float, fading: float) -> tuple[float, float]:
    """P(h) = exp(-fading h)/(offset + slowing h), h [m], and d ln P/dh [1/m]."""
    resistance = offset + slowing * h
    return math.exp(-fading * h) / resistance, -fading - slowing / resistance
