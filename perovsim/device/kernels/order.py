"""The crystallinity of each cell of a halide lattice (numba)."""

from perovsim.device.kernels.compiled import inlined, part
from perovsim.device.kernels.matrix import add
from perovsim.device.kernels.tables import COLLAPSE, CRYSTAL, FADE, SPECIES, THETA_CRITICAL, VACANCY, WIDTH
from perovsim.physics import collapse as physics

collapse_rate = inlined(physics.collapse_rate)


@part
def collapse(p, y, f, m, want, beam):
    """dC/dt = -k_a C (theta_V/theta_c - 1)_+ - (j_b/q) C/D_e, in particles per area as every row."""
    s = int(p.number[CRYSTAL])
    if s < 0:
        return
    for i in range(p.cell.shape[1]):
        k, v, h = p.slot[SPECIES + s, i], p.slot[VACANCY, i], p.cell[WIDTH, i]
        if k < 0:
            continue
        rate, by_theta = collapse_rate(y[v], p.number[COLLAPSE], p.number[THETA_CRITICAL])
        rate += beam * p.number[FADE]
        f[k] -= h * rate * y[k]
        if want:
            add(m, p.where, k, k, h * rate)
            add(m, p.where, k, v, h * by_theta * y[k])
