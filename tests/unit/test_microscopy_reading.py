"""Measured files: units, calibration, damage, the registry of known files."""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, MissingDataError, ModelFileError
from perovsim.microscopy import Calibration, datasets, load_calibration, read_image, read_scan
from perovsim.microscopy.waves.optics import wavelength
from perovsim.model import check_file

GOOD = """format = "perovsim-calibration/1"
energy = "300 keV"
semiangle = { value = 1.5, unit = "mrad", status = "measured", source = "user" }
pixel = "0.5 nm"
detector_pixel = "0.25 mrad"
electrons_per_count = 0.5
"""
HERE = os.environ.get(datasets.VARIABLE, "")
needs_files = pytest.mark.skipif(not HERE, reason=f"{datasets.VARIABLE} names no folder of measured files")


def write(path, data, axes, metadata=None):
    """Write a .hspy file; axes : (name, units, scale) of each dimension."""
    from rsciio.hspy import file_writer

    described = [
        {
            "_type": "UniformDataAxis",
            "name": name,
            "units": unit,
            "scale": scale,
            "offset": 0.0,
            "size": size,
            "navigate": number < data.ndim - 2,
            "is_binned": False,
        }
        for number, ((name, unit, scale), size) in enumerate(zip(axes, data.shape, strict=True))
    ]
    file_writer(
        str(path),
        {
            "data": data,
            "axes": described,
            "metadata": {"General": {"title": "made"}, "Signal": {"signal_type": ""}, **(metadata or {})},
            "original_metadata": {},
            "learning_results": {},
            "package_info": {},
            "models": {},
            "tmp_parameters": {},
            "attributes": {"_lazy": False, "ragged": False},
        },
    )
    return path


def patterns():
    """Two by three patterns with a bright disk off the middle."""
    y, x = np.mgrid[:24, :24]
    disk = 500 * (np.hypot(x - 12, y - 10) < 4)
    return np.random.default_rng(1).poisson(disk + 1.0, (2, 3, 24, 24)).astype(np.uint16)


SCAN_AXES = [("y", "nm", 0.5), ("x", "nm", 0.5), ("qy", "mrad", 0.25), ("qx", "mrad", 0.25)]


def test_a_scan_with_units_needs_no_calibration(tmp_path):
    file = write(
        tmp_path / "scan.hspy",
        patterns(),
        SCAN_AXES,
        {"Acquisition_instrument": {"TEM": {"beam_energy": 300.0, "convergence_angle": 1.5}}},
    )
    scan = read_scan(file)
    assert scan.patterns.shape == (6, 24, 24) and not scan.simulated
    assert_allclose(scan.positions[4], [0.5e-9, 0.5e-9])
    assert_allclose(scan.pixel, 0.25e-3)
    assert_allclose([scan.attrs["energy"], scan.semiangle], [300e3, 1.5e-3])
    assert_allclose([scan.qx[12], scan.qy[10]], 0, atol=0.1e-3)  # the disk's centre is angle zero
    assert scan.attrs["scan_shape"] == [2, 3] and np.isnan(scan.electrons)


def test_inverse_lengths_become_angles_with_the_energy(tmp_path):
    axes = [*SCAN_AXES[:2], ("qy", "1/nm", 0.1), ("qx", "1/nm", 0.1)]
    file = write(tmp_path / "scan.hspy", patterns(), axes)
    with pytest.raises(MeasurementError, match=r"in 1/nm, which needs the energy.*energy = \"300 keV\""):
        read_scan(file)
    scan = read_scan(file, Calibration(energy="200 keV"))
    assert_allclose(scan.pixel, 1e8 * wavelength(200e3), rtol=1e-9)


def test_lengths_on_the_detector_need_the_camera_length(tmp_path):
    axes = [*SCAN_AXES[:2], ("qy", "um", 55.0), ("qx", "um", 55.0)]
    file = write(tmp_path / "scan.hspy", patterns(), axes)
    with pytest.raises(MeasurementError, match=r"needs the camera length; write camera_length = \"20 cm\""):
        read_scan(file)
    assert_allclose(read_scan(file, Calibration(camera_length="11 cm")).pixel, 0.5e-3)


@pytest.mark.parametrize(
    ("axes", "name", "remedy"),
    [
        ([("y", "", 0.5), ("x", "", 0.5), *SCAN_AXES[2:]], "'y'", 'length_unit = "nm"'),
        ([*SCAN_AXES[:2], ("qy", "", 0.3), ("qx", "px", 0.3)], "'qy'", 'angle_unit = "mrad"'),
        ([("y", "V", 0.5), ("x", "V", 0.5), *SCAN_AXES[2:]], "'y'", "give pixel in the calibration"),
        ([*SCAN_AXES[:2], ("qy", "V", 0.3), ("qx", "V", 0.3)], "'qy'", "give detector_pixel"),
    ],
)
def test_missing_units_are_asked_for_by_name(tmp_path, axes, name, remedy):
    file = write(tmp_path / "scan.hspy", patterns(), axes)
    with pytest.raises(MeasurementError) as caught:
        read_scan(file)
    message = str(caught.value)
    assert name in message and remedy in message and "\n" not in message and str(file) in message


def test_units_of_the_calibration_take_the_file_s_own_scale(tmp_path):
    file = write(tmp_path / "scan.hspy", patterns(), [("y", "", 0.7), ("x", "", 0.7), ("", "", 0.3), ("", "", 0.3)])
    scan = read_scan(file, Calibration(length_unit="nm", angle_unit="mrad"))
    assert_allclose([scan.positions[1, 0], scan.pixel], [0.7e-9, 0.3e-3])


def test_calibration_file_wins_over_the_file_and_gain_makes_electrons(tmp_path):
    table = tmp_path / "calibration.toml"
    table.write_text(GOOD)
    file = write(tmp_path / "scan.hspy", patterns(), [("y", "", 9.0), ("x", "", 9.0), ("", "", 9.0), ("", "", 9.0)])
    scan = read_scan(file, table)
    assert_allclose([scan.positions[1, 0], scan.pixel, scan.semiangle], [0.5e-9, 0.25e-3, 1.5e-3])
    assert_allclose(scan.patterns, 0.5 * patterns().reshape(6, 24, 24))
    assert scan.dataset["counts"].attrs["units"] == "electron"


def test_check_counts_the_numbers_of_a_calibration(tmp_path):
    table = tmp_path / "calibration.toml"
    table.write_text(GOOD)
    report = check_file(table)
    assert report.kind == "calibration" and report.total == 5 and report.counts["measured"] == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"300 keV"', '"300 nm"', "wrong dimension"),
        ("energy", "enrgy", "did you mean 'energy'"),
        ('"0.25 mrad"', "0.25", "unit"),
        ('"0.5 nm"', '"-1 nm"', "out of range"),
        ("perovsim-calibration/1", "perovsim-device/1", "device file, not a calibration file"),
        ('pixel = "0.5 nm"', 'camera_length = "20 cm"', "not both"),
    ],
)
def test_wrong_calibrations_name_file_and_remedy(tmp_path, old, new, words):
    table = tmp_path / "calibration.toml"
    table.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ModelFileError, match=words) as caught:
        load_calibration(table)
    assert "calibration.toml" in str(caught.value)


def test_a_dark_level_that_is_too_high_is_refused(tmp_path):
    file = write(tmp_path / "scan.hspy", patterns(), SCAN_AXES)
    with pytest.raises(MeasurementError, match="negative counts"):
        read_scan(file, Calibration(dark_level=3))


def test_images_have_a_pixel(tmp_path):
    data = np.random.default_rng(1).random((30, 40))
    image = read_image(write(tmp_path / "i.hspy", data, [("y", "nm", 0.02), ("x", "nm", 0.02)]))
    assert_allclose(image.pixel, 2e-11)
    assert_allclose(image.counts, data)
    with pytest.raises(MeasurementError, match="pixels are not square"):
        read_image(write(tmp_path / "j.hspy", data, [("y", "nm", 0.02), ("x", "nm", 0.03)]))
    with pytest.raises(MeasurementError, match="an image has two"):
        read_image(write(tmp_path / "k.hspy", patterns(), SCAN_AXES))
    with pytest.raises(MeasurementError, match="no data with 3 axes"):
        read_scan(tmp_path / "i.hspy")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.mib", None, "no such file"),
        ("empty.dm3", b"", "is empty"),
        ("noise.dm3", b"\x01\x02" * 500, "cannot be read"),
        ("noise.hspy", b"\x89HDF no", "cannot be read"),
        ("noise.blo", b"\x01\x02" * 3000, "cannot be read|damaged"),
        ("notes.txt", b"hello", "belongs to no format"),
        ("noise.tif", b"II*\x00" + b"\x00" * 50, "cannot be read"),
        ("noise.zarr", b"x", "no such scan"),
    ],
)
def test_unreadable_files_are_one_line(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MeasurementError, match=words) as caught:
        read_scan(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_file_larger_than_the_memory_is_refused_before_reading(tmp_path, monkeypatch):
    monkeypatch.setattr("perovsim.memory.free_memory", lambda: 100)
    file = write(tmp_path / "scan.hspy", patterns(), SCAN_AXES)
    with pytest.raises(MeasurementError.__mro__[1], match="reading scan.hspy needs"):
        read_scan(file)


# -- known files --------------------------------------------------------------------------------


def test_a_known_file_that_is_not_here_says_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv(datasets.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MissingDataError, match=r"is not here: download https://raw.*set PEROVSIM_DATA to the folder"):
        datasets.dataset_path("srtio3_abf")
    monkeypatch.setenv(datasets.VARIABLE, str(tmp_path))
    with pytest.raises(MissingDataError, match=r"is not here: download https://.*513738 bytes"):
        datasets.dataset_path("srtio3_abf")
    (tmp_path / "srtio3_abf.hspy").write_bytes(b"something else")
    with pytest.raises(MeasurementError, match=r"SHA-256 is .*expected d86aadefdbad"):
        datasets.dataset_path("srtio3_abf")
    with pytest.raises(MeasurementError, match="did you mean 'srtio3_abf'"):
        datasets.dataset_path("srtio_abf")


def test_the_registry_of_pooch_holds_address_and_hash_and_fetching_never_hides_a_failure(monkeypatch, tmp_path):
    monkeypatch.setenv(datasets.VARIABLE, str(tmp_path))
    known = datasets.registry()
    for dataset in datasets.DATASETS.values():
        assert known.registry[dataset.file] == f"sha256:{dataset.sha256}" and known.get_url(dataset.file)

    def refuse(self, name, **_):
        raise OSError("no network")

    monkeypatch.setattr("pooch.Pooch.fetch", refuse)
    with pytest.raises(MissingDataError, match="could not be downloaded .no network.; save it by hand"):
        datasets.fetch_dataset("srtio3_abf")


def test_negative_counts_of_an_image_are_refused(tmp_path):
    data = np.random.default_rng(1).random((30, 40)) - 0.5
    file = write(tmp_path / "i.hspy", data, [("y", "nm", 0.02), ("x", "nm", 0.02)])
    with pytest.raises(MeasurementError, match="negative counts .lowest.*dark_level"):
        read_image(file)
    assert read_image(file, Calibration(dark_level=-1)).counts.min() > 0


def test_ellipse_and_rotation_of_the_detector_come_from_the_calibration(tmp_path):
    """A point at (1, 0) mrad, long axis along x by 1.21, detector turned by 90 degrees: true (0, 1 / 1.1) mrad."""
    file = write(tmp_path / "scan.hspy", patterns(), SCAN_AXES)
    scan = read_scan(file, Calibration(ellipse=1.21, ellipse_angle="0 deg", detector_rotation="90 deg"))
    assert_allclose(scan.detector @ [1, 0], [0, 1 / 1.1], atol=1e-12)
    assert scan.shape == (2, 3)
    with pytest.raises(ModelFileError.__mro__[1], match="ellipse_angle needs ellipse"):
        Calibration(ellipse_angle="10 deg")


def test_every_known_file_has_address_hash_licence_and_citation():
    assert len(datasets.DATASETS) == 3
    for dataset in datasets.DATASETS.values():
        assert dataset.address.startswith("https://") and len(dataset.sha256) == 64
        assert dataset.size > 1e5 and dataset.licence and dataset.citation


@needs_files
def test_known_files_are_read_with_their_units():
    """Pixels of their descriptions: 0.0093263 nm, 0.016388 nm; scan step 12.8 nm."""
    assert_allclose(datasets.dataset_image("srtio3_abf").pixel, 0.0093263e-9, rtol=1e-5)
    assert_allclose(datasets.dataset_image("cdte_tilt_boundary_haadf").pixel, 0.016388e-9, rtol=1e-4)
    scan = datasets.dataset_scan("precession_patterns", camera_length="20 cm", energy="200 keV")
    assert scan.attrs["scan_shape"] == [3, 2] and scan.attrs["saturated_pixels"] > 0
    assert_allclose(np.unique(scan.positions[:, 0]), [0, 12.8e-9])


@needs_files
@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("name", list(datasets.DATASETS))
def test_truncated_files_are_noticed(tmp_path, name, share):
    whole = datasets.dataset_path(name)
    path = tmp_path / whole.name
    content = whole.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    reader = read_scan if whole.suffix == ".blo" else read_image
    with pytest.raises(MeasurementError, match="cannot be read|damaged"):
        reader(path, Calibration(length_unit="nm", detector_pixel="0.8 mrad"))


@needs_files
def test_measured_patterns_have_one_lattice_and_no_strain_between_neighbours():
    """Six precession patterns of one grain: strain against the first is zero within four errors."""
    from perovsim.microscopy import strain_profile

    scan = datasets.dataset_scan("precession_patterns", camera_length="20 cm", energy="200 keV")
    found = strain_profile(scan, reference=[0])
    assert np.isfinite(found["strain"].values).all()
    assert np.all(np.abs(found["strain"].values) < 4 * found["strain_error"].values)
    assert np.all(np.abs(found["rotation"].values) < 4 * found["rotation_error"].values)
