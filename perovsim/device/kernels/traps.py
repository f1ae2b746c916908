"""Traps whose occupation is a state, and traps at junctions, which exchange carriers with both sides (numba).

Electrons are captured at c_n [n (N - F) - n_1 F], holes at c_p [p F - p_1 (N - F)], F the trapped electrons; n_1 and
p_1 move with the band edges and the statistics, so that both rates vanish at one Fermi level. Reference: Shockley &
Read, Phys. Rev. 87, 835 (1952).
"""

import numpy as np

from perovsim.device.kernels.compiled import compiled, part
from perovsim.device.kernels.matrix import add
from perovsim.device.kernels.tables import (
    CAPTURE,
    DENSITY,
    ELECTRON,
    FIRST_CELL,
    HALIDE,
    HOLE,
    LEVELS,
    OCCUPIED,
    PSI,
    QUADRATURES,
    SCALE,
    SLOPE,
    SPECIES,
    VACANCY,
    WEIGHT,
    WIDTH,
)
from perovsim.device.kernels.transport import safe_exp

RECOMBINED, TRAPPED = QUADRATURES.index("recombined"), QUADRATURES.index("trapped")
SIDES = 2


@compiled
def trap(p, y, state, f, m, want):
    """Add every trap with a state of its own, and every trap at a junction."""
    for t in range(p.trap.shape[0]):
        s = int(p.trap[t, OCCUPIED])
        if s >= 0:
            for i in range(int(p.trap[t, FIRST_CELL]), int(p.trap[t, FIRST_CELL + 1]) + 1):
                h = p.cell[WIDTH, i]
                filled = y[p.slot[SPECIES + s, i]] * p.species[SCALE, s] * h
                _exchange(p, y, state, f, m, want, p.trap[t], i, i, s, p.trap[t, DENSITY] * h, filled, -1, 0.0)
    for t in range(p.junction.shape[0]):
        _junction(p, y, state, f, m, want, p.junction[t])


@part
def _junction(p, y, state, f, m, want, trap):
    """Traps at a junction: with a state their electrons stand in the left cell, neutral ones follow the carriers.

    They count as left of the face: what they capture from the right cell has passed through it.
    """
    i, j, s = int(trap[FIRST_CELL]), int(trap[FIRST_CELL + 1]), int(trap[OCCUPIED])
    weight = p.face[WEIGHT, j]
    if s >= 0:
        filled = y[p.slot[SPECIES + s, i]] * p.species[SCALE, s] * p.cell[WIDTH, i]
        _exchange(p, y, state, f, m, want, trap, i, i, s, trap[DENSITY], filled, j, 1.0 - weight)
        _exchange(p, y, state, f, m, want, trap, j, i, s, trap[DENSITY], filled, i, weight)
        return
    value, by, col, side = np.zeros((SIDES, 4)), np.zeros((SIDES, 4, 6)), np.full((SIDES, 6), -1), np.array([i, j])
    _at_face(p, y, state, trap, i, j, 1.0 - weight, LEVELS, value[0], by[0], col[0])
    _at_face(p, y, state, trap, j, i, weight, OCCUPIED + 1, value[1], by[1], col[1])
    n, q, n_1, p_1 = value[0] + value[1]
    c_n, c_p = trap[CAPTURE], trap[CAPTURE + 1]
    up, down = c_n * n + c_p * p_1, c_n * (n + n_1) + c_p * (q + p_1)
    if not down > 0.0:
        return
    share = up / down
    # slopes of the occupied share by the four sums
    by_share = np.array([c_n * (1.0 - share), -c_p * share, -c_n * share, c_p * (1.0 - share)]) / down
    for a in range(SIDES):
        electrons = c_n * trap[DENSITY] * (value[a, 0] * (1.0 - share) - value[a, 2] * share)
        holes = c_p * trap[DENSITY] * (value[a, 1] * share - value[a, 3] * (1.0 - share))
        row_n, row_p = p.slot[SPECIES + ELECTRON, side[a]], p.slot[SPECIES + HOLE, side[a]]
        if row_n < 0:
            continue
        f[row_n] -= electrons
        f[row_p] -= holes
        if a == 1:
            state.flow[ELECTRON, j] -= electrons
            state.flow[HOLE, j] -= holes
        state.ledger[RECOMBINED] += holes
        state.ledger[TRAPPED] += electrons - holes
        if not want:
            continue
        for b in range(SIDES):
            for k in range(6):
                d_share = 0.0
                for v in range(4):
                    d_share += by_share[v] * by[b, v, k]
                d_n = -c_n * trap[DENSITY] * (value[a, 0] + value[a, 2]) * d_share
                d_p = c_p * trap[DENSITY] * (value[a, 1] + value[a, 3]) * d_share
                if a == b:
                    d_n += c_n * trap[DENSITY] * (by[a, 0, k] * (1.0 - share) - by[a, 2, k] * share)
                    d_p += c_p * trap[DENSITY] * (by[a, 1, k] * share - by[a, 3, k] * (1.0 - share))
                _enter(p, m, row_n, row_p, -1, col[b, k], d_n, d_p)


@part
def _exchange(p, y, state, f, m, want, trap, i, home, s, density, filled, other, weight):
    """Capture by traps of `density` [m^-2], `filled` of them, from the carriers of cell i; their electrons are species
    s of the cell `home`. At a junction the potential of the face is that of i plus `weight` of the way to `other`."""
    row_n, row_p, row_s = p.slot[SPECIES + ELECTRON, i], p.slot[SPECIES + HOLE, i], p.slot[SPECIES + s, home]
    if row_n < 0:
        return
    value, by, col = np.zeros(4), np.zeros((4, 6)), np.full(6, -1)
    _at_face(p, y, state, trap, i, other, weight, LEVELS if i == home else OCCUPIED + 1, value, by, col)
    c_n, c_p, empty = trap[CAPTURE], trap[CAPTURE + 1], density - filled
    electrons = c_n * (value[0] * empty - value[2] * filled)
    holes = c_p * (value[1] * filled - value[3] * empty)
    f[row_n] -= electrons
    f[row_p] -= holes
    f[row_s] += electrons - holes
    if i != home:
        state.flow[ELECTRON, i] -= electrons
        state.flow[HOLE, i] -= holes
    state.ledger[RECOMBINED] += holes
    state.ledger[TRAPPED] += electrons - holes
    if not want:
        return
    unit = p.species[SCALE, s] * p.cell[WIDTH, home]
    d_n, d_p = -c_n * (value[0] + value[2]) * unit, c_p * (value[1] + value[3]) * unit
    _enter(p, m, row_n, row_p, row_s, row_s, d_n, d_p)
    for k in range(6):
        d_n = c_n * (by[0, k] * empty - by[2, k] * filled)
        d_p = c_p * (by[1, k] * filled - by[3, k] * empty)
        _enter(p, m, row_n, row_p, row_s, col[k], d_n, d_p)


@part
def _enter(p, m, row_n, row_p, row_s, col, d_n, d_p):
    """Matrix and ledger entries of the slopes of both captures by one unknown."""
    if col < 0:
        return
    add(m, p.where, row_n, col, d_n)
    add(m, p.where, row_p, col, d_p)
    add(m, p.where, row_s, col, d_p - d_n)
    m.ledger[RECOMBINED, col] += d_p
    m.ledger[TRAPPED, col] += d_n - d_p


@part
def _at_face(p, y, state, trap, i, other, weight, levels, value, by, col):
    """n, p, n_1, p_1 that a trap sees of cell i, and their slopes by the unknowns `col`: n, p, psi, psi of `other`,
    theta_V and theta_first.

    At a junction the densities are carried to the face at constant quasi-Fermi levels.
    """
    row_n, row_p = p.slot[SPECIES + ELECTRON, i], p.slot[SPECIES + HOLE, i]
    if row_n < 0:
        return
    col[0], col[1] = row_n, row_p
    rise = 0.0
    if other >= 0:
        col[2], col[3] = p.slot[PSI, i], p.slot[PSI, other]
        rise = weight * (y[col[3]] - y[col[2]])
    for s in range(SIDES):
        toward = safe_exp(rise if s == ELECTRON else -rise)
        z = -1.0 if s == ELECTRON else 1.0
        value[s] = state.density[s, i] * toward
        value[2 + s] = trap[levels + s] * safe_exp(-state.shift[s, i])
        by[s, s] = p.species[SCALE, s] * toward
        by[s, 2], by[s, 3] = z * weight * value[s], -z * weight * value[s]
        by[2 + s, s] -= value[2 + s] * state.bend[s, i]
        by_x = -value[2 + s] * p.species_cell[SLOPE, s, i]
        if by_x != 0.0:
            col[4], col[5] = p.slot[VACANCY, i], p.slot[HALIDE, i]
            by[2 + s, 4], by[2 + s, 5] = by_x * state.by[0, i], by_x * state.by[1, i]
