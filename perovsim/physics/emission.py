"""Light: exciton energy of the alloy, spectrum of the device, photometric quantities."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Light:
    """Emission of a Lambertian device: radiant exitance [W/m^2], luminance [cd/m^2], wavelength of the maximum [m]."""

    radiant_exitance: float
    luminance: float
    peak_wavelength: float


def spectrum(energies, weights, fwhm: float):
    """Normalised photon spectrum per eV: sum of Gaussians at the local emission energies.

    energies, weights : (n,) [eV], relative emission of each cell; fwhm [eV]. Returns grid (m,) [eV] and density [1/eV].
    """
    sigma = fwhm * FWHM_TO_SIGMA
    grid = np.linspace(energies.min() - 4.0 * sigma, energies.max() + 4.0 * sigma, ENERGY_POINTS)
    bins = np.bincount(
        np.clip(np.searchsorted(grid, energies), 0, ENERGY_POINTS - 1), weights=weights, minlength=ENERGY_POINTS
    )
    used = np.nonzero(bins)[0]
    mean = (
        np.bincount(
            np.clip(np.searchsorted(grid, energies), 0, ENERGY_POINTS - 1),
            weights=weights * energies,
            minlength=ENERGY_POINTS,
        )[used]
        / bins[used]
    )
    lines = np.exp(-0.5 * np.square((grid[:, None] - mean[None, :]) / sigma)) @ bins[used]
    step = grid[1] - grid[0]
    return grid, lines / (lines.sum() * step)


def emitted_light(energies, weights, fwhm: float, photon_flux: float) -> Light:
    """Photometry of a photon flux [m^-2 s^-1] with the spectrum of the cells; L = K_cd int V M dE / pi."""
    grid, density = spectrum(energies, weights, fwhm)
    power = photon_flux * density * grid * Q * (grid[1] - grid[0])
    luminous = LUMINOUS_EFFICACY * float((power * photopic(wavelength(grid))).sum())
    k = int(np.argmax(density))
    peak = grid[k]
    if 0 < k < grid.size - 1:
        before, at, after = np.log(density[k - 1 : k + 2])
        peak += 0.5 * (before - after) / (before - 2.0 * at + after) * (grid[1] - grid[0])
    return Light(float(power.sum()), luminous / np.pi, float(wavelength(peak)))


def emitted_over_time(energies, weights, fwhm: float, photon_flux) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radiant exitance [W/m^2], luminance [cd/m^2], peak wavelength [m] of photon fluxes [m^-2 s^-1] (time,).

    energies, weights : (time, n) [eV], emission of each cell; dark times have no peak (NaN)
    """
    power, luminance, peak = np.zeros(len(photon_flux)), np.zeros(len(photon_flux)), np.full(len(photon_flux), np.nan)
    weights = np.maximum(weights, 0.0)
    for k in np.nonzero((photon_flux > 0.0) & (weights.sum(axis=1) > 0.0))[0]:
        found = emitted_light(energies[k], weights[k], fwhm, photon_flux[k])
        power[k], luminance[k], peak[k] = found.radiant_exitance, found.luminance, found.peak_wavelength
    return power, luminance, peak
