"""A closed film that conducts, in series with the stack (numba).

d(eps_f F)/dt + j(F) = J: the current of the stack passes the film as conduction or as displacement, the field F
x-directed. The voltage across it is an unknown of its own, w = F h: so a film that is not there drops nothing, and the
potential of the wall behind it is linear in the unknowns, as the derivatives of the integrator are.
"""

from perovsim.device.kernels.compiled import inlined, part
from perovsim.device.kernels.matrix import add
from perovsim.device.kernels.tables import CONDUCTIVITY, FILM_FIELD, FRENKEL, PER_VOLT
from perovsim.physics import film_conduction

film_current = inlined(film_conduction.film_current)


@part
def conduct(p, y, state, f, m, want):
    """Add -j(F) to the row of the field, whose rest is the current of the stack, and fill the row 0 = F h - w."""
    row, films = int(p.number[FILM_FIELD]), p.where.shape[1] + 1
    if row < 0:
        return
    current, by_field = film_current(y[row], p.number[CONDUCTIVITY], p.number[FRENKEL])
    per_volt, h = p.number[PER_VOLT], state.thickness[0]
    f[row] -= current
    f[row + 1] = per_volt * y[row] * h - y[row + 1]
    if not want:
        return
    add(m, p.where, row, row, by_field)
    add(m, p.where, row + 1, row + 1, 1.0)
    add(m, p.where, row + 1, row, -per_volt * h)
    for k in range(p.film.shape[0]):
        add(m, p.where, row + 1, films + k, -per_volt * y[row] * state.thickness[1 + k])
