"""Comparisons: statistics of the noise, verdicts, what two things have in common, clear refusals."""

import factories
import numpy as np
import pytest
from microscopy_synthetic import disk_pattern, image_of, microscope, scan_of, small_lamella
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.comparison import compare
from perovsim.comparison.noise import chi_square, mean_with_error, two_sample
from perovsim.comparison.table import Comparison, Row
from perovsim.errors import MeasurementError
from perovsim.microscopy import haadf_image, scan_4d

BASIS, CENTRE = np.array([[14.0, 0.0], [0.0, 14.0]]), (60.2, 59.7)


def drawn(seed, scale=1.0, counts=2e5, count=6, **more):
    patterns = [
        disk_pattern(BASIS / scale, CENTRE, 5.0, 0.45, 121, counts, 1e-3, seed=100 * seed + n) for n in range(count)
    ]
    return scan_of(patterns, semiangle=1.25e-3, **more)


@pytest.fixture(scope="module")
def simulated():
    """Pristine and aged: other strain, so other atoms, phonons and counts."""
    tool = microscope(phonons=3, nanobeam={"electrons_per_pattern": 1e7})
    return [
        scan_4d(small_lamella(strain=strain), tool, step="0.6 nm", seed=seed)
        for strain, seed in ((0.0, 1), (0.02, 1), (0.0, 9))
    ]


# -- statistics ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "share"), [(0.2, 0.5), (3.0, 0.2), (50.0, 0.7)])
def test_two_poisson_samples_of_one_rate_give_one(rate, share):
    """Mean of z^2 is 1 and its scatter over 200 draws is as stated, however few the counts."""
    rng = np.random.default_rng(1)
    shape = (200, 4000)
    pairs = rng.poisson(rate * share, shape), rng.poisson(rate * (1 - share), shape)
    found = [two_sample(a.astype(float), b.astype(float), share) for a, b in zip(*pairs, strict=True)]
    values, errors = np.array([f[0] for f in found]), np.array([f[1] for f in found])
    assert_allclose(values.mean(), 1, atol=4 * errors.mean() / np.sqrt(200))
    assert_allclose(values.std(), errors.mean(), rtol=0.25)


def test_chi_square_leaves_out_what_is_not_known():
    value, error, count = chi_square(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, 3.0]), np.array([1.0, 1.0, 0.0]))
    assert (value, count) == (1.0, 1) and error == pytest.approx(np.sqrt(2))
    assert chi_square(np.array([np.nan]), np.array([1.0]), np.array([1.0]))[2] == 0
    assert mean_with_error(np.array([1.0, 3.0, np.nan]), np.array([4.0, 4.0, 1.0])) == (2.0, np.sqrt(2.0))


@pytest.mark.parametrize(
    ("chi2", "missing", "words"),
    [
        (1.1, "", "agrees within noise"),
        (2.0, "", "differs (5.0 sigma)"),
        (2.0, "phonons", "more than counting noise (5.0 sigma); phonons not counted"),
        (0.2, "", "better than its noise"),
        (float("nan"), "", "not decided"),
    ],
)
def test_verdicts(chi2, missing, words):
    row = Row("x", "1", (1.0, 0.1), (1.0, 0.1), chi2, 0.2, 50, missing=missing)
    assert words in row.verdict


# -- scans --------------------------------------------------------------------------------------


def test_two_draws_of_one_object_agree():
    found = compare(drawn(1), drawn(2), reference="5.6 angstrom")
    assert [row.name for row in found.rows] == ["haadf", "bf", "pacbed", "strain"]
    for row in found.rows:
        assert row.verdict == "agrees within noise", row
    assert found["pacbed"].data["difference"] < 1.1 * found["pacbed"].data["noise"]


def test_a_change_of_strain_is_seen_and_measured():
    found = compare(drawn(1, scale=1.01), drawn(2), ["strain", "pacbed"], reference=drawn(3))
    assert "differs" in found["strain"].verdict and "differs" in found["pacbed"].verdict
    value, error = found["strain"].difference
    assert_allclose(value, 0.01, atol=4 * error)


def test_other_doses_do_not_matter_but_other_scattering_does():
    assert compare(drawn(1, counts=5e4), drawn(2), ["haadf", "bf"])["haadf"].verdict == "agrees within noise"
    brighter = drawn(2)
    brighter.dataset["counts"] = brighter.dataset["counts"] + 1
    assert "differs" in compare(drawn(1), brighter, ["haadf"])["haadf"].verdict


def test_other_positions_are_compared_by_their_means():
    found = compare(drawn(1, count=4), drawn(2, count=6), ["haadf"])["haadf"]
    assert found.count == 1 and "positions differ" in found.note and found.verdict == "agrees within noise"


def test_strain_without_reference_is_left_out_or_asked_for():
    found = compare(drawn(1), drawn(2))
    assert "strain" not in [row.name for row in found.rows]
    assert any("strain left out: strain needs a reference" in remark for remark in found.remarks)
    with pytest.raises(MeasurementError, match="strain needs a reference"):
        compare(drawn(1), drawn(2), ["strain"])


def test_other_detector_pixels_are_refused_by_name():
    other = scan_of(drawn(1).patterns, pixel=0.3e-3, semiangle=1.5e-3)
    with pytest.raises(MeasurementError, match=r"pacbed: the detector pixels differ \(0.25 and 0.3 mrad\)"):
        compare(drawn(1), other, ["pacbed"])


def test_simulated_scans_of_other_seeds_agree_in_their_means(simulated):
    """Same strain and composition, other phonons: 'differs' may be said only of what they do not hold."""
    pristine, _, again = simulated
    row = compare(pristine, again, ["haadf"])["haadf"]
    assert abs(row.difference[0]) < 5 * row.difference[1]


def test_ageing_is_seen_in_simulated_scans(simulated):
    pristine, aged, _ = simulated
    found = compare(aged, pristine)
    assert found["pacbed"].missing and "more than counting noise" in found["pacbed"].verdict
    text = found.table()
    assert "first:  simulated, synthetic, t = 3600 s" in text
    assert "chi²/n" in text and "mrad" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1.23456, 0.0123), "1.235 ± 0.012"),
        ((12345.0, 67.0), "12345 ± 67"),
        ((3.21e-9, 4.5e-11), "(3.210 ± 0.045)e-9"),
        ((0.0, 2e-9), "(0.0 ± 2.0)e-9"),
        ((2.5, float("nan")), "2.5"),
    ],
)
def test_values_are_written_to_the_second_digit_of_their_error(value, text):
    row = Row("x", "", value, (1.0, 0.1), 1.0, 0.1, 1)
    assert f"  {text}  " in Comparison("a", "b", (row,)).table()


def test_simulated_and_measured_scans_go_through_the_same_code(simulated):
    """A 'measured' scan made of the simulated counts agrees with its own simulation."""
    scan = simulated[0]
    attrs = {"semiangle": scan.semiangle, "energy": 300e3, "format": "perovsim-scan/1", "kind": "measured"}
    counts = np.random.default_rng(3).poisson(scan.expectation * scan.electrons)
    dataset = scan.dataset[["counts"]].copy()
    dataset["counts"] = (dataset["counts"].dims, counts, {"units": "electron"})
    measured = type(scan)(dataset.assign_attrs(attrs))
    measured.dataset.attrs = attrs
    found = compare(scan, measured, ["haadf", "bf", "pacbed"])
    assert found["pacbed"].verdict == "agrees within noise"
    assert "measured" in found.second


# -- images and results -------------------------------------------------------------------------


def test_images_agree_or_differ_pixel_by_pixel():
    rng = np.random.default_rng(1)
    truth = 50 + 30 * np.sin(np.arange(60) / 5)[:, None] * np.ones((60, 70))
    one, two = (image_of(rng.poisson(truth)) for _ in range(2))
    assert compare(one, two)["pixels"].verdict == "agrees within noise"
    brighter = image_of(rng.poisson(1.1 * truth))
    assert "differs" in compare(one, brighter)["pixels"].verdict
    with pytest.raises(MeasurementError, match="give images of the same pixels"):
        compare(one, image_of(np.ones((60, 60))), ["pixels"])


def test_simulated_images_count_their_standard_error():
    lamella, tool = small_lamella(), microscope(phonons=2)
    centre = lamella.interface - 1.2e-9, 0.5 * lamella.height
    one, two = (haadf_image(lamella, tool, field=("1.2 nm", "1 nm"), centre=centre, seed=s) for s in (1, 2))
    row = compare(one, two)["pixels"]
    assert row.unit == "1" and row.verdict == "agrees within noise"


def test_results_are_compared_at_their_ends():
    one, two = factories.result("sum"), factories.result("field_drift")
    found = compare(one, two)
    assert "differs" in found["voltage"].verdict and "differs" in found["AlCl3"].verdict
    same = compare(one, factories.result("sum"))
    assert all(row.verdict == "agrees within noise" for row in same.rows)
    assert "oxidised_halogen" in found.first


# -- refusals -----------------------------------------------------------------------------------


def test_unlike_things_are_refused():
    with pytest.raises(MeasurementError, match="a scan cannot be compared with an image; give two of one kind"):
        compare(drawn(1), image_of(np.ones((4, 4))))
    with pytest.raises(MeasurementError, match="a str cannot be compared"):
        compare("a.zarr", drawn(1))


def test_unknown_or_no_observables_are_refused():
    with pytest.raises(MeasurementError, match="did you mean 'haadf'"):
        compare(drawn(1), drawn(2), ["hadf"])
    with pytest.raises(MeasurementError, match="nothing in common"):
        compare(drawn(1), drawn(2), [])
    blind = scan_of(drawn(1).patterns, pixel=0.3e-3)
    with pytest.raises(MeasurementError, match="nothing in common to compare: haadf left out"):
        compare(blind, drawn(1))


def test_compare_is_a_name_of_the_package_and_of_the_command_line(tmp_path, perovsim):
    assert ps.compare is compare
    for number in (1, 2):
        drawn(number).save(tmp_path / f"{number}.zarr")
    outcome = perovsim("compare", tmp_path / "1.zarr", tmp_path / "2.zarr", "--observables", "haadf", "pacbed")
    assert outcome.code == 0 and "agrees within noise" in outcome.out
    outcome = perovsim("compare", tmp_path / "1.zarr", tmp_path / "missing.zarr")
    assert outcome.code == 2 and "no such file" in outcome.err and len(outcome.err.splitlines()) == 1
