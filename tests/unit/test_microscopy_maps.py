"""Maps of 2-D scans: strain and rotation over grains, phases, crystallinity; drawn patterns of known content."""

import numpy as np
import pytest
from microscopy_synthetic import WAVELENGTH, disk_pattern, scan_of
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError
from perovsim.microscopy import crystallinity, load_scan, phase_map, strain_map
from perovsim.microscopy.patterns.reflections import zone_pattern, zone_patterns
from perovsim.microscopy.records.detectors import annulus

BASE, CENTRE, SIZE = np.array([[13.3, -0.4], [0.9, 12.1]]), (60.3, 59.8), 121


def turned(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def grid_of(bases, shape, **more):
    """A 2-D scan of drawn patterns, one basis each, row by row."""
    patterns = [
        disk_pattern(basis, CENTRE, 4.4, 0.45, SIZE, 1e6, 1e-3, seed=n, **more) for n, basis in enumerate(bases)
    ]
    return scan_of(patterns, semiangle=1.1e-3, scan_shape=list(shape))


# -- the scan itself ----------------------------------------------------------------------------


def test_a_grid_keeps_its_shape_on_disk_and_loses_it_when_cut(tmp_path):
    scan = grid_of([BASE] * 6, (2, 3))
    assert scan.shape == (2, 3)
    assert load_scan(scan.save(tmp_path / "s.zarr")).shape == (2, 3)
    assert scan.select(slice(0, 4)).shape == (4,)
    with pytest.raises(MeasurementError, match="positions in no grid"):
        strain_map(scan.select([0, 1, 2]), reference=[0])


def test_angles_follow_the_matrix_of_the_detector():
    """A detector that stretches x by 2: pixels on x count at half their angle, so an annulus takes more of them."""
    scan = scan_of(np.ones((1, 41, 41)))
    half = scan_of(np.ones((1, 41, 41)), detector_matrix=[0.5, 0.0, 0.0, 1.0])
    assert_allclose(half.angles[20, 40, 0], 0.5 * scan.qx[40])
    assert annulus(half, 0.0, 2e-3).sum() > 1.8 * annulus(scan, 0.0, 2e-3).sum()


# -- strain -------------------------------------------------------------------------------------


def test_strain_map_of_two_grains_against_an_area_of_the_first():
    """Row 0 unstrained, row 1 strained by exx = 1 %, the last column another grain turned by 20 degrees."""
    stretched = np.linalg.inv(np.diag([1.01, 1.0])).T @ BASE
    second = turned(np.deg2rad(20)) @ BASE
    scan = grid_of([BASE, BASE, second, stretched, stretched, second], (2, 3))
    found = strain_map(scan, (slice(0, 1), slice(0, 2)))
    assert found["strain"].dims == ("row", "column")
    error = found["strain_error"].values
    assert_allclose(found["strain"].values[:, :2], [[0, 0], [0.01, 0.01]], atol=4 * error.max())
    assert_allclose(np.rad2deg(found["rotation"].values[:, 2]), 20, atol=0.1)
    assert_allclose(found["strain"].values[:, 2], 0, atol=4 * error.max())
    mask = np.zeros((2, 3), bool)
    mask[0, :2] = True
    assert_allclose(strain_map(scan, mask)["strain"].values, found["strain"].values)


def test_bad_reference_areas_are_named():
    scan = grid_of([BASE] * 4, (2, 2))
    with pytest.raises(MeasurementError, match="reference area is empty"):
        strain_map(scan, np.zeros((2, 2), bool))
    with pytest.raises(MeasurementError, match="does not fit the scan"):
        strain_map(scan, np.ones((3, 3), bool))
    with pytest.raises(MeasurementError, match="has rows and columns, the scan has none"):
        from perovsim.microscopy import strain_profile

        strain_profile(scan.select([0, 1, 2]), (slice(0, 1), slice(0, 1)))


# -- phases -------------------------------------------------------------------------------------


def phase_pattern(phase, zone, turn, seed, strain=0.0, pixel=0.25e-3, size=121):
    """Kinematic disks of a zone with intensities scattered by a factor of two, as dynamical diffraction does."""
    rng, found = np.random.default_rng(seed), zone_pattern(phase, zone)
    basis = turned(turn) @ found.basis * WAVELENGTH / pixel / (1 + strain)
    y, x = np.mgrid[:size, :size]
    pattern = np.full((size, size), 1e-4)
    middle = 0.5 * (size - 1)
    for index, amplitude in [((0, 0), 2.0), *zip(found.index, found.amplitude, strict=True)]:
        at = middle + basis @ index
        if np.abs(at - middle).max() < middle + 5:
            strength = amplitude**2 * np.exp(0.7 * rng.standard_normal())
            pattern += strength / (1 + np.exp((np.hypot(x - at[0], y - at[1]) - 3.2) / 0.25))
    return rng.poisson(pattern * (1e5 / pattern.sum())).astype(float)


def test_phases_zones_and_rotations_are_recognised():
    """Four patterns of three phases; a strain of 1 % does not hide a phase."""
    cases = [
        ("CsPbBr3", (1, 0, 0), 0.1, 0.0),
        ("CsPbBr3", (1, 1, 0), 0.3, 0.01),
        ("CsPbCl3", (1, 0, 0), 0.2, -0.01),
        ("Pb", (1, 1, 0), 0.5, 0.0),
    ]
    patterns = [phase_pattern(p, z, turn, n, strain) for n, (p, z, turn, strain) in enumerate(cases)]
    noise = np.random.default_rng(9).poisson(1.0, patterns[0].shape)
    names = list(dict.fromkeys(case[0] for case in cases))
    found = phase_map(scan_of([*patterns, noise], semiangle=0.8e-3), names, tolerance=0.01)  # a calibrated detector
    assert list(found["phase"].values) == [case[0] for case in cases] + ["unknown"]
    assert np.all(found["score"].values[:-1] > found["second_score"].fillna(0).values[:-1])
    assert_allclose(found["rotation"].values[:3], [0.1, 0.3, 0.2], atol=5e-3)
    assert_allclose(found["strain"].values[[1, 2]], 0.01, atol=2e-3)


def test_zone_patterns_have_their_extinctions_and_spacings():
    """CsPbBr3 [001]: a = 5.874 A both ways; face-centred lead shows no 100: 200 is the shortest, at a / 2."""
    assert_allclose(1 / np.linalg.norm(zone_pattern("CsPbBr3", (0, 0, 1)).basis, axis=0), 5.874e-10)
    assert_allclose(1 / np.linalg.norm(zone_pattern("Pb", (0, 0, 1)).basis, axis=0), 4.9505e-10 / 2)
    assert len({pattern.zone for pattern in zone_patterns("Pb")}) == len(zone_patterns("Pb"))
    with pytest.raises(MeasurementError, match="no two reflections"):
        zone_pattern("Al", (1, 2, 3), finest=2e-10)


def test_phases_need_energy_and_known_names():
    scan = grid_of([BASE], (1, 1))
    with pytest.raises(MeasurementError, match="did you mean 'CsPbBr3'"):
        phase_map(scan, ["CsPbBr"])
    del scan.dataset.attrs["energy"]
    with pytest.raises(MeasurementError, match="need the energy"):
        phase_map(scan)


# -- crystallinity ------------------------------------------------------------------------------


def mixture(spots, rings, diffuse, counts, seed):
    """Known shares of disks, two powder rings and a smooth halo outside a central disk; counts in all of these."""
    y, x = np.mgrid[:SIZE, :SIZE]
    q = np.hypot(x - 60, y - 60)
    centre = 0.5 * (1 - np.tanh((q - 4.4) / 0.6))
    disks = disk_pattern(BASE, (60, 60), 4.4, 0.45, SIZE, 1.0)
    disks[q < 6] = 0
    parts = [disks, np.exp(-0.5 * ((q - 32) / 1.5) ** 2) + 0.5 * np.exp(-0.5 * ((q - 47) / 1.5) ** 2), np.exp(-q / 25)]
    used = (q >= 5.3) & (q < 60)
    total = sum(share * part / part[used].sum() for share, part in zip((spots, rings, diffuse), parts, strict=True))
    return np.random.default_rng(seed).poisson(counts * (total + 0.02 * centre))


@pytest.mark.parametrize(
    ("shares", "counts", "atol"),
    [
        ((1, 0, 0), 1e4, 0.03),
        ((0, 1, 0), 1e4, 0.03),
        ((0, 0, 1), 1e3, 0.06),
        ((0, 0, 1), 1e6, 0.01),
        ((0.5, 0, 0.5), 1e6, 0.02),
    ],
)
def test_shares_of_spots_rings_and_diffuse_are_those_drawn(shares, counts, atol):
    scan = scan_of([mixture(*shares, counts, seed) for seed in range(2)], semiangle=1.1e-3)
    found = crystallinity(scan)
    seen = [float(found[name].mean()) for name in ("spots", "rings", "diffuse")]
    assert_allclose(seen, shares, atol=atol)
    assert_allclose(sum(seen), 1.0)


def test_a_detector_without_angles_beyond_the_beam_is_refused():
    with pytest.raises(MeasurementError, match="no pixel lies between the central disk"):
        crystallinity(scan_of(np.ones((1, 11, 11)), semiangle=1.4e-3))
