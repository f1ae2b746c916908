"""The model of an X-ray spectrum of a thin lamella: lines, background, absorption, detector.

counts = electrons x areal density x cross-section x (solid angle / 4 pi) x efficiency x escape
One code makes simulated spectra and fits measured ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

from perovsim.errors import PerovsimError
from perovsim.microscopy.xray.xray_lines import attenuation, check_sections, escape, lines_of
from perovsim.physics.ionisation import kramers

FANO, PAIR_ENERGY = 0.12, 3.66
"""Fano factor of silicon, and energy per electron-hole pair [eV]; Goldstein et al., Scanning Electron Microscopy
and X-ray Microanalysis."""
MN_K_ALPHA = 5895.0
"""Energy at which the resolution of detectors is stated [eV]."""
SILICON = 4.996e28
"""Atoms of silicon per volume [1/m^3], from a = 5.431 angstrom."""
FWHM = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian in standard deviations."""


class SpectrumModel:
    """Spectra of the elements of a lamella in one detector at one beam energy.

    channels : their centres [eV], (channel,); elements : names, (element,)
    """

    def __init__(self, detector: Any, energy: float, elements: tuple[str, ...], sections: str) -> None:
        check_sections(sections)
        self.elements, self.sections, self.energy = tuple(elements), sections, float(energy)
        low, high, self.width = (float(getattr(detector, k)) for k in ("energy_low", "energy_high", "channel_width"))
        self.channels = low + self.width * (np.arange(int((high - low) / self.width + 1e-9)) + 0.5)
        self._sine = float(np.sin(float(detector.take_off)))
        self._share = float(detector.solid_angle) / (4 * np.pi)
        self._detector = detector
        self.lines = [line for name in elements for line in lines_of(name, self.energy, low, high, sections)]
        if not self.lines:
            raise PerovsimError(
                f"none of {', '.join(elements)} has a line between {low:g} and {high:g} eV; widen energy_low and "
                "energy_high of the detector"
            )
        at = np.array([line.energy for line in self.lines])
        strength = np.array([line.section for line in self.lines]) * self.collection(at)
        owner = np.array([line.element for line in self.lines])
        self._peaks = strength[:, None] * self.peak(at)
        self._owner = owner[:, None] == np.array(self.elements)
        self._line_stop = np.stack([attenuation(name, at) for name in elements])
        self._stop = np.stack([attenuation(name, self.channels) for name in elements])
        self._brems = self._bremsstrahlung()

    def collection(self, photon: np.ndarray) -> np.ndarray:
        """Return the share of photons that is counted: solid angle / 4 pi, dead layer, thickness of the crystal."""
        stop = SILICON * attenuation("Si", photon)
        dead, crystal = float(self._detector.dead_layer), float(self._detector.crystal)
        return self._share * np.exp(-stop * dead) * -np.expm1(-stop * crystal)

    def fwhm(self, photon: np.ndarray) -> np.ndarray:
        """Return the resolution, FWHM^2 = R^2 + 8 ln 2 F e (E - E_Mn) [eV]; R that at Mn K alpha."""
        stated = float(self._detector.resolution)
        square = stated**2 + FWHM**2 * FANO * PAIR_ENERGY * (photon - MN_K_ALPHA)
        if np.any(square <= 0):
            raise PerovsimError(
                f"resolution {stated:g} eV at Mn K alpha is below what the statistics of pairs in silicon allow at "
                f"{float(np.min(photon)):g} eV; give more"
            )
        return np.sqrt(square)

    def peak(self, photon: np.ndarray) -> np.ndarray:
        """Return the share of a Gaussian line in each channel, (line, channel)."""
        sigma = (self.fwhm(photon) / FWHM)[:, None] * np.sqrt(2)
        edges = np.append(self.channels - 0.5 * self.width, self.channels[-1] + 0.5 * self.width)
        return 0.5 * np.diff(erf((edges - photon[:, None]) / sigma), axis=1)

    def _bremsstrahlung(self) -> np.ndarray:
        """Return background per electron and areal density, (element, channel) [m^2]."""
        from ase.data import atomic_numbers

        seen = self.collection(self.channels) * self.width
        return np.stack([kramers(self.channels, self.energy, atomic_numbers[name]) * seen for name in self.elements])

    def per_element(self, layers: np.ndarray) -> np.ndarray:
        """Return lines per electron and areal density after absorption, (element, channel) [m^2].

        layers : areal densities from the side of the detector down, (layer, element) [1/m^2]; the escape of an
        element's X-rays is weighted with its own depth profile
        """
        out = self._escape(layers, self._line_stop)
        share = (out * self._owner.T).sum(axis=0)
        return self._owner.T.astype(float) @ (share[:, None] * self._peaks)

    def background(self, layers: np.ndarray) -> np.ndarray:
        """Return the bremsstrahlung per electron, (channel,)."""
        return (layers.sum(axis=0)[:, None] * self._brems * self._escape(layers, self._stop)).sum(axis=0)

    def expected(self, layers: np.ndarray) -> np.ndarray:
        """Return counts per electron, lines and background, (channel,); layers as in `per_element`."""
        return layers.sum(axis=0) @ self.per_element(layers) + self.background(layers)

    def _escape(self, layers: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Return the share that leaves, for each element's depth profile and photon, (element, photon)."""
        depth = layers @ stop / self._sine
        above = np.cumsum(depth, axis=0) - depth
        leaves = np.exp(-above) * escape(depth)
        total = layers.sum(axis=0)
        weights = layers / np.where(total > 0, total, 1.0)
        weights[:, total <= 0] = 1 / len(layers)
        return weights.T @ leaves
