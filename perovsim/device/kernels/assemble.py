"""The balance equations of the stack, d(S y)/dt = f(t, y), and their matrix cj S - df/dy (numba).

S y is what each row stores per area: particles of a species, halides and vacancies on their sites, films, the
displacement through a face and the charge on a capacitor beside the stack in the rows of the circuit; nothing in
Poisson's equation. S is constant, so every sum that f conserves is conserved by any linear multistep formula to
rounding.
"""

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.film_drop import conduct
from perovsim.device.kernels.lattice import halides, site_potentials
from perovsim.device.kernels.matrix import add, clear
from perovsim.device.kernels.order import collapse
from perovsim.device.kernels.phases import transform
from perovsim.device.kernels.reactions import react
from perovsim.device.kernels.recombination import recombine
from perovsim.device.kernels.tables import (
    BESIDE,
    BOUNDARY,
    CHARGE,
    DIFFUSIVITY,
    DISPLACED,
    ELECTRON,
    FILM_FIELD,
    FILM_SCALE,
    GAP,
    HALIDE,
    HELD,
    HOLE,
    IN_PLACE,
    MOBILE,
    PARALLEL,
    PSI,
    QUADRATURES,
    SCALE,
    SHADED,
    SITES,
    SPECIES,
    VACANCY,
    WIDTH,
)
from perovsim.device.kernels.transport import carriers_and_ions, poisson, prepare
from perovsim.device.kernels.traps import trap

CURRENT, VOLTAGE = QUADRATURES.index("current_first"), QUADRATURES.index("voltage")


@compiled
def assemble(p, control, t, y, state, f, m, want):
    """Fill f, the state with its fluxes and integrands; if `want`, the matrix -df/dy and the slopes of the
    integrands."""
    if want:
        clear(m)
    f[:] = 0.0
    state.ledger[:] = 0.0
    prepare(p, y, state)
    poisson(p, y, state, f, m, want)
    carriers_and_ions(p, y, state, f, m, want)
    site_potentials(p, y, state)
    halides(p, y, state, f, m, want)
    conduct(p, y, state, f, m, want)
    _hold(p, control, t, y, state, f, m, want)
    recombine(p, y, state, f, m, want, control)
    trap(p, y, state, f, m, want)
    react(p, y, state, f, m, want, control.beam)
    collapse(p, y, f, m, want, control.beam)
    transform(p, y, f, m, want)
    last, row = p.cell.shape[1], p.where.shape[1]
    for s in range(2):
        state.ledger[2 * s], state.ledger[2 * s + 1] = state.flow[s, 0], state.flow[s, last]
    current = state.flow[HOLE, 0] - state.flow[ELECTRON, 0] + state.ledger[state.ledger.shape[0] - 2]
    state.ledger[CURRENT], state.ledger[VOLTAGE] = current, y[row]
    if want:
        m.ledger[CURRENT] += m.ledger[2 * HOLE] - m.ledger[2 * ELECTRON]
        m.ledger[VOLTAGE, row] = 1.0


@compiled
def choose_face(p, state):
    """Let the circuit hold the current of the face where the largest term of the carrier fluxes is the smallest.

    At a contact that term can be 1e16 times the current: the voltage would be lost in its rounding.
    """
    least, width, diffusivity = np.inf, p.cell[WIDTH], p.species_cell[DIFFUSIVITY]
    for face in range(1, width.shape[0]):
        i, j = face - 1, face
        if p.face[BESIDE, face] > 0.0 or (p.face[BOUNDARY, face] > 0.0 and p.cell[SHADED, j] > 0.0):
            continue
        term = 0.0
        for s in range(p.species.shape[1]):
            if p.species[CHARGE, s] != 0.0 and p.species[MOBILE, s] > 0.0:
                term = max(term, diffusivity[s, i] * state.density[s, i], diffusivity[s, j] * state.density[s, j])
        term /= min(width[i], width[j])
        if term < least:
            least, state.held[0] = term, face


@part
def _hold(p, control, t, y, state, f, m, want):
    """The row of the circuit: 0 = c0 + c1 t - a J - b v, J through one face, before its displacement current; and J in
    the row of the field in a film."""
    row, a, field = p.where.shape[1], control.a, int(p.number[FILM_FIELD])
    current = _held_current(p, state)
    state.rounding[HELD] = current
    f[row] = control.c0 + control.c1 * t - a * current - control.b * y[row]
    if field >= 0:
        f[field] += current
    if want:
        if a != 0.0:
            _held_slopes(p, state, m, 0, a)
        if field >= 0:
            _held_slopes(p, state, m, field - row, -1.0)
        add(m, p.where, row, row, control.b)


@inlined
def _held_current(p, state):
    """Current through the held face without displacement, x-directed [m^-2 s^-1]."""
    face, current, count = state.held[0], 0.0, p.species.shape[1]
    for s in range(count + 1):
        kind, charge = (SPECIES + s, p.species[CHARGE, s]) if s < count else (VACANCY, 1.0)
        if charge != 0.0 and p.slot[kind, face - 1] >= 0 and p.slot[kind, face] >= 0:
            current += charge * state.flow[s, face]
    return current


@inlined
def _held_slopes(p, state, m, lump, factor):
    """Add factor times the slopes of that current to the row of a lumped unknown.

    A flux out of row i into row j of the next cell is all that couples the two: its slopes are read from there.
    """
    face, slot, place, below = state.held[0], p.slot, p.where[IN_PLACE], m.below[lump]
    i, j, most, count, first = face - 1, face, m.blocks.shape[1], p.species.shape[1], p.where.shape[1] + 1
    for s in range(count + 1):
        kind, charge = (SPECIES + s, p.species[CHARGE, s]) if s < count else (VACANCY, 1.0)
        row_i, row_j = slot[kind, i], slot[kind, j]
        if charge == 0.0 or row_i < 0 or row_j < 0:
            continue
        for v in range(slot.shape[0]):
            if slot[v, i] >= 0:
                below[slot[v, i]] -= factor * charge * m.blocks[j, place[row_j], place[slot[v, i]]]
            if slot[v, j] >= 0:
                below[slot[v, j]] += factor * charge * m.blocks[i, place[row_i], 2 * most + place[slot[v, j]]]
        if s <= HOLE and p.cell[SHADED, i] > 0.0:
            for k in range(p.film.shape[0]):
                below[first + k] += factor * charge * state.flow[s, face] * state.through[1 + k] / state.through[0]


@compiled
def stored(p, a, face, v, out):
    """out <- S v; a is the factor of the current in the row of the circuit, `face` where that is held."""
    out[:] = 0.0
    width, sites, unit, slot, band = p.cell[WIDTH], p.cell[SITES], p.species[SCALE], p.slot, p.where.shape[1]
    for i in range(width.shape[0]):
        for s in range(unit.shape[0]):
            k = slot[SPECIES + s, i]
            if k >= 0:
                out[k] = unit[s] * width[i] * v[k]
        for kind in (VACANCY, HALIDE):
            k = slot[kind, i]
            if k >= 0:
                out[k] = sites[i] * width[i] * v[k]
    displaced, field = p.face[GAP, face] * (v[slot[PSI, face - 1]] - v[slot[PSI, face]]), int(p.number[FILM_FIELD])
    for k in range(band + 1, field if field >= 0 else v.shape[0]):
        out[k] = FILM_SCALE * v[k]
    out[band] = a * (displaced + p.number[PARALLEL] * v[band])
    if field >= 0:
        out[field] = p.number[DISPLACED] * v[field] - displaced


@compiled
def add_storage(p, a, face, m, c):
    """m <- m + S diag(c), as in `stored`; c (size,) [1/s] are the coefficients of the unknowns in their derivatives."""
    blocks, width, sites, unit, slot = m.blocks, p.cell[WIDTH], p.cell[SITES], p.species[SCALE], p.slot
    most, place, band = blocks.shape[1], p.where[IN_PLACE], p.where.shape[1]
    for i in range(width.shape[0]):
        for s in range(unit.shape[0]):
            k = slot[SPECIES + s, i]
            if k >= 0:
                blocks[i, place[k], most + place[k]] += c[k] * unit[s] * width[i]
        for kind in (VACANCY, HALIDE):
            k = slot[kind, i]
            if k >= 0:
                blocks[i, place[k], most + place[k]] += c[k] * sites[i] * width[i]
    field = int(p.number[FILM_FIELD])
    for k in range(band + 1, field if field >= 0 else band + m.below.shape[0]):
        add(m, p.where, k, k, c[k] * FILM_SCALE)
    left, right, g = slot[PSI, face - 1], slot[PSI, face], p.face[GAP, face]
    add(m, p.where, band, left, a * c[left] * g)
    add(m, p.where, band, right, -a * c[right] * g)
    add(m, p.where, band, band, c[band] * a * p.number[PARALLEL])
    if field >= 0:
        add(m, p.where, field, field, c[field] * p.number[DISPLACED])
        add(m, p.where, field, left, -c[left] * g)
        add(m, p.where, field, right, c[right] * g)
