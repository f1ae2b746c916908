"""Strain maps, grains and atom columns of drawn images with known content and noise."""

import numpy as np
import pytest
from microscopy_synthetic import image_of
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError
from perovsim.microscopy import find_columns, find_grains, fit_columns, local_lattice, misorientation, strain_against
from perovsim.microscopy.images.image_lattice import fit_image_lattice

PIXEL, SIZE = 0.2e-10, 260
EDGE = SIZE * PIXEL


def columns(x, y, vectors, depth=1000.0, width=0.6e-10):
    """Gaussian columns at the points of a lattice whose vectors are columns of a matrix."""
    place = np.linalg.solve(vectors, np.stack([x.ravel(), y.ravel()]))
    off = vectors @ (place - np.round(place))
    return (depth * np.exp(-(off**2).sum(axis=0) / 2 / width**2)).reshape(x.shape)


def pixels(pixel=PIXEL):
    axis = np.arange(SIZE) * pixel
    return np.meshgrid(axis, axis)


def turned(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


CELL = np.diag([3.3e-10, 3.9e-10])


def strained(exx, noise, seed):
    """A crystal whose right half is stretched along x by exx."""
    x, y = pixels()
    back = np.where(x < 0.5 * EDGE, x, 0.5 * EDGE + (x - 0.5 * EDGE) / (1 + exx))
    counts = 2000 + columns(back, y, CELL) + noise * np.random.default_rng(seed).standard_normal(x.shape)
    return image_of(counts, PIXEL)


def test_strain_of_one_half_against_the_other():
    image = strained(0.02, 20.0, 1)
    left = np.zeros(image.counts.shape, bool)
    left[:, : SIZE // 3] = True
    local = local_lattice(image, fit_image_lattice(image, region=left), 3e-10)
    found = strain_against(local, np.broadcast_to(local.x < 0.35 * EDGE, local.amplitude.shape))
    far, near = found["x"].values > 0.7 * EDGE, found["x"].values < 0.3 * EDGE
    four = 4 * float(found["strain_error"].max())
    assert four < 3e-3
    assert_allclose(found["strain"].values[:, far], 0.02, atol=four)
    assert_allclose(found["strain"].values[:, near], 0.0, atol=four)
    assert_allclose(found["strain_yy"].values[:, near], 0.0, atol=four)
    assert_allclose(found["rotation"].values[:, near], 0.0, atol=four)


def test_stated_errors_of_a_strain_map_are_those_of_repeated_noise():
    """Scatter of ten draws over the stated error: 1 within 35 %."""
    values, errors = [], []
    for seed in range(10):
        image = strained(0.0, 400.0, seed)
        local = local_lattice(image, fit_image_lattice(image), 3e-10)
        found = strain_against(local, np.ones(local.amplitude.shape, bool))
        values.append(found["strain"].values)
        errors.append(found["strain_error"].values)
    ratio = np.std(values, axis=0, ddof=1) / np.mean(errors, axis=0)
    assert 0.65 < np.sqrt((ratio**2).mean()) < 1.35


def test_two_grains_and_their_misorientation():
    pixel = 0.35e-10
    x, y = pixels(pixel)
    upper = y < 0.5 * SIZE * pixel
    angle = np.deg2rad(18)
    counts = np.where(upper, columns(x, y, turned(angle) @ CELL), columns(x, y, CELL))
    image = image_of(2000 + counts + 60 * np.random.default_rng(2).standard_normal(x.shape), pixel)
    grains = find_grains(image, 3e-10)
    assert len(grains) == 2
    top, bottom = sorted(grains, key=lambda grain: np.nonzero(grain.mask)[0].mean())
    assert top.mask[: SIZE // 3].mean() > 0.9 and not top.mask[2 * SIZE // 3 :].any()
    found, error = misorientation(top, bottom)
    assert_allclose(np.rad2deg(found), 18, atol=0.1)
    assert 0 < error < 1e-2
    with pytest.raises(MeasurementError, match="no grain"):
        find_grains(image_of(np.random.default_rng(3).standard_normal((160, 160)) + 9, PIXEL), 3e-10)


def test_a_filter_that_is_too_narrow_or_an_empty_area_is_refused():
    image = strained(0.0, 10.0, 1)
    lattice = fit_image_lattice(image)
    with pytest.raises(MeasurementError, match="mixes the harmonics"):
        local_lattice(image, lattice, 1e-10)
    with pytest.raises(MeasurementError, match="needs an image of more than 6 nm"):
        local_lattice(image, lattice, 10e-10)
    local = local_lattice(image, lattice, 3e-10)
    with pytest.raises(MeasurementError, match="reference area is empty"):
        strain_against(local, np.zeros(local.amplitude.shape, bool))


# -- atom columns -------------------------------------------------------------------------------


def dumbbells(noise, seed):
    rng = np.random.default_rng(seed)
    axis = np.arange(3e-10, 36e-10, 4.5e-10)
    centres = np.array([(a, b) for a in axis for b in axis]) + rng.normal(0, 1e-12, (len(axis) ** 2, 2))
    place = np.concatenate([centres + [0, 0.81e-10], centres - [0, 0.81e-10]])
    height = np.repeat([1000.0, 900.0], len(centres))
    x, y = np.meshgrid(*[np.arange(200) * PIXEL] * 2)
    counts = 500 + sum(
        a * np.exp(-(((x - p[0]) / 0.6e-10) ** 2 + ((y - p[1]) / 0.5e-10) ** 2) / 2)
        for p, a in zip(place, height, strict=True)
    )
    return image_of(counts + noise * rng.standard_normal(counts.shape), PIXEL), place, height


def test_dumbbells_are_fitted_within_their_errors():
    """Elliptic spots 1.62 A apart, 0.6 and 0.5 A wide: rms of (fit - drawn) / error is 1 within 30 %."""
    image, place, height = dumbbells(100.0, 1)
    start = place + np.random.default_rng(2).normal(0, 1e-11, place.shape)
    found = fit_columns(image, start, 0.5e-10, joint=2e-10)
    drawn = {"x": place[:, 0], "y": place[:, 1], "intensity": 2 * np.pi * 0.3e-20 * height}
    for name, expected in drawn.items():
        z = (found[name].values - expected) / found[f"{name}_error"].values
        assert 0.7 < np.sqrt(np.nanmean(z**2)) < 1.3
    assert_allclose(float(found["ellipse"].mean()), 1.2, atol=0.05)
    assert_allclose(float(found["width"].mean()), np.sqrt(0.3) * 1e-10, rtol=0.02)
    assert np.unique(found["group"], return_counts=True)[1].tolist() == [2] * (len(place) // 2)


def test_columns_are_found_where_they_are():
    image, place, _ = dumbbells(30.0, 3)
    seen = find_columns(image, 3e-10)
    centres = 0.5 * (place[: len(place) // 2] + place[len(place) // 2 :])
    nearest = np.linalg.norm(seen[:, None] - centres, axis=2).min(axis=1)
    assert len(seen) == len(centres) and nearest.max() < 0.5e-10
    with pytest.raises(MeasurementError, match="no starting position"):
        fit_columns(image, [(1.0, 1.0)], 0.5e-10)
    with pytest.raises(MeasurementError, match="no atom column"):
        find_columns(image_of(np.ones((50, 50)), PIXEL), 3e-10)
