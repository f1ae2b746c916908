"""Poisson's equation and the fluxes of electrons, holes, ions and neutral species (numba).

Each function adds its terms to the right-hand sides f and, where `want`, minus their derivatives to the matrix m.
"""

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.covering import cover
from perovsim.device.kernels.matrix import add, between
from perovsim.device.kernels.tables import (
    BOUNDARY,
    BUILT_IN,
    CHARGE,
    DIFFUSIVITY,
    EMISSION,
    FIELD,
    FILM_FIELD,
    FIXED,
    GAP,
    GROUP,
    HALIDE,
    HOLE,
    IMAGE,
    IN_PLACE,
    MOBILE,
    OFFSET,
    PER_SITE,
    PERMEATION,
    PSI,
    SCALE,
    SHADED,
    SIGN,
    SITES,
    SLOPE,
    SPECIES,
    STATES,
    STATISTICS,
    STICKING,
    STRAINED,
    VACANCY,
    WEIGHT,
    WIDTH,
    WORK,
    X_START,
)
from perovsim.physics import lattice, statistics, transport

flux_uniform = inlined(transport.flux_uniform)
flux_two_segment = inlined(transport.flux_two_segment)
safe_exp = inlined(transport.safe_exp)
composition = inlined(lattice.composition)
excess = inlined(statistics.excess)
density_at = inlined(statistics.density_at)
field_factor = inlined(transport.field_factor)
softened_root = inlined(transport.softened_root)


@part
def prepare(p, y, state):
    """Fill densities, shifts of the bands by composition and statistics, thickness and open share of the film."""
    slot, cell, species, own, statistic, numbers = p.slot, p.cell, p.species, p.species_cell, p.excess, p.excess_number
    density, shift, by, band_excess, bend = state.density, state.shift, state.by, state.band_excess, state.bend
    free = state.free
    free[:] = 1.0
    for i in range(cell.shape[1]):
        x = cell[X_START, i]
        by[0, i], by[1, i] = 0.0, 0.0
        if slot[HALIDE, i] >= 0:
            x, by[0, i], by[1, i] = composition(y[slot[HALIDE, i]], y[slot[VACANCY, i]], x)
        for s in range(species.shape[1]):
            k = slot[SPECIES + s, i]
            density[s, i] = species[SCALE, s] * y[k] if k >= 0 else 0.0
            free[int(own[GROUP, s, i]), i] -= own[PER_SITE, s, i] * density[s, i]
            shift[s, i] = own[SLOPE, s, i] * (x - cell[X_START, i]) + own[STRAINED, s, i]
            if s <= HOLE and k >= 0 and own[STATISTICS, s, i] >= 0.0:
                kind, states = int(own[STATISTICS, s, i]), own[STATES, s, i]
                nu, slope = excess(statistic[kind], numbers[kind], density[s, i] / states)
                shift[s, i] += nu
                band_excess[s, i], bend[s, i] = nu, slope * species[SCALE, s] / states
    cover(p, y, state)


@compiled
def excess_of(p, s, density):
    """What the statistics add to the energy of a carrier at given densities [m^-3] (time, n), in kT."""
    out = np.zeros(density.shape)
    for i in range(density.shape[1]):
        kind = int(p.species_cell[STATISTICS, s, i])
        if kind >= 0:
            for k in range(density.shape[0]):
                u = density[k, i] / p.species_cell[STATES, s, i]
                out[k, i] = excess(p.excess[kind], p.excess_number[kind], u)[0]
    return out


@part
def density_of(p, s, i, level):
    """Density [m^-3] of a carrier in cell i where ln n + nu = level [kT], nu there, and slopes of both by the level."""
    if p.species_cell[STATISTICS, s, i] < 0.0:
        density = safe_exp(level)
        return density, 0.0, density, 0.0
    kind, states = int(p.species_cell[STATISTICS, s, i]), p.species_cell[STATES, s, i]
    density = density_at(p.excess[kind], p.excess_number[kind], states, level)
    nu, slope = excess(p.excess[kind], p.excess_number[kind], density / states)
    bend = slope * density / states
    return density, nu, density / (1.0 + bend), bend / (1.0 + bend)


@inlined
def first_contact(p, y):
    """Inner potential of the first contact [kT/q]; that of the last is the zero. A film takes its drop off."""
    field = int(p.number[FILM_FIELD])
    across = y[field + 1] if field >= 0 else 0.0
    return p.number[SIGN] * y[p.where.shape[1]] + p.number[BUILT_IN] - across


@part
def poisson(p, y, state, f, m, want):
    """0 = sum of eps grad(psi) over the faces + charge of the cell, in particles per area."""
    cell, species, density = p.cell, p.species, state.density
    slot, place, blocks, gap = p.slot, p.where[IN_PLACE], m.blocks, p.face[GAP]
    n, most = cell.shape[1], m.blocks.shape[1]
    for face in range(1, n):
        i, j, g = slot[PSI, face - 1], slot[PSI, face], gap[face]
        flux = g * (y[i] - y[j])
        f[i] -= flux
        f[j] += flux
        if want:
            between(blocks, face - 1, place[i], place[j], place[i], place[j], g, -g)
    for i in range(n):
        row, h = slot[PSI, i], cell[WIDTH, i]
        f[row] += cell[FIXED, i] * h
        for s in range(species.shape[1]):
            k, z = slot[SPECIES + s, i], species[CHARGE, s]
            if k >= 0 and z != 0.0:
                f[row] += z * density[s, i] * h
                if want:
                    blocks[i, place[row], most + place[k]] -= z * species[SCALE, s] * h
        k = slot[VACANCY, i]
        if k >= 0:
            f[row] += cell[SITES, i] * y[k] * h
            if want:
                blocks[i, place[row], most + place[k]] -= cell[SITES, i] * h
    first, last = slot[PSI, 0], slot[PSI, n - 1]
    f[first] += gap[0] * (first_contact(p, y) - y[first])
    f[last] -= gap[n] * y[last]
    if want:
        add(m, p.where, first, first, gap[0])
        add(m, p.where, first, p.where.shape[1], -gap[0] * p.number[SIGN])
        if p.number[FILM_FIELD] >= 0.0:
            add(m, p.where, first, int(p.number[FILM_FIELD]) + 1, gap[0])
        add(m, p.where, last, last, gap[n])


@part
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


@inlined
def _within_layers(p, y, state, f, m, want, s):
    """Fluxes of species s through the faces inside the layers; the hot loop.

    Where sites are limited, a jump needs an empty one: J = (D/h)[B(d) c_L f_R - B(-d) c_R f_L], f = 1 - sum c/N over
    all species on the same sites, zero at equal ln(c/f) + z psi.
    """
    boundary, permeation, shade, own = p.face[BOUNDARY], p.face[PERMEATION], p.cell[SHADED], p.species_cell
    open_share, flow, bend, by, films = state.through, state.flow[s], state.bend, state.by, p.film.shape[0]
    slot, place, blocks, width = p.slot, p.where[IN_PLACE], m.blocks, p.cell[WIDTH]
    density, shift, diffusivity, free = state.density[s], state.shift[s], p.species_cell[DIFFUSIVITY, s], state.free
    most = blocks.shape[1]
    z, unit = p.species[CHARGE, s], p.species[SCALE, s]
    for face in range(1, width.shape[0]):
        i, j = face - 1, face
        row_i, row_j = slot[SPECIES + s, i], slot[SPECIES + s, j]
        if row_i < 0 or row_j < 0 or boundary[face] > 0.0 or (s > HOLE and permeation[face] > 0.0):
            continue
        psi_i, psi_j = slot[PSI, i], slot[PSI, j]
        shaded = s <= HOLE and shade[i] > 0.0
        share = open_share[0] if shaded else 1.0
        g = 2.0 * diffusivity[i] * share / (width[i] + width[j])
        bias = y[psi_j] - y[psi_i]
        drop = z * bias + (shift[j] - shift[i])
        rise = 0.0
        if own[FIELD, s, i] > 0.0:
            faster, rise = field_factor(own[FIELD, s, i], bias, 0.5 * (width[i] + width[j]))
            g *= faster
        group, c_i, c_j = int(own[GROUP, s, i]), density[i], density[j]
        free_i, free_j = free[group, i], free[group, j]
        flux, up, down, by_drop = flux_uniform(c_i * free_j, c_j * free_i, drop, g)
        flow[face] = flux
        f[row_i] -= flux
        f[row_j] += flux
        if not want:
            continue
        at_i, at_j = place[row_i], place[row_j]
        by_i, by_j, by_bias = up * free_j * unit, down * free_i * unit, z * by_drop + rise * flux
        if s <= HOLE:
            by_i, by_j = by_i - by_drop * bend[s, i], by_j + by_drop * bend[s, j]
        between(blocks, i, at_i, at_j, at_i, at_j, by_i, by_j)
        if own[PER_SITE, s, i] > 0.0:
            _spread_sites(p, m, row_i, row_j, s, i, down * c_j)
            _spread_sites(p, m, row_i, row_j, s, j, up * c_i)
        if z != 0.0:
            between(blocks, i, at_i, at_j, place[psi_i], place[psi_j], -by_bias, by_bias)
        by_x = by_drop * own[SLOPE, s, i]
        if by_x != 0.0:
            v_i, v_j, x_i, x_j = slot[VACANCY, i], slot[VACANCY, j], slot[HALIDE, i], slot[HALIDE, j]
            between(blocks, i, at_i, at_j, place[v_i], place[v_j], -by_x * by[0, i], by_x * by[0, j])
            between(blocks, i, at_i, at_j, place[x_i], place[x_j], -by_x * by[1, i], by_x * by[1, j])
        if shaded:
            for k in range(films):
                slope, border = flux / share * open_share[1 + k], 3 * most + 1 + k
                blocks[i, at_i, border] += slope
                blocks[j, at_j, border] -= slope


@inlined
def _spread(m, where, left, right, col, slope):
    """Matrix entries of a flux that leaves row `left` and enters row `right`."""
    add(m, where, left, col, slope)
    add(m, where, right, col, -slope)


@part
def _spread_sites(p, m, left, right, s, i, slope):
    """Chain a slope by the empty sites of species s in cell i to the densities of all that share them."""
    own = p.species_cell
    for t in range(HOLE + 1, p.species.shape[1]):
        if own[PER_SITE, t, i] > 0.0 and own[GROUP, t, i] == own[GROUP, s, i]:
            taken = own[PER_SITE, t, i] * p.species[SCALE, t]
            _spread(m, p.where, left, right, p.slot[SPECIES + t, i], -taken * slope)


@inlined
def _spread_composition(p, m, state, left, right, i, slope):
    """Chain a slope by the composition of cell i to its site fractions."""
    if slope != 0.0 and p.slot[HALIDE, i] >= 0:
        _spread(m, p.where, left, right, p.slot[VACANCY, i], slope * state.by[0, i])
        _spread(m, p.where, left, right, p.slot[HALIDE, i], slope * state.by[1, i])


@part
def _across(p, y, state, f, m, want, s, face):
    """Flux between two materials: two half cells, for carriers an optional emission step between them.

    Energies are counted from the first cell: differences of hundreds of kT would cost digits.
    """
    i, j = face - 1, face
    row_i, row_j = p.slot[SPECIES + s, i], p.slot[SPECIES + s, j]
    psi_i, psi_j = p.slot[PSI, i], p.slot[PSI, j]
    z, weight = p.species[CHARGE, s], p.face[WEIGHT, face]
    bias = y[psi_j] - y[psi_i]
    drop = z * bias
    rise = (p.species_cell[OFFSET, s, j] - p.species_cell[OFFSET, s, i]) + (state.shift[s, j] - state.shift[s, i])
    shaded_i, shaded_j = s <= HOLE and p.cell[SHADED, i] > 0.0, s <= HOLE and p.cell[SHADED, j] > 0.0
    share = state.through[0]
    r_i = 0.5 * p.cell[WIDTH, i] / (p.species_cell[DIFFUSIVITY, s, i] * (share if shaded_i else 1.0))
    r_j = 0.5 * p.cell[WIDTH, j] / (p.species_cell[DIFFUSIVITY, s, j] * (share if shaded_j else 1.0))
    fast_i, rise_i = field_factor(p.species_cell[FIELD, s, i], (1.0 - weight) * bias, 0.5 * p.cell[WIDTH, i])
    fast_j, rise_j = field_factor(p.species_cell[FIELD, s, j], weight * bias, 0.5 * p.cell[WIDTH, j])
    r_i, r_j = r_i / fast_i, r_j / fast_j
    step = p.face[EMISSION + s, face] if s <= HOLE else p.face[PERMEATION, face]
    c_i, c_j = state.density[s, i], state.density[s, j]
    free_i = state.free[int(p.species_cell[GROUP, s, i]), i]
    free_j = state.free[int(p.species_cell[GROUP, s, j]), j]
    flux, up, by_wi, down, by_wj, by_fi, by_fj, by_ri, by_rj, _ = flux_two_segment(
        c_i * free_j,
        0.0,
        c_j * free_i,
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
    by_i, by_j = up * free_j * unit, down * free_i * unit
    if s <= HOLE:
        by_i, by_j = by_i + (by_wi + by_fi) * state.bend[s, i], by_j + (by_wj + by_fj) * state.bend[s, j]
    by_bias = -by_ri * rise_i * (1.0 - weight) - by_rj * rise_j * weight
    _spread(m, p.where, row_i, row_j, row_i, by_i)
    _spread(m, p.where, row_i, row_j, row_j, by_j)
    _spread_sites(p, m, row_i, row_j, s, i, down * c_j)
    _spread_sites(p, m, row_i, row_j, s, j, up * c_i)
    _spread(m, p.where, row_i, row_j, psi_i, z * (by_wi + weight * by_face) - by_bias)
    _spread(m, p.where, row_i, row_j, psi_j, z * (by_wj + (1.0 - weight) * by_face) + by_bias)
    _spread_composition(p, m, state, row_i, row_j, i, (by_wi + by_fi) * p.species_cell[SLOPE, s, i])
    _spread_composition(p, m, state, row_i, row_j, j, (by_wj + by_fj) * p.species_cell[SLOPE, s, j])
    by_share = -((by_ri if shaded_i else 0.0) + (by_rj if shaded_j else 0.0)) / share
    for k in range(p.film.shape[0]):
        _spread(m, p.where, row_i, row_j, p.where.shape[1] + 1 + k, by_share * state.through[1 + k])


@part
def _contact(p, y, state, f, m, want, s, side):
    """Flux between a metal and the next cell: half a cell and a surface velocity, infinite where ohmic.

    The image force raises that velocity where the field takes carriers out of the metal, for both directions alike.
    Levels of hundreds of kT are subtracted before the shifts of the band are added, which would lose digits to them.
    """
    i, face = (0, 0) if side == 0 else (p.cell.shape[1] - 1, p.cell.shape[1])
    row, psi = p.slot[SPECIES + s, i], p.slot[PSI, i]
    if row < 0:
        return
    z, own, band = p.species[CHARGE, s], p.species_cell[:, s, i], p.where.shape[1]
    level = (z * p.contact[side, WORK] - own[OFFSET]) - (state.shift[s, i] - state.band_excess[s, i])
    shaded = p.cell[SHADED, i] > 0.0
    share = state.through[0] if shaded else 1.0
    bias = y[psi] - (first_contact(p, y) if side == 0 else 0.0)
    metal, nu, metal_slope, nu_slope = density_of(p, s, i, level)
    faster, rise = field_factor(own[FIELD], bias, 0.5 * p.cell[WIDTH, i])
    away = -z / (0.5 * p.cell[WIDTH, i])
    lower, by_lower = softened_root(away * bias)
    lower, by_lower = p.contact[side, IMAGE + s] * lower, p.contact[side, IMAGE + s] * by_lower * away
    half = 0.5 * p.cell[WIDTH, i] / (own[DIFFUSIVITY] * share * faster)
    step = p.contact[side, STICKING + s] / share * safe_exp(-lower)
    flux, by_metal, by_wm, by_a, by_w, by_fm, by_f, _, by_half, by_step = flux_two_segment(
        metal, nu, state.density[s, i], z * bias + state.band_excess[s, i], nu, nu, 0.0, half, step
    )
    out = 1.0 if side == 0 else -1.0
    state.flow[s, face] = out * flux
    f[row] += flux
    if not want:
        return
    # slopes of the flux into the cell; in the ledger they count x-directed
    entry = m.ledger[2 * s + side]
    by_bias = z * by_w - by_half * rise - by_step * by_lower
    entry[row] += out * (by_a * p.species[SCALE, s] + by_w * state.bend[s, i])
    entry[psi] += out * by_bias
    if side == 0:
        entry[band] -= out * by_bias * p.number[SIGN]
        if p.number[FILM_FIELD] >= 0.0:
            entry[int(p.number[FILM_FIELD]) + 1] += out * by_bias
    by_x = -(by_metal * metal_slope + (by_wm + by_fm + by_f) * nu_slope) * own[SLOPE]
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
