"""Lattice and scan distortion of drawn images with known distortion and noise."""

import numpy as np
import pytest
from microscopy_synthetic import image_of
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError
from perovsim.microscopy.images.image_lattice import fit_image_lattice, pixel_positions, scan_distortion

CELL = np.diag([2.76e-10, 3.905e-10])
PIXEL = 0.12e-10


def drawn(stretch=((1, 0), (0, 1)), turn=0.6, noise=0.0, size=(180, 200), seed=0):
    """Dark Gaussian columns at the points of a turned, stretched lattice."""
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    vectors = np.asarray(stretch) @ rotation @ CELL
    image = image_of(np.zeros(size), PIXEL)
    r = pixel_positions(image) - [0.31e-10, 0.57e-10]
    place = np.linalg.solve(vectors, r.T).T
    off = (place - np.round(place)) @ vectors.T
    second = place - 0.5
    more = (second - np.round(second)) @ vectors.T
    counts = (
        1000
        - 600 * np.exp(-(off**2).sum(1) / 2 / (0.5e-10) ** 2)
        - 200 * np.exp(-(more**2).sum(1) / 2 / (0.4e-10) ** 2)
    )
    counts += noise * np.random.default_rng(seed).standard_normal(len(counts))
    return image_of(counts.reshape(size), PIXEL), vectors


def stretch_of(image, vectors):
    lattice = fit_image_lattice(image)
    whole = np.round(np.linalg.solve(vectors, lattice.direct))
    assert abs(abs(np.linalg.det(whole)) - 1) < 1e-9
    return lattice, scan_distortion(lattice, CELL @ whole)


def test_known_distortion_is_found():
    """0.4 % along x, shear 0.2 %, noiseless: to 2e-5."""
    given = np.array([[1.004, 0.002], [0.002, 1.0]])
    image, vectors = drawn(given)
    lattice, found = stretch_of(image, vectors)
    assert_allclose(found.stretch, given, atol=2e-5)
    principal = np.linalg.eigvalsh(given)
    assert_allclose(found.between_axes, principal[1] - principal[0], atol=3e-5)
    assert lattice.correlation > 0.998


def test_stated_error_is_that_of_repeated_noise():
    """Twelve draws of white noise: rms z within 1 +- 0.4, mean stretch within its error."""
    given = np.array([[1.003, -0.001], [-0.001, 0.999]])
    z = []
    for seed in range(12):
        image, vectors = drawn(given, noise=300.0, seed=seed)
        _, found = stretch_of(image, vectors)
        z.append(((found.stretch - given) / found.error)[np.triu_indices(2)])
    z = np.array(z)
    assert 0.6 < np.sqrt((z**2).mean()) < 1.4
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(12)


def test_a_region_can_be_fitted_alone():
    image, vectors = drawn(noise=100.0)
    half = np.zeros(image.counts.shape, bool)
    half[:, :100] = True
    whole = fit_image_lattice(image)
    part = fit_image_lattice(image, whole.reciprocal, half)
    assert_allclose(part.reciprocal, whole.reciprocal, atol=5 * np.sqrt(np.diag(part.covariance)).max())
    assert np.diag(part.covariance).min() > np.diag(whole.covariance).min()


def test_what_cannot_be_fitted_is_said():
    image, _ = drawn()
    with pytest.raises(MeasurementError, match="region of the image is empty"):
        fit_image_lattice(image, region=np.zeros(image.counts.shape, bool))
    noise = image_of(np.random.default_rng(1).standard_normal((150, 150)), PIXEL)
    with pytest.raises(MeasurementError, match="no lattice"):
        fit_image_lattice(noise)
    small, vectors = drawn(size=(60, 60))
    with pytest.raises(MeasurementError, match="fewer than 3 periods"):
        fit_image_lattice(small, np.linalg.inv(vectors).T)
