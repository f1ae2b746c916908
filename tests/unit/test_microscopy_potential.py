"""Projected potentials and transmission functions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.optics import interaction
from perovsim.microscopy.waves.potential import Projector, scattering_factor, transmission

PB = 82


def spectrum(grid, xy):
    """Fourier transform of the projected potential of one lead atom, over its scattering factor."""
    potential = Projector(grid, np.array([PB])).project(np.array([PB]), np.array([xy]))
    kx, ky = grid.frequencies()
    k = np.hypot(kx, ky)
    found = np.fft.fft2(potential) * np.prod(grid.step) / scattering_factor(PB, k)
    return found * np.exp(2j * np.pi * (kx * xy[0] + ky * xy[1])), k


@pytest.mark.parametrize("share", [(0.0, 0.0), (0.5, 0.5), (0.25, 0.8)])
def test_an_atom_looks_the_same_wherever_it_stands_between_grid_points(share):
    """V(k) exp(2 pi i k.r) / f(k) = 1 inside the band, for any position."""
    grid = Grid((90, 80), (0.2e-10, 0.21e-10))
    xy = (30 + share[0]) * 0.2e-10, (33 + share[1]) * 0.21e-10
    found, k = spectrum(grid, xy)
    inside = k < 0.99 / (3 * 0.21e-10)
    assert_allclose(found[inside], 1, atol=2e-5)
    assert_allclose(found[k > 1.01 / (3 * 0.21e-10)], 0, atol=2e-5)


def test_abtems_infinite_projection_weakens_atoms_between_grid_points():
    """Why potentials are summed here: half-way, abTEM loses a tenth at half of the kept angle and more."""
    import abtem
    from ase import Atoms

    count, step = 64, 0.2
    ratios = []
    for share in (0.0, 0.5):
        at = (30 + share) * step
        atoms = Atoms("Pb", positions=[(at, at, 1.0)], cell=[count * step] * 2 + [2.0], pbc=True)
        built = abtem.Potential(atoms, gpts=count, slice_thickness=2.0).build(lazy=False)
        k = np.fft.fftfreq(count, step)
        ratio = np.abs(np.fft.fft2(built.array.sum(0))) * step**2 * 1e-30
        ratios.append(ratio[10, 0] / scattering_factor(PB, np.array(k[10] * 1e10)))
    assert_allclose(ratios[0], 1, atol=0.02)
    assert ratios[1] < 0.9


def test_many_atoms_add_up():
    grid = Grid((60, 60), (0.25e-10, 0.25e-10))
    rng = np.random.default_rng(1)
    numbers, xy = rng.choice([1, 17, 82], 50), rng.random((50, 2)) * 60 * 0.25e-10
    projector = Projector(grid, numbers)
    single = sum(projector.project(numbers[[i]], xy[[i]]) for i in range(50))
    whole = projector.project(numbers, xy)
    assert_allclose(whole, single, atol=2e-6 * np.abs(whole).max())


def test_transmission_of_a_weak_potential_is_one_plus_i_sigma_v():
    """First order of exp(i sigma V), limited to the band: the limit of a thin object."""
    grid, energy = Grid((48, 40), (0.2e-10, 0.2e-10)), 300e3
    fine = Grid((96, 80), (0.1e-10, 0.1e-10))
    potential = 1e-3 * Projector(fine, np.array([6])).project(np.array([6]), np.array([[4e-10, 3e-10]]))
    waves = transmission(potential, energy, grid, fine=2)
    expected = np.fft.fft2(interaction(energy) * potential)[:10, :10] / 4
    found = np.fft.fft2(waves.astype(complex) - 1)[:10, :10]
    assert_allclose(found / 1j, expected, atol=2e-3 * np.abs(expected).max())


def test_potentials_on_a_finer_grid_make_dark_field_right():
    """HAADF (60 to 100 mrad) of a lead column, 4.6 nm: within 4 % of half the step; on the waves' own
    grid the cores alias and it reads more than 8 % too much."""
    from perovsim.microscopy.waves.grid import propagator
    from perovsim.microscopy.waves.multislice import Gratings, forward
    from perovsim.microscopy.waves.optics import aperture, wavelength
    from perovsim.microscopy.waves.sample import Sample
    from perovsim.microscopy.waves.work import Workers

    cell, slices, lam = 5.87e-10, 16, wavelength(300e3)
    basis = np.array(
        [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.75, 0.75, 0.25], [0.75, 0.25, 0.75], [0.25, 0.75, 0.75]]
    )
    cells = np.stack(np.meshgrid(range(2), range(2), range(slices // 2), indexing="ij"), -1)
    places = (cells.reshape(-1, 1, 3) + basis).reshape(-1, 3)
    numbers = np.tile([55, 82, 35, 35, 35], len(places) // 5)
    rng = np.random.default_rng(0)
    xy = places[:, :2] * cell + 0.14e-10 * rng.standard_normal((len(places), 2))
    sample = Sample(numbers, xy, (2 * places[:, 2]).astype(int), slices, cell / 2, 2 * cell)

    def dark(sampling, fine):
        grid = Grid.over((2 * cell, 2 * cell), sampling)
        kx, ky = grid.frequencies()
        probe = aperture(kx, ky, lam, 25e-3, grid.pixel) * np.exp(-2j * np.pi * 0.75 * cell * (kx + ky))
        probe /= np.sqrt((np.abs(probe) ** 2).sum())
        waves = [(np.fft.ifft2(probe) * probe.size).astype(np.complex64)]
        with Workers(1) as pool:
            gratings = Gratings(sample, grid, (0.0, 0.0), 300e3, fine).stream(pool)
            forward(waves, gratings, propagator(grid, lam, cell / 2), pool, lambda whole, _: whole)
        angle = grid.angles(lam)
        power = np.abs(np.fft.fft2(waves[0]) / probe.size) ** 2
        return power[(angle >= 60e-3) & (angle < 100e-3)].sum()

    best = dark(0.03e-10, 2)
    assert_allclose(dark(0.06e-10, 2), best, rtol=0.04)
    assert dark(0.06e-10, 1) > 1.08 * best
