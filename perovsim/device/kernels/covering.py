"""The film on a contact: how thick it is where it lies, and what share of the contact still conducts (numba)."""

import math

from perovsim.device.kernels.compiled import inlined, part
from perovsim.device.kernels.powers import power
from perovsim.device.kernels.tables import COVER, DECAY, FILM_SCALE, PATCHES

DILUTE = 1e-9
"""Covered share below which the slope of the thickness is the difference of two equal numbers."""
NOTHING = 1e-200
"""Covered share below which there is no film."""


@part
def cover(p, y, state):
    """Fill the local thickness h_mean/theta_b and T = 1 - theta_b (1 - exp(-2 kappa h_mean/theta_b)), with their slopes
    by the films; theta_b = 1 - exp[-(amount/cover)^m]. Without patches the film is even and T = 1.

    A negative amount is noise of the integrator: beside a positive one it would make a thickness without bounds.
    """
    thickness, through = state.thickness, state.through
    film = y[p.where.shape[1] + 1 : p.where.shape[1] + 1 + p.film.shape[0]]
    thickness[:], through[:] = 0.0, 0.0
    through[0] = 1.0
    amount = 0.0
    for k in range(film.shape[0]):
        if film[k] >= 0.0:
            amount += FILM_SCALE * film[k]
            thickness[0] += FILM_SCALE * p.film[k] * film[k]
            thickness[1 + k] = FILM_SCALE * p.film[k]
    if p.number[COVER] > 0.0:
        _patches(p, film, amount, thickness, through)


@inlined
def _patches(p, film, amount, thickness, through):
    """Patches instead of an even film: thickness from mean to local, then the share that conducts."""
    limit, decay = p.number[COVER], p.number[DECAY]
    grown, steep = power(amount / limit, p.number[PATCHES])
    blocked = -math.expm1(-grown)
    if not blocked > NOTHING:
        thickness[:] = 0.0
        thickness[0] = limit * p.film.mean() / steep if steep > 0.0 else 0.0
        return
    local = thickness[0] / blocked
    tunnel = math.exp(-decay * local)
    thickness[0], through[0] = local, 1.0 - blocked * (1.0 - tunnel)
    for k in range(film.shape[0]):
        d_blocked = FILM_SCALE * steep * math.exp(-grown) / limit if film[k] >= 0.0 else 0.0
        d_local = (thickness[1 + k] - local * d_blocked) / blocked if grown > DILUTE else 0.0
        thickness[1 + k] = d_local
        through[1 + k] = -d_blocked * (1.0 - tunnel) - blocked * decay * tunnel * d_local
