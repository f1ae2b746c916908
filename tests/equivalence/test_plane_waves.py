"""Plane waves of the crystal table, dense scattering matrices and abTEM's Bloch waves: one crystal, three routes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks import _nanobeam as truth
from benchmarks import crystal
from benchmarks._dense_waves import TURNS, dense_intensities, turned
from perovsim.microscopy.table.phase import crystal_phase
from perovsim.microscopy.table.plane_waves import Band, PlaneWaves
from perovsim.microscopy.table.table_settings import SAMPLING

REPEATS = [9, 17, 34, 68, 102]


@pytest.fixture(scope="module")
def atoms():
    return crystal_phase("CsPbBr3", cell=truth.CELL).atoms()


@pytest.mark.parametrize(("slabs", "made"), [(32, crystal._blurred), (0, crystal._projected)])
def test_the_tables_waves_equal_dense_scattering_matrices(atoms, slabs, made):
    """1 % of the total from 5 to 60 nm. At 60 nm two layers per cell cost 0.8 % (against 32 slices), the band 0.2 %."""
    beams, expected = dense_intensities(atoms, truth.DISPLACEMENTS, truth.ENERGY, crystal.BLOCH_ANGLE, slabs, REPEATS)
    members = np.array([len({turned(h, k, turn) for turn in TURNS}) for h, k in beams])
    waves = PlaneWaves(made(atoms), Band(SAMPLING)).intensities(np.zeros((1, 2)), beams, (0, REPEATS[-1]))
    off = (np.abs(waves[REPEATS][..., 0] - expected) * members).sum(axis=1) / (expected * members).sum(axis=1)
    assert off.max() < 0.01


def test_dense_scattering_matrices_equal_bloch_waves_of_abtem(atoms, monkeypatch):
    """The same beams in the same projected potential: 1e-5 is measured."""
    monkeypatch.setattr(crystal, "BLOCH_ANGLE", 45e-3)
    indices, theirs = crystal._bloch_waves(atoms)
    beams, ours = dense_intensities(atoms, truth.DISPLACEMENTS, truth.ENERGY, crystal.BLOCH_ANGLE, 0, REPEATS)
    place = {(h, k): number for number, (h, k) in enumerate(map(tuple, indices.tolist()))}
    chosen = [place[h, k] for h, k in beams.tolist()]
    assert_allclose(ours, theirs[:, chosen], atol=1e-4)
