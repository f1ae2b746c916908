"""Structures that ASE reads, scanned as lamellae."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from microscopy_synthetic import microscope
from numpy.testing import assert_allclose

from perovsim.atoms import lamella_figure, lamella_from_ase, unit_cell
from perovsim.errors import PerovsimError
from perovsim.microscopy import edx_map, scan_4d


@pytest.fixture(scope="module")
def slab():
    """SrTiO3, 10 x 5 x 6 cells, the growth axis along its z, from a CIF file's kind of cell."""
    return unit_cell("SrTiO3").repeat((6, 5, 10))


def test_axes_window_and_atoms_are_those_asked_for(slab):
    lamella = lamella_from_ase(slab, growth="z", beam="x", window=("0.5 nm", "2.5 nm"), interface="1.2 nm")
    assert_allclose(lamella.window, (0.5e-9, 2.5e-9))
    assert_allclose(lamella.thickness, 6 * 3.905e-10)
    assert_allclose(lamella.height, 5 * 3.905e-10)
    assert lamella.interface == pytest.approx(1.2e-9)
    x = lamella.atoms.positions[:, 0] * 1e-10 + lamella.window[0]
    spots = np.unique(np.round(x[np.array(lamella.atoms.get_chemical_symbols()) == "Sr"] / 3.905e-10, 6))
    assert_allclose(spots, [2, 3, 4, 5, 6])
    assert set(lamella.phases) == {"given"}


def test_no_atom_lies_on_a_slice_border_and_planes_stay_whole(slab):
    lamella = lamella_from_ase(slab, growth="z", beam="x", slice_thickness="1.95 angstrom")
    step = lamella.slice_thickness * 1e10
    z = lamella.atoms.positions[:, 2]
    assert np.abs(z - step * np.round(z / step)).min() > 0.4
    assert len(np.unique(np.round(z, 6))) == 12


def test_file_is_read_scanned_and_drawn(tmp_path, slab):
    path = tmp_path / "slab.cif"
    write(path, slab)
    lamella = lamella_from_ase(path, growth="z", beam="x", citation="a test")
    assert lamella.device == str(path) and lamella.citation == "a test"
    tool = microscope(nanobeam={"max_angle": "12 mrad"})
    still = tool.replace(displacements={**tool.displacements, "Sr": "0.1 angstrom", "Ti": "0.1 angstrom"})
    scan = scan_4d(lamella, still, positions=[2e-9], phonons=1)
    pattern = scan.expectation[0]
    # the 100 disk of a = 3.905 angstrom lies at lambda/a = 5.04 mrad and is as bright as its Friedel mate
    right, left = (pattern[:, np.abs(scan.qx - at) < 1e-3].sum() for at in (5.04e-3, -5.04e-3))
    assert_allclose(right, left, rtol=0.05)
    assert len(lamella_figure(lamella).axes) >= 3


def test_given_structure_gives_its_elements_to_edx(slab):
    from perovsim.model import load_microscope

    lamella = lamella_from_ase(slab, growth="z", beam="x")
    spectra = edx_map(lamella, load_microscope("stem_300kv"), positions=[2e-9], step=2 * 3.905e-10)
    dense = dict(zip(spectra.elements, spectra.dataset["areal_density"].values[0], strict=True))
    assert_allclose([dense["Ti"], dense["O"] / 3], dense["Sr"], rtol=0.02)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"growth": "z", "beam": "z"}, "two different"),
        ({"window": ("3 nm", "9 nm")}, "lies outside"),
        ({"window": ("0.05 nm", "0.1 nm")}, "no atom"),
    ],
)
def test_bad_requests_are_refused(slab, words, text):
    with pytest.raises(PerovsimError, match=text):
        lamella_from_ase(slab, **{"growth": "y", "beam": "x", **words})


def test_slanted_cell_missing_cell_and_missing_file_are_refused(tmp_path):
    with pytest.raises(PerovsimError, match="needs right ones"):
        lamella_from_ase(bulk("Al").repeat(4))
    with pytest.raises(PerovsimError, match="has no cell"):
        lamella_from_ase(Atoms("Al", [[0, 0, 0]]))
    with pytest.raises(PerovsimError, match="no such structure file"):
        lamella_from_ase(tmp_path / "none.cif")
    (tmp_path / "bad.cif").write_text("nothing")
    with pytest.raises(PerovsimError, match="not a structure that ASE can read"):
        lamella_from_ase(tmp_path / "bad.cif")
