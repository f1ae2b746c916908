"""Powers of shares that may vanish (numba)."""

from perovsim.device.kernels.compiled import compiled

FEW = 1e-4
"""Share below which a root of it is replaced: the slope of the root has no bound there."""


@compiled
def power(share, exponent):
    """share^exponent and its slope; below FEW the parabola through 0 that joins it smoothly, so that it has a sign."""
    if share >= FEW or exponent > 1.0:
        steep = abs(share) ** (exponent - 1.0)
        return share * steep, exponent * steep
    steep, ratio = FEW ** (exponent - 1.0), share / FEW
    first, second = (2.0 - exponent) * steep, (exponent - 1.0) * steep
    return share * (first + second * ratio), first + 2.0 * second * ratio
