"""What the rounding of the unknowns can do to the currents (numba)."""

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.tables import (
    CHARGE,
    DIFFUSIVITY,
    GAP,
    HOLE,
    IN_PLACE,
    JUMP_FIRST,
    JUMP_SECOND,
    PSI,
    QUADRATURES,
    SITES,
    SPECIES,
    VACANCY,
    WIDTH,
)
from perovsim.device.kernels.transport import first_contact

ROUNDING = 100.0 * np.finfo(float).eps
"""Share of the largest term of a face flux that is rounding (physics of the check: 100 machine epsilons)."""
LAST_PLACES = 2.0 * np.finfo(float).eps
"""Relative accuracy of a polished potential."""


@inlined
def _inner(slot, place, species, blocks, y, face):
    """sum |dJ/dy| |y| of an inner face: entries of the matrix that couple its two cells are slopes of its fluxes."""
    i, j, most = face - 1, face, blocks.shape[1]
    total = 0.0
    for kind in range(slot.shape[0]):
        row_i, row_j = slot[kind, i], slot[kind, j]
        if row_i < 0 or row_j < 0:
            continue
        weight = 0.0
        if kind == VACANCY:
            weight = 1.0
        elif kind >= SPECIES:
            weight = abs(species[CHARGE, kind - SPECIES])
        if weight == 0.0:
            continue
        for other in range(slot.shape[0]):
            col_i, col_j = slot[other, i], slot[other, j]
            if col_i >= 0:
                total += weight * abs(blocks[j, place[row_j], place[col_i]] * y[col_i])
            if col_j >= 0:
                total += weight * abs(blocks[i, place[row_i], 2 * most + place[col_j]] * y[col_j])
    return total


@inlined
def _outer(p, y, m, side):
    """The same of the face at a contact, where the ledger holds the slopes of the carrier fluxes."""
    i, band = 0 if side == 0 else p.cell.shape[1] - 1, p.where.shape[1]
    wall = first_contact(p, y) if side == 0 else 0.0
    total = 0.0
    for s in range(2):
        entry = m.ledger[2 * s + side]
        for kind in range(p.slot.shape[0]):
            k = p.slot[kind, i]
            if k >= 0:
                total += abs(entry[k] * y[k])
        total += abs(entry[band] * wall)
    return total


@part
def largest_rounding(p, y, m):
    """Largest sum |dJ/dy| |y| over the faces [m^-2 s^-1], displacement apart: what rounding of every unknown does to J.

    m : the matrix -df/dy of `assemble`
    """
    largest = max(_outer(p, y, m, 0), _outer(p, y, m, 1))
    slot, place, species, blocks = p.slot, p.where[IN_PLACE], p.species, m.blocks
    for face in range(1, p.cell.shape[1]):
        largest = max(largest, _inner(slot, place, species, blocks, y, face))
    return largest


@part
def move_rates(p, y, m, rounding):
    """Fill rounding[2:] with sum |dr/dy| |y| of every process [m^-2 s^-1]: what rounding of every unknown does to r."""
    for e in range(len(QUADRATURES), m.ledger.shape[0]):
        total = 0.0
        for k in range(y.shape[0]):
            total += abs(m.ledger[e, k] * y[k])
        rounding[2 + e - len(QUADRATURES)] = total


@compiled
def largest_term(p, y, slope, coefficient, density):
    """Largest single term of the face fluxes of charge and of their displacement, as the integrator forms it
    [m^-2 s^-1].

    Between cell centres and to the contacts g c B(d), B(d) <= 1 + |d| with the drop d of the potential; potentials that
    are known to LAST_PLACES raise the term: they enter it as e^psi. Halides on a lattice count by their vacancies,
    which they need to move. The displacement has terms in the potentials, and in the charge of a cell, by which the
    displacements of its two faces differ.

    slope : derivatives of y (size,) [1/s]; coefficient : of y in them [1/s]; density : of the species (species, n)
    """
    count, gap, width, slot = p.species.shape[1], p.face[GAP], p.cell[WIDTH], p.slot
    n, largest, charged = width.shape[0], 0.0, np.zeros((count + 1, width.shape[0]))
    for i in range(n):
        psi, total = y[slot[PSI, i]], 0.0
        for s in range(count):
            charged[s, i] = abs(p.species[CHARGE, s] * density[s, i])
            total += charged[s, i]
        if slot[VACANCY, i] >= 0:
            charged[count, i] = p.cell[SITES, i] * abs(y[slot[VACANCY, i]])
            total += charged[count, i]
        rate = coefficient * abs(psi) + abs(slope[slot[PSI, i]])
        largest = max(largest, max(gap[i], gap[i + 1]) * rate, coefficient * total * width[i])
        for s in range(count + 1):
            charged[s, i] *= 1.0 + LAST_PLACES / ROUNDING * abs(psi)
    for s in range(count + 1):
        before = 0.0
        for i in range(n):
            own = p.species_cell[DIFFUSIVITY, s, i] if s < count else max(p.cell[JUMP_FIRST, i], p.cell[JUMP_SECOND, i])
            half = 2.0 * own / width[i]
            if i > 0 and half > 0.0 and before > 0.0:
                drop = abs(y[slot[PSI, i]] - y[slot[PSI, i - 1]])
                g = 1.0 / (1.0 / half + 1.0 / before)
                largest = max(largest, g * max(charged[s, i], charged[s, i - 1]) * (1.0 + drop))
            if s <= HOLE and (i == 0 or i == n - 1):
                largest = max(largest, half * charged[s, i])
            before = half
    return largest
