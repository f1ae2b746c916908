"""Atoms for the beam: continued beyond the window, sliced, moved."""

import numpy as np
import pytest
from microscopy_synthetic import microscope, pure_lamella, small_lamella
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree

from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.sample import check_overlap, sample_of, thermal_sigmas


def planes(sample, number, low, high):
    x = sample.xy[sample.numbers == number, 0]
    return np.unique(np.round(x[(x > low) & (x < high)] * 1e10, 4)) * 1e-10


def test_a_crystal_goes_on_with_its_own_spacing():
    """Cs planes beyond both ends of the window are one strained cell apart, as inside."""
    lamella = pure_lamella(0.01)
    x0, x1 = lamella.window
    sample = sample_of(lamella, (x0 - 3e-9, x1 + 3e-9), 3e-10)
    spacing = np.diff(planes(sample, 55, x0 - 3e-9, x1 + 3e-9))
    assert len(spacing) > 20
    assert_allclose(spacing, lamella.reference_cell * 1.01, atol=2e-14)


def test_every_atom_of_the_lamella_is_there_and_at_most_one_cell_is_added_inside():
    """Only whole cells are built, so the window may end up to one cell beyond the last of them."""
    lamella = small_lamella()
    sample = sample_of(lamella, (lamella.window[0], lamella.window[1] + 1e-12), 3e-10)
    own = lamella.atoms.positions[:, :2] * 1e-10 + [lamella.window[0], 0]
    assert cKDTree(sample.xy * 1e9).query(own * 1e9)[0].max() < 1e-9
    x = sample.xy[:, 0]
    added = len(sample.numbers) - len(own)
    assert added == ((x < own[:, 0].min() - 1e-14) | (x > own[:, 0].max() + 1e-14)).sum()
    assert own[:, 0].min() - lamella.window[0] < lamella.reference_cell


@pytest.mark.parametrize(("wanted", "parts"), [(3e-10, 1), (2e-10, 1), (1e-10, 3), (0.6e-10, 5)])
def test_slices_are_cut_into_odd_parts_so_that_planes_stay_whole(wanted, parts):
    lamella = pure_lamella()
    sample = sample_of(lamella, lamella.window, wanted)
    assert_allclose(sample.thickness * parts, lamella.slice_thickness)
    z = lamella.atoms.positions[:, 2] * 1e-10
    border = np.abs(z / sample.thickness - np.round(z / sample.thickness))
    assert border.min() > 0.4  # atomic planes lie in the middle of their slices
    assert sample.layer.min() >= 0 and sample.layer.max() < sample.slices


def test_thermal_motion_has_the_spread_of_the_microscope_file():
    sample = sample_of(pure_lamella(), pure_lamella().window, 3e-10)
    sigmas = thermal_sigmas(sample.numbers, microscope().displacements, "m")
    moves = sample.moved(sigmas, np.random.default_rng(1)).xy - sample.xy
    for number, sigma in ((55, 0.16e-10), (82, 0.12e-10)):
        chosen = moves[sample.numbers == number]
        assert_allclose(chosen.std(), sigma, rtol=5 / np.sqrt(2 * chosen.size))
        assert_allclose(chosen.mean(), 0, atol=5 * sigma / np.sqrt(chosen.size))


def test_an_element_without_thermal_motion_is_named():
    known = {name: sigma for name, sigma in microscope().displacements.items() if name not in ("O", "In")}
    with pytest.raises(PerovsimError, match=r"no thermal displacement of O, In; add O ="):
        thermal_sigmas(np.array([49, 8, 82]), known, "m")


def test_overlapping_atoms_are_refused_also_across_the_periodic_edge():
    from ase import Atoms

    good = Atoms("PbCl", positions=[(2, 0.1, 2), (2, 2.9, 2)], cell=[5, 6, 6], pbc=(0, 1, 1))
    check_overlap(good)
    bad = Atoms("PbCl", positions=[(2, 0.1, 2), (2, 5.9, 2)], cell=[5, 6, 6], pbc=(0, 1, 1))
    with pytest.raises(PerovsimError, match=r"1 pairs of overlapping atoms, such as Pb \(atom 0\) and Cl"):
        check_overlap(bad)
