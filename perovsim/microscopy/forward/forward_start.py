"""Where a forward fit starts: lattice from the disks, then tilt, thickness and composition from their intensities.

All tilts, thicknesses and compositions of a coarse table are tried; the distance of the roots of the disks'
intensities (each with the same Poisson error) decides, and the full model on the coarse table refines the best.
"""

from __future__ import annotations

import numpy as np

from perovsim.errors import MeasurementError
from perovsim.microscopy.forward.forward_model import Fit, Pattern, fit_pattern
from perovsim.microscopy.patterns.deformation import deformation, on_basis
from perovsim.microscopy.patterns.lattice import find_lattice
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.nanobeam_table import NanobeamTable, state
from perovsim.microscopy.table.phase import Phase

TILT_STEP = 1e-3
"""Distance of the tilts that are tried [rad], below the 1.5 mrad over which a disk averages."""
CANDIDATES = 4
"""Starts that are refined with the full model: the best of different tilts."""
TASTE = 4
"""Steps after which the starts are compared."""
APART = 1.5e-3
"""Tilts of two starts differ by more than this [rad]."""
INSIDE = 0.9
"""Share of the radius within which the counts of a disk are taken."""


def lattice_state(pattern: np.ndarray, camera: Camera, phase: Phase, wavelength: float) -> np.ndarray:
    """Return the state whose strain, rotation and centre are those of the lattice found in a pattern.

    Raises MeasurementError where no lattice is found, or one of another crystal.
    """
    found = find_lattice(pattern, camera.radius / camera.pixel)
    base = np.diag(wavelength / np.array(phase.edges[:2])) / camera.pixel
    exx, eyy, exy, rotation = deformation(found.basis, on_basis(base, found.basis))
    centre = (found.centre - 0.5 * (np.array(camera.shape[::-1]) - 1)) * camera.pixel
    return state(exx=exx, eyy=eyy, exy=exy, rotation=rotation, centre_x=centre[0], centre_y=centre[1])


class Search:
    """Mean intensities of all disks for every tilt, thickness and composition of a coarse table."""

    def __init__(self, table: NanobeamTable) -> None:
        self.table = table
        reach, radius = table.settings.tilt_range, table.settings.semiangle
        self.tilts = np.arange(-int(reach / TILT_STEP), int(reach / TILT_STEP) + 1) * TILT_STEP
        average = 0.5 * sum(self._splines(self.tilts + side * 0.5 * radius) for side in (-1, 1)).astype(np.float32)
        along = _thickness_means(table).astype(np.float32)
        path = ["einsum_path", (0, 3), (0, 2), (0, 1)]
        means = np.einsum("yi,xj,st,ijtmb->smyxb", average, average, along, table.data, optimize=path)
        self.means = np.clip(means, 0, None)
        self.roots = np.sqrt(self.means)

    def _splines(self, angles: np.ndarray) -> np.ndarray:
        """Return the weights of the nodes at some angles, (angle, node)."""
        from scipy.interpolate import BSpline

        step, nodes = self.table.settings.angle_step, self.table.nodes
        knots = nodes[0] + step * np.arange(-2, len(nodes) + 2)
        return BSpline.design_matrix(angles, knots, 3).toarray()

    def best(self, pattern: Pattern, lattice: np.ndarray) -> list[np.ndarray]:
        """Return states with the lattice given and the best tilts, thicknesses and compositions."""
        measured, seen = self._measured(pattern, lattice)
        weights = np.zeros((2, len(self.table.beams)), np.float32)
        weights[0, seen], weights[1, seen] = 1, 2 * np.sqrt(measured)
        distance = self.means @ weights[0] - self.roots @ weights[1]
        chosen: list[np.ndarray] = []
        best = distance.min(axis=(0, 1))
        for flat in np.argsort(best, axis=None):
            y, x = np.unravel_index(flat, best.shape)
            tilt = np.array([self.tilts[x], self.tilts[y]])
            if any(np.hypot(*(tilt - other)) < APART for other, _ in chosen):
                continue
            repeat, composition = np.unravel_index(int(distance[:, :, y, x].argmin()), distance.shape[:2])
            chosen.append((tilt, self._state(lattice, tilt, int(repeat), int(composition))))
            if len(chosen) == CANDIDATES:
                break
        return [found for _, found in chosen]

    def _state(self, lattice: np.ndarray, tilt: np.ndarray, repeat: int, composition: int) -> np.ndarray:
        settings, found = self.table.settings, lattice.copy()
        cos, sin = np.cos(lattice[3]), np.sin(lattice[3])
        found[4] = settings.compositions[composition]
        found[5] = np.clip((settings.repeats[0] + repeat) * settings.phase.edges[2], *self.table.thicknesses)
        found[6:8] = cos * tilt[0] - sin * tilt[1], sin * tilt[0] + cos * tilt[1]
        return found

    def _measured(self, pattern: Pattern, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of the beam in each disk that lies whole in the field, and which these are."""
        camera = pattern.camera
        centres = self.table.centres(lattice, camera)
        radius = INSIDE * camera.radius / camera.pixel
        middle = 0.5 * (np.array(camera.shape[::-1]) - 1)
        room = np.abs(centres - middle).max(axis=1) < middle.min() - radius - 1
        seen = np.flatnonzero(room & (np.hypot(*(centres - middle).T) < camera.field / camera.pixel))
        shares = [_mean_within(pattern.counts, centre, radius) for centre in centres[seen]]
        return np.array(shares) / (pattern.electrons * camera.norm), seen


def _mean_within(counts: np.ndarray, centre: np.ndarray, radius: float) -> float:
    """Return the mean of the counts within a radius of a place (x, y) [pixel], all of it on the camera."""
    half = int(radius) + 1
    column, row = (round(float(place)) for place in centre)
    near = counts[row - half : row + half + 1, column - half : column + half + 1]
    steps = np.arange(-half, half + 1)
    inside = np.hypot(steps + column - centre[0], (steps + row - centre[1])[:, None]) < radius
    return float(near[inside].mean())


def _thickness_means(table: NanobeamTable) -> np.ndarray:
    """Return the spline weights that give the table at its own thicknesses, (thickness, node)."""
    count = table.data.shape[2]
    weights = np.zeros((count, count))
    for number in range(count):
        for shift, weight in ((-1, 1 / 6), (0, 2 / 3), (1, 1 / 6)):
            weights[number, min(max(number + shift, 0), count - 1)] += weight
    return weights


def start_fit(pattern: Pattern, search: Search, lattice: np.ndarray, free: np.ndarray) -> Fit:
    """Return the best fit of the coarse table to one pattern, from several starts."""
    edge = 0.0 if pattern.camera.edge is None else pattern.camera.edge
    aperture = [pattern.camera.radius, edge, 1.0, 1.0, 0.0]
    starts = [np.concatenate([found, aperture]) for found in search.best(pattern, lattice)]
    fits = [fit_pattern(pattern, lambda _: search.table, start, free, TASTE) for start in starts]
    good = [fit for fit in fits if np.isfinite(fit.deviance)]
    if not good:
        raise MeasurementError(f"the crystal table fits nowhere: {fits[0].reason if fits else 'no start'}")
    best = min(good, key=lambda fit: fit.deviance)
    return fit_pattern(pattern, lambda _: search.table, best.values, free)
