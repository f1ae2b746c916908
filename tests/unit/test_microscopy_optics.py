"""Beam and grid: against tabulated values, against abTEM, and the errors of a grid that is too coarse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.microscopy.waves.grid import Grid, fast_length, propagator
from perovsim.microscopy.waves.optics import aberration_phase, aperture, interaction, wavelength


def test_wavelength_of_usual_energies():
    """Kirkland, Advanced Computing in Electron Microscopy: 0.02508 and 0.01969 angstrom, four digits."""
    assert_allclose(wavelength(200e3), 2.508e-12, atol=0.0005e-12)
    assert_allclose(wavelength(300e3), 1.969e-12, atol=0.0005e-12)


def test_beam_constants_are_those_of_abtem():
    """Both use CODATA values; they may differ by the year of the table (1e-7)."""
    from abtem.core.energy import energy2sigma, energy2wavelength

    for energy in (60e3, 200e3, 300e3):
        assert_allclose(wavelength(energy) * 1e10, energy2wavelength(energy), rtol=1e-7)
        assert_allclose(interaction(energy) * 1e-10, energy2sigma(energy), rtol=1e-7)


def test_defocus_is_positive_under_and_aberrations_are_abtems():
    from abtem.transfer import Aberrations

    angle, azimuth = np.linspace(0, 30e-3, 50), np.zeros(50)
    ours = aberration_phase(angle, wavelength(300e3), defocus=12e-9, spherical=2e-6)
    theirs = Aberrations(energy=300e3, defocus=120.0, Cs=2e4)._evaluate_from_angular_grid(angle, azimuth)
    assert_allclose(np.exp(-1j * ours), theirs, atol=2e-4)  # theirs is float32


def test_propagator_has_unit_modulus_inside_the_limit_and_nothing_beyond():
    grid = Grid((60, 48), (0.2e-10, 0.25e-10))
    step = propagator(grid, 2e-12, 3e-10)
    angle = grid.angles(2e-12)
    assert_allclose(np.abs(step[angle <= grid.kept(2e-12)]), 1, atol=1e-6)
    assert np.all(step[angle > 2e-12 / (3 * 0.25e-10)] == 0)


def test_band_limit_is_abtems():
    from abtem.antialias import antialias_aperture

    grid = Grid((60, 48), (0.2e-10, 0.25e-10))
    assert_allclose(grid.limit(), antialias_aperture(grid.shape, (0.2, 0.25), np), atol=1e-5)


@pytest.mark.parametrize(("least", "length"), [(1, 1), (7, 8), (151, 160), (1057, 1080), (601, 625)])
def test_lengths_have_small_factors(least, length):
    assert fast_length(least) == length


def test_grid_over_a_cell_is_fine_enough():
    grid = Grid.over((52.83e-10, 30e-10), 0.05e-10)
    assert grid.shape == (1080, 600)
    assert_allclose(grid.size, (52.83e-10, 30e-10))
    assert max(grid.step) <= 0.05e-10 * (1 + 1e-9)


def test_a_detector_beyond_the_kept_angle_says_which_angle_is_kept_and_what_to_give():
    """lambda (2/3 - 2 x 0.01) / (2 dx) at 300 kV and 0.1 angstrom: 63.6 mrad."""
    grid, lam = Grid((100, 100), (1e-11, 1e-11)), wavelength(300e3)
    assert_allclose(grid.kept(lam), 63.6e-3, rtol=2e-3)
    with pytest.raises(PerovsimError, match=r"100 mrad.*up to 63.6.* mrad.*0.063 angstrom"):
        grid.require(0.1, lam, "the detector")
    wanted = Grid((100, 100), (0.063e-10, 0.063e-10))
    wanted.require(0.1, lam, "the detector")


def test_aperture_is_abtems():
    from abtem.transfer import Aperture

    grid, lam = Grid((90, 75), (0.2e-10, 0.3e-10)), wavelength(300e3)
    kx, ky = grid.frequencies()
    ours = aperture(kx, ky, lam, 20e-3, grid.pixel)
    theirs = Aperture(20.0, energy=300e3, gpts=grid.shape, extent=(18.0, 22.5))._evaluate_kernel()
    assert_allclose(ours, np.asarray(theirs), atol=2e-5)
