"""What the rounding of the unknowns can do to the currents (numba)."""

from perovsim.device.compiled import inlined, part
from perovsim.device.tables import CHARGE, IN_PLACE, SPECIES, VACANCY
from perovsim.device.transport import first_contact


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
