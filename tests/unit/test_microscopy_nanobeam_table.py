"""The crystal table: equal to a full multislice, right derivatives and symmetry, cached, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks._nanobeam import CELL, EDGE, RADIUS, Window, affine, patterns
from perovsim.errors import PerovsimError
from perovsim.microscopy import Camera, crystal_phase
from perovsim.microscopy.table import table_cache
from perovsim.microscopy.table.draw import PARAMETERS
from perovsim.microscopy.table.expansion import STRAIN_STEP, Expansion
from perovsim.microscopy.table.nanobeam_table import STATE, nanobeam_table, state
from perovsim.model import load_microscope

WINDOW = Window(cells=16, points=24)
"""9.4 nm: its seam lies on the faint tails of a probe whose aperture edge is soft."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def microscope():
    return load_microscope("stem_300kv")


def table_of(microscope, **changes):
    settings = {
        "thicknesses": (4 * CELL, 8 * CELL),
        "compositions": (0.0, 0.5),
        "sampling": WINDOW.grid.step[0],
        "static": True,
        "tilt_range": 0.5e-3,
    }
    return nanobeam_table(crystal_phase("CsPbBr3", "CsPbCl3", cell=CELL), microscope, **{**settings, **changes})


@pytest.fixture(scope="module")
def table(microscope):
    return table_of(microscope)


def test_equals_a_full_multislice_of_a_strained_turned_crystal_under_a_tilted_beam(table):
    """1 % of the total (issue bar); the full multislice is that of scan_4d, tested equal to abTEM."""
    strain, tilt = (0.008, -0.004, 0.003, 0.006), (1, -1)
    expected = patterns("test", affine(*strain), [5, 8], tilt, window=WINDOW)
    for repeat, pattern in zip((5, 8), expected, strict=True):
        at = state(
            **dict(zip(STATE, strain, strict=False)),
            thickness=repeat * CELL,
            tilt_x=tilt[0] * WINDOW.step,
            tilt_y=tilt[1] * WINDOW.step,
        )
        found = table.pattern(at, WINDOW.camera)
        assert np.abs(found - pattern).sum() < 0.01 * pattern.sum()
        assert_allclose(found.sum(), pattern.sum(), rtol=1e-3)


def test_derivatives_are_those_of_the_pattern(table):
    """Central differences to 3 % of the largest: strains leave the blur's own term out."""
    camera = replace(WINDOW.camera, psf=0.1e-3)
    at = state(exx=0.004, eyy=-0.003, exy=0.002, rotation=0.01, composition=0.2, thickness=6.3 * CELL, tilt_x=2e-4)
    steps = dict.fromkeys(STATE, 1e-4) | dict.fromkeys(STATE[6:], 1e-5) | {"thickness": 1e-11, "composition": 1e-2}
    found = np.zeros((*camera.shape, len(PARAMETERS) + 1))
    found[camera.index >= 0] = table.derivatives(at, camera)[:, : len(PARAMETERS) + 1] @ camera.chain
    disks = table.pattern(at, camera) - table.diffuse(at, camera)
    assert_allclose(found[..., 0], disks, rtol=1e-4, atol=1e-7)  # below zero a pattern is cut off
    for column, name in enumerate(STATE):
        move = np.eye(len(STATE))[column] * steps[name]
        up, down = (
            table.pattern(at + sign * move, camera) - table.diffuse(at + sign * move, camera) for sign in (1, -1)
        )
        expected = (up - down) / (2 * steps[name])
        assert_allclose(found[..., 1 + column], expected, atol=0.03 * np.abs(expected).max(), err_msg=name)
    for column, name in ((11, "radius"), (12, "edge")):
        pair = [table.pattern(at, replace(camera, **{name: getattr(camera, name) + s * 1e-7})) for s in (1, -1)]
        expected = (pair[0] - pair[1]) / 2e-7
        assert_allclose(found[..., column], expected, atol=0.03 * np.abs(expected).max(), err_msg=name)


def test_blur_of_the_camera_equals_a_convolution(table):
    """Drawn on pixels four times finer without blur, then convolved: 0.2 % of the total."""
    camera, at = WINDOW.camera, state(thickness=6 * CELL, exx=0.003)
    half = camera.shape[0] // 2
    fine = Camera(camera.pixel / 4, (8 * half + 81,) * 2, RADIUS, EDGE)
    spectrum = np.fft.fft2(table.pattern(at, fine))
    f = np.fft.fftfreq(len(spectrum))
    blur = np.exp(-2 * np.pi**2 * (camera.psf / fine.pixel) ** 2 * (f[:, None] ** 2 + f**2))
    at_pixels = 4 * half + 40 + 4 * np.arange(-half, half + 1)
    expected = 16 * np.fft.ifft2(spectrum * blur).real[np.ix_(at_pixels, at_pixels)]
    difference = table.pattern(at, camera) - table.diffuse(at, camera) - expected
    assert np.abs(difference).sum() < 2e-3 * expected.sum()


def test_a_cubic_crystal_turned_by_a_right_angle_looks_the_same(table):
    camera = WINDOW.camera
    straight = table.pattern(state(exx=0.01, eyy=-0.004, thickness=6 * CELL), camera)
    turned = table.pattern(state(exx=0.01, eyy=-0.004, thickness=6 * CELL, rotation=np.pi / 2), camera)
    assert_allclose(turned, straight, atol=1e-5 * straight.max())
    assert_allclose(straight, straight[::-1], atol=1e-5 * straight.max())  # mirror
    swapped = table.pattern(state(exx=-0.004, eyy=0.01, thickness=6 * CELL), camera)
    assert_allclose(swapped, straight.T, atol=1e-5 * straight.max())


def test_thermal_motion_takes_from_the_disks_and_gives_to_the_halo(microscope, table):
    """Coherent and diffuse shares: what the snapshots of a supercell scatter, growing with thickness."""
    warm = table_of(microscope, static=False, compositions=(0.0,), strained=False)
    cold = table_of(microscope, compositions=(0.0,), strained=False)
    camera, shares = WINDOW.camera, []
    for repeat in (4, 8):
        at = state(thickness=repeat * CELL)
        diffuse = warm.diffuse(at, camera).sum()
        disks = warm.pattern(at, camera).sum() - diffuse
        assert disks < cold.pattern(at, camera).sum() and 0.9 < disks + diffuse < 1
        shares.append(diffuse)
    assert not cold.warm and not cold.diffuse(state(thickness=4 * CELL), camera).any()
    assert 1.7 < shares[1] / shares[0] < 3


def test_many_patterns_equal_single_ones(table):
    states = np.array([state(thickness=5 * CELL), state(thickness=7 * CELL, composition=0.5, exx=0.01)])
    together = table.patterns(states, WINDOW.camera)
    for one, at in zip(together, states, strict=True):
        assert_allclose(one, table.pattern(at, WINDOW.camera), rtol=1e-6, atol=1e-12)


def test_tables_come_from_disk_by_content(microscope, table, monkeypatch):
    files = set(table_cache.folder().glob("*.npz"))
    assert files
    monkeypatch.setattr("perovsim.microscopy.table.nanobeam_table.compute_table", None)  # nothing is computed again
    again = table_of(microscope)
    assert np.array_equal(again.data, table.data)
    with pytest.raises(TypeError):
        table_of(microscope, tilt=(1e-3, 0.0))


def test_a_damaged_file_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table_cache.store("one", {"a": np.arange(3)})
    assert_allclose(table_cache.load("one")["a"], [0, 1, 2])
    (table_cache.folder() / "one.npz").write_bytes(b"PK cut")
    assert table_cache.load("one") is None
    for number in range(4):
        table_cache.store(f"t{number}", {"a": np.zeros(1)}, most=2)
    assert len(list(table_cache.folder().glob("*.npz"))) == 2


@pytest.mark.parametrize("name", ["Pb", "Al", "PbCl2", "SrTiO3"])
def test_other_phases_have_tables(microscope, name):
    """Every orthogonal crystal of the package's table; no electron is made."""
    tool = microscope.replace(displacements={**microscope.displacements, "Sr": "0.1 angstrom", "Ti": "0.1 angstrom"})
    beam = tool.nanobeam.replace(max_angle="10 mrad")
    tool = tool.replace(modes=(tool.haadf, beam))
    made = nanobeam_table(
        crystal_phase(name), tool, thicknesses=("1.5 nm", "2 nm"), sampling=0.3e-10, static=True, tilt_range=0.0
    )
    pattern = made.pattern(state(thickness=1.7e-9, exx=0.01), Camera(0.25e-3, (81, 81), 1.5e-3, 0.1e-3))
    assert 0.7 < pattern.sum() < 1.0005


def test_expansion_is_exact_for_its_own_polynomial():
    """Quadratic in strain, cubic in composition, as written in the module."""
    expansion = Expansion((0.0, 0.2, 0.4, 0.6))

    def value(x, e):
        e = np.array(e)
        pairs = 3 * e[0] * e[1] - e[0] * e[2] + 2 * e[1] * e[2]
        return 1 + x - 2 * x**3 + (2 + x) * e[0] - e[1] + (1 - x) * e[2] + 5 * x * e[0] ** 2 + e[2] ** 2 + pairs

    coefficients = expansion.coefficients([np.array(value(*config)) for config in expansion.configurations])
    at, strain = 0.33, np.array([0.7, -0.4, 0.2]) * STRAIN_STEP
    weights = expansion.weights(at, strain)
    assert_allclose(weights[0] @ coefficients, value(at, strain), rtol=1e-9)
    for i in range(3):
        step = np.eye(3)[i] * 1e-5
        slope = (value(at, strain + step) - value(at, strain - step)) / 2e-5
        assert_allclose(weights[1 + i] @ coefficients, slope, rtol=1e-6)
    assert_allclose(weights[4] @ coefficients, (value(at + 1e-5, strain) - value(at - 1e-5, strain)) / 2e-5, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thickness": 9e-9}, r"thickness 9.00 nm is outside the table of CsPbBr3-CsPbCl3, 2.35 to 5.28 nm"),
        ({"composition": 0.9}, "composition 0.900 is outside"),
        ({"tilt_x": 5e-3}, r"tilt \(5.00, 0.00\) mrad is further than 0.5 mrad"),
    ],
)
def test_states_outside_the_table_are_refused(table, change, words):
    with pytest.raises(PerovsimError, match=words):
        table.pattern(state(**{"thickness": 5 * CELL, **change}), WINDOW.camera)


def test_bad_requests_say_what_to_do(microscope):
    with pytest.raises(PerovsimError, match="no entry 'thicknes'"):
        state(thicknes=1e-9)
    with pytest.raises(PerovsimError, match="right angles, this one has 90.0, 108.0, 90.0"):
        crystal_phase("AlCl3")
    with pytest.raises(PerovsimError, match="different sites"):
        crystal_phase("CsPbBr3", "Pb")
    with pytest.raises(PerovsimError, match="'a', 'b' or 'c'"):
        crystal_phase("PbCl2", beam="z")
    with pytest.raises(PerovsimError, match="no thermal displacement of Sr"):
        nanobeam_table(crystal_phase("SrTiO3"), microscope, thicknesses=(1e-9, 2e-9))
    with pytest.raises(PerovsimError, match="two positive ones, ascending"):
        nanobeam_table(crystal_phase("Pb"), microscope, thicknesses=(3e-9, 2e-9))
