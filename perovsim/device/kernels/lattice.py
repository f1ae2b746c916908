"""Halides and vacancies that share the sites of one lattice (numba)."""

import math

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.matrix import between
from perovsim.device.kernels.tables import (
    BASE,
    EASE,
    ETA,
    HALIDE,
    IN_PLACE,
    IS_IDEAL,
    JUMP_FIRST,
    JUMP_SECOND,
    MISFIT,
    MIXING,
    MOVING,
    PASSES,
    PSI,
    SITES,
    STIFFNESS,
    SWELLING,
    VACANCY,
    WIDTH,
    X_START,
)
from perovsim.device.kernels.transport import flux_uniform
from perovsim.physics import lattice

site_energy = inlined(lattice.site_energy)


@part
def site_potentials(p, y, state):
    """Fill the excess potentials of the halides and the change of ln D with stress, with their slopes by theta_V and
    theta_first: a halide that comes takes the place of a vacancy, the last one fills what the two leave."""
    slot, rows, start, excess, by, eased = p.slot, p.lattice, p.cell[X_START], state.excess, state.excess_by, state.ease
    for i in range(start.shape[0]):
        if slot[VACANCY, i] < 0 or rows[IS_IDEAL, i] > 0.0:
            continue
        own, vacancy, at = rows[:, i], y[slot[VACANCY, i]], slot[HALIDE, i]
        first = y[at] if at >= 0 else 0.0
        mu_1, mu_2, g_11, g_12, g_22, strain, by_1, by_2 = site_energy(
            first, 1.0 - vacancy - first, vacancy, own[MIXING], own[STIFFNESS], own[MISFIT], own[BASE], own[ETA],
            own[SWELLING], start[i],
        )  # fmt: skip
        excess[0, i], excess[1, i] = mu_1, mu_2
        by[0, 0, i], by[0, 1, i] = -g_12, g_11 - g_12
        by[1, 0, i], by[1, 1, i] = -g_22, g_12 - g_22
        ease = own[EASE]
        eased[0, i], eased[1, i], eased[2, i] = ease * strain, ease * by_2, ease * (by_2 - by_1)


@compiled
def halides(p, y, state, f, m, want):
    """J_X = (N D_X/h)[B(d) theta_X,L theta_V,R - B(-d) theta_X,R theta_V,L], d = excess_R - excess_L - (psi_R - psi_L);
    J_V = -sum J_X.

    Zero at equal M_X = ln(theta_X/theta_V) + excess - psi, with exact volume exclusion; the flux of vacancies is the
    last row of state.flow. On a moving lattice the halides exchange instead. The hot loop: nothing is passed on to
    other functions here but numbers and the entries of the matrix.
    """
    slot, rows, cell, flow = p.slot, p.lattice, p.cell, state.flow
    last, blocks, place, width = flow.shape[0] - 1, m.blocks, p.where[IN_PLACE], cell[WIDTH]
    excess, by, ease = state.excess, state.excess_by, state.ease
    flow[last, :] = 0.0
    for face in range(1, width.shape[0]):
        i, j = face - 1, face
        v_i, v_j = slot[VACANCY, i], slot[VACANCY, j]
        if v_i < 0 or v_j < 0 or rows[PASSES, i] == 0.0:
            continue
        if rows[MOVING, i] > 0.0:
            _exchange(p, y, state, f, m, want, i, j)
            continue
        x_i, x_j, psi_i, psi_j = slot[HALIDE, i], slot[HALIDE, j], slot[PSI, i], slot[PSI, j]
        eased = 0.5 * (ease[0, i] + ease[0, j])
        for k in range(2):
            if k == 0 and x_i < 0:
                continue
            d_i, d_j = cell[JUMP_FIRST + k, i], cell[JUMP_FIRST + k, j]
            g = _conductance(width[i], width[j], cell[SITES, i], cell[SITES, j], d_i, d_j, eased)
            drop = y[psi_i] - y[psi_j] + (excess[k, j] - excess[k, i])
            own_i = y[x_i] if k == 0 else 1.0 - y[v_i] - (y[x_i] if x_i >= 0 else 0.0)
            own_j = y[x_j] if k == 0 else 1.0 - y[v_j] - (y[x_j] if x_j >= 0 else 0.0)
            flux, up, down, by_drop = flux_uniform(own_i * y[v_j], own_j * y[v_i], drop, g)
            flow[last, face] -= flux
            f[v_i] += flux
            f[v_j] -= flux
            if k == 0:
                f[x_i] -= flux
                f[x_j] += flux
            if not want:
                continue
            by_vi, by_vj, by_xi, by_xj = down * own_j, up * own_i, up * y[v_j], down * y[v_i]
            if k == 1:
                by_vi, by_vj, by_xi, by_xj = by_vi - by_xi, by_vj - by_xj, -by_xi, -by_xj
            by_vi += 0.5 * flux * ease[1, i] - by_drop * by[k, 0, i]
            by_vj += 0.5 * flux * ease[1, j] + by_drop * by[k, 0, j]
            by_xi += 0.5 * flux * ease[2, i] - by_drop * by[k, 1, i]
            by_xj += 0.5 * flux * ease[2, j] + by_drop * by[k, 1, j]
            _slopes(
                blocks, i, place, v_i, v_j, psi_i, psi_j, v_i, v_j, x_i, x_j, -by_vi, -by_vj, -by_xi, -by_xj, -by_drop
            )
            if k == 0:
                _slopes(
                    blocks, i, place, x_i, x_j, psi_i, psi_j, v_i, v_j, x_i, x_j, by_vi, by_vj, by_xi, by_xj, by_drop
                )


@inlined
def _conductance(w_i, w_j, n_i, n_j, d_i, d_j, eased):
    """N D/h between two cells [m^-2 s^-1]: half cells in series, times exp of the mean change of ln D with stress."""
    if n_i == n_j and d_i == d_j:
        g = 2.0 * n_i * d_i / (w_i + w_j)
    elif d_i == 0.0 or d_j == 0.0:
        return 0.0
    else:
        g = 2.0 / (w_i / (n_i * d_i) + w_j / (n_j * d_j))
    return g if eased == 0.0 else g * math.exp(eased)


@part
def _exchange(p, y, state, f, m, want, i, j):
    """Exchange of the two halides on a moving lattice: Darken's J_X + theta_X J_V with vacancies held by sources.

    Their forces obey Gibbs-Duhem, so the flux of the first follows from M_1 - M_2 alone, and nothing flows in all:
    J = (N/h) theta_V/(t1 + t2) [(1-x) D_1 + x D_2] [B(d) t1_L t2_R - B(-d) t1_R t2_L], d = step of excess_1 -
    excess_2; theta_V/(t1 + t2) and x are those of the face.
    """
    v_i, v_j, x_i, x_j = p.slot[VACANCY, i], p.slot[VACANCY, j], p.slot[HALIDE, i], p.slot[HALIDE, j]
    w_i, w_j, n_i, n_j = p.cell[WIDTH, i], p.cell[WIDTH, j], p.cell[SITES, i], p.cell[SITES, j]
    eased = 0.5 * (state.ease[0, i] + state.ease[0, j])
    g_1 = _conductance(w_i, w_j, n_i, n_j, p.cell[JUMP_FIRST, i], p.cell[JUMP_FIRST, j], eased)
    g_2 = _conductance(w_i, w_j, n_i, n_j, p.cell[JUMP_SECOND, i], p.cell[JUMP_SECOND, j], eased)
    a_i, a_j, b_i, b_j = y[x_i], y[x_j], 1.0 - y[v_i] - y[x_i], 1.0 - y[v_j] - y[x_j]
    filled = a_i + b_i + a_j + b_j
    x, vacant = 0.5 * (a_i / (a_i + b_i) + a_j / (a_j + b_j)), (y[v_i] + y[v_j]) / filled
    mean = (1.0 - x) * g_1 + x * g_2
    drop = (state.excess[0, j] - state.excess[1, j]) - (state.excess[0, i] - state.excess[1, i])
    net, up, down, by_drop = flux_uniform(a_i * b_j, a_j * b_i, drop, 1.0)
    flux, up, down, by_drop = mean * vacant * net, mean * vacant * up, mean * vacant * down, mean * vacant * by_drop
    f[x_i] -= flux
    f[x_j] += flux
    if not want:
        return
    ease, by_x, by_vacant = 0.5 * flux, 0.5 * vacant * net * (g_2 - g_1), mean * net * 2.0 / filled**2
    all_i, all_j = 1.0 - y[v_i], 1.0 - y[v_j]
    step_i = state.excess_by[0, :, i] - state.excess_by[1, :, i]
    step_j = state.excess_by[0, :, j] - state.excess_by[1, :, j]
    by_vi = -down * a_j + by_vacant + ease * state.ease[1, i] + by_x * a_i / all_i**2 - by_drop * step_i[0]
    by_vj = -up * a_i + by_vacant + ease * state.ease[1, j] + by_x * a_j / all_j**2 + by_drop * step_j[0]
    by_xi = up * b_j - down * a_j + ease * state.ease[2, i] + by_x / all_i - by_drop * step_i[1]
    by_xj = down * b_i - up * a_i + ease * state.ease[2, j] + by_x / all_j + by_drop * step_j[1]
    place = p.where[IN_PLACE]
    between(m.blocks, i, place[x_i], place[x_j], place[v_i], place[v_j], by_vi, by_vj)
    between(m.blocks, i, place[x_i], place[x_j], place[x_i], place[x_j], by_xi, by_xj)


@inlined
def _slopes(blocks, i, place, row_i, row_j, psi_i, psi_j, v_i, v_j, x_i, x_j, by_vi, by_vj, by_xi, by_xj, by_drop):
    """Matrix entries of a flux from row_i (cell i) to row_j (the next cell)."""
    at_i, at_j = place[row_i], place[row_j]
    between(blocks, i, at_i, at_j, place[v_i], place[v_j], by_vi, by_vj)
    between(blocks, i, at_i, at_j, place[psi_i], place[psi_j], by_drop, -by_drop)
    if x_i >= 0:
        between(blocks, i, at_i, at_j, place[x_i], place[x_j], by_xi, by_xj)
