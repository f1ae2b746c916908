"""Phases that grow out of the perovskite in each cell (numba)."""

from perovsim.device.kernels.compiled import inlined, part
from perovsim.device.kernels.matrix import add
from perovsim.device.kernels.tables import (
    EXPONENT,
    LEAD_SHARE,
    LEAD_SPECIES,
    PACE,
    PER_VACANCY,
    SPECIES,
    TAKEN,
    VACANCY,
    WIDTH,
    ZETA,
)
from perovsim.physics import phases

avrami = inlined(phases.avrami)


@part
def transform(p, y, f, m, want):
    """d(zeta)/dt = k, d(xi)/dt = n zeta^(n-1) (1 - f_Pb - sum xi) k, k = k_0 or k_0 theta_V/theta_0."""
    for q in range(p.phase.shape[0]):
        own = p.phase[q]
        at_zeta, at_taken = SPECIES + int(own[ZETA]), SPECIES + int(own[TAKEN])
        for i in range(p.cell.shape[1]):
            row, zeta, h = p.slot[at_taken, i], p.slot[at_zeta, i], p.cell[WIDTH, i]
            if row < 0:
                continue
            v = p.slot[VACANCY, i]
            pace, by_theta = own[PACE], 0.0
            if own[PER_VACANCY] > 0.0:
                pace, by_theta = own[PACE] * own[PER_VACANCY] * y[v], own[PACE] * own[PER_VACANCY]
            left, lead = _perovskite(p, y, own, i)
            speed, bend = avrami(y[zeta], own[EXPONENT])
            f[zeta] += h * pace
            f[row] += h * speed * left * pace
            if not want:
                continue
            add(m, p.where, zeta, v, -h * by_theta)
            add(m, p.where, row, v, -h * speed * left * by_theta)
            add(m, p.where, row, zeta, -h * bend * left * pace)
            add(m, p.where, row, lead, h * speed * pace * own[LEAD_SHARE])
            for other in range(p.phase.shape[0]):
                add(m, p.where, row, p.slot[SPECIES + int(p.phase[other, TAKEN]), i], h * speed * pace)


@inlined
def _perovskite(p, y, own, i):
    """Share of the lead of a cell that is still perovskite, and the unknown of its metallic lead (-1: none)."""
    lead = p.slot[SPECIES + int(own[LEAD_SPECIES]), i] if own[LEAD_SPECIES] >= 0.0 else -1
    left = 1.0 - own[LEAD_SHARE] * y[lead] if lead >= 0 else 1.0
    for q in range(p.phase.shape[0]):
        k = p.slot[SPECIES + int(p.phase[q, TAKEN]), i]
        if k >= 0:
            left -= y[k]
    return left, lead
