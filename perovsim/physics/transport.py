"""Scharfetter–Gummel fluxes of a charged or neutral species, each with its derivatives beside it.

A species of density a [m^-3] has the electrochemical potential mu/kT = ln a + w; w holds its drift potential z q
phi/kT, its band or solvation energy and its excess. Every flux below vanishes where mu is the same on both sides.
References: Scharfetter & Gummel, IEEE Trans. Electron Devices 16, 64 (1969); Selberherr (1984).
"""

import math

from numba.extending import register_jitable as jitable

EXPONENT_LIMIT = 600.0
"""Arguments of exp are held inside the range of a double."""
WEAK = 4e4
"""Field [kT/q per m], about 1 kV/m, below which mobilities and barriers feel next to nothing of it."""
SERIES_BELOW = 0.5
"""|x| below which the seven terms of the series of the Bernoulli function below are exact to rounding."""


@jitable
def safe_exp(x):
    """exp(x), never infinite."""
    return math.exp(min(max(x, -EXPONENT_LIMIT), EXPONENT_LIMIT))


@jitable
def bernoulli(x):
    """B(x) = x/(e^x - 1): returns B(x), B(-x), B'(x), B'(-x).

    Near 0, where most faces of a mesh are, by B(x) = 1 - x/2 + sum B_2n x^2n/(2n)!, which needs no exponential.
    """
    size = abs(x)
    if size < SERIES_BELOW:
        s = x * x
        even, odd = 1.0 / 74724249600.0, 7.0 / 74724249600.0
        even, odd = even * s - 691.0 / 1307674368000.0, odd * s - 6.0 * 691.0 / 1307674368000.0
        even, odd = even * s + 1.0 / 47900160.0, odd * s + 5.0 / 47900160.0
        even, odd = even * s - 1.0 / 1209600.0, odd * s - 4.0 / 1209600.0
        even, odd = even * s + 1.0 / 30240.0, odd * s + 3.0 / 30240.0
        even, odd = even * s - 1.0 / 720.0, odd * s - 2.0 / 720.0
        even, odd = even * s + 1.0 / 12.0, 2.0 * x * (odd * s + 1.0 / 12.0)
        even = 1.0 + s * even
        return even - 0.5 * x, even + 0.5 * x, odd - 0.5, -0.5 - odd
    fall = math.exp(-size)
    inverse = 1.0 / size
    down = size / (1.0 - fall)
    up = down * fall
    slope_up = up * (1.0 - size - up) * inverse
    slope_down = down * (down - 1.0 - size) * inverse
    if x > 0.0:
        return up, down, slope_up, slope_down
    return down, up, slope_down, slope_up


@jitable
def softened_root(field):
    """sqrt(F) of a field F > 0 as F/sqrt(F + WEAK), of finite slope at zero, and 0 below; returns it and its slope."""
    if field <= 0.0:
        return 0.0, 0.0
    root = math.sqrt(field + WEAK)
    return field / root, (0.5 * field + WEAK) / (root * root * root)


@jitable
def field_factor(factor, drop, distance):
    """exp(factor sqrt|drop/distance|) of a mobility that rises with the field, and the slope of its logarithm by drop.

    Poole-Frenkel (Gill, J. Appl. Phys. 43, 5033 (1972)), mu exp(beta sqrt|F|) with F = V_t drop/distance and factor =
    beta sqrt(V_t) [m^1/2]; drop [kT/q], distance [m]. Fields below WEAK act as their square.
    """
    if factor == 0.0:
        return 1.0, 0.0
    steep = drop / distance
    size = math.sqrt(steep * steep + WEAK * WEAK)
    return (
        math.exp(factor * (math.sqrt(size) - math.sqrt(WEAK))),
        0.5 * factor * steep / (size * math.sqrt(size) * distance),
    )


@jitable
def flux_uniform(a_l, a_r, drop, conductance):
    """Flux inside one material, F = g [a_L B(d) - a_R B(-d)], d = w_R - w_L, g = D/h [m/s].

    Returns F [m^-2 s^-1] and dF/da_L, dF/da_R, dF/dd.
    """
    up, down, slope_up, slope_down = bernoulli(drop)
    return (
        conductance * (a_l * up - a_r * down),
        conductance * up,
        -conductance * down,
        conductance * (a_l * slope_up + a_r * slope_down),
    )


@jitable
def flux_two_segment(a_l, w_l, a_r, w_r, wf_l, wf_r, r_l, r_r, r_face):
    """Flux over a material boundary with one electrochemical potential at the face, or a step r_face = 1/v across it.

    F = (a_L e^{w_L} - a_R e^{w_R})/(R_L + R_f + R_R): half cells R = r <e^w> with r = h/(2 D) [s/m] and
    <e^w> = e^{w_L}/B(wf_L - w_L); emission over the higher side of the face R_f = r_face e^{max(wf_L, wf_R)}.
    Returns F [m^-2 s^-1] and its derivatives by a_L, w_L, a_R, w_R, wf_L, wf_R, ln r_L, ln r_R, ln r_face.
    """
    top = max(max(w_l, w_r), max(wf_l, wf_r))
    e_l, e_r, e_f = safe_exp(w_l - top), safe_exp(w_r - top), safe_exp(wf_r - top)
    b_l, _, s_l, _ = bernoulli(wf_l - w_l)
    b_r, _, s_r, _ = bernoulli(w_r - wf_r)
    left, right = r_l * e_l / b_l, r_r * e_f / b_r
    step = r_face * safe_exp(max(wf_l, wf_r) - top)
    total = left + right + step
    flux = (a_l * e_l - a_r * e_r) / total
    over = flux / total
    bend_l, bend_r = left * s_l / b_l, right * s_r / b_r
    d_fl, d_fr = over * bend_l, -over * (right + bend_r)
    if wf_l >= wf_r:
        d_fl -= over * step
    else:
        d_fr -= over * step
    return (
        flux,
        e_l / total,
        a_l * e_l / total - over * (left + bend_l),
        -e_r / total,
        -a_r * e_r / total + over * bend_r,
        d_fl,
        d_fr,
        -over * left,
        -over * right,
        -over * step,
    )
