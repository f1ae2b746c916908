"""Exchange of two halides by diffusion: its diffusivity, the profile of a couple, and the way back from a profile.

References: Crank, The Mathematics of Diffusion (1975); Darken, Trans. AIME 175, 184 (1948); Matano, Jpn. J. Phys. 8,
109 (1933).
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfc

FLAT = 1e-3
"""Share of the steepest slope below which a profile says nothing about D~."""


def thermodynamic_factor(x, mixing, stiffness=0.0, eta=0.0):
    """Phi = 1 - 2 w x(1-x)/kT + 2 K eta^2 x(1-x): curvature of the free energy against that of ideal mixing.

    mixing = w/kT; stiffness K = V_X E/(1 - nu)/kT; eta = d(eps0)/dx. Negative inside the spinodal.
    """
    return 1.0 + 2.0 * (stiffness * eta**2 - mixing) * x * (1.0 - x)


def interdiffusivity(x, vacancies, factor, d_first, d_second, moving: bool = False):
    """D~ of an exchange of two halides [m^2/s].

    theta_V Phi D_1 D_2/(x D_1 + (1-x) D_2) without ionic current on a lattice that stands (Nernst-Planck);
    theta_V Phi [(1-x) D_1 + x D_2] with vacancy sources on one that moves (Darken).
    """
    if moving:
        return vacancies * factor * ((1.0 - x) * d_first + x * d_second)
    return vacancies * factor * d_first * d_second / (x * d_first + (1.0 - x) * d_second)


def couple_profile(position, time: float, diffusivity: float, left: float, right: float):
    """Composition of two half spaces that have met at position 0 [m]: x_R + (x_L - x_R)/2 erfc(z/(2 sqrt(D t)))."""
    return right + 0.5 * (left - right) * erfc(np.asarray(position) / (2.0 * np.sqrt(diffusivity * time)))


def boltzmann_matano(position, width, composition, time: float) -> tuple[np.ndarray, np.ndarray]:
    """D~(x) from one measured profile of a couple whose ends are still as at the start.

    D~(x*) = -1/(2 t) dz/dx int_{x_end}^{x*} (z - z_M) dx, z_M the Matano plane, which makes the whole integral vanish
    position, width : of the cells (n,) [m]; composition : mean of each cell (n,)
    Returns the compositions between the cells and D~ there (n - 1,) [m^2/s]; NaN where the profile is flat.
    """
    z, x = np.asarray(position, float), np.asarray(composition, float)
    passed = np.cumsum((x - x[0]) * width)[:-1]  # what has come across each face, but for the plane's own shift
    faces = z[0] - 0.5 * width[0] + np.cumsum(width)[:-1]
    end = z[-1] + 0.5 * width[-1]
    plane = end - np.sum((x - x[0]) * width) / (x[-1] - x[0])
    between = 0.5 * (x[1:] + x[:-1])
    moment = (faces - plane) * (between - x[0]) - passed  # int (z - z_M) dx up to the face, by parts
    slope = np.diff(x) / np.diff(z)
    flat = np.abs(slope) <= np.abs(slope).max() * FLAT
    return between, np.divide(-0.5 / time * moment, slope, out=np.full(slope.shape, np.nan), where=~flat)
