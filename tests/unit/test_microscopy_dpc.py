"""Segmented detectors, deflection of the beam, projected field and phase; the device's own potential."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from microscopy_synthetic import disk_pattern, microscope, pure_lamella, scan_of, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, ModelFileError, PerovsimError
from perovsim.microscopy import Segments, deflection, dpc, load_scan, scan_4d, segmented, virtual_detector
from perovsim.microscopy.patterns.differential_phase import integrate, integrate_periodic
from perovsim.microscopy.waves.optics import interaction, wavelength
from perovsim.model import load_microscope

PIXEL, RADIUS = 0.1e-3, 1.5e-3
SHIFTS = np.array([[0.0, 0.0], [0.02, 0.0], [0.0, -0.03], [0.05, 0.04]]) * 1e-3
FIELD = 3e9
"""Of the test's device [V/m], some thirty times a real one, so that the shift stands out of rounding."""
DETECTORS = [
    None,
    Segments((0.0, 2.5e-3), 4, 0.3),
    Segments((0.0, 0.8e-3, 1.4e-3, 2.5e-3), 3),
    Segments((1.0e-3, 2.0e-3), 16, 0.1),
]


def shifted(counts=1.0, seed=None, shifts=SHIFTS):
    """One disk, its edge 0.6 pixels soft, shifted [rad]."""
    centres = 32 + np.asarray(shifts) / PIXEL
    disks = [disk_pattern(1e3 * np.eye(2), at, RADIUS / PIXEL, 0.6, 65, counts) for at in centres]
    drawn = np.array(disks) if seed is None else np.random.default_rng(seed).poisson(disks)
    return scan_of(drawn, PIXEL, RADIUS)


def test_segments_share_out_the_pixels():
    """A ring counts like an annulus, which takes whole pixels at its borders; opposite sectors of a disk are equal."""
    scan = shifted(1e6)
    found = segmented(scan, ("0 mrad", "1 mrad", "2.5 mrad"), 8, "10 degree")
    assert found.shape == (4, 2, 8)
    ring = virtual_detector(scan, "1 mrad", "2.5 mrad")
    assert_allclose(found[:, 1].sum("sector"), ring, rtol=0.03)
    assert_allclose(found.sum(("ring", "sector")), virtual_detector(scan, 0.0, "2.5 mrad"), rtol=1e-6)
    assert_allclose(found[0, :, :4], found[0, :, 4:], rtol=1e-9)


@pytest.mark.parametrize("detector", DETECTORS)
def test_deflection_is_the_shift_of_the_disk(detector):
    """Mass to the sampling of the drawn edge; segments to 4 %: their response is that of an edge one pixel wide."""
    found = deflection(shifted(), detector)
    rtol, atol = (0, 1e-8) if detector is None else (0.04, 5e-7)
    assert_allclose(np.stack([found.qx, found.qy], axis=1), SHIFTS, rtol=rtol, atol=atol)


@pytest.mark.parametrize("detector", DETECTORS)
def test_errors_of_the_deflection_are_its_scatter(detector):
    """400 patterns of 2000 electrons: the scatter of a standard deviation is 4 %."""
    scan = shifted(2000, seed=1, shifts=np.zeros((400, 2)))
    found = deflection(scan, detector)
    for name in ("qx", "qy"):
        assert_allclose(found[name].std(), found[f"{name}_error"].mean(), rtol=0.12)


def test_integration_is_exact_for_a_quadratic_phase_with_free_edges():
    x, y = np.meshgrid(np.arange(20) * 1e-10, np.arange(13) * 2e-10)
    phase = 3e9 * x - 1e9 * y + 2e18 * x * y + 1e18 * x**2
    found = integrate(3e9 + 2e18 * y + 2e18 * x, -1e9 + 2e18 * x, (1e-10, 2e-10))
    assert_allclose(found, phase - phase.mean(), atol=1e-12 * np.ptp(phase))


def test_integration_is_exact_for_a_periodic_phase():
    x, y = np.meshgrid(np.arange(20) / 20, np.arange(13) / 13)
    wave, across = np.sin(2 * np.pi * (2 * x + y)), 2 * np.pi * np.cos(2 * np.pi * (2 * x + y))
    assert_allclose(integrate_periodic(2 * across, across, (1 / 20, 1 / 13)), wave, atol=1e-12)


def grid_scan(rows, columns, shifts):
    """A grid of shifted disks, 1 nm between rows and columns."""
    scan = shifted(shifts=shifts)
    y, x = 1e-9 * np.array(np.divmod(np.arange(rows * columns), columns))
    made = scan.dataset.assign_coords(x=("position", x), y=("position", y))
    made.attrs["scan_shape"] = [rows, columns]
    return type(scan)(made)


def test_field_and_phase_of_a_grid():
    """A parabola of potential: deflection lambda C_E / (2 pi) dV/dx, V back from the integral, field with its sign."""
    lam, constant = wavelength(300e3), interaction(300e3)
    y, x = 1e-9 * np.array(np.divmod(np.arange(48), 8))
    curve, slope = 1e9, 2.0
    deflections = lam * constant / (2 * np.pi) * np.stack([2 * curve * x, np.full(48, slope)], axis=1)
    found = dpc(grid_scan(6, 8, deflections), noiseless=False)
    assert found.phase.dims == ("row", "column")
    potential = (curve * x**2 + slope * y).reshape(6, 8)
    assert_allclose(found.potential, potential - potential.mean(), atol=1e-3 * np.ptp(potential))
    assert_allclose(found.field_x[0], -2 * curve * x[:8], rtol=5e-4, atol=1e-9)
    flat = dpc(grid_scan(6, 8, deflections), reference=slice(0, 1))
    assert_allclose(flat.field_y, 0.0, atol=1e-3)


def test_a_line_is_integrated_along_itself():
    """A constant deflection q makes the phase 2 pi q x / lambda."""
    scan = shifted(shifts=np.tile([1e-5, 0.0], (9, 1)))
    found = dpc(scan)
    expected = 2 * np.pi / wavelength(300e3) * 1e-5 * (scan.positions[:, 0] - scan.positions[:, 0].mean())
    assert_allclose(found.phase, expected, rtol=3e-4, atol=1e-12)


def charged(thickness="4.6 nm"):
    """A crystal in a device whose field is FIELD along x."""
    lamella = pure_lamella(thickness=thickness)
    x = np.linspace(-10e-9, 10e-9, 201)
    place = 0.5 * sum(lamella.window) + x
    return replace(lamella, potential=xr.DataArray(-FIELD * x, {"x": place}, ("x",)))


@pytest.mark.parametrize(("fidelity", "tolerance"), [("window", 0.015), ("exact", 0.01), ("crystal", 0.04)])
def test_the_devices_potential_shifts_the_disk_by_the_formula(fidelity, tolerance, tmp_path, monkeypatch):
    """-lambda C_E t E / (2 pi), from the central disk with and without the field; a window lacks the probe's tails, and
    the crystal table draws a sharp disk on pixels of 0.1 mrad, 17 times the shift."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lamella = charged()
    tool = microscope(static=True, nanobeam={"camera": {"pixel_angle": "0.1 mrad"}, "max_angle": "8 mrad"})
    at, how = [0.5 * sum(lamella.window)], {"fidelity": fidelity}
    with_field, without = (scan_4d(lamella, tool, positions=at, device_potential=on, **how) for on in (True, False))
    moved = [deflection(scan, within="3 mrad", noiseless=True) for scan in (with_field, without)]
    expected = -wavelength(300e3) * interaction(300e3) * lamella.thickness * FIELD / (2 * np.pi)
    assert_allclose(float(moved[0].qx[0] - moved[1].qx[0]), expected, rtol=tolerance)
    assert abs(float(moved[0].qy[0] - moved[1].qy[0])) < 0.01 * abs(expected)


SEGMENTED = {"segmented": {"radii": ["0 mrad", "1.25 mrad", "2.8 mrad"], "sectors": 4, "rotation": "45 degree"}}


def test_a_segmented_detector_of_the_microscope_counts_beside_the_camera(tmp_path):
    """The same shares as a virtual one on the expectation; Poisson counts of their own; in the file as well."""
    lamella = small_lamella()
    scan = scan_4d(lamella, microscope(static=True, nanobeam=SEGMENTED), positions=[lamella.interface - 1e-9] * 3)
    expected = segmented(scan, ("0 mrad", "1.25 mrad", "2.8 mrad"), 4, "45 degree", noiseless=True)
    assert_allclose(segmented(scan, noiseless=True), expected, rtol=1e-6)
    counts = segmented(load_scan(scan.save(tmp_path / "scan.zarr")))
    assert_allclose(counts, 1e5 * expected, atol=5 * np.sqrt(1e5 * expected.values.max()))
    assert counts.attrs["units"] == "electron"
    assert np.isfinite(deflection(scan, "recorded").qx_error).all()


def test_positions_on_a_grid_give_a_map():
    lamella = small_lamella()
    x, y = lamella.interface - np.array([1.2e-9, 1.0e-9]), np.array([0.8e-9, 1.0e-9])
    places = np.stack(np.meshgrid(x, y), axis=-1)
    found = dpc(scan_4d(lamella, microscope(static=True), positions=places))
    assert found.phase.shape == (2, 2)
    assert_allclose(found.x[0], x)


def test_bad_requests():
    scan, lamella = shifted(), small_lamella()
    with pytest.raises(MeasurementError, match="two or more ascending radii"):
        segmented(scan, ("2 mrad", "1 mrad"), 4)
    with pytest.raises(MeasurementError, match=r"reaches 9 mrad, the patterns were recorded to 3\.25 mrad"):
        segmented(scan, (0.0, 9e-3), 4)
    with pytest.raises(MeasurementError, match="less than a pixel of 0.1 mrad"):
        segmented(scan, (0.0, 0.05e-3), 4)
    with pytest.raises(MeasurementError, match="no segmented detector of its own"):
        segmented(scan)
    with pytest.raises(MeasurementError, match="do not see the disk"):
        deflection(scan, Segments((0.0, 2.5e-3), 2))
    with pytest.raises(MeasurementError, match="own outer radius"):
        deflection(scan, DETECTORS[1], within="1 mrad")
    with pytest.raises(MeasurementError, match="needs positions on a grid"):
        dpc(scan, periodic=True)
    with pytest.raises(PerovsimError, match="knows no potential of a device"):
        scan_4d(lamella, microscope(), step="1 nm", device_potential=True)
    wide = {"segmented": {"radii": ["0 mrad", "90 mrad"], "sectors": 4}}
    with pytest.raises(MeasurementError, match="segmented detector reaches 90 mrad"):
        scan_4d(lamella, microscope(nanobeam=wide), step="1 nm")


def test_a_microscope_file_with_descending_radii_names_its_line(tmp_path):
    text = load_microscope("stem_300kv").source_text
    path = tmp_path / "tool.toml"
    spec = '\n[mode.segmented]\nradii = ["2 mrad", "1 mrad"]\nsectors = 4\n'
    path.write_text(text.replace("\n# Atomic resolution", spec + "\n# Atomic resolution"))
    with pytest.raises(ModelFileError, match="radii must ascend, but 2 mrad comes before 1 mrad"):
        load_microscope(path)
