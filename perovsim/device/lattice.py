"""Halides and vacancies that share the sites of one lattice (numba)."""

from perovsim.device.compiled import compiled
from perovsim.device.matrix import between
from perovsim.device.tables import BOUNDARY, HALIDE, IN_PLACE, JUMP_FIRST, PSI, SITES, VACANCY, WIDTH
from perovsim.device.transport import flux_uniform


@compiled
def halides(p, y, state, f, m, want):
    """J_X = (N D_X/h)[B(d) theta_X,L theta_V,R - B(-d) theta_X,R theta_V,L], d = -(psi_R - psi_L); J_V = -sum J_X.

    Zero at equal M_X = ln(theta_X/theta_V) - psi, with exact volume exclusion; the flux of vacancies is the last row
    of state.flow.
    """
    last, blocks, place, width = state.flow.shape[0] - 1, m.blocks, p.where[IN_PLACE], p.cell[WIDTH]
    state.flow[last, :] = 0.0
    for face in range(1, width.shape[0]):
        i, j = face - 1, face
        v_i, v_j = p.slot[VACANCY, i], p.slot[VACANCY, j]
        if v_i < 0 or v_j < 0 or p.face[BOUNDARY, face] > 0.0:
            continue
        x_i, x_j, psi_i, psi_j = p.slot[HALIDE, i], p.slot[HALIDE, j], p.slot[PSI, i], p.slot[PSI, j]
        drop = y[psi_i] - y[psi_j]
        for k in range(2):
            if k == 0 and x_i < 0:
                continue
            g = 2.0 * p.cell[SITES, i] * p.cell[JUMP_FIRST + k, i] / (width[i] + width[j])
            own_i = y[x_i] if k == 0 else 1.0 - y[v_i] - (y[x_i] if x_i >= 0 else 0.0)
            own_j = y[x_j] if k == 0 else 1.0 - y[v_j] - (y[x_j] if x_j >= 0 else 0.0)
            flux, up, down, by_drop = flux_uniform(own_i * y[v_j], own_j * y[v_i], drop, g)
            state.flow[last, face] -= flux
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
            _slopes(
                blocks, i, place, v_i, v_j, psi_i, psi_j, v_i, v_j, x_i, x_j, -by_vi, -by_vj, -by_xi, -by_xj, -by_drop
            )
            if k == 0:
                _slopes(
                    blocks, i, place, x_i, x_j, psi_i, psi_j, v_i, v_j, x_i, x_j, by_vi, by_vj, by_xi, by_xj, by_drop
                )


@compiled
def _slopes(blocks, i, place, row_i, row_j, psi_i, psi_j, v_i, v_j, x_i, x_j, by_vi, by_vj, by_xi, by_xj, by_drop):
    """Matrix entries of a flux from row_i (cell i) to row_j (the next cell)."""
    at_i, at_j = place[row_i], place[row_j]
    between(blocks, i, at_i, at_j, place[v_i], place[v_j], by_vi, by_vj)
    between(blocks, i, at_i, at_j, place[psi_i], place[psi_j], by_drop, -by_drop)
    if x_i >= 0:
        between(blocks, i, at_i, at_j, place[x_i], place[x_j], by_xi, by_xj)
