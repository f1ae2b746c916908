"""Frozen phonons of a lamella: displaced atoms and the probes' places in each snapshot, the same for every method."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from perovsim.microscopy.plan import Plan
from perovsim.microscopy.sample import Sample, sample_of, thermal_sigmas

_ATOM_SEEDS, _POSITION_SEEDS = 0, 1
"""Streams of random numbers, so that no two uses share numbers (counts take the next)."""


class Snapshots:
    """Atoms of the whole lamella, in motion, and the places of the probes, which the source blurs."""

    def __init__(self, plan: Plan, lamella: Any, microscope: Any, beam: Any, seed: int) -> None:
        self.seed, self.source_size, self.places = seed, float(beam.source_size), plan.positions
        self.sample = sample_of(lamella, plan.span, float(microscope.slice_thickness))
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

    def positions(self, number: int) -> np.ndarray:
        """Return the places of the probes in a snapshot, (n, 2) [m]."""
        rng = np.random.default_rng([self.seed, _POSITION_SEEDS, number])
        return (self.places + self.source_size * rng.standard_normal(self.places.shape))[self._chosen]
