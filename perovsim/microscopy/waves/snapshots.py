"""Frozen phonons of a lamella: displaced atoms and the probes' places in each snapshot, the same for every method."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from perovsim.microscopy.waves.optics import interaction, wavelength
from perovsim.microscopy.waves.plan import Plan
from perovsim.microscopy.waves.probe import RAYLEIGH
from perovsim.microscopy.waves.sample import Sample, sample_of, thermal_sigmas

_ATOM_SEEDS, _POSITION_SEEDS, _SCAN_SEEDS, _FOCUS_SEEDS = 0, 1, 4, 5
"""Streams of random numbers, so that no two uses share numbers (counts and readout take 2 and 3)."""


class Snapshots:
    """Atoms of the whole lamella, in motion, and the places of the probes, which the source blurs."""

    def __init__(
        self, plan: Plan, lamella: Any, microscope: Any, beam: Any, seed: int, device_potential: bool = False
    ) -> None:
        self.seed, self.source_size, self.places = seed, float(beam.source_size), _scanned(plan.positions, beam, seed)
        self.lamella = lamella
        self.energy, self.semiangle = float(microscope.energy), float(beam.semiangle)
        self.focus_spread = focus_spread(beam, self.energy)
        self.sample = sample_of(lamella, plan.span, float(microscope.slice_thickness), device_potential)
        self.sigmas = thermal_sigmas(self.sample.numbers, microscope.displacements, microscope.name)
        self._chosen = slice(None)

    def only(self, chosen: np.ndarray) -> Snapshots:
        """Return the same snapshots for some of the probes."""
        part = copy.copy(self)
        part._chosen = chosen
        return part

    def atoms(self, number: int) -> Sample:
        """Return the displaced atoms of a snapshot."""
        return self.sample.moved(self.sigmas, np.random.default_rng([self.seed, _ATOM_SEEDS, number]))

    def defocus(self, number: int) -> float:
        """Return the change of defocus of a snapshot [m], which the energy spread makes."""
        return self.focus_spread * float(np.random.default_rng([self.seed, _FOCUS_SEEDS, number]).standard_normal())

    def positions(self, number: int) -> np.ndarray:
        """Return the places of the probes in a snapshot, (n, 2) [m]."""
        rng = np.random.default_rng([self.seed, _POSITION_SEEDS, number])
        return (self.places + self.source_size * rng.standard_normal(self.places.shape))[self._chosen]

    def deflections(self) -> np.ndarray:
        """Return how far the device's own field turns the beam at each position, along x [rad].

        theta = lambda C_E / (2 pi) t dV/dx, the slope over the first dark ring of the probe; zero without potential
        """
        if self.sample.potential is None:
            return np.zeros(len(self.places))
        lam, thickness = wavelength(self.energy), self.sample.slices * self.sample.thickness
        reach = RAYLEIGH * lam / self.semiangle
        ends = [np.interp(self.places[:, 0] + side * reach, *self.sample.potential) for side in (-1, 1)]
        return lam * interaction(self.energy) / (2 * np.pi) * thickness * (ends[1] - ends[0]) / (2 * reach)


def focus_spread(beam: Any, energy: float) -> float:
    """Return the standard deviation of the defocus, Cc dE / E [m]."""
    return float(beam.chromatic_aberration) * float(beam.energy_spread) / energy


def _scanned(places: np.ndarray, beam: Any, seed: int) -> np.ndarray:
    """Return where the probe stands when it is told to stand at places: the sample drifts, the scan is noisy."""
    drift = float(beam.drift) * float(beam.dwell_time) * np.arange(len(places))
    noise = np.random.default_rng([seed, _SCAN_SEEDS]).standard_normal(places.shape)
    return places - np.stack([drift, np.zeros(len(places))], axis=1) + float(beam.scan_noise) * noise
