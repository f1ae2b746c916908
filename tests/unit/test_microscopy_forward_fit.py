"""The forward fit: truths of a full multislice found without prior knowledge, honest errors, clear refusals."""

import numpy as np
import pytest
from microscopy_synthetic import scan_of
from numpy.testing import assert_allclose

from benchmarks._nanobeam import CELL, Window, affine, patterns
from perovsim.errors import MeasurementError
from perovsim.microscopy import Camera, Scan4D, crystal_phase, forward_profile
from perovsim.microscopy.forward.forward_fit import CrystalTables, fit_patterns, free_unknowns
from perovsim.microscopy.forward.forward_model import NAMES, Compared, Model, Pattern, fit_pattern
from perovsim.microscopy.forward.forward_start import Search, lattice_state
from perovsim.microscopy.waves.optics import wavelength
from perovsim.model import load_microscope

WINDOW = Window(cells=16, points=24)
STRAIN, TILT, REPEATS = (0.008, -0.004, 0.003, 0.006), (2, -1), 10
DOSE = 1e5


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    patch.setattr("perovsim.microscopy.forward.forward_fit.COARSE_TILT", 2e-3)  # a coarse table of seconds
    yield
    patch.undo()


@pytest.fixture(scope="module")
def tables():
    tool = load_microscope("stem_300kv")
    phase = crystal_phase("CsPbBr3", cell=CELL)
    return CrystalTables(
        phase, tool, "nanobeam", (7 * CELL, 12 * CELL), sampling=WINDOW.grid.step[0], static=True, tilt_range=0.8e-3
    )


@pytest.fixture(scope="module")
def truth():
    return patterns("fit", affine(*STRAIN), [REPEATS], TILT, window=WINDOW)[0]


def test_a_full_multislice_is_read_without_prior_knowledge(tables, truth):
    """Noiseless: 1e-4 in strain (a window of 9.4 nm has a seam), thickness to 0.5 %, tilt to 0.05 mrad."""
    (fit,) = fit_patterns(truth[None] * DOSE, DOSE, WINDOW.camera, tables)
    found = dict(zip(NAMES, fit.values, strict=True))
    assert fit.reason == ""
    assert_allclose(fit.values[:4], STRAIN, atol=1e-4)
    assert_allclose(found["thickness"], REPEATS * CELL, rtol=5e-3)
    assert_allclose([found["tilt_x"], found["tilt_y"]], np.array(TILT) * WINDOW.step, atol=5e-5)


def test_errors_are_those_of_the_counts(tables, truth):
    """Pull of strains, rotation and thickness over 24 draws: mean square 1 within 4 of its deviations."""
    rng = np.random.default_rng(3)
    fits = fit_patterns(rng.poisson(truth * DOSE, (24, *truth.shape)), DOSE, WINDOW.camera, tables)
    pulls = np.array([(fit.values[:4] - STRAIN) / fit.errors[:4] for fit in fits])
    assert all(fit.reason == "" for fit in fits)
    assert abs((pulls**2).mean() - 1) < 4 * np.sqrt(2 / pulls.size)
    low, _ = fits[0].errors, None
    faint = fit_patterns(rng.poisson(truth * DOSE / 100, (1, *truth.shape)), DOSE / 100, WINDOW.camera, tables)[0]
    assert_allclose(faint.errors[:4] / low[:4], 10, rtol=0.2)  # the square root of the dose


def test_few_electrons_are_fitted_to_the_maximum(tables, truth, monkeypatch):
    """A strict repeat from where steps ended lowers the deviance by less than 0.1, what 0.3 standard errors cost, and
    moves strains by less; the likelihood of so few counts is flat in the tilt, whose value may move further."""
    dose, most = DOSE / 100, 0.1
    counts = np.random.default_rng(7).poisson(truth * dose, (8, *truth.shape))
    fits, free = fit_patterns(counts, dose, WINDOW.camera, tables), free_unknowns(tables)
    monkeypatch.setattr("perovsim.microscopy.forward.forward_model.CONVERGED", 1e-3)
    for fit, one in zip(fits, counts, strict=True):
        pattern = Pattern(one, dose, WINDOW.camera)
        strict = fit_pattern(pattern, tables.at, fit.values, free)
        ends = [Compared.of(Model(pattern, tables.at(x), x), pattern).deviance for x in (fit.values, strict.values)]
        assert fit.reason == strict.reason == ""
        assert ends[0] - ends[1] < most
        assert np.abs((strict.values - fit.values)[:4] / fit.errors[:4]).max() < np.sqrt(most)


def test_free_aperture_finds_it_and_costs_precision(tables, truth):
    camera = WINDOW.camera
    wrong = Camera(camera.pixel, camera.shape, 1.01 * camera.radius, 1.2 * camera.edge, camera.psf)
    (held,) = fit_patterns(truth[None] * DOSE, DOSE, wrong, tables)
    (known,) = fit_patterns(truth[None] * DOSE, DOSE, camera, tables)
    (free,) = fit_patterns(truth[None] * DOSE, DOSE, wrong, tables, ("radius", "edge"))
    named = dict(zip(NAMES, free.values, strict=True))
    assert_allclose(named["radius"], camera.radius, rtol=1e-3)
    assert_allclose(named["edge"], camera.edge, rtol=0.1)  # the seam of a small window sharpens or softens it
    assert np.abs(free.values[:2] - STRAIN[:2]).max() < 1e-4 < np.abs(held.values[:2] - STRAIN[:2]).max()
    assert free.errors[0] > known.errors[0]


def test_a_whole_scan_is_fitted(tables, truth):
    """Through the public call: values with errors of every pattern, the model's own error included."""
    counts = np.random.default_rng(1).poisson(np.stack([truth, truth]) * DOSE)
    scan = scan_of(counts, pixel=WINDOW.camera.pixel, semiangle=1.5e-3, electrons_per_pattern=DOSE)
    found = forward_profile(scan, tables, camera=WINDOW.camera)
    assert_allclose(found["strain"], STRAIN[0], atol=5 * float(found["strain_error"][0]))
    assert list(found["reason"].values) == ["", ""]
    assert found["thickness"].attrs["units"] == "m"
    with pytest.raises(MeasurementError, match="needs its camera"):
        forward_profile(scan, tables)
    with pytest.raises(MeasurementError, match="'scale' cannot be set free; radius and edge can"):
        free_unknowns(tables, ("scale",))
    empty = Scan4D(scan.dataset.assign(counts=scan.dataset["counts"] * 0))
    with pytest.raises(MeasurementError, match="the pattern is empty"):
        forward_profile(empty, tables, camera=WINDOW.camera)


def test_search_finds_tilt_and_thickness_of_a_drawn_pattern(tables):
    """All tilts and thicknesses are tried: the nearest of both wins."""
    search: Search = tables.search
    table, camera = search.table, WINDOW.camera
    lam = wavelength(float(tables.microscope.energy))
    from perovsim.microscopy.table.nanobeam_table import state

    drawn = table.pattern(state(thickness=8 * CELL, tilt_x=1e-3, tilt_y=-2e-3, exx=0.004), camera) * DOSE
    pattern = Pattern(drawn, DOSE, camera)
    lattice = lattice_state(drawn, camera, tables.phase, lam)
    assert_allclose(lattice[0], 0.004, atol=3e-3)
    best = search.best(pattern, lattice)[0]
    assert_allclose(best[6:8], [1e-3, -2e-3], atol=0.6e-3)
    assert_allclose(best[5], 8 * CELL, atol=1.1 * CELL)


def test_a_start_outside_the_table_says_so(tables):
    values = np.zeros(len(NAMES))
    values[5] = 50e-9
    pattern = Pattern(np.ones(WINDOW.camera.shape), DOSE, WINDOW.camera)
    fit = fit_pattern(pattern, lambda _: tables.search.table, values, np.arange(10))
    assert "thickness 50.00 nm is outside" in fit.reason and np.isnan(fit.values).all()
