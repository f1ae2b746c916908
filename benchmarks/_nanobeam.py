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
from scipy.interpolate import CubicSpline
from scipy.ndimage import convolve, map_coordinates
from scipy.special import erfc

from perovsim.microscopy.table import table_cache
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.waves.grid import CUTOFF, Grid, propagator
from perovsim.microscopy.waves.multislice import FINE, Gratings, convolved
from perovsim.microscopy.waves.optics import interaction, wavelength
from perovsim.microscopy.waves.potential import Projector, scattering_factor
from perovsim.microscopy.waves.sample import Sample

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
DISPLACEMENTS = {55: 0.16e-10, 82: 0.12e-10, 35: 0.16e-10, 17: 0.16e-10}
"""Thermal displacements of the shipped microscope by atomic number [m]."""
BOX, BOX_STEP = 2.4e-9, 4e-12
"""Cell and step on which one atom's mean transmission is made [m]."""
TRUTHS, MOST = "truths", 200
"""Folder of the truths beside the tables, and how many stay."""
SUPER, SNAPSHOTS = 6, 100
"""Edge of the supercell of the snapshots [cells], and their number."""

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
    label: str,
    move: Move,
    repeats: list[int],
    tilt: tuple[int, int] = (0, 0),
    chlorine: Callable[[np.ndarray], np.ndarray] | None = None,
    thermal: bool = False,
    seed: int = 1,
    window: Window | None = None,
) -> np.ndarray:
    """Return patterns after some repeats, (repeats, rows, columns); kept on disk under `label`, which names `move`.

    tilt : of the beam, in frequencies of the window; chlorine : chance of Cl at unstrained (x, y)
    thermal : the coherent wave of moving atoms, and the diffuse electrons of frozen snapshots
    """
    window = Window() if window is None else window
    name = table_cache.key("truth/2", label, repeats, tilt, thermal, seed, window)
    stored = table_cache.load(name, TRUTHS)
    if stored is None:
        found = _patterns(move, repeats, tilt, chlorine, thermal, seed, window)
        if thermal:
            found = found + diffuse(repeats, tilt, window)
        stored = {"patterns": found}
        table_cache.store(name, stored, TRUTHS, most=MOST)
    return stored["patterns"]


def _patterns(move, repeats, tilt, chlorine, thermal, seed, window) -> np.ndarray:
    grid, edge = window.grid, window.cells * CELL
    sample = atoms_of(window, move, max(repeats), chlorine, np.random.default_rng(seed))
    kind = MeanGratings if thermal else Gratings
    gratings = kind(sample, grid, (-0.5 * edge, -0.5 * edge), ENERGY)
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


class MeanGratings:
    """Mean transmissions of moving atoms: exp(i sigma V) of the complex potentials ln <exp(i sigma v)> / (i sigma).

    Each atom's logarithm is summed in Fourier space at its exact place, its real and its imaginary part.
    """

    def __init__(self, sample: Sample, grid: Grid, origin: tuple[float, float], energy: float) -> None:
        fine = Grid(tuple(n * FINE for n in grid.shape), tuple(step / FINE for step in grid.step))
        self.sample, self.grid, self.xy = sample, grid, sample.xy - np.asarray(origin)
        self.projectors = [Projector(fine, sample.numbers) for _ in range(2)]
        most = self.projectors[0]._factors[int(sample.numbers[0])].shape
        rows, columns = (np.arange(n) / length for n, length in zip(most, fine.size, strict=True))
        k = np.hypot(rows[:, None], columns)
        for number in np.unique(sample.numbers):
            for projector, factor in zip(self.projectors, _mean_factor(int(number), k, fine), strict=True):
                projector._factors[int(number)] = factor

    def make(self, index: int) -> np.ndarray:
        inside = self.sample.layer == index
        real, imaginary = (p.project(self.sample.numbers[inside], self.xy[inside]) for p in self.projectors)
        sigma = interaction(ENERGY)
        waves = fft.fft2(np.exp(1j * sigma * real - sigma * imaginary).astype(np.complex64))
        keep = [np.r_[0 : n // 2, FINE * n - n // 2 : FINE * n] for n in self.grid.shape]
        return fft.ifft2(waves[np.ix_(*keep)] * self.grid.limit() / FINE**2).astype(np.complex64)


def _mean_factor(number: int, k: np.ndarray, fine: Grid) -> list[np.ndarray]:
    """Return the transforms of the real and imaginary part of an atom's mean potential [V m^3], float32."""
    points = round(BOX / BOX_STEP)
    f = np.fft.fftfreq(points, BOX / points)
    radius, limit = np.hypot(f[:, None], f), CUTOFF / (2 * max(fine.step))
    area, sigma = (BOX / points) ** 2, interaction(ENERGY)
    potential = fft.ifft2(np.where(radius <= limit, scattering_factor(number, radius), 0)).real / area
    spread = DISPLACEMENTS[number]
    mean = fft.ifft2(fft.fft2(np.exp(1j * sigma * potential) - 1) * np.exp(-2 * np.pi**2 * spread**2 * radius**2))
    effective = np.log(1 + mean) / (1j * sigma)
    found = []
    for part in (effective.real, effective.imag):
        line = (fft.fft2(part) * area)[: points // 2, 0].real
        spline = CubicSpline(f[: points // 2], line)
        found.append(np.where(k <= limit, spline(np.minimum(k, limit)), 0).astype(np.float32))
    return found


def diffuse(repeats: list[int], tilt: tuple[int, int], window: Window) -> np.ndarray:
    """Return the diffuse electrons on the camera: frozen snapshots under one plane wave, spread over the aperture."""
    name = table_cache.key("diffuse/1", repeats, tilt, SNAPSHOTS, SUPER, window.points)
    stored = table_cache.load(name, TRUTHS)
    if stored is None:
        stored = {"maps": _maps(_snapshots(repeats, tilt, window, SNAPSHOTS), tilt)}
        table_cache.store(name, stored, TRUTHS, most=MOST)
    step = wavelength(ENERGY) / (SUPER * CELL)
    half = window.camera.shape[0] // 2
    q = np.arange(-half, half + 1) * window.camera.pixel / step
    found = []
    for one in stored["maps"]:
        smooth = _over_aperture(one, step)
        middle = len(one) // 2
        at = np.meshgrid(q + middle, q + middle, indexing="ij")
        found.append(map_coordinates(smooth, at, order=1).T * (window.camera.pixel / step) ** 2)
    return np.array(found)


def _over_aperture(one: np.ndarray, step: float) -> np.ndarray:
    x = np.arange(-4, 5) * step
    disk = np.clip((RADIUS - np.hypot(x[:, None], x)) / step + 0.5, 0, 1)
    return convolve(one, disk / disk.sum())


def snapshot_sums(repeats: list[int], beams: np.ndarray, count: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Return Bragg intensities (repeat, beam) and the diffuse total within FIELD (repeat,), along the zone axis."""
    total = _snapshots(repeats, (0, 0), Window(), count)
    maps = _maps(total, (0, 0))
    step = wavelength(ENERGY) / (SUPER * CELL)
    q = (np.arange(maps.shape[1]) - maps.shape[1] // 2) * step
    inside = np.hypot(q[:, None], q) <= FIELD
    at = beams * SUPER
    return total[:, at[:, 0], at[:, 1]], maps[:, inside].sum(axis=1)


def _snapshots(repeats: list[int], tilt: tuple[int, int], window: Window, count: int) -> np.ndarray:
    """Return mean intensities at the supercell's frequencies, (repeat, nx, ny), of `count` frozen snapshots."""
    step = CELL / window.points
    grid = Grid((SUPER * window.points,) * 2, (step, step))
    index = np.stack(np.meshgrid(*[np.arange(SUPER)] * 2, indexing="ij"), -1).reshape(-1, 2)
    places = (np.insert(index, 2, 0, axis=1)[:, None] + PLACES).reshape(-1, 3)
    numbers = np.tile(NUMBERS, len(index))
    sigma = np.array([DISPLACEMENTS[int(n)] for n in numbers])[:, None]
    layer, move = np.floor(2 * places[:, 2]).astype(int), propagator(grid, wavelength(ENERGY), CELL / 2)
    start = tuple(round(t * SUPER / window.cells) for t in tilt)
    total = np.zeros((len(repeats), *grid.shape))
    spectrum = np.zeros(grid.shape, complex)
    spectrum[start] = spectrum.size
    for number in range(count):
        rng, wave = np.random.default_rng([5, number]), fft.ifft2(spectrum).astype(np.complex64)
        for repeat in range(1, max(repeats) + 1):
            xy = places[:, :2] * CELL + sigma * rng.standard_normal((len(numbers), 2))
            gratings = Gratings(Sample(numbers, xy, layer, 2, CELL / 2, grid.size[1]), grid, (0.0, 0.0), ENERGY)
            for part in range(2):
                wave = convolved(wave * gratings.make(part), move)
            if repeat in repeats:
                total[repeats.index(repeat)] += np.abs(fft.fft2(wave) / wave.size) ** 2 / count
    return total


def _maps(total: np.ndarray, tilt: tuple[int, int]) -> np.ndarray:
    """Return maps of the diffuse intensity around the direct beam, Bragg beams filled from beside."""
    half = int(1.5 * FIELD / (wavelength(ENERGY) / (SUPER * CELL)))
    near, start = np.arange(-half, half + 1), [round(t * SUPER / CELLS) for t in tilt]
    maps = total[np.ix_(range(len(total)), near + start[0], near + start[1])]
    holes = (near % SUPER == 0)[:, None] & (near % SUPER == 0)[None, :]
    maps[:, holes] = 0
    beside = convolve(maps, np.ones((1, 3, 3))) / convolve((~holes).astype(float), np.ones((3, 3)))
    return np.where(holes, beside, maps)
