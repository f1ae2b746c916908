"""Light: exciton energy of the alloy, spectrum of the device, photometric quantities."""

from __future__ import annotations

import numpy as np

from perovsim.constants import C_LIGHT, H, Q

LUMINOUS_EFFICACY = 683.002
"""K_cd at 540 THz [lm/W] (SI)."""
ENERGY_POINTS = 400
FWHM_TO_SIGMA = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))


def exciton_energy(x, e_br: float, e_cl: float, bowing: float):
    """E_ex(x) = E_Br (1 - x) + E_Cl x - b x (1 - x) [eV]."""
    return e_br * (1.0 - x) + e_cl * x - bowing * x * (1.0 - x)


def wavelength(energy):
    """lambda = h c / E [m], E in eV."""
    return H * C_LIGHT / (Q * energy)


def photopic(wavelength_m):
    """CIE 1931 y-bar(lambda) by two lobes (Wyman, Sloan & Shirley, J. Comput. Graph. Tech. 2(2), 2013).

    Within about 0.02 of the tabulated curve (absolute); at 480 nm 0.14.
    """
    nm = np.asarray(wavelength_m) * 1e9

    def lobe(height, centre, left, right):
        width = np.where(nm < centre, left, right)
        return height * np.exp(-0.5 * np.square((nm - centre) / width))

    return lobe(0.821, 568.8, 46.9, 40.5) + lobe(0.286, 530.9, 16.3, 31.1)


def spectrum(energies, weights, fwhm: float):
    """Normalised photon spectrum per eV: sum of Gaussians at the local emission energies.

    energies, weights : (n,) [eV], relative emission of each cell; fwhm [eV]. Returns grid (m,) [eV] and density [1/eV].
    """
    sigma = fwhm * FWHM_TO_SIGMA
    grid = np.linspace(energies.min() - 4.0 * sigma, energies.max() + 4.0 * sigma, ENERGY_POINTS)
    at = np.clip(np.searchsorted(grid, energies), 0, ENERGY_POINTS - 1)
    bins = np.bincount(at, weights=weights, minlength=ENERGY_POINTS)
    used = np.nonzero(bins)[0]
    mean = np.bincount(at, weights=weights * energies, minlength=ENERGY_POINTS)[used] / bins[used]
    lines = np.exp(-0.5 * np.square((grid[:, None] - mean) / sigma)) @ bins[used]
    return grid, lines / (lines.sum() * (grid[1] - grid[0]))


def _maximum(grid, density):
    """Place of the maximum of each row, between the points of the grid by a parabola through the logarithm."""
    rows, k = np.arange(len(grid)), np.clip(density.argmax(axis=1), 1, ENERGY_POINTS - 2)
    before, at, after = (np.log(density[rows, k + shift]) for shift in (-1, 0, 1))
    return grid[rows, k] + 0.5 * (before - after) / (before - 2.0 * at + after) * (grid[:, 1] - grid[:, 0])


def emitted_over_time(energies, weights, fwhm: float, photon_flux) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radiant exitance [W/m^2], luminance [cd/m^2], peak wavelength [m] of photon fluxes [m^-2 s^-1] (time,).

    A Lambertian device with the spectrum of the cells, L = K_cd int V M dE / pi.
    energies, weights : (time, n) [eV], emission of each cell; dark times have no peak (NaN)
    """
    power, luminance, peak = np.zeros(len(photon_flux)), np.zeros(len(photon_flux)), np.full(len(photon_flux), np.nan)
    weights = np.maximum(weights, 0.0)
    lit = np.nonzero((photon_flux > 0.0) & (weights.sum(axis=1) > 0.0))[0]
    if lit.size == 0:
        return power, luminance, peak
    grid, density = np.swapaxes([spectrum(energies[k], weights[k], fwhm) for k in lit], 0, 1)
    each = photon_flux[lit, None] * density * grid * Q * (grid[:, 1:2] - grid[:, :1])
    power[lit] = each.sum(axis=1)
    luminance[lit] = LUMINOUS_EFFICACY / np.pi * (each * photopic(wavelength(grid))).sum(axis=1)
    peak[lit] = wavelength(_maximum(grid, density))
    return power, luminance, peak
