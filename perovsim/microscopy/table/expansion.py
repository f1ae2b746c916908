"""Intensities as polynomials of composition and strain: which cells to compute, and how to combine them.

I(x, e) = sum_k L_k(x) I_k + sum_m l_m(x) sum_i (e_i D_im + e_i^2 H_im) + sum_(i<j) e_i e_j H_ij

e = (exx, eyy, exy); L_k : Lagrange polynomials of all compositions, l_m : of the outermost two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

STRAIN_STEP = 0.0125
"""Strain of the computed cells: the largest that a table is meant for, where the quadratic is exact."""
PAIRS = ((0, 1), (0, 2), (1, 2))
Config = tuple[float, tuple[float, float, float]]


@dataclass(frozen=True)
class Expansion:
    """The polynomial of one table.

    compositions : ascending; strained : whether strain changes intensities, or only moves disks
    """

    compositions: tuple[float, ...]
    strained: bool = True

    @property
    def ends(self) -> list[int]:
        """Indices of the compositions at which strain is expanded."""
        return sorted({0, len(self.compositions) - 1})

    @property
    def middle(self) -> int:
        """Index of the composition at which pairs of strains are expanded."""
        return len(self.compositions) // 2

    @cached_property
    def configurations(self) -> list[Config]:
        """Composition and strain of the cells to compute."""
        found: list[Config] = [(x, (0.0, 0.0, 0.0)) for x in self.compositions]
        if self.strained:
            found += [
                (self.compositions[end], _strain(i, sign))
                for end in self.ends
                for i in range(len(PAIRS))
                for sign in (1, -1)
            ]
            x = self.compositions[self.middle]
            for i, j in PAIRS:
                found += [(x, _strain(i)), (x, _strain(j))] if self.middle not in self.ends else []
                found.append((x, tuple(np.add(_strain(i), _strain(j)))))
        return list(dict.fromkeys(found))

    def coefficients(self, intensities: list[np.ndarray]) -> np.ndarray:
        """Return the coefficients (mode, ...) from the intensities of the configurations."""
        known = dict(zip(self.configurations, intensities, strict=True))
        modes = [known[x, (0.0, 0.0, 0.0)] for x in self.compositions]
        if not self.strained:
            return np.stack(modes)
        for end in self.ends:
            x = self.compositions[end]
            for i in range(len(PAIRS)):
                up, down = known[x, _strain(i)], known[x, _strain(i, -1)]
                modes += [
                    (up - down) / (2 * STRAIN_STEP),
                    (up + down - 2 * modes[end]) / (2 * STRAIN_STEP**2),
                ]
        x = self.compositions[self.middle]
        for i, j in PAIRS:
            both = known[x, tuple(np.add(_strain(i), _strain(j)))]
            modes.append((both - known[x, _strain(i)] - known[x, _strain(j)] + modes[self.middle]) / STRAIN_STEP**2)
        return np.stack(modes)

    def weights(self, composition: float, strain: np.ndarray) -> np.ndarray:
        """Return the weights of the coefficients, and their derivatives, (5, mode).

        Rows: value, d/dexx, d/deyy, d/dexy, d/dcomposition
        """
        base, slope = _lagrange(composition, np.array(self.compositions))
        parts = [np.stack([base, *np.zeros((3, len(base))), slope])]
        if not self.strained:
            return parts[0]
        base, slope = _lagrange(composition, np.array(self.compositions)[self.ends])
        for share, change in zip(base, slope, strict=True):
            for i, e in enumerate(strain):
                block = np.zeros((5, 2))
                block[0], block[4] = (share * e, share * e**2), (change * e, change * e**2)
                block[1 + i] = share, 2 * share * e
                parts.append(block)
        for i, j in PAIRS:
            block = np.zeros((5, 1))
            block[0], block[1 + i], block[1 + j] = strain[i] * strain[j], strain[j], strain[i]
            parts.append(block)
        return np.concatenate(parts, axis=1)


def _strain(which: int, sign: int = 1) -> tuple[float, float, float]:
    return tuple(sign * STRAIN_STEP if i == which else 0.0 for i in range(len(PAIRS)))  # type: ignore[return-value]


def _lagrange(x: float, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Lagrange's polynomials of the nodes at x, and their derivatives."""
    value, slope = np.ones(len(nodes)), np.zeros(len(nodes))
    for k, node in enumerate(nodes):
        others = np.delete(nodes, k)
        factors = (x - others) / (node - others)
        value[k] = factors.prod()
        slope[k] = sum(np.delete(factors, m).prod() / (node - other) for m, other in enumerate(others))
    return value, slope
