"""What the rounding of the unknowns can do to the currents (numba)."""

from perovsim.device.compiled import compiled
from perovsim.device.tables import CHARGE, GAP, IN_PLACE, PSI, SPECIES, VACANCY, WIDTH
from perovsim.device.transport import first_contact


@compiled
def _inner(p, y, m, face, coefficient):
    """sum |dJ/dy| |y| of an inner face: the entries of the matrix that couple its two cells are slopes of its
    fluxes."""
    i, j, slot, place, most = face - 1, face, p.slot, p.where[IN_PLACE], m.blocks.shape[1]
    total = 0.0
    for kind in range(slot.shape[0]):
        row_i, row_j = slot[kind, i], slot[kind, j]
        if row_i < 0 or row_j < 0:
            continue
        weight = 0.0
        if kind == PSI:
            weight = coefficient
        elif kind == VACANCY:
            weight = 1.0
        elif kind >= SPECIES:
            weight = abs(p.species[CHARGE, kind - SPECIES])
        if weight == 0.0:
            continue
        for other in range(slot.shape[0]):
            col_i, col_j = slot[other, i], slot[other, j]
            if col_i >= 0:
                total += weight * abs(m.blocks[j, place[row_j], place[col_i]] * y[col_i])
            if col_j >= 0:
                total += weight * abs(m.blocks[i, place[row_i], 2 * most + place[col_j]] * y[col_j])
    return total


@compiled
def _outer(p, y, m, side, coefficient):
    """The same of the face at a contact, where the ledger holds the slopes of the carrier fluxes."""
    n, band = p.cell[WIDTH].shape[0], p.where.shape[1]
    i, face = (0, 0) if side == 0 else (n - 1, n)
    wall = first_contact(p, y) if side == 0 else 0.0
    total = coefficient * p.face[GAP, face] * (abs(y[p.slot[PSI, i]]) + abs(wall))
    for s in range(2):
        entry = m.ledger[2 * s + side]
        for kind in range(p.slot.shape[0]):
            k = p.slot[kind, i]
            if k >= 0:
                total += abs(entry[k] * y[k])
        total += abs(entry[band] * wall)
    return total


@compiled
def largest_rounding(p, y, m, coefficient):
    """Largest sum |dJ/dy| |y| over the faces [m^-2 s^-1]: how far one unit of rounding in every unknown moves J.

    m : the matrix -df/dy of `assemble`; coefficient : of the potentials in their derivatives [1/s], which make the
    displacement
    """
    largest = max(_outer(p, y, m, 0, coefficient), _outer(p, y, m, 1, coefficient))
    for face in range(1, p.cell.shape[1]):
        largest = max(largest, _inner(p, y, m, face, coefficient))
    return largest
