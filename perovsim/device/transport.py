"""Poisson's equation and the fluxes of electrons, holes, ions and neutral species (numba).

Each function adds its terms to the right-hand sides f and, where `want`, minus their derivatives to the matrix m.
"""

import math

from perovsim.device.compiled import compiled
from perovsim.device.matrix import add, between
from perovsim.device.tables import (
    BOUNDARY,
    BUILT_IN,
    CHARGE,
    COVER,
    DECAY,
    DIFFUSIVITY,
    EMISSION,
    FILM_SCALE,
    FIXED,
    GAP,
    HALIDE,
    HOLE,
    IN_PLACE,
    MOBILE,
    OFFSET,
    PERMEATION,
    PSI,
    SCALE,
    SHADED,
    SIGN,
    SITES,
    SLOPE,
    SPECIES,
    STICKING,
    STRAINED,
    VACANCY,
    WEIGHT,
    WIDTH,
    WORK,
    X_START,
)
from perovsim.physics import lattice, transport

flux_uniform = compiled(transport.flux_uniform)
flux_two_segment = compiled(transport.flux_two_segment)
safe_exp = compiled(transport.safe_exp)
composition = compiled(lattice.composition)

DILUTE = 1e-9
"""Film amount, in units of what covers the contact, below which the covered share is the amount itself."""


@compiled
def prepare(p, y, state):
    """Fill densities, shifts of the bands at the composition, open share of the contact."""
    for i in range(p.cell.shape[1]):
        x = p.cell[X_START, i]
        state.by[0, i], state.by[1, i] = 0.0, 0.0
        if p.slot[HALIDE, i] >= 0:
            x, state.by[0, i], state.by[1, i] = composition(y[p.slot[HALIDE, i]], y[p.slot[VACANCY, i]], x)
        for s in range(p.species.shape[1]):
            k = p.slot[SPECIES + s, i]
            state.density[s, i] = p.species[SCALE, s] * y[k] if k >= 0 else 0.0
            state.shift[s, i] = p.species_cell[SLOPE, s, i] * (x - p.cell[X_START, i]) + p.species_cell[STRAINED, s, i]
    _open_share(p.film, p.number[COVER], p.number[DECAY], y[p.where.shape[1] + 1 :], state.through)


@compiled
def _open_share(volume, cover, decay, film, through):
    """T = 1 - theta_b (1 - exp(-2 kappa h/theta_b)), theta_b = 1 - exp(-amount/cover), h mean thickness; and
    dT/dfilm."""
    through[:] = 0.0
    through[0] = 1.0
    amount, total = 0.0, 0.0
    for k in range(volume.shape[0]):
        amount += FILM_SCALE * film[k]
        total += FILM_SCALE * film[k] * volume[k]
    ratio = amount / cover if cover > 0.0 else 0.0
    if not ratio > 0.0:
        return
    blocked = -math.expm1(-ratio)
    local = cover * (total / amount) * (ratio / blocked if ratio > DILUTE else 1.0)
    tunnel = math.exp(-decay * local)
    through[0] = 1.0 - blocked * (1.0 - tunnel)
    d_blocked = FILM_SCALE * math.exp(-ratio) / cover
    for k in range(volume.shape[0]):
        d_local = (FILM_SCALE * volume[k] - local * d_blocked) / blocked if ratio > DILUTE else 0.0
        through[1 + k] = -d_blocked * (1.0 - tunnel) - blocked * decay * tunnel * d_local


@compiled
def first_contact(p, y):
    """Inner potential of the first contact [kT/q]; that of the last is the zero."""
    return p.number[SIGN] * y[p.where.shape[1]] + p.number[BUILT_IN]


@compiled
def poisson(p, y, state, f, m, want):
    """0 = sum of eps grad(psi) over the faces + charge of the cell, in particles per area."""
    slot, place, blocks, gap = p.slot, p.where[IN_PLACE], m.blocks, p.face[GAP]
    n, most = p.cell.shape[1], m.blocks.shape[1]
    for face in range(1, n):
        i, j, g = slot[PSI, face - 1], slot[PSI, face], gap[face]
        flux = g * (y[i] - y[j])
        f[i] -= flux
        f[j] += flux
        if want:
            between(blocks, face - 1, place[i], place[j], place[i], place[j], g, -g)
    for i in range(n):
        row, h = slot[PSI, i], p.cell[WIDTH, i]
        f[row] += p.cell[FIXED, i] * h
        for s in range(p.species.shape[1]):
            k, z = slot[SPECIES + s, i], p.species[CHARGE, s]
            if k >= 0 and z != 0.0:
                f[row] += z * state.density[s, i] * h
                if want:
                    blocks[i, place[row], most + place[k]] -= z * p.species[SCALE, s] * h
        k = slot[VACANCY, i]
        if k >= 0:
            f[row] += p.cell[SITES, i] * y[k] * h
            if want:
                blocks[i, place[row], most + place[k]] -= p.cell[SITES, i] * h
    first, last = slot[PSI, 0], slot[PSI, n - 1]
    f[first] += gap[0] * (first_contact(p, y) - y[first])
    f[last] -= gap[n] * y[last]
    if want:
        add(m, p.where, first, first, gap[0])
        add(m, p.where, first, p.where.shape[1], -gap[0] * p.number[SIGN])
        add(m, p.where, last, last, gap[n])


@compiled
def carriers_and_ions(p, y, state, f, m, want):
    """Fluxes of every mobile species through the inner faces, of electrons and holes through the contacts."""
    for s in range(p.species.shape[1]):
        state.flow[s, :] = 0.0
        if p.species[MOBILE, s] == 0.0:
            continue
        _within_layers(p, y, state, f, m, want, s)
        for face in range(1, p.cell.shape[1]):
            is_step = p.face[BOUNDARY, face] > 0.0 or (s > HOLE and p.face[PERMEATION, face] > 0.0)
            if is_step and p.slot[SPECIES + s, face - 1] >= 0 and p.slot[SPECIES + s, face] >= 0:
                _across(p, y, state, f, m, want, s, face)
        if s <= HOLE:
            for side in range(2):
                _contact(p, y, state, f, m, want, s, side)


@compiled
def _within_layers(p, y, state, f, m, want, s):
    """Fluxes of species s through the faces inside the layers; the hot loop."""
    slot, place, blocks, width = p.slot, p.where[IN_PLACE], m.blocks, p.cell[WIDTH]
    density, shift, diffusivity = state.density[s], state.shift[s], p.species_cell[DIFFUSIVITY, s]
    z, unit = p.species[CHARGE, s], p.species[SCALE, s]
    for face in range(1, width.shape[0]):
        i, j = face - 1, face
        row_i, row_j = slot[SPECIES + s, i], slot[SPECIES + s, j]
        if row_i < 0 or row_j < 0 or p.face[BOUNDARY, face] > 0.0 or (s > HOLE and p.face[PERMEATION, face] > 0.0):
            continue
        psi_i, psi_j = slot[PSI, i], slot[PSI, j]
        shaded = s <= HOLE and p.cell[SHADED, i] > 0.0
        share = state.through[0] if shaded else 1.0
        g = 2.0 * diffusivity[i] * share / (width[i] + width[j])
        drop = z * (y[psi_j] - y[psi_i]) + (shift[j] - shift[i])
        flux, by_i, by_j, by_drop = flux_uniform(density[i], density[j], drop, g)
        state.flow[s, face] = flux
        f[row_i] -= flux
        f[row_j] += flux
        if not want:
            continue
        at_i, at_j = place[row_i], place[row_j]
        between(blocks, i, at_i, at_j, at_i, at_j, by_i * unit, by_j * unit)
        if z != 0.0:
            between(blocks, i, at_i, at_j, place[psi_i], place[psi_j], -z * by_drop, z * by_drop)
        by_x = by_drop * p.species_cell[SLOPE, s, i]
        if by_x != 0.0:
            v_i, v_j, x_i, x_j = slot[VACANCY, i], slot[VACANCY, j], slot[HALIDE, i], slot[HALIDE, j]
            between(blocks, i, at_i, at_j, place[v_i], place[v_j], -by_x * state.by[0, i], by_x * state.by[0, j])
            between(blocks, i, at_i, at_j, place[x_i], place[x_j], -by_x * state.by[1, i], by_x * state.by[1, j])
        if shaded:
            for k in range(p.film.shape[0]):
                _spread(m, p.where, row_i, row_j, p.where.shape[1] + 1 + k, flux / share * state.through[1 + k])


@compiled
def _spread(m, where, left, right, col, slope):
    """Matrix entries of a flux that leaves row `left` and enters row `right`."""
    add(m, where, left, col, slope)
    add(m, where, right, col, -slope)


@compiled
def _spread_composition(p, m, state, left, right, i, slope):
    """Chain a slope by the composition of cell i to its site fractions."""
    if slope != 0.0 and p.slot[HALIDE, i] >= 0:
        _spread(m, p.where, left, right, p.slot[VACANCY, i], slope * state.by[0, i])
        _spread(m, p.where, left, right, p.slot[HALIDE, i], slope * state.by[1, i])


@compiled
def _across(p, y, state, f, m, want, s, face):
    """Flux between two materials: two half cells, for carriers an optional emission step between them.

    Energies are counted from the first cell: differences of hundreds of kT would cost digits.
    """
    i, j = face - 1, face
    row_i, row_j = p.slot[SPECIES + s, i], p.slot[SPECIES + s, j]
    psi_i, psi_j = p.slot[PSI, i], p.slot[PSI, j]
    z, weight = p.species[CHARGE, s], p.face[WEIGHT, face]
    drop = z * (y[psi_j] - y[psi_i])
    rise = (p.species_cell[OFFSET, s, j] - p.species_cell[OFFSET, s, i]) + (state.shift[s, j] - state.shift[s, i])
    shaded_i, shaded_j = s <= HOLE and p.cell[SHADED, i] > 0.0, s <= HOLE and p.cell[SHADED, j] > 0.0
    share = state.through[0]
    r_i = 0.5 * p.cell[WIDTH, i] / (p.species_cell[DIFFUSIVITY, s, i] * (share if shaded_i else 1.0))
    r_j = 0.5 * p.cell[WIDTH, j] / (p.species_cell[DIFFUSIVITY, s, j] * (share if shaded_j else 1.0))
    step = p.face[EMISSION + s, face] if s <= HOLE else p.face[PERMEATION, face]
    flux, by_i, by_wi, by_j, by_wj, by_fi, by_fj, by_ri, by_rj, _ = flux_two_segment(
        state.density[s, i],
        0.0,
        state.density[s, j],
        drop + rise,
        (1.0 - weight) * drop,
        (1.0 - weight) * drop + rise,
        r_i,
        r_j,
        step,
    )
    state.flow[s, face] = flux
    f[row_i] -= flux
    f[row_j] += flux
    if not want:
        return
    unit, by_face = p.species[SCALE, s], by_fi + by_fj
    _spread(m, p.where, row_i, row_j, row_i, by_i * unit)
    _spread(m, p.where, row_i, row_j, row_j, by_j * unit)
    _spread(m, p.where, row_i, row_j, psi_i, z * (by_wi + weight * by_face))
    _spread(m, p.where, row_i, row_j, psi_j, z * (by_wj + (1.0 - weight) * by_face))
    _spread_composition(p, m, state, row_i, row_j, i, (by_wi + by_fi) * p.species_cell[SLOPE, s, i])
    _spread_composition(p, m, state, row_i, row_j, j, (by_wj + by_fj) * p.species_cell[SLOPE, s, j])
    by_share = -((by_ri if shaded_i else 0.0) + (by_rj if shaded_j else 0.0)) / share
    for k in range(p.film.shape[0]):
        _spread(m, p.where, row_i, row_j, p.where.shape[1] + 1 + k, by_share * state.through[1 + k])


@compiled
def _contact(p, y, state, f, m, want, s, side):
    """Flux between a metal and the next cell: half a cell and a surface velocity, infinite where ohmic."""
    i, face = (0, 0) if side == 0 else (p.cell.shape[1] - 1, p.cell.shape[1])
    row = p.slot[SPECIES + s, i]
    if row < 0:
        return
    z, b, band = p.species[CHARGE, s], p.species_cell[OFFSET, s, i] + state.shift[s, i], p.where.shape[1]
    shaded = p.cell[SHADED, i] > 0.0
    share = state.through[0] if shaded else 1.0
    wall = first_contact(p, y) if side == 0 else 0.0
    metal = safe_exp(z * p.contact[side, WORK] - b)
    half = 0.5 * p.cell[WIDTH, i] / (p.species_cell[DIFFUSIVITY, s, i] * share)
    step = p.contact[side, STICKING + s] / share
    psi = p.slot[PSI, i]
    flux, by_metal, by_wm, by_a, by_w, by_fm, by_f, _, by_half, by_step = flux_two_segment(
        metal, 0.0, state.density[s, i], z * (y[psi] - wall), 0.0, 0.0, 0.0, half, step
    )
    out = 1.0 if side == 0 else -1.0
    state.flow[s, face] = out * flux
    f[row] += flux
    if not want:
        return
    # slopes of the flux into the cell; in the ledger they count x-directed
    entry = m.ledger[2 * s + side]
    by_wall = by_wm + by_fm + by_f
    entry[row] += out * by_a * p.species[SCALE, s]
    entry[psi] += out * by_w * z
    if side == 0:
        entry[band] += out * by_wall * z * p.number[SIGN]
    by_x = (by_w + by_wall - by_metal * metal) * p.species_cell[SLOPE, s, i]
    if by_x != 0.0:
        entry[p.slot[VACANCY, i]] += out * by_x * state.by[0, i]
        entry[p.slot[HALIDE, i]] += out * by_x * state.by[1, i]
    if shaded:
        for k in range(p.film.shape[0]):
            entry[band + 1 + k] -= out * (by_half + by_step) / share * state.through[1 + k]
    for other in range(p.slot.shape[0]):
        add(m, p.where, row, p.slot[other, i], -out * entry[p.slot[other, i]])
    for k in range(band, entry.shape[0]):
        add(m, p.where, row, k, -out * entry[k])
