"""Grains of an atomic-resolution image: lattices found in tiles, gathered, fitted, and laid on the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from perovsim.errors import MeasurementError
from perovsim.microscopy.images.image_lattice import ImageLattice, fit_image_lattice
from perovsim.microscopy.images.image_strain import local_lattice
from perovsim.microscopy.patterns.deformation import deformation, whole_matrices
from perovsim.microscopy.records.image import Image

TILES = 4
"""Tiles along the shorter edge of the image."""
SAME = 0.06
"""Lattices of one grain differ by less than this in strain and rotation [rad]: tiles give some per cent."""
LEAST_TILES = 2
"""A grain shows in this many tiles."""
BETTER = 1.3
"""A pixel belongs to a grain whose harmonics are stronger than those of every other by this factor."""
CLEAR = 0.5
"""In a grain its harmonics have at least this share of their amplitude in the clearest tile."""
SMALLEST = 0.02
"""Smaller patches of a grain, as a share of the image, are noise."""


@dataclass(frozen=True)
class Grain:
    """One grain: its mean lattice, and the mask (y, x) of its pixels."""

    lattice: ImageLattice
    mask: np.ndarray = field(repr=False)

    @property
    def share(self) -> float:
        """Share of the image."""
        return float(self.mask.mean())


def find_grains(image: Image, resolution: float) -> list[Grain]:
    """Return the grains of an image, the largest first.

    resolution : of their borders, as in `local_lattice` [m]
    Raises MeasurementError where no tile has a lattice.
    """
    lattices = _different(_tiles(image))
    if not lattices:
        raise MeasurementError("no grain: no two tiles of the image show the same lattice; atomic resolution is needed")
    found = [local_lattice(image, lattice, resolution) for lattice in lattices]
    amplitudes = np.array([local.on_pixels(local.amplitude, image) for local in found])
    grains = []
    for number, lattice in enumerate(lattices):
        others = np.delete(amplitudes, number, axis=0).max(axis=0, initial=0.0)
        mask = _large((amplitudes[number] > CLEAR) & (amplitudes[number] > BETTER * others))
        if mask.any():
            grains.append(Grain(fit_image_lattice(image, lattice.reciprocal, mask), mask))
    return sorted(grains, key=lambda grain: -grain.share)


def misorientation(first: Grain, second: Grain, undistort: np.ndarray | None = None) -> tuple[float, float]:
    """Return the smallest rotation from the second grain's lattice to the first's [rad], and its standard error.

    undistort : from image to true coordinates, (2, 2), of a scan whose distortion is known
    """
    turn = np.eye(2) if undistort is None else np.linalg.inv(undistort).T
    one, two = (turn @ grain.lattice.reciprocal for grain in (first, second))
    base = two @ _nearest(one, two)
    value = deformation(one, base)
    variance = 0.0
    for basis, grain in ((one, first), (two, second)):
        size = np.linalg.norm(basis, axis=0).mean()
        variance += float(np.trace(grain.lattice.covariance)) / 4 / size**2
    return float(value[3]), float(np.sqrt(variance))


def _tiles(image: Image) -> list[ImageLattice]:
    """Return the lattice of every tile that has one, the clearest first."""
    rows, columns = image.counts.shape
    edge = min(rows, columns) // TILES
    found = []
    for top in range(0, rows - edge + 1, edge):
        for left in range(0, columns - edge + 1, edge):
            tile = Image(image.dataset.isel(y=slice(top, top + edge), x=slice(left, left + edge)))
            try:
                found.append(fit_image_lattice(tile))
            except MeasurementError:  # a tile without a lattice belongs to no grain
                continue
    return sorted(found, key=lambda lattice: -lattice.correlation)


def _different(lattices: list[ImageLattice]) -> list[ImageLattice]:
    """Return the clearest lattice of every grain that shows in LEAST_TILES tiles, the most frequent grain first."""
    groups: list[list[ImageLattice]] = []
    for lattice in lattices:
        group = next((known for known in groups if _apart(lattice.reciprocal, known[0].reciprocal) < SAME), None)
        if group is None:
            groups.append([lattice])
        else:
            group.append(lattice)
    frequent = sorted((group for group in groups if len(group) >= LEAST_TILES), key=len, reverse=True)
    return [group[0] for group in frequent]


def _apart(one: np.ndarray, two: np.ndarray) -> float:
    """Return the largest strain or rotation between two lattices in equivalent axes."""
    return float(np.abs(deformation(one, two @ _nearest(one, two))).max())


def _nearest(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return the change of axes of the second lattice that brings it nearest to the first."""
    wholes = whole_matrices(1, 1)
    value = deformation(np.broadcast_to(one, (len(wholes), 2, 2)), two @ wholes)
    strain = np.abs(value[:, :3]).max(axis=1)
    near = strain < strain.min() + SAME  # equivalent axes differ by rotation alone
    return wholes[near][np.abs(value[near, 3]).argmin()]


def _large(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    sizes = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    return np.isin(labels, np.flatnonzero(sizes > SMALLEST * mask.size) + 1)
