"""What the rounding of the unknowns can do to the currents (numba)."""

import numpy as np

from perovsim.device.kernels.compiled import compiled, inlined, part
from perovsim.device.kernels.tables import (
    CHARGE,
    CHARGES,
    DIFFUSIVITY,
    GAP,
    HALIDE,
    HALIDES,
    HOLE,
    IN_PLACE,
    JUMP_FIRST,
    JUMP_SECOND,
    PSI,
    QUADRATURES,
    RATES,
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
def _moved(slot, place, blocks, y, kind, face):
    """sum |dF/dy| |y| of the flux F of a kind through an inner face, whose slopes the matrix holds where it couples the
    cells beside it [m^-2 s^-1]."""
    i, j, most = face - 1, face, blocks.shape[1]
    row_i, row_j = slot[kind, i], slot[kind, j]
    if row_i < 0 or row_j < 0:
        return 0.0
    total = 0.0
    for other in range(slot.shape[0]):
        col_i, col_j = slot[other, i], slot[other, j]
        if col_i >= 0:
            total += abs(blocks[j, place[row_j], place[col_i]] * y[col_i])
        if col_j >= 0:
            total += abs(blocks[i, place[row_i], 2 * most + place[col_j]] * y[col_j])
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
def move_fluxes(p, y, m, rounding):
    """Fill rounding[CHARGES] with the largest sum |dJ/dy| |y| over the faces [m^-2 s^-1], displacement apart: what
    rounding of every unknown does to J; rounding[HALIDES] with the same of the halides over the amount of the scarcer
    one [1/s].

    m : the matrix -df/dy of `assemble`
    """
    slot, place, blocks = p.slot, p.where[IN_PLACE], m.blocks
    charges, halides = max(_outer(p, y, m, 0), _outer(p, y, m, 1)), 0.0
    for face in range(1, p.cell.shape[1]):
        vacancies, first = _moved(slot, place, blocks, y, VACANCY, face), _moved(slot, place, blocks, y, HALIDE, face)
        total = vacancies
        for s in range(p.species.shape[1]):
            z = abs(p.species[CHARGE, s])
            if z > 0.0:
                total += z * _moved(slot, place, blocks, y, SPECIES + s, face)
        charges, halides = max(charges, total), max(halides, vacancies, first)
    rounding[CHARGES], rounding[HALIDES] = charges, 0.0
    if halides > 0.0:
        rounding[HALIDES] = halides / _scarcer(p, y)


@inlined
def _scarcer(p, y):
    """Amount of the scarcer halide on the lattices [m^-2]; of all of them where there is but one."""
    first = second = 0.0
    for i in range(p.cell.shape[1]):
        v, x, sites = p.slot[VACANCY, i], p.slot[HALIDE, i], p.cell[SITES, i] * p.cell[WIDTH, i]
        if v >= 0:
            share = y[x] if x >= 0 else 0.0
            first += sites * share
            second += sites * (1.0 - y[v] - share)
    return min(first, second) if first > 0.0 else second


@part
def move_rates(p, y, m, rounding):
    """Fill rounding[RATES:] with sum |dr/dy| |y| of every process [m^-2 s^-1]: what rounding of every unknown does to
    r."""
    for e in range(len(QUADRATURES), m.ledger.shape[0]):
        total = 0.0
        for k in range(y.shape[0]):
            total += abs(m.ledger[e, k] * y[k])
        rounding[RATES + e - len(QUADRATURES)] = total


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
                drop = abs(y[slot[PSI, i]] - (first_contact(p, y) if i == 0 else 0.0))
                largest = max(largest, half * charged[s, i] * (1.0 + drop))
            before = half
    return largest
