"""Dark-field images by reciprocity: equal to abTEM probe by probe, unbiased when sampled, honest errors."""

import numpy as np
import pytest
from microscopy_synthetic import microscope, pure_lamella, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy import haadf_image, load_image
from perovsim.microscopy.signals.exact_image import whole_plan
from perovsim.microscopy.signals.haadf import _Annulus
from perovsim.microscopy.waves import multislice
from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.image_plan import plan_image
from perovsim.microscopy.waves.multislice import Gratings
from perovsim.microscopy.waves.reference import abtem_patterns, abtem_potential, abtem_probe
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers

FIELD = ("1.2 nm", "1 nm")


@pytest.fixture(scope="module")
def lamella():
    return small_lamella()


@pytest.fixture(scope="module")
def centre(lamella):
    return lamella.interface - 1.2e-9, 0.5 * lamella.height


@pytest.fixture(scope="module")
def image(lamella, centre):
    return haadf_image(lamella, microscope(phonons=2), field=FIELD, centre=centre, seed=2)


def annulus(lamella, centre, monkeypatch, waves, **mode):
    """One snapshot on a grid so coarse that every detector pixel can have its own wave."""
    monkeypatch.setattr(multislice, "FINE", 1)
    tool = microscope(
        haadf={
            "sampling": "0.16 angstrom",
            "detector_inner": "34 mrad",
            "detector_outer": "38 mrad",
            "source_size": "0 angstrom",
            "step": "0.4 angstrom",
            **mode,
        }
    )
    plan = plan_image(lamella, tool, tool.haadf, FIELD, centre)
    snapshots = Snapshots(whole_plan(plan, lamella, tool.haadf), lamella, tool, tool.haadf, 1)
    return tool, plan, _Annulus(plan, snapshots, tool, tool.haadf, waves or len(plan.annulus))


def quiet(count):
    """Progress that nobody reads."""


def test_every_detector_pixel_its_own_wave_is_abtems_scan(lamella, centre, monkeypatch):
    """|<q|M|probe(r)>|^2 summed over all q, at probe positions off the grid, to float32 rounding."""
    tool, plan, run = annulus(lamella, centre, monkeypatch, None)
    with Workers(2) as pool:
        found, *_ = run.snapshot(1, 0, pool, quiet)
    moved = run.snapshots.atoms(0).between(plan.low, plan.low + plan.grid.size[0])
    cell = Grid((plan.grid.shape[0], plan.period), plan.grid.step)
    gratings = Gratings(moved, cell, (plan.low, 0.0), 300e3)
    rows, columns = np.array([0, 5, 11, 24]), np.array([2, 7, 20, 29])
    at = np.stack([plan.x[columns] - plan.low, plan.y[rows]], axis=1)
    patterns = abtem_patterns(
        abtem_probe(plan.grid, tool, tool.haadf), abtem_potential(gratings, plan.grid.shape[1] // plan.period), at
    )
    expected = patterns.reshape(len(at), -1)[:, plan.annulus].sum(axis=1)
    assert_allclose(found[rows, columns], expected, rtol=2e-5)


def test_few_waves_estimate_the_sum_without_bias(lamella, centre, monkeypatch):
    """24 waves against all pixels: 20 independent draws average to it within their own scatter."""
    _, _, whole = annulus(lamella, centre, monkeypatch, None)
    _, _, few = annulus(lamella, centre, monkeypatch, 24)
    with Workers(2) as pool:
        exact, *_ = whole.snapshot(1, 0, pool, quiet)
        moved = few.snapshots.atoms(0)
        monkeypatch.setattr(type(few.snapshots), "atoms", lambda self, number: moved)
        draws = [few.snapshot(1, number, pool, quiet) for number in range(1, 21)]
    estimates = np.array([mean for mean, *_ in draws])
    claimed = np.array([variance for _, variance, _ in draws]).mean(axis=0)
    ratio = estimates.mean() / exact.mean()
    scatter = estimates.mean(axis=(1, 2)).std(ddof=1) / exact.mean() / np.sqrt(20)
    assert_allclose(ratio, 1, atol=4 * scatter)
    assert_allclose((claimed / estimates.var(axis=0, ddof=1)).mean(), 1, atol=0.35)  # 19 draws per pixel


def test_standard_error_covers_an_independent_average(lamella, centre, image):
    """Two images of other seeds differ by their standard errors: rms z = 1 within a third."""
    other = haadf_image(lamella, microscope(phonons=2), field=FIELD, centre=centre, seed=7)
    z = (image.expectation - other.expectation) / np.hypot(image.standard_error, other.standard_error)
    assert 0.6 < np.sqrt((z**2).mean()) < 1.5


def test_pixels_axes_and_provenance(lamella, centre, image):
    assert image.counts.shape == image.expectation.shape == (34, 40)
    assert_allclose(image.pixel, 0.3e-10)
    assert_allclose([image.x.mean(), image.y.mean()], centre)
    assert image.attrs["device"] == "synthetic" and image.attrs["seed"] == 2
    assert image.attrs["detector_outer"] == 50e-3 and image.attrs["kept_angle"] > 50e-3
    assert image.dataset["x"].attrs["units"] == "m"
    assert np.all(image.expectation >= 0) and image.expectation.max() < 0.5


def test_counts_are_poisson_at_the_stated_dose(image):
    """1000 electrons per square angstrom and 0.3 angstrom pixels are 90 electrons per pixel."""
    assert_allclose(image.electrons, 90.0)
    expected = image.expectation * 90
    assert_allclose(image.counts.sum(), expected.sum(), atol=4 * np.sqrt(expected.sum()))


def test_bright_spots_are_the_lead_columns():
    """In pure CsPbBr3 at rest the intensity around a Pb-Br column, at 3/4 of the cell, has its middle there."""
    lamella = pure_lamella()
    cell = lamella.reference_cell
    centre = (0.5 * sum(lamella.window), 0.5 * lamella.height)
    tool = microscope(haadf={"source_size": "0.1 angstrom", "step": "0.2 angstrom"}, static=True)
    image = haadf_image(lamella, tool, field=(1.5 * cell, 1.5e-9), centre=centre, waves=200)
    x, y = np.meshgrid(image.x, image.y)
    lead = lamella.atoms.positions[lamella.atoms.numbers == 82, :2] * 1e-10 + [lamella.window[0], 0]
    distances = [np.hypot(x - at[0], y - at[1]) for at in lead]
    around = next(away < 1.2e-10 for away in distances if (away < 1.2e-10).sum() > 110)
    middle, weights = [x[around].mean(), y[around].mean()], image.expectation[around]
    assert_allclose(
        [np.average(x[around], weights=weights), np.average(y[around], weights=weights)], middle, atol=5e-12
    )


def test_workers_do_not_change_a_number(lamella, centre, image):
    again = haadf_image(lamella, microscope(phonons=2), field=FIELD, centre=centre, seed=2, workers=1)
    assert np.array_equal(again.expectation, image.expectation)
    assert np.array_equal(again.counts, image.counts)


def test_source_size_blurs_and_keeps_the_mean(lamella, centre):
    images = [
        haadf_image(lamella, microscope(haadf={"source_size": size}), field=FIELD, centre=centre)
        for size in ("0 angstrom", "0.8 angstrom")
    ]
    assert images[1].expectation.std() < 0.6 * images[0].expectation.std()
    assert_allclose(images[1].expectation.mean(), images[0].expectation.mean(), rtol=0.15)


def test_progress_ends_at_one(lamella, centre):
    shares = []
    haadf_image(lamella, microscope(phonons=2), field=FIELD, centre=centre, progress=shares.append)
    assert shares == [0.5, 1.0]


def test_saved_and_loaded_images_are_equal(image, tmp_path):
    again = load_image(image.save(tmp_path / "image.nc"))
    assert np.array_equal(again.counts, image.counts)
    assert_allclose(again.standard_error, image.standard_error, rtol=0)
    assert again.attrs["microscope_text"] == image.attrs["microscope_text"]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_damaged_file_is_one_line(image, tmp_path, damage):
    path = tmp_path / "image.nc"
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        image.save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "other":
        image.dataset.drop_attrs().to_netcdf(path, engine="h5netcdf")
    with pytest.raises(MeasurementError) as caught:
        load_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"field": ("0 nm", "1 nm")}, "is empty"),
        ({"field": ("-1 nm", "1 nm")}, "is empty"),
        ({"field": ("9 nm", "1 nm")}, "leaves the lamella"),
        ({"centre": (1e-9, 1e-9)}, "leaves the lamella"),
        ({"field": ("1 nm", "4 nm")}, "4.00 nm high, the lamella 1.74 nm"),
        ({"phonons": 0}, "at least 1"),
        ({"waves": 1}, "at least 2"),
        ({"audit": -1}, "audit = -1 at least 0"),
        ({"fidelity": "crystal"}, "holds patterns of a nearly parallel probe, no annular images"),
        ({"fidelity": "exact", "error": 0.1}, "not both"),
        ({"mode": "nanobeam"}, "has no detector_inner"),
    ],
)
def test_bad_requests_say_what_to_do(lamella, centre, change, words):
    with pytest.raises(PerovsimError, match=words):
        haadf_image(lamella, microscope(), **{"field": FIELD, "centre": centre, **change})


SMALL = {"step": "1 angstrom", "source_size": "0 angstrom", "detector_outer": "70 mrad", "sampling": "0.09 angstrom"}


def test_an_exact_image_is_what_windows_estimate(lamella, centre):
    """400 waves a snapshot leave 5 % of a pixel to chance; the mean of 6 x 6 pixels agrees to a percent."""
    tool, field = microscope(haadf=SMALL, phonons=1), ("0.6 nm", "0.6 nm")
    exact = haadf_image(lamella, tool, field=field, centre=centre, fidelity="exact")
    window = haadf_image(lamella, tool, field=field, centre=centre, waves=400, audit=6)
    assert exact.fidelity == "exact" and window.fidelity == "window" and exact.audit == ""
    assert_allclose(window.expectation.mean(), exact.expectation.mean(), rtol=0.015)
    off = np.abs(window.expectation - exact.expectation).sum() / exact.expectation.sum()
    assert off < 0.06
    audit = window.attrs
    assert audit["audit_points"] == 6 and abs(audit["audit_bias"]) < 0.06
    assert audit["audit_difference"] < 3 * audit["audit_scatter"]
    assert "audit of 6 pixels" in window.audit


def test_an_image_by_the_error_tolerated(lamella, centre):
    """Windows promise 3 %, with as many waves as one snapshot needs for 5 %: 1 / 0.05^2."""
    field = ("0.3 nm", "0.3 nm")
    tool = microscope(haadf=SMALL)
    assert haadf_image(lamella, tool, field=field, centre=centre, error=0.05).attrs["waves"] == 400
    assert haadf_image(lamella, tool, field=field, centre=centre, error=0.01).fidelity == "exact"


def test_a_precession_is_refused(lamella, centre):
    tool = microscope(haadf={"precession": {"angle": "10 mrad"}})
    with pytest.raises(PerovsimError, match="precession is computed for patterns"):
        haadf_image(lamella, tool, field=FIELD, centre=centre)


def test_detector_beyond_the_grid_says_which_angle_is_kept(lamella, centre):
    tool = microscope(haadf={"sampling": "0.1 angstrom", "detector_outer": "100 mrad"})
    with pytest.raises(PerovsimError, match=r"reaches 100 mrad.*keeps angles up to 6\d.* at most 0.063 angstrom"):
        haadf_image(lamella, tool, field=FIELD, centre=centre)


def test_more_memory_than_the_machine_has(lamella, centre, monkeypatch):
    monkeypatch.setattr("perovsim.memory.free_memory", lambda: 2**20)
    with pytest.raises(PerovsimError, match="the image needs"):
        haadf_image(lamella, microscope(), field=FIELD, centre=centre)
