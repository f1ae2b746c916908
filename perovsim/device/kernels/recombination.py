"""Recombination of electrons and holes in the cells (numba)."""

import math

from perovsim.device.kernels.compiled import compiled, inlined
from perovsim.device.kernels.tables import (
    AUGER,
    CAPTURE,
    CENTRE,
    CENTRE_CAPTURE,
    CENTRE_LEVEL,
    CENTRES_PER_ATOM,
    DARK,
    DENSITY,
    ELECTRON,
    FIRST_CELL,
    GENERATION,
    HALIDE,
    HOLE,
    IN_PLACE,
    INTRINSIC,
    LEVEL,
    LEVELS,
    LIFETIME,
    OCCUPIED,
    PAIRS,
    QUADRATURES,
    RADIATIVE,
    SCALE,
    SLOPE,
    SPECIES,
    VACANCY,
    WIDTH,
)
from perovsim.device.kernels.transport import safe_exp
from perovsim.physics import recombination

srh_factor = inlined(recombination.srh_factor)
capture_factor = inlined(recombination.capture_factor)
auger_factor = inlined(recombination.auger_factor)

ALL, LIGHT = QUADRATURES.index("recombined"), QUADRATURES.index("radiative")


@compiled
def recombine(p, y, state, f, m, want, control):
    """R = (k + Auger + SRH + centres)(n p - n_i^2) - generation by light and beam, where a cell holds both carriers."""
    slot, cell, pair, level, species, number = p.slot, p.cell, p.pair, p.trap, p.species, p.number
    density, shift, bend, by, ledger, slopes = state.density, state.shift, state.bend, state.by, state.ledger, m.ledger
    blocks, place, most = m.blocks, p.where[IN_PLACE], m.blocks.shape[1]
    own, centre = p.species_cell, int(number[CENTRE])
    for i in range(cell.shape[1]):
        row_n, row_p = slot[SPECIES + ELECTRON, i], slot[SPECIES + HOLE, i]
        if row_n < 0 or row_p < 0:
            continue
        n, q, h = density[ELECTRON, i], density[HOLE, i], cell[WIDTH, i]
        on_n, on_q = n > 0.0, q > 0.0  # a negative density is noise of the integrator and recombines with nothing
        n, q = max(n, 0.0), max(q, 0.0)
        intrinsic = cell[INTRINSIC, i] * safe_exp(-(shift[ELECTRON, i] + shift[HOLE, i]))
        excess = n * q - intrinsic
        factor, by_n, by_p = _factor(cell[RADIATIVE, i] + cell[DARK, i], pair, i, n, q)
        for t in range(level.shape[0]):
            if level[t, OCCUPIED] < 0.0 and level[t, FIRST_CELL] <= i <= level[t, FIRST_CELL + 1]:
                c_n, c_p = level[t, CAPTURE], level[t, CAPTURE + 1]
                own_factor = capture_factor(n, q, level[t, DENSITY], c_n, c_p, level[t, LEVELS], level[t, LEVELS + 1])
                down = c_n * (n + level[t, LEVELS]) + c_p * (q + level[t, LEVELS + 1])
                factor += own_factor
                by_n -= own_factor * c_n / down
                by_p -= own_factor * c_p / down
        at = slot[SPECIES + centre, i] if centre >= 0 else -1
        per_unit = 0.0
        if at >= 0:
            traps, c_n, c_p = (
                number[CENTRES_PER_ATOM] * species[SCALE, centre],
                number[CENTRE_CAPTURE],
                number[CENTRE_CAPTURE + 1],
            )
            n_1, p_1 = pair[CENTRE_LEVEL, 0, i], pair[CENTRE_LEVEL, 1, i]
            per_unit = capture_factor(n, q, traps, c_n, c_p, n_1, p_1)
            down = c_n * (n + n_1) + c_p * (q + p_1)
            factor += per_unit * y[at]
            by_n -= per_unit * y[at] * c_n / down
            by_p -= per_unit * y[at] * c_p / down
        net = factor * excess - control.light * cell[GENERATION, i] - control.beam * cell[PAIRS, i]
        f[row_n] -= net * h
        f[row_p] -= net * h
        ledger[ALL] += net * h
        ledger[LIGHT] += cell[RADIATIVE, i] * excess * h
        if not want:
            continue
        bend_n, bend_p = intrinsic * bend[ELECTRON, i], intrinsic * bend[HOLE, i]
        unit_n, unit_p = species[SCALE, ELECTRON], species[SCALE, HOLE]
        d_n = ((factor * q + by_n * excess) * unit_n if on_n else 0.0) + factor * bend_n
        d_p = ((factor * n + by_p * excess) * unit_p if on_q else 0.0) + factor * bend_p
        d_n, d_p = d_n * h, d_p * h
        d_x = factor * intrinsic * (own[SLOPE, ELECTRON, i] + own[SLOPE, HOLE, i]) * h
        at_n, at_p = most + place[row_n], most + place[row_p]
        slopes[ALL, row_n] += d_n
        slopes[ALL, row_p] += d_p
        slopes[LIGHT, row_n] += cell[RADIATIVE, i] * (q * unit_n + bend_n) * h
        slopes[LIGHT, row_p] += cell[RADIATIVE, i] * (n * unit_p + bend_p) * h
        if at >= 0:
            slopes[ALL, at] += per_unit * excess * h
        if d_x != 0.0:
            slopes[ALL, slot[VACANCY, i]] += d_x * by[0, i]
            slopes[ALL, slot[HALIDE, i]] += d_x * by[1, i]
        for row in (place[row_n], place[row_p]):
            blocks[i, row, at_n] += d_n
            blocks[i, row, at_p] += d_p
            if at >= 0:
                blocks[i, row, most + place[at]] += per_unit * excess * h
            if d_x != 0.0:
                blocks[i, row, most + place[slot[VACANCY, i]]] += d_x * by[0, i]
                blocks[i, row, most + place[slot[HALIDE, i]]] += d_x * by[1, i]


@inlined
def _factor(k, pair, i, n, p):
    """Radiative, Auger and SRH factor [m^3/s] of a cell and its slopes by n and p."""
    by_n, by_p = pair[AUGER, 0, i], pair[AUGER, 1, i]
    factor = k + auger_factor(n, p, by_n, by_p)
    tau_n, tau_p = pair[LIFETIME, 0, i], pair[LIFETIME, 1, i]
    if not (math.isinf(tau_n) or math.isinf(tau_p)):
        srh = srh_factor(n, p, tau_n, tau_p, pair[LEVEL, 0, i], pair[LEVEL, 1, i])
        factor += srh
        by_n -= srh * srh * tau_p
        by_p -= srh * srh * tau_n
    return factor, by_n, by_p
