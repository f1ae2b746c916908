"""Crystals and amorphous packings against published densities and bond lengths."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.atoms.amorphous import pack, recipe
from perovsim.atoms.crystals import crystal, crystals, density, unit_cell
from perovsim.atoms.piece import periodic_pairs
from perovsim.errors import PerovsimError


@pytest.mark.parametrize(
    ("name", "expected", "rtol"),
    [
        ("Al", 2.70, 0.005),  # CRC Handbook, solid densities [g/cm3]
        ("Pb", 11.34, 0.005),  # CRC
        ("PbCl2", 5.98, 0.03),  # CRC; the cell itself gives 5.9
        ("PbBr2", 6.69, 0.03),  # CRC
        ("AlCl3", 2.48, 0.01),  # CRC
        ("SrTiO3", 5.12, 0.005),  # X-ray density of a = 3.905 angstrom
    ],
)
def test_density_matches_the_handbook(name, expected, rtol):
    assert_allclose(density(name), expected, rtol=rtol)


@pytest.mark.parametrize("name", ["CsPb2Br5", "PbCl2", "PbBr2", "AlCl3", "CsPbBr3", "SrTiO3"])
def test_formula_of_the_cell_is_the_name(name):
    cell = unit_cell(name)
    assert cell.get_chemical_formula(empirical=True) == unit_cell_formula(name)


def unit_cell_formula(name):
    from ase.formula import Formula

    return Formula(name).format("hill")


def test_aluminium_chloride_is_six_coordinated_as_in_its_layer_structure():
    cell = unit_cell("AlCl3").repeat((2, 1, 2))
    metal = [i for i, atom in enumerate(cell) if atom.symbol == "Al"]
    for i in metal:
        distances = np.sort(cell.get_distances(i, range(len(cell)), mic=True))[1:7]
        # Al-Cl of edge-sharing octahedra: sum of ionic radii 0.535 + 1.81 = 2.35 angstrom (Shannon)
        assert_allclose(distances, 2.35, atol=0.06)


@pytest.mark.parametrize("name", sorted(crystals()))
def test_no_two_atoms_of_a_crystal_overlap(name):
    distances = unit_cell(name).repeat(2).get_all_distances(mic=True)
    assert distances[distances > 1e-6].min() > 1.9


def test_unconfirmed_structures_say_so():
    assert crystal("AlCl3").status == "assumed"
    assert "assumed" in crystal("CsPb2Br5").cite()


def test_unknown_crystal_names_a_neighbour():
    with pytest.raises(PerovsimError, match="did you mean 'AlCl3'"):
        crystal("AlCl4")


def test_random_packing_keeps_density_distance_and_composition():
    found = recipe("tpbi")
    box = np.array([40.0, 25.0, 30.0])
    piece = pack(found, 0.0, 40.0, box, 40.0 * 25.0 * 30.0, np.random.default_rng(3))
    # 1.22 g/cm3 of C45H30N6 (654.8 g/mol, 81 atoms): 0.0909 atoms per cubic angstrom
    assert_allclose(len(piece) / box.prod(), 1.22 / 1.66054 / 654.8 * 81, rtol=1e-3)
    _, vectors = periodic_pairs(piece.positions, 2.0, box)
    assert np.linalg.norm(vectors, axis=1).min() >= found.shortest
    assert_allclose((piece.numbers == 7).mean(), 6 / 81, rtol=0.03)


def test_random_packing_has_no_lattice_of_its_own():
    """A jittered grid would show Bragg peaks: S(q) >> 1 at its spacing; a packing must not."""
    box = np.array([40.0, 40.0, 40.0])
    piece = pack(recipe("TPBi"), 0.0, 40.0, box, 40.0**3, np.random.default_rng(5))
    orders = np.arange(10, 40)
    for axis in (1, 2):
        phase = np.exp(2j * np.pi * np.outer(orders, piece.positions[:, axis]) / box[axis])
        structure_factor = np.abs(phase.sum(axis=1)) ** 2 / len(piece)
        assert structure_factor.max() < 12.0  # exp(-12) for an exponential distribution
