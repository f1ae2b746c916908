"""Bullseye aperture, precession, and camera length: what each does to patterns, and what cannot hold it."""

import numpy as np
import pytest
from microscopy_synthetic import microscope, pure_lamella, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.microscopy import scan_4d, virtual_detector
from perovsim.microscopy.signals.tabulated import TablePatterns
from perovsim.microscopy.signals.window import WindowPatterns
from perovsim.microscopy.waves.beam_directions import directions
from perovsim.microscopy.waves.bullseye import bullseye, zone
from perovsim.microscopy.waves.plan import plan_scan
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers
from perovsim.model.beam_shape import Bullseye
from perovsim.model.electron_detectors import CameraSpec

BULLSEYE = {"bullseye": {"rings": 2, "bars": 4, "bar_width": 0.2}, "max_angle": "12 mrad"}
LAM = 1.96875e-12
"""Of 300 keV electrons [m], Kirkland, Advanced Computing in Electron Microscopy, table of section 2."""


def test_rings_and_bars_of_a_bullseye():
    """Five zones of 1 mrad in 5 mrad: clear, opaque, clear, opaque, clear; four bars from the middle to the rim."""
    spec = Bullseye.model_validate({"rings": 2, "bars": 4, "bar_width": 0.04})
    k = np.linspace(-6e-3, 6e-3, 1201) / LAM
    step = (k[1] - k[0],) * 2
    clear = bullseye(k[:, None], k[None, :], LAM, 5e-3, step, spec)
    diagonal = np.array([0.5, 1.5, 2.5, 3.5, 4.5]) * 1e-3 / np.sqrt(2)
    at = np.rint((diagonal / LAM - k[0]) / step[0]).astype(int)
    assert_allclose(clear[at, at], [1, 0, 1, 0, 1])
    middle, rim = 600, np.rint((2.5e-3 / LAM - k[0]) / step[0]).astype(int)
    assert clear[rim, middle] == clear[middle, rim] == 0
    assert_allclose(clear, clear.T)
    assert_allclose(zone(spec, 5e-3), 1e-3)


def test_windows_hold_a_bullseye():
    """Against the whole lamella: the cell grows with the rings, so that what they send out stays inside it."""
    lamella = small_lamella()
    tool = microscope(static=True, nanobeam=BULLSEYE)
    found = scan_4d(lamella, tool, positions=[lamella.interface - 1e-9], audit=1)
    assert found.attrs["audit_difference"] < 0.04 and found.attrs["audit_correlation"] > 0.999
    assert found.attrs["aperture"] == "bullseye, 2 rings, 4 bars"
    ring = zone(tool.nanobeam.bullseye, 2.5e-3)
    dark, bright = (virtual_detector(found, lo, lo + ring, noiseless=True) for lo in (3 * ring, 4 * ring))
    plain = scan_4d(lamella, microscope(static=True), positions=[lamella.interface - 1e-9], window="8 nm")
    even = [float(virtual_detector(plain, lo, lo + ring, noiseless=True)[0]) for lo in (3 * ring, 4 * ring)]
    assert float(dark[0]) / even[0] < 0.5 < float(bright[0]) / even[1]


def test_directions_of_a_precession():
    beam = microscope(nanobeam={"precession": {"angle": "5 mrad", "points": 8}}).nanobeam
    found = np.array(directions(beam))
    assert_allclose(np.hypot(*found.T), 5e-3)
    assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    assert directions(microscope().nanobeam) == [(0.0, 0.0)]


def test_a_tilted_beam_is_the_same_for_windows_and_the_crystal_table(tmp_path, monkeypatch):
    """What a tilt to one side changes against the other side: its sign and size in both ways."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tool = microscope(static=True, nanobeam={"semiangle": "1.6 mrad", "max_angle": "10 mrad"})
    lamella, beam = pure_lamella(thickness="6.9 nm"), tool.nanobeam
    plan = plan_scan(lamella, tool, beam, positions=[0.5 * sum(lamella.window)])
    snapshots = Snapshots(plan, lamella, tool, beam, 1)
    ways = [kind(plan, snapshots, tool, beam, "positions") for kind in (WindowPatterns, TablePatterns)]
    tilts = (6e-3, 2e-3), (-6e-3, -2e-3)
    with Workers(1) as pool:
        found = [[way.snapshot(0, pool, lambda _: None, tilt)[0] for tilt in tilts] for way in ways]
    window, table = (first - second for first, second in found)
    assert np.abs(window).sum() > 0.02
    assert np.corrcoef(window.ravel(), table.ravel())[0, 1] > 0.95
    assert_allclose((window * table).sum() / (window**2).sum(), 1, atol=0.1)


def test_precession_is_exact_and_window_alike():
    """abTEM's own tilted propagator on the whole lamella."""
    lamella = pure_lamella(thickness="6.9 nm")
    tool = microscope(static=True, nanobeam={"precession": {"angle": "8 mrad", "points": 3}})
    at = [0.5 * sum(lamella.window)]
    found = scan_4d(lamella, tool, positions=at, audit=1)
    assert found.attrs["audit_difference"] < 0.03 and found.attrs["precession_points"] == 3
    still = scan_4d(lamella, microscope(static=True), positions=at)
    assert np.abs(found.expectation - still.expectation).sum() > 0.05


def test_a_camera_length_gives_the_pixel():
    """55 um at 0.25 m are 0.22 mrad; bins of 3 pixels; the electrons of a disk stay the same."""
    lamella = small_lamella()
    at = [lamella.interface - 1e-9]
    spec = {"pixel_size": "55 um", "camera_length": "0.25 m"}
    tool = microscope(static=True, nanobeam={"camera": spec})
    fine = scan_4d(lamella, tool, positions=at, audit=1, window="6 nm")
    assert_allclose(fine.pixel, 0.22e-3)
    assert fine.qx[len(fine.qx) // 2] == 0 and fine.attrs["camera_length"] == 0.25
    assert fine.attrs["audit_difference"] < 0.03
    coarse = scan_4d(lamella, microscope(static=True, nanobeam={"camera": {**spec, "binning": 3}}), positions=at)
    assert_allclose(coarse.pixel, 0.66e-3)
    plain = scan_4d(lamella, microscope(static=True), positions=at)
    disks = [float(virtual_detector(scan, 0.0, "4 mrad", noiseless=True)[0]) for scan in (fine, coarse, plain)]
    assert_allclose(disks, disks[2], rtol=0.02)


def test_pixels_wider_than_the_computed_ones_are_sums():
    """1.3 mrad on computed pixels of 0.42: five across."""
    lamella = small_lamella()
    tool = microscope(static=True, nanobeam={"camera": {"pixel_angle": "1.3 mrad"}})
    plan = plan_scan(lamella, tool, tool.nanobeam, positions=[lamella.interface - 1e-9])
    assert plan.fold == 5 and (2 * plan.half + 1) % plan.fold == 0
    found = scan_4d(lamella, tool, positions=[lamella.interface - 1e-9])
    assert_allclose(found.pixel, 1.3e-3)
    assert 0.8 < found.expectation.sum() < 1.001


@pytest.mark.parametrize(
    ("beam", "how", "words"),
    [
        ({"bullseye": {"rings": 2}}, {"fidelity": "crystal"}, "draws disks of a round aperture"),
        ({"bullseye": {"rings": 9}}, {"window": "3 nm"}, "less than a pixel"),
        ({"camera": {"pixel_angle": "40 mrad"}}, {}, "larger than max_angle"),
    ],
)
def test_what_cannot_be_held_is_refused(beam, how, words):
    lamella = pure_lamella()
    with pytest.raises(PerovsimError, match=words):
        scan_4d(lamella, microscope(nanobeam=beam), positions=[0.5 * sum(lamella.window)], **how)


def test_a_camera_has_one_way_to_its_pixel():
    with pytest.raises(ValueError, match="belong together"):
        CameraSpec.model_validate({"pixel_size": "55 um"})
    with pytest.raises(ValueError, match="not both"):
        CameraSpec.model_validate({"pixel_size": "55 um", "camera_length": "1 m", "pixel_angle": "1 mrad"})
    assert CameraSpec.model_validate({}).pixel is None
