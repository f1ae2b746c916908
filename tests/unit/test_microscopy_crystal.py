"""Annular images of crystals from one cell: against abTEM's own scan of a supercell, and limits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.microscopy.measured.srtio3 import DISPLACEMENTS, projected_cell
from perovsim.microscopy.table.crystal import CrystalTable, crystal_cell
from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.multislice import Gratings
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.sample import Sample

ENERGY = 200e3
STILL = dict.fromkeys(DISPLACEMENTS, 0.0)


@pytest.fixture(scope="module")
def static():
    return crystal_cell(projected_cell(), ENERGY, STILL)


def at(coefficients, cell, positions):
    """Value of an image from its Fourier coefficients at (x, y) [m]."""
    gx, gy = (np.fft.fftfreq(n, 1 / n) for n in coefficients.shape)
    x, y = np.asarray(positions).T
    waves = np.exp(2j * np.pi * (gx[:, None] * x / cell.size[0]))[:, None, :] * np.exp(
        2j * np.pi * gy[:, None] * y / cell.size[1]
    )
    return (coefficients[:, :, None] * waves).sum(axis=(0, 1)).real


def test_cell_of_srtio3_110_has_four_layers_of_its_atoms():
    """Cell a x a sqrt2 x a sqrt2 with two formula units: SrTiO and O2 planes alternate."""
    atoms = projected_cell()
    assert_allclose(atoms.cell.lengths(), [3.905, 3.905 * np.sqrt(2), 3.905 * np.sqrt(2)], rtol=1e-6)
    cell = crystal_cell(atoms, ENERGY, STILL)
    assert_allclose(cell.spacing, 3.905e-10 * np.sqrt(2) / 4, rtol=1e-6)
    assert len(cell.layers) == 4 and len(atoms) == 10


def test_mean_transmission_absorbs_only_with_thermal_motion(static):
    """|<exp(i sigma V)>|^2 averages to 1 at rest, and to less where atoms move."""
    moving = crystal_cell(projected_cell(), ENERGY, DISPLACEMENTS)
    for still, warm in zip(static.layers, moving.layers, strict=True):
        assert_allclose((np.abs(still) ** 2).sum(), 1, rtol=1e-9)
        assert 0.9 < (np.abs(warm) ** 2).sum() < 0.9999


def test_images_equal_abtem_probe_by_probe(static):
    """Bright field of 2.2 nm against abTEM on a 3 x 3 supercell, whose plane waves are the zone points.

    Beams to 90 mrad here, a fine grid there: to 1 % of the mean signal.
    """
    import abtem

    copies, repeats, lam = 3, 4, wavelength(ENERGY)
    atoms = projected_cell().repeat((copies, copies, 1))
    layers = np.round(atoms.positions[:, 2] / (atoms.cell.lengths()[2] / 4)).astype(int) % 4
    numbers = np.tile(atoms.numbers, repeats)
    xy = np.tile(atoms.positions[:, :2] * 1e-10, (repeats, 1))
    layer = np.concatenate([layers + 4 * n for n in range(repeats)])
    height = atoms.cell.lengths()[1] * 1e-10
    sample = Sample(numbers, xy, layer, 4 * repeats, static.size[2] / 4, height)
    grid = Grid((300, 400), (copies * static.size[0] / 300, height / 400))
    gratings = Gratings(sample, grid, (0.0, 0.0), ENERGY, fine=1)
    from perovsim.microscopy.waves.reference import abtem_patterns, abtem_potential

    probe = abtem.Probe(
        energy=ENERGY,
        semiangle_cutoff=20.0,
        gpts=grid.shape,
        soft=False,
        defocus=30.0,
        extent=tuple(edge * 1e10 for edge in grid.size),
    )
    positions = np.array([[0.1, 0.2], [2.0, 2.8], [1.1, 4.0], [3.0, 0.9]]) * 1e-10
    patterns = abtem_patterns(probe, abtem_potential(gratings), positions)
    angle = grid.angles(lam)
    expected = patterns[:, angle < 10.3e-3].sum(axis=1)
    table = CrystalTable(static, 22e-3, 90e-3, [repeats], zones=(copies, copies))
    table._spacing = lambda: 1e-9  # sharp edges, as in the sum above
    image = table.annular(repeats, 20e-3, -1.0, 10.3e-3, defocus=3e-9)
    assert_allclose(at(image, static, positions), expected, atol=0.01 * expected.mean())
    assert np.ptp(expected) > 0.05 * expected.mean()


def test_thicknesses_can_be_left_out(static):
    whole = CrystalTable(static, 15e-3, 30e-3, range(1, 9), zones=(1, 1))
    part = CrystalTable(static, 15e-3, 30e-3, [3, 8], zones=(1, 1))
    for number in (3, 8):
        assert_allclose(part.zones[0].amplitude[number], whole.zones[0].amplitude[number], atol=2e-5)


def test_image_has_the_symmetry_of_the_projection_until_the_crystal_is_tilted(static):
    """2mm: real coefficients with c(g) = c(-gx, gy); a tilt breaks it."""
    for tilt, symmetric in (((0.0, 0.0), True), ((0.0, 3e-3), False)):
        table = CrystalTable(static, 25e-3, 40e-3, [10], tilt=tilt)
        image = table.annular(10, 24e-3, 12e-3, 24e-3)
        odd = np.abs(image.imag).max() / np.abs(image[0, 1:]).max()
        assert (odd < 1e-3) == symmetric


def test_no_crystal_no_contrast(static):
    """Thin limit: the annulus inside the aperture sees its own share of the probe."""
    import dataclasses

    empty = np.zeros_like(static.layers)
    empty[:, 0, 0] = 1
    vacuum = dataclasses.replace(static, layers=empty)
    image = CrystalTable(vacuum, 25e-3, 30e-3, [2]).annular(2, 20e-3, 10e-3, 20e-3)
    assert np.abs(image).flat[1:].max() < 1e-6
    assert_allclose(image[0, 0].real, 0.75, atol=0.05)  # 1 - (10 / 20)^2, edges one zone point wide
