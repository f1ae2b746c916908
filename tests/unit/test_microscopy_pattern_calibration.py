"""Detectors calibrated from patterns: a known crystal, a halo that must be round, deflections without curl."""

import numpy as np
import pytest
from microscopy_synthetic import WAVELENGTH, disk_pattern, scan_of
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError
from perovsim.microscopy import beam_positions, calibrate_on_crystal, calibrate_on_halo, scan_rotation, strain_profile
from perovsim.microscopy.patterns.pattern_calibration import turned
from perovsim.microscopy.patterns.reflections import zone_pattern

PIXEL, SIZE, RADIUS = 0.25e-3, 121, 4.4


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def recorded(stretch, turn, centres):
    """Patterns of CsPbBr3 [001] on a detector that stretches angles; centres in pixels."""
    basis = stretch @ rotation(turn) @ zone_pattern("CsPbBr3", (0, 0, 1)).basis * WAVELENGTH / PIXEL
    patterns = [disk_pattern(basis, at, RADIUS, 0.45, SIZE, 1e6, 1e-3, seed=n) for n, at in enumerate(centres)]
    return scan_of(patterns, semiangle=RADIUS * PIXEL)


def test_scale_ellipse_and_rotation_from_a_known_crystal():
    """Camera length 5 % off, ellipse 1.02 at 30 degrees, crystal turned by 10 degrees; strain is then gone."""
    axis = rotation(np.deg2rad(30))
    stretch = 1.05 * axis @ np.diag([1.01, 0.99]) @ axis.T
    scan = recorded(stretch, np.deg2rad(10), [(60.2, 59.9), (60.6, 60.1), (59.8, 60.3)])
    found = calibrate_on_crystal(scan, "CsPbBr3", (0, 0, 1))
    assert_allclose(found.scale, 1.05, atol=1e-3)
    assert_allclose(found.ellipse, 1.01 / 0.99, atol=1e-3)
    assert_allclose(np.rad2deg(found.direction), 30, atol=3)
    assert_allclose(np.rad2deg(found.rotation), 10, atol=0.1)
    corrected = strain_profile(found.applied(scan), reference="5.874 angstrom")
    for name in ("strain", "strain_yy", "strain_xy"):
        assert_allclose(corrected[name], 0, atol=1.5e-3)
    places = beam_positions(scan)
    assert_allclose(np.diff(places["qx"]) / PIXEL, [0.4, -0.8], atol=0.02)


def test_a_crystal_that_is_not_there_is_refused():
    scan = recorded(np.eye(2), 0.0, [(60, 60)])
    with pytest.raises(MeasurementError, match="do not show CsPb2Br5 .1 0 0.: their lattice differs in shape"):
        calibrate_on_crystal(scan, "CsPb2Br5", (1, 0, 0))
    noise = scan_of(np.random.default_rng(1).poisson(1.0, (2, 61, 61)), semiangle=1e-3)
    with pytest.raises(MeasurementError, match="no pattern has a lattice"):
        calibrate_on_crystal(noise, "CsPbBr3", (0, 0, 1))


@pytest.mark.parametrize("seed", [1, 2])
def test_centre_and_ellipse_of_a_halo_within_their_errors(seed):
    """Ellipse 1.04 along x, centre 0.8 and -0.5 pixels off, twenty bright spots on it."""
    y, x = np.mgrid[:SIZE, :SIZE] - 60.0
    q = np.hypot((x - 0.8) / 1.02, (y + 0.5) / 0.98)
    halo = 400 * np.exp(-q / 18)
    rng = np.random.default_rng(seed)
    for at in rng.uniform(-50, 50, (20, 2)):
        halo += 300 * np.exp(-0.5 * ((x - at[0]) ** 2 + (y - at[1]) ** 2))
    found = calibrate_on_halo(scan_of([rng.poisson(halo)]), 20 * PIXEL, 52 * PIXEL)
    assert abs(found.ellipse - 1.02 / 0.98) < 4 * found.errors["ellipse"] + 1e-3
    assert found.errors["ellipse"] < 0.01
    for at, axis in ((0.8, "centre_x"), (-0.5, "centre_y")):
        assert abs(found.centre[int(axis == "centre_y")] / PIXEL - at) < 4 * found.errors[axis] / PIXEL + 0.02
    with pytest.raises(MeasurementError, match="halo from 1 to 1.1 mrad is empty"):
        calibrate_on_halo(scan_of([halo]), 1e-3, 1.1e-3)


def test_rotation_of_the_detector_leaves_no_curl():
    """Deflections by the gradient of a smooth potential, on a detector turned by -25 degrees against the scan."""
    y, x = np.mgrid[:7, :8] * 1.0
    gx, gy = np.cos(x / 2) * np.sin(y / 3), np.sin(x / 2) * np.cos(y / 3) * 2 / 3
    seen = np.stack([gx.ravel(), gy.ravel()], axis=1) @ rotation(np.deg2rad(-25)).T
    q = np.arange(41) - 20.0
    disks = [1000 / (1 + np.exp((np.hypot(q - a, q[:, None] - b) - 8) / 0.3)) for a, b in 3 * seen]
    scan = scan_of(disks, scan_shape=[7, 8])
    scan.dataset["x"], scan.dataset["y"] = ("position", x.ravel() * 1e-9), ("position", y.ravel() * 1e-9)
    angle, error = scan_rotation(scan)
    assert_allclose(np.rad2deg(angle) % 180, 25, atol=3)  # differences over one step bend the gradient a little
    assert 0 < error < 0.1
    again, _ = scan_rotation(turned(scan, angle))
    assert abs((again + 0.5 * np.pi) % np.pi - 0.5 * np.pi) < 1e-3
    with pytest.raises(MeasurementError, match="the curl needs 3 x 3"):
        scan_rotation(scan_of(disks[:4], scan_shape=[2, 2]))
    with pytest.raises(MeasurementError, match="no pattern is deflected"):
        still = scan_of([disks[0]] * 9, scan_shape=[3, 3])
        still.dataset["x"], still.dataset["y"] = (
            ("position", np.tile(np.arange(3) * 1e-9, 3)),
            ("position", np.repeat(np.arange(3) * 1e-9, 3)),
        )
        scan_rotation(still)
