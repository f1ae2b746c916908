"""Simulated images and patterns laid on measured ones: nuisance values, deviance and its expected value, figures."""

import re

import numpy as np
import pytest
import xarray as xr
from microscopy_synthetic import disk_pattern, image_of, scan_of
from numpy.testing import assert_allclose
from scipy.stats import poisson

from perovsim import plot
from perovsim.comparison import compare
from perovsim.comparison.noise import mean_deviance
from perovsim.comparison.registration import register, register_series
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.counting import deviance, deviance_moments
from perovsim.microscopy.records.image import Image

STEP = 0.2e-10


def truth(x, y, defect=20.0, blur=0.0):
    """A lattice image with one bright spot, [counts]; blur weakens its fringes."""
    fringes = 40 * np.exp(-blur) * np.cos(2 * np.pi * x / 4e-10) * np.cos(2 * np.pi * y / 5.6e-10)
    return 50 + fringes + defect * np.exp(-((x - 9e-10) ** 2 + (y - 14e-10) ** 2) / 2 / (2e-10) ** 2)


def simulated(size=120, blur=0.0):
    y, x = np.mgrid[:size, :size] * STEP
    counts = truth(x, y, blur=blur)
    data = {
        "counts": (("y", "x"), counts),
        "expectation": (("y", "x"), counts / 1e4),
        "standard_error": (("y", "x"), 0 * x),
    }
    return Image(xr.Dataset(data, {"x": ("x", x[0]), "y": ("y", y[:, 0])}, {"format": "perovsim-image/1"}))


def measured(seed=1, shift=(0.6e-10, -0.4e-10), turn=0.05, magnification=1.01, pixel=0.17e-10, size=100, **more):
    """Counts of the same object, shifted, turned and magnified, on other pixels."""
    y, x = (np.mgrid[:size, :size] - 0.5 * (size - 1)) * pixel
    dx, dy = (x - shift[0]) / magnification, (y - shift[1]) / magnification
    middle = 59.5 * STEP
    expected = 3 * truth(
        np.cos(turn) * dx + np.sin(turn) * dy + middle, -np.sin(turn) * dx + np.cos(turn) * dy + middle, **more
    )
    image = image_of(np.random.default_rng(seed).poisson(expected), pixel)
    image.dataset["counts"].attrs["units"] = "electron"
    return image


def test_shift_rotation_and_magnification_within_their_errors():
    found = register(measured(), simulated())
    for value, error, expected in (
        (found.shift[0], found.errors["shift_x"], 0.6e-10),
        (found.shift[1], found.errors["shift_y"], -0.4e-10),
        (found.rotation, found.errors["rotation"], 0.05),
        (found.magnification, found.errors["magnification"], 1.01),
    ):
        assert abs(value - expected) < 4 * error
    assert_allclose(found.gain, 3e4, rtol=0.01)
    assert found.errors["shift_x"] < 1e-12 and found.correlation > 0.97


def test_values_of_a_series_are_read_from_the_parabola_of_the_misfit():
    """Images of blur 0 to 0.4 on an object of 0.23: gain takes up blur but for the bright spot."""
    image = measured(blur=0.23, turn=0.0, magnification=1.0, shift=(0.0, 0.0))
    series = [({"blur": b, "defocus": 1e-9}, simulated(blur=b)) for b in (0.0, 0.1, 0.2, 0.3, 0.4)]
    found = register_series(image, series)
    assert abs(found.values["blur"] - 0.23) < 4 * found.errors["blur"] + 0.01
    assert 0 < found.errors["blur"] < 0.1
    assert found.values["defocus"] == 1e-9 and np.isnan(found.errors["defocus"])
    with pytest.raises(MeasurementError, match="series of simulated images is empty"):
        register_series(image, [])


def test_moments_of_the_deviance_are_sums_over_the_poisson_distribution():
    """Direct sums at 0.01, 0.7, 5 and 60; the limits 1 + 1 / 6 m and 2 for many counts."""
    means = np.array([0.01, 0.7, 5.0, 60.0])
    first, second = deviance_moments(means)
    for mean, one, two in zip(means, first, second, strict=True):
        n = np.arange(400)
        weight, values = poisson.pmf(n, mean), deviance(n, np.full(400, mean))
        assert_allclose(one, weight @ values, rtol=2e-3)
        assert_allclose(two, weight @ (values - weight @ values) ** 2, rtol=5e-3)
    assert_allclose(deviance_moments(np.array([1e5])), [[1 + 1 / 6e5], [2 + 2 / 3e5]], rtol=1e-9)


def test_the_deviance_of_a_true_model_is_its_expected_value_at_any_dose():
    rng = np.random.default_rng(4)
    for level in (0.03, 0.5, 20.0):
        expected = level * (1 + 0.5 * np.sin(np.arange(40000) / 50))
        value, error, count = mean_deviance(rng.poisson(expected).astype(float), expected)
        assert count == 40000 and abs(value - 1) < 4 * error < 0.1


def test_registered_images_have_a_verdict_where_the_counts_are_electrons():
    row = compare(simulated(), measured(), ["registered"])["registered"]
    assert row.verdict == "agrees within noise" and "magnification 1.010" in row.note
    other = compare(simulated(), measured(defect=60.0), ["registered"])["registered"]
    assert other.verdict.startswith("differs") and np.abs(other.data["residual"]).max() > 50
    image = measured()
    image.dataset["counts"].attrs["units"] = "count"
    unknown = compare(image, simulated(), ["registered"])["registered"]
    assert unknown.verdict == "not decided: the noise is not known" and "electrons_per_count" in unknown.note
    with pytest.raises(MeasurementError, match="one image must be simulated"):
        compare(image, image, ["registered"])
    with pytest.raises(MeasurementError, match="covers 12% of the measured one"):
        register(measured(), simulated(size=30))


def of_focus(value):
    """A simulation whose fringes fade with (defocus - 4 nm)^2."""
    image = simulated(blur=0.02e18 * (value - 4e-9) ** 2)
    image.attrs.update(defocus=value, thickness=1e-8)
    return image


def test_defocus_is_fitted_as_a_nuisance_value_of_a_comparison():
    """A measured image of 6 nm (blur 0.08) in a series of 4 to 10 nm: the value within its error, and a verdict."""
    image = measured(blur=0.08, turn=0.0, magnification=1.0, shift=(0.0, 0.0))
    series = [of_focus(value * 1e-9) for value in (5.0, 7.0, 8.0, 10.0)]
    row = compare(of_focus(4e-9), image, ["registered"], series=series)["registered"]
    fit = row.data["fit"]
    assert set(fit.values) == {"defocus"}
    assert abs(fit.values["defocus"] - 6e-9) < 3 * fit.errors["defocus"] + 0.4e-9
    assert "defocus" in row.note and "±" in row.note
    with pytest.raises(MeasurementError, match="have the same thickness and defocus"):
        compare(of_focus(4e-9), image, ["registered"], series=[of_focus(4e-9)])
    with pytest.raises(MeasurementError, match="must be simulated"):
        compare(of_focus(4e-9), image, ["registered"], series=[image])


def scans(turn=0.03, extra=0.0):
    """A simulated scan, and a measured one of the same patterns on another detector, turned."""
    basis = np.array([[14.0, 0.0], [0.0, 14.0]])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    model = np.array([disk_pattern(basis, (60, 60), 5.0, 0.7, 121, 1.0, 1e-3)] * 2)
    sim = scan_of(np.random.default_rng(1).poisson(model * 1e5), semiangle=1.25e-3, electrons_per_pattern=1e5)
    sim.dataset["expectation"] = (("position", "qy", "qx"), model)
    scale = 0.25 / 0.3
    seen = disk_pattern(
        rotation @ basis * scale, (50.4, 49.7), 5.0 * scale, 0.7 * scale, 101, 2e5, 1e-3, structure=extra
    )
    return sim, scan_of(np.random.default_rng(2).poisson([seen, seen]), pixel=0.3e-3, semiangle=1.25e-3)


def test_patterns_are_registered_across_detectors():
    sim, real = scans()
    row = compare(sim, real, ["pattern"])["pattern"]
    assert_allclose(row.data["rotation"], 0.03, atol=2e-3)
    assert row.chi2 < 1.15  # the simulated pattern is interpolated across the edges of its disks
    worse = compare(sim, scans(extra=0.2)[1], ["pattern"])["pattern"]
    assert worse.chi2 > 1.5 and "more than counting noise" in worse.verdict


def test_thickness_is_fitted_as_a_nuisance_value_of_averaged_patterns():
    """A flat background that grows with thickness, measured between two simulations."""
    sim, real = scans()
    every = []
    for thickness, order in ((8e-9, 0.6), (9e-9, 0.8), (10e-9, 1.0), (11e-9, 1.2), (12e-9, 1.4)):
        one = type(sim)(sim.dataset.copy(deep=True))
        one.dataset["expectation"] = one.dataset["expectation"] ** order
        one.attrs["thickness"] = thickness
        every.append(one)
    row = compare(every[0], real, ["pattern"], series=every[1:])["pattern"]
    assert row.chi2 < 1.15
    value, error = re.search(r"thickness (\S+) ± (\S+) nm", row.note).groups()
    assert abs(float(value) - 10) < 4 * float(error) + 0.01
    with pytest.raises(MeasurementError, match="have the same thickness"):
        compare(every[0], real, ["pattern"], series=every[:1])


def test_comparisons_are_drawn(tmp_path, perovsim):
    sim, real = scans()
    found = compare(sim, real, ["haadf", "pattern"])
    assert len(plot.compared(found).get_axes()) >= 6
    assert len(plot.compared(compare(simulated(), measured(), ["registered"])).get_axes()) >= 3
    with pytest.raises(MeasurementError, match="nothing to draw"):
        plot.compared(compare(measured(1), measured(2), ["mean"]))
    sim.save(tmp_path / "sim.zarr"), real.save(tmp_path / "real.zarr")
    done = perovsim(
        "compare",
        tmp_path / "sim.zarr",
        tmp_path / "real.zarr",
        "--observables",
        "pattern",
        "--out",
        tmp_path / "c.png",
    )
    assert done.code == 0 and (tmp_path / "c.png").stat().st_size > 20_000
