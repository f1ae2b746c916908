"""4D-STEM scans: equal to abTEM, calibrated, reproducible, and what is refused."""

import numpy as np
import pytest
from microscopy_synthetic import microscope, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy import load_scan, scan_4d
from perovsim.microscopy.waves.grid import Grid, propagator
from perovsim.microscopy.waves.multislice import Gratings, forward
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.plan import plan_scan
from perovsim.microscopy.waves.probe import RAYLEIGH, probe_spectrum
from perovsim.microscopy.waves.reference import abtem_patterns, abtem_potential, abtem_probe
from perovsim.microscopy.waves.sample import sample_of
from perovsim.microscopy.waves.work import Workers


@pytest.fixture(scope="module")
def scan():
    return scan_4d(small_lamella(), microscope(phonons=2), step="0.5 nm", seed=3)


def test_multislice_equals_abtem_for_the_same_potential():
    """Probe, transmission, propagation and detection by abTEM itself: equal to its float32 rounding."""
    lamella, tool = small_lamella(), microscope(static=True)
    beam, lam = tool.nanobeam, wavelength(300e3)
    sample = sample_of(lamella, lamella.window, 3e-10)
    grid = Grid((200, 72), (25e-12, lamella.height / 72))
    gratings = Gratings(sample, grid, (lamella.window[0], 0.0), 300e3, fine=1)
    at = np.array([[2.1e-9, 0.7e-9], [3.3e-9, 1.1e-9]])
    expected = abtem_patterns(abtem_probe(grid, tool, beam), abtem_potential(gratings), at)
    kx, ky = grid.frequencies()
    spectrum = probe_spectrum(grid, lam, beam)
    waves = [
        (np.fft.ifft2(spectrum * np.exp(-2j * np.pi * (kx * x + ky * y))) * spectrum.size).astype(np.complex64)
        for x, y in at
    ]
    with Workers(1) as pool:
        forward(waves, gratings.stream(pool), propagator(grid, lam, sample.thickness), pool, lambda g, _: g)
    found = np.array([np.abs(np.fft.fft2(wave) / wave.size) ** 2 for wave in waves])
    assert_allclose(found, expected, atol=3e-6 * expected.max())
    assert_allclose(found.sum(), expected.sum(), rtol=1e-5)


def test_axes_positions_and_provenance(scan):
    lamella = small_lamella()
    assert scan.patterns.shape == (len(scan), len(scan.qy), len(scan.qx))
    assert_allclose(np.diff(scan.positions[:, 0]), 0.5e-9)
    offset = (scan.positions[:, 0] - lamella.interface) / 0.5e-9
    assert_allclose(offset, np.round(offset), atol=1e-6)
    assert_allclose(scan.positions[:, 1], 0.5 * lamella.height)
    assert_allclose(scan.pixel, wavelength(300e3) / scan.attrs["cell_edge"], rtol=1e-9)
    assert 19e-3 < scan.qx[-1] <= 20e-3 and scan.qx[len(scan.qx) // 2] == 0
    for name, value in (
        ("device", "synthetic"),
        ("time", 3600.0),
        ("seed", 3),
        ("phonons", 2),
        ("hypotheses", "field_drift"),
        ("kind", "simulated"),
    ):
        assert scan.attrs[name] == value
    assert "stem_300kv" in scan.attrs["microscope_text"]
    assert scan.dataset["qx"].attrs["units"] == "rad" and scan.dataset["x"].attrs["units"] == "m"


def test_probe_stays_a_dark_ring_inside_the_window(scan):
    lamella = small_lamella()
    reach = RAYLEIGH * wavelength(300e3) / 2.5e-3
    assert scan.positions[0, 0] >= lamella.window[0] + reach
    assert scan.positions[-1, 0] <= lamella.window[1] - reach


def test_all_electrons_are_accounted_for(scan):
    """Sum of the expectation = 1 - what went beyond the detector and the band limit; both stated."""
    share = scan.expectation.sum(axis=(1, 2), dtype=float)
    assert np.all((share > 0.8) & (share < 1.0))
    assert_allclose(1 - share.mean(), scan.attrs["beyond_detector"], rtol=1e-5)
    rings = scan.dataset["rings"].values.sum(axis=2).mean(axis=1)
    assert np.all(rings <= share * (1 + 1e-6)) and np.all(rings > 0.9 * share)


def test_counts_are_poisson_around_the_expectation(scan):
    """chi^2 per pixel 1 within four of its standard deviations, total within four of its own."""
    expected = scan.expectation.astype(float) * scan.electrons
    bright = expected > 3
    z2 = (scan.patterns[bright] - expected[bright]) ** 2 / expected[bright]
    assert_allclose(z2.mean(), 1, atol=4 * np.sqrt(2.4 / bright.sum()))
    assert_allclose(scan.patterns.sum(), expected.sum(), atol=4 * np.sqrt(expected.sum()))


def test_a_crystal_shows_disks_and_the_amorphous_layer_does_not(scan):
    """Share of the electrons beyond 2.5 semiangles: Bragg disks on one side, a faint halo on the other."""
    q = np.hypot(scan.qx[None, :], scan.qy[:, None])
    outside = scan.expectation[:, q > 2.5 * 2.5e-3].sum(axis=1)
    assert outside[0] > 3 * outside[-1]


def test_workers_and_blocks_do_not_change_a_number(scan, monkeypatch):
    again = scan_4d(small_lamella(), microscope(phonons=2), step="0.5 nm", seed=3, workers=1)
    assert np.array_equal(again.expectation, scan.expectation)
    assert np.array_equal(again.patterns, scan.patterns)
    monkeypatch.setattr("perovsim.microscopy.signals.window.BLOCK", 3)
    blocks = scan_4d(small_lamella(), microscope(phonons=2), step="0.5 nm", seed=3)
    assert_allclose(blocks.expectation, scan.expectation, atol=2e-5 * scan.expectation.max())


def test_seed_changes_phonons_and_counts(scan):
    other = scan_4d(small_lamella(), microscope(phonons=2), positions=scan.positions[:1], seed=4)
    assert not np.array_equal(other.patterns[0], scan.patterns[0])
    assert np.abs(other.expectation[0] - scan.expectation[0]).max() > 0


def test_positions_may_be_given_with_y(scan):
    x = scan.positions[2, 0]
    two = scan_4d(small_lamella(), microscope(static=True), positions=[(x, 0.2e-9), (x, 1.0e-9)])
    assert_allclose(two.positions, [(x, 0.2e-9), (x, 1.0e-9)])
    assert np.abs(two.expectation[0] - two.expectation[1]).max() > 1e-5  # other atoms under the probe


def test_one_lamella_height_up_and_the_pattern_is_the_same():
    lamella = small_lamella()
    x = lamella.interface - 1e-9
    two = scan_4d(lamella, microscope(static=True), positions=[(x, 0.3e-9), (x, 0.3e-9 + lamella.height)])
    assert_allclose(two.expectation[0], two.expectation[1], atol=5e-6 * two.expectation.max())


def test_progress_ends_at_one():
    shares = []
    lamella = small_lamella()
    scan_4d(lamella, microscope(), positions=[lamella.interface], progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


def test_dose_instead_of_electrons():
    """electrons = dose x step^2."""
    tool = microscope()
    beam = tool.nanobeam.replace(electrons_per_pattern=None, dose="100 electron/angstrom^2")
    scan = scan_4d(small_lamella(), tool.replace(modes=(tool.haadf, beam)), step="0.9 nm")
    assert_allclose(scan.electrons, 100 * 81)


def test_a_large_source_blurs_over_snapshots():
    lamella, tool = small_lamella(), microscope(static=True)
    wide = tool.nanobeam.replace(source_size="3 angstrom")
    at = [lamella.interface - 1e-9]
    sharp = scan_4d(lamella, tool, positions=at).expectation
    blurred = scan_4d(lamella, tool.replace(modes=(tool.haadf, wide)), positions=at, phonons=3).expectation
    assert np.abs(sharp - blurred).max() > 1e-4 * sharp.max()


def test_saved_and_loaded_scans_are_equal(scan, tmp_path):
    path = scan.save(tmp_path / "scan.zarr")
    again = load_scan(path)
    assert np.array_equal(again.patterns, scan.patterns)
    assert np.array_equal(again.expectation, scan.expectation)
    assert_allclose(again.positions, scan.positions, rtol=0)
    assert again.attrs == scan.attrs
    scan.save(path)  # over the old one
    assert not (tmp_path / "scan.zarr.part").exists()
    import zarr

    store = zarr.open_group(path, mode="r")
    assert store["counts"].chunks[1:] == scan.patterns.shape[1:]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_damaged_store_is_one_line(scan, tmp_path, damage):
    path = tmp_path / "scan.zarr"
    if damage == "empty":
        path.mkdir()
    elif damage != "missing":
        scan.save(path)
        if damage == "cut":
            for file in (path / "counts").rglob("*"):
                if file.is_file() and file.name != "zarr.json":
                    file.write_bytes(file.read_bytes()[:40])
        else:
            scan.dataset.drop_attrs().to_zarr(path, mode="w", consolidated=False)
    with pytest.raises(MeasurementError) as caught:
        load_scan(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": "0 nm"}, "must be positive"),
        ({"step": "1 s"}, "wrong dimension"),
        ({"phonons": 0}, "at least 1"),
        ({"positions": [35e-9]}, "does not fit into the window"),
        ({"positions": []}, "in metres"),
        ({"positions": [[1e-9, 2e-9, 3e-9]]}, "in metres"),
        ({"positions": [float("nan")]}, "in metres"),
        ({"positions": [40e-9], "step": 1e-9}, "not both"),
        ({"mode": "haadf"}, "has no max_angle"),
        ({"mode": "nanobaem"}, "did you mean 'nanobeam'"),
    ],
)
def test_bad_requests_say_what_to_do(change, words):
    with pytest.raises(PerovsimError, match=words):
        scan_4d(small_lamella(), microscope(), **change)


@pytest.mark.parametrize(
    ("beam", "words"),
    [
        ({"semiangle": "0.4 mrad"}, r"probe of 0.4 mrad is 6.00 nm wide.*height of the lamella"),
        ({"semiangle": "1.35 mrad"}, r"1.78 nm wide.*height"),
        ({"max_angle": "30 mrad"}, r"max_angle of mode 'nanobeam' reaches 30 mrad.*keeps angles up to 2"),
        ({"sampling": "1 angstrom"}, r"keeps angles up to 6.* mrad; give the mode a sampling of at most 0.31 ang"),
        ({"defocus": "5 um"}, r"lies beyond its cell"),
        ({"electrons_per_pattern": None}, "neither dose nor electrons"),
    ],
)
def test_probe_and_grid_that_do_not_fit(beam, words):
    with pytest.raises(PerovsimError, match=words):
        scan_4d(small_lamella(), microscope(nanobeam=beam), step="1 nm")


def test_a_window_narrower_than_the_probe_is_refused():
    lamella = small_lamella(width="1.4 nm")
    with pytest.raises(PerovsimError, match=r"1.60 nm wide.*larger than the width of the lamella, 1.40 nm"):
        plan_scan(lamella, microscope(), microscope(nanobeam={"semiangle": "1.5 mrad"}).nanobeam)


def test_more_memory_than_the_machine_has_is_said_before_starting(monkeypatch):
    monkeypatch.setattr("perovsim.memory.free_memory", lambda: 2**20)
    with pytest.raises(PerovsimError, match=r"the scan needs 0.0 GiB|the scan needs .* GiB of memory, this"):
        scan_4d(small_lamella(), microscope(), step="0.5 nm")


def test_overlapping_atoms_are_refused():
    import dataclasses

    lamella = small_lamella()
    atoms = lamella.atoms.copy()
    atoms.positions[1] = atoms.positions[0] + 0.1
    with pytest.raises(PerovsimError, match="overlapping atoms"):
        scan_4d(dataclasses.replace(lamella, atoms=atoms), microscope(), step="0.5 nm")


def test_shipped_microscope_scans_without_changes():
    """Numbers of the README's example: a small window, the shipped file."""
    from perovsim.model import load_microscope

    lamella = small_lamella(width="3 nm")
    scan = scan_4d(lamella, load_microscope("stem_300kv"), step="1.5 nm", phonons=1)
    assert len(scan) >= 1 and scan.attrs["kept_angle"] >= 20e-3
