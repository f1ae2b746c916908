"""The camera behind the counting: binning, point spread, gain, noise, saturation; drift, scan noise, energy spread."""

import numpy as np
import pytest
from microscopy_synthetic import microscope, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.microscopy import scan_4d
from perovsim.microscopy.records.counting import poisson_counts
from perovsim.microscopy.records.readout import binned, read_out
from perovsim.microscopy.waves.plan import plan_scan
from perovsim.microscopy.waves.snapshots import Snapshots, focus_spread
from perovsim.model.electron_detectors import CameraSpec

AT = [small_lamella().interface - 1e-9]


def camera(**given):
    return CameraSpec.model_validate(given)


def test_counting_before_gain_and_point_spread():
    """Mean to 1 %, variance to 2 % of the Poisson value over 4e5 electrons' pixels; then the gain multiplies both."""
    counts = poisson_counts(np.full((1, 640, 640), 5.0), 3)
    assert_allclose(counts.mean(), 5.0, rtol=0.01)
    assert_allclose(counts.var(), 5.0, rtol=0.02)
    signal = read_out(counts, camera(gain=7.0), 1)
    assert_allclose(signal.mean(), 7 * 5.0, rtol=0.01)
    assert_allclose(signal.var(), 7**2 * 5.0, rtol=0.02)


def test_the_point_spread_keeps_the_electrons_and_its_transform_is_the_mtf():
    """MTF exp(-2 pi^2 s^2 f^2) of a Gaussian spread of s pixels."""
    spot = np.zeros((1, 65, 65), np.uint32)
    spot[0, 32, 32] = 1000
    signal = read_out(spot, camera(psf=1.5), 1)
    assert_allclose(signal.sum(), 1000.0, rtol=1e-5)
    mtf = np.abs(np.fft.fft2(signal[0]))[0] / 1000
    frequency = np.fft.fftfreq(65)
    assert_allclose(mtf, np.exp(-2 * np.pi**2 * 1.5**2 * frequency**2), atol=2e-3)


def test_noise_and_saturation():
    nothing = np.zeros((1, 400, 400), np.uint32)
    noisy = read_out(nothing + 50, camera(readout_noise=4.0), 1)
    assert_allclose([noisy.mean(), noisy.std()], [50.0, 4.0], rtol=0.01)
    full = read_out(nothing + 5000, camera(saturation=4095.0), 1)
    assert np.all(full == 4095)


def test_binning_keeps_the_centre():
    pattern = np.zeros((2, 11, 11))
    pattern[:, 5, 5], pattern[:, 5, 7] = 1, 2
    found = binned(pattern, 3)
    assert found.shape == (2, 3, 3) and np.all(found[:, 1, 1] == 1) and np.all(found[:, 1, 2] == 2)
    with pytest.raises(ValueError, match="must be odd"):
        camera(binning=2)


def test_a_scan_with_a_camera_keeps_the_expectation_of_the_electrons():
    """Signal = gain x electrons: the sum over the pattern within four standard deviations of Poisson counts."""
    spec = {"binning": 3, "psf": 0.6, "gain": 12.0, "saturation": 1e6}
    scan = scan_4d(small_lamella(), microscope(static=True, nanobeam={"camera": spec}), positions=AT)
    ideal = scan_4d(small_lamella(), microscope(static=True), positions=AT)
    assert_allclose(scan.pixel, 3 * ideal.pixel)
    assert_allclose(scan.expectation.sum(), ideal.expectation.sum(), rtol=0.01)
    electrons = 1e5 * scan.expectation.sum()
    assert_allclose(scan.patterns.sum() / 12.0, electrons, atol=4 * np.sqrt(electrons) + 0.002 * electrons)
    assert scan.attrs["gain"] == 12.0 and scan.dataset["counts"].attrs["units"] == "count"


def test_a_camera_that_the_direct_beam_saturates_is_refused_before_starting():
    tool = microscope(nanobeam={"camera": {"saturation": 100.0}})
    with pytest.raises(PerovsimError, match=r"camera of mode 'nanobeam' saturates.*holds 100; give at most"):
        scan_4d(small_lamella(), tool, positions=AT)


def test_drift_and_scan_noise_move_the_probe_not_the_axis():
    beam = {"dwell_time": "1 ms", "drift": "20 nm/s", "scan_noise": "0.1 angstrom"}
    tool = microscope(nanobeam=beam)
    plan = plan_scan(small_lamella(), tool, tool.nanobeam, positions=np.repeat(AT, 400))
    places = Snapshots(plan, small_lamella(), tool, tool.nanobeam, 1).positions(0)
    off = places - plan.positions
    assert_allclose(np.polyfit(np.arange(400), off[:, 0], 1)[0], -20e-12, atol=2e-14)
    assert_allclose(off[:, 1].std(), 1e-11, rtol=0.15)


def test_energy_spread_blurs_the_focus():
    """Cc dE / E = 1 mm x 0.3 eV / 300 keV = 1 nm."""
    tool = microscope(nanobeam={"chromatic_aberration": "1 mm", "energy_spread": "0.3 eV"})
    assert_allclose(focus_spread(tool.nanobeam, 300e3), 1e-9)
    plan = plan_scan(small_lamella(), tool, tool.nanobeam, positions=AT)
    changes = [Snapshots(plan, small_lamella(), tool, tool.nanobeam, 1).defocus(n) for n in range(60)]
    assert_allclose(np.std(changes), 1e-9, rtol=0.35)
