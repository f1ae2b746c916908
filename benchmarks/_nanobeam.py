"""Nanobeam patterns of deformed crystals by a full multislice on a wide window: truths for table and fit.

Independent of the crystal table: own atoms, a window of 17.6 nm whose seam the probe does not reach, the
package's gratings of every slice. The beam is tilted, not the crystal, by whole steps of the window's
frequencies, so that the band limit stays on |g + q + tilt|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft as fft
from scipy.special import erfc

from perovsim.microscopy import table_cache
from perovsim.microscopy.camera import Camera
from perovsim.microscopy.grid import Grid, propagator
from perovsim.microscopy.multislice import Gratings, convolved
from perovsim.microscopy.optics import wavelength
from perovsim.microscopy.sample import Sample

CELL = 5.87e-10
ENERGY = 300e3
CELLS, POINTS = 30, 48
"""Edge of the window [cells] and grid points per cell: 0.122 angstrom."""
RADIUS, EDGE = 1.5e-3, 0.08e-3
PLACES = np.array([[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.75, 0.75, 0.25], [0.75, 0.25, 0.75], [0.25, 0.75, 0.75]])
NUMBERS = np.array([55, 82, 35, 35, 35])
CHLORINE, BROMINE = 17, 35
BIN = 2
"""Pixels of the window's frequencies per camera pixel, along each axis."""
FIELD = 20e-3

Move = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Window:
    """Where and how a truth is computed; the probe stands at the origin."""

    cells: int = CELLS
    points: int = POINTS

    @property
    def grid(self) -> Grid:
        step = CELL / self.points
        return Grid((self.cells * self.points,) * 2, (step, step))

    @property
    def step(self) -> float:
        """Angle of one frequency [rad]."""
        return wavelength(ENERGY) / (self.cells * CELL)

    @property
    def camera(self) -> Camera:
        """Camera of the patterns: PSF of half a pixel."""
        count = 2 * int(FIELD / (BIN * self.step)) + 1
        return Camera(BIN * self.step, (count, count), RADIUS, EDGE, 0.5 * BIN * self.step)


def affine(exx: float, eyy: float, exy: float, rotation: float) -> Move:
    """Return the displacement r -> F r, F = (1 + strain) R."""
    cos, sin = np.cos(rotation), np.sin(rotation)
    gradient = (np.eye(2) + [[exx, exy], [exy, eyy]]) @ [[cos, -sin], [sin, cos]]
    return lambda xy: xy @ gradient.T


def graded(end: float, width: float, at: float) -> Move:
    """Return u_x of a strain that grows from 0 to `end` over `width`; the probe stands where it is at * end."""

    def move(xy: np.ndarray) -> np.ndarray:
        x = xy[:, 0] + at * width
        inside = np.clip(x, 0, width)
        shift = end * (inside**2 / (2 * width) + np.clip(x - width, 0, None))
        here = end * (at * width) ** 2 / (2 * width)
        return np.stack([xy[:, 0] + shift - here, xy[:, 1]], axis=1)

    return move


def atoms_of(window: Window, move: Move, repeats: int, chlorine: Callable | None, rng: Any) -> Sample:
    """Return the deformed crystal, one repeat where every one is the same, all where halides are drawn."""
    edge = window.cells * CELL
    half = int(0.55 * window.cells) + 1
    index = np.stack(np.meshgrid(*[np.arange(-half, half)] * 2, indexing="ij"), -1).reshape(-1, 2)
    deep = repeats if chlorine is not None else 1
    cells = np.concatenate([np.insert(index, 2, z, axis=1) for z in range(deep)])
    places = (cells[:, None] + PLACES).reshape(-1, 3)
    numbers = np.tile(NUMBERS, len(cells))
    flat = places[:, :2] * CELL
    if chlorine is not None:
        drawn = rng.random(len(numbers)) < chlorine(flat)
        numbers = np.where((numbers == BROMINE) & drawn, CHLORINE, numbers)
    xy = move(flat)
    keep = np.all(np.abs(xy) < 0.5 * edge, axis=1)
    layer = np.floor(2 * places[:, 2]).astype(int)
    return Sample(numbers[keep], xy[keep], layer[keep], 2 * deep, CELL / 2, edge)


def patterns(
    move: Move,
    repeats: list[int],
    tilt: tuple[int, int] = (0, 0),
    chlorine: Callable[[np.ndarray], np.ndarray] | None = None,
    seed: int = 1,
    window: Window | None = None,
    label: str = "",
) -> np.ndarray:
    """Return static patterns after some repeats, (repeats, rows, columns); kept on disk under `label`.

    tilt : of the beam, in frequencies of the window; chlorine : chance of Cl at unstrained (x, y)
    """
    window = Window() if window is None else window
    name = table_cache.key("truth/1", label, repeats, tilt, seed, window)
    stored = table_cache.load(name) if label else None
    if stored is None:
        stored = {"patterns": _patterns(move, repeats, tilt, chlorine, seed, window)}
        if label:
            table_cache.store(name, stored)
    return stored["patterns"]


def _patterns(move, repeats, tilt, chlorine, seed, window) -> np.ndarray:
    grid, edge = window.grid, window.cells * CELL
    sample = atoms_of(window, move, max(repeats), chlorine, np.random.default_rng(seed))
    gratings = Gratings(sample, grid, (-0.5 * edge, -0.5 * edge), ENERGY)
    step = propagator(grid, wavelength(ENERGY), CELL / 2)
    kept = [gratings.make(index) for index in range(2)] if chlorine is None else None
    wave, found = probe(window, tilt), []
    for repeat in range(1, max(repeats) + 1):
        for part in range(2):
            wave *= gratings.make(2 * (repeat - 1) + part) if kept is None else kept[part]
            wave = convolved(wave, step)
        if repeat in repeats:
            found.append(detected(wave, window, tilt))
    return np.array(found)


def probe(window: Window, tilt: tuple[int, int]) -> np.ndarray:
    """Return the probe at the middle of the window, its beam tilted, normalised to 1 in all frequencies."""
    grid = window.grid
    kx, ky = grid.frequencies()
    lam = wavelength(ENERGY)
    r = np.hypot(lam * kx - tilt[0] * window.step, lam * ky - tilt[1] * window.step)
    amplitude = np.sqrt(0.5 * erfc((r - RADIUS) / (np.sqrt(2) * EDGE)))
    half = 0.5 * window.cells * CELL
    spectrum = amplitude / np.sqrt((amplitude**2).sum()) * np.exp(-2j * np.pi * (kx + ky) * half)
    return (fft.ifft2(spectrum) * spectrum.size).astype(np.complex64)


def detected(wave: np.ndarray, window: Window, tilt: tuple[int, int]) -> np.ndarray:
    """Return the pattern on the camera (rows, columns): blurred by the point spread, every BIN-th pixel."""
    intensity = np.abs(fft.fft2(wave) / wave.size).astype(float) ** 2
    half = window.camera.shape[0] // 2 * BIN + 8 * BIN
    rows, columns = (np.arange(-half, half + 1) + t for t in tilt)
    near = intensity[np.ix_(rows, columns)].T
    return binned(near, window)


def binned(near: np.ndarray, window: Window) -> np.ndarray:
    """Return fine intensities, blurred and sampled on the camera's pixels."""
    sigma = window.camera.psf / window.step
    shape = tuple(fft.next_fast_len(n + 16) for n in near.shape)
    fy, fx = (fft.fftfreq(n) for n in shape)
    blur = np.exp(-2 * np.pi**2 * sigma**2 * (fy[:, None] ** 2 + fx[None, :] ** 2))
    smooth = fft.ifft2(fft.fft2(near, shape) * blur).real[: near.shape[0], : near.shape[1]]
    return BIN**2 * np.clip(smooth[8 * BIN : -8 * BIN : BIN, 8 * BIN : -8 * BIN : BIN], 0, None)
