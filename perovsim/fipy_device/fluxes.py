"""Fluxes through the faces and their slopes, from the physics functions.

A flux F = A - C of a species is what jumps to the right less what jumps to the left. Small changes u (relative, of the
density), w (of the drift potential, shift of the bands included) and psi give
    dF = A u_L - C u_R + k (w_R - w_L) + k' (psi_R - psi_L)
       = F (u_L + u_R)/2 - (A + C)/2 (u_R - u_L) + k (w_R - w_L) + k' (psi_R - psi_L),
a convection of u by F and diffusions. FiPy's ExponentialConvectionTerm carries the density itself with the same flux,
but the sum of its diffusion and convection coefficients loses the small one of two exponentials, and a band step of
20 kT needs it to 1e-9 of the large one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.fipy_device.stack import Species, Stack
from perovsim.physics.transport import flux_two_segment, flux_uniform

_two_segment = np.frompyfunc(flux_two_segment, 9, 10)
_uniform = np.frompyfunc(flux_uniform, 4, 4)


@dataclass(frozen=True)
class Flux:
    """A flux and its linear form on the faces (n + 3,), all in m^-2 s^-1: net F, right A, left C, slopes k and k'."""

    net: np.ndarray
    right: np.ndarray
    left: np.ndarray
    by_w: np.ndarray
    by_psi: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(A + C)/2."""
        return 0.5 * (self.right + self.left)


class SpeciesFlux:
    """Flux of electrons, holes or an ion: every face is two half cells in series.

    The band is graded inside a layer and has a step where two materials meet. Electrons and holes also pass the faces
    to the metals, with the surface velocity of the contact; step = 1/velocity of every face [s/m].
    """

    def __init__(self, stack: Stack, species: Species, step: np.ndarray | None = None):
        self.species, self.weight, self.metal, self.layer = species, stack.weight, stack.metal, stack.layer
        moves = species.here & (species.diffusivity > 0.0)
        passes = moves | (stack.metal & (step is not None))
        self.open = np.nonzero(passes[:-1] & passes[1:] & (moves[:-1] | moves[1:]))[0] + 1
        self.step = np.zeros(stack.n + 3) if step is None else step
        self.resistance = np.divide(0.5 * stack.width, species.diffusivity, out=np.zeros(stack.n + 2), where=moves)

    def __call__(self, density, psi, shift) -> Flux:
        """Flux for densities [m^-3], psi [kT/q] and the shift of the offset by the composition [kT], each (n + 2,)."""
        at = self.open
        i, j, z, offset = at - 1, at, self.species.charge, self.species.offset
        left, right = self.weight[at], 1.0 - self.weight[at]
        first, last, graded = self.metal[i], self.metal[j], self.layer[i] == self.layer[j]
        # all potentials from that of the left cell on: its hundreds of kT would cost digits of their differences
        drift, step = z * (psi[j] - psi[i]), (offset[j] - offset[i]) + (shift[j] - shift[i])
        face_i = right * (drift + step * graded) + step * first
        face_j = face_i + step * ~(graded | first | last)
        flux, by_i, by_wi, by_j, by_wj, by_fi, by_fj, *_ = (
            np.asarray(v, float)
            for v in _two_segment(
                density[i],
                0.0,
                density[j],
                drift + step,
                face_i,
                face_j,
                self.resistance[i],
                self.resistance[j],
                self.step[at],
            )
        )
        # the bands at a metal are those of the semiconductor, so both potentials of the face follow that cell
        by_fi, by_fj = np.where(first, 0.0, by_fi + last * by_fj), np.where(last, 0.0, by_fj + first * by_fi)
        by_w = by_wj + np.where(graded, right * (by_fi + by_fj), by_fj)
        by_psi = np.where(graded, 0.0, z * (right * by_fi - left * by_fj))
        return _flux(self.weight.size, at, flux, by_i * density[i], -by_j * density[j], by_w, by_psi)


class HalideFlux:
    """J_X = (N D_X/h)[B(d) theta_X,L theta_V,R - B(-d) theta_X,R theta_V,L], d = -(psi_R - psi_L), inside a lattice.

    u acts on the fraction of the halide as in any flux, on that of the vacancies from the other side: A u_R - C u_L.
    """

    def __init__(self, stack: Stack, jump: np.ndarray, there: np.ndarray):
        self.open = np.nonzero(there[:-1] & there[1:] & (np.diff(stack.layer) == 0))[0] + 1
        self.conductance = (stack.lattice.sites * jump)[self.open] / stack.distance[self.open]
        self.faces = stack.n + 3

    def __call__(self, theta, vacancy, psi) -> Flux:
        """Flux for site fractions of the halide and of the vacancies and psi [kT/q], each (n + 2,)."""
        i, j = self.open - 1, self.open
        a, b = theta[i] * vacancy[j], theta[j] * vacancy[i]
        flux, up, down, by_drop = (np.asarray(v, float) for v in _uniform(a, b, psi[i] - psi[j], self.conductance))
        return _flux(self.faces, self.open, flux, up * a, -down * b, np.zeros(flux.size), -by_drop)


def _flux(faces: int, at: np.ndarray, *columns: np.ndarray) -> Flux:
    """A Flux from values on some of the faces, zero on the others."""
    out = np.zeros((len(columns), faces))
    out[:, at] = columns
    return Flux(*out)
