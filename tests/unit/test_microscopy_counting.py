"""Counting statistics and virtual detectors."""

import numpy as np
import pytest
from microscopy_synthetic import scan_of
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy import bright_field, dark_field, deflection, pacbed, virtual_detector
from perovsim.microscopy.records.counting import deviance, poisson_counts
from perovsim.microscopy.records.detectors import snapshot_error
from perovsim.microscopy.records.scan import check_scan


@pytest.mark.parametrize("mean", [0.3, 7.0, 400.0])
def test_mean_and_variance_of_counts(mean):
    """Poisson: mean to 1 %, variance to 2 % over 4e5 samples; standard deviations 0.3 % and 0.4 %."""
    counts = poisson_counts(np.full(400_000, mean), 5).astype(float)
    assert_allclose(counts.mean(), mean, rtol=0.01)
    assert_allclose(counts.var(), mean, rtol=0.02)


def test_same_seed_same_counts():
    expected = np.full(100, 3.0)
    assert np.array_equal(poisson_counts(expected, 1), poisson_counts(expected, 1))
    assert not np.array_equal(poisson_counts(expected, 1), poisson_counts(expected, 2))


def test_negative_expectation_is_refused():
    with pytest.raises(PerovsimError, match="must not be negative"):
        poisson_counts(np.array([1.0, -0.5]), 1)


def test_deviance_is_chi_square_for_many_counts_and_finite_for_none():
    """2 [N ln(N/m) - (N - m)] -> (N - m)^2 / m; at N = 0 it is 2 m."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(200.0, 100_000)
    assert_allclose(deviance(counts, np.full(counts.shape, 200.0)).mean(), 1 + 1 / (6 * 200), rtol=0.02)
    assert_allclose(deviance(np.array([0.0]), np.array([3.0])), [6.0])
    assert deviance(np.array([5.0]), np.array([5.0])) == 0


@pytest.fixture
def scan():
    rng = np.random.default_rng(1)
    return scan_of(rng.poisson(4.0, (5, 41, 41)), pixel=0.5e-3, semiangle=3e-3)


def test_annuli_share_out_all_pixels_once(scan):
    parts = [
        virtual_detector(scan, low, high)
        for low, high in (("0 mrad", "2 mrad"), ("2 mrad", "6 mrad"), ("6 mrad", "10 mrad"))
    ]
    whole = virtual_detector(scan, 0.0, 10e-3)
    assert_allclose(sum(part.values for part in parts), whole.values, rtol=0)
    assert sum(part.attrs["pixels"] for part in parts) == whole.attrs["pixels"]
    assert whole.attrs["units"] == "electron" and whole["x"].attrs["units"] == "m"


def test_mean_of_flat_counts_is_the_number_of_pixels(scan):
    found = virtual_detector(scan, 2e-3, 8e-3)
    expected = 4.0 * found.attrs["pixels"]
    assert_allclose(found.values, expected, atol=5 * np.sqrt(expected))


def test_bright_and_dark_field_leave_out_the_edge_of_the_disk(scan):
    assert bright_field(scan).attrs["outer"] == pytest.approx(2.4e-3)
    assert dark_field(scan).attrs["inner"] == pytest.approx(3.6e-3)
    assert dark_field(scan).attrs["outer"] == pytest.approx(10e-3)


def test_pacbed_is_the_mean_pattern(scan):
    assert_allclose(pacbed(scan).values, scan.patterns.mean(axis=0))


def test_deflection_follows_a_shifted_spot():
    patterns = np.zeros((2, 21, 21))
    patterns[0, 10, 13], patterns[1, 8, 10] = 7, 3
    found = deflection(scan_of(patterns, pixel=1e-3))
    assert_allclose(found["qx"], [3e-3, 0.0], atol=1e-18)
    assert_allclose(found["qy"], [0.0, -2e-3], atol=1e-18)


def test_measured_scans_have_no_snapshot_scatter(scan):
    assert np.all(snapshot_error(scan, 0.0, 5e-3) == 0)


@pytest.mark.parametrize(
    ("angles", "words"),
    [
        ((5e-3, 5e-3), "is empty"),
        ((6e-3, 5e-3), "is empty"),
        ((-1e-3, 5e-3), "is empty"),
        ((5e-3, 20e-3), r"recorded to 10.25 mrad"),
        ((0.1e-3, 0.2e-3), "holds no pixel"),
        (("1 nm", 5e-3), "wrong dimension"),
    ],
)
def test_impossible_detectors(scan, angles, words):
    with pytest.raises(PerovsimError, match=words):
        virtual_detector(scan, *angles)


def test_unknown_convergence_angle_is_asked_for(scan):
    blind = scan_of(scan.patterns)
    with pytest.raises(MeasurementError, match='semiangle = "1.5 mrad"'):
        bright_field(blind)
    with pytest.raises(MeasurementError, match="no noiseless expectation"):
        pacbed(blind, noiseless=True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (-3.0, r"1 pixels have negative counts \(lowest -3\)"),
        (np.nan, "1 pixels are not a number"),
    ],
)
def test_impossible_counts_are_refused(scan, spoil, words):
    patterns = scan.patterns.astype(float)
    patterns[1, 2, 3] = spoil
    with pytest.raises(MeasurementError, match=words):
        check_scan(scan_of(patterns), "file")


def test_an_empty_scan_is_refused(scan):
    with pytest.raises(MeasurementError, match="is empty"):
        check_scan(scan.select(slice(0, 0)), "file")
