"""Diffuse electrons: what thermal motion and disorder scatter out of the beams, as a smooth halo.

Measured on frozen snapshots of a small supercell (independent displacements, random occupation) under one
plane wave: the intensity between the Bragg beams, averaged over rings around the direct beam. Rings lose
Kikuchi bands; strain and the tilts inside one table are not told apart.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from perovsim.microscopy.table.crystal import atomic_layers
from perovsim.microscopy.table.draw import fast
from perovsim.microscopy.waves.grid import Grid, fast_length, propagator
from perovsim.microscopy.waves.multislice import Gratings, convolved
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.sample import Sample

if TYPE_CHECKING:
    from perovsim.microscopy.table.camera import Camera
    from perovsim.microscopy.table.table_settings import TableSettings

ANGSTROM = 1e-10
SUPERCELL = 2.2e-9
"""Least edge of the supercell [m]: beams lie at least every fourth of its frequencies."""
SNAPSHOTS = 5
"""With some hundred pixels per ring, rings are then good to about 3 %."""
RING = 1e-3
"""Width of the rings [rad]."""
SEED = 1


def halo_ends(settings: TableSettings) -> list[float]:
    """Return the compositions at which a halo is computed; none for a crystal at rest and in order."""
    still = all(value == 0 for _, value in settings.displacements)
    ends = sorted({settings.compositions[0], settings.compositions[-1]})
    return [] if still and ends in ([0.0], [1.0]) else ends


def halo_profile(settings: TableSettings, composition: float) -> np.ndarray:
    """Return the diffuse intensity per solid angle, (repeat, ring) [1/rad^2]; rings are RING wide."""
    return _Snapshots(settings, composition).profile()


class _Snapshots:
    """Frozen snapshots of one composition under the plane wave of the table's tilt."""

    def __init__(self, settings: TableSettings, composition: float) -> None:
        self.settings, self.lam = settings, wavelength(settings.energy)
        atoms = settings.phase.atoms()
        a, b, _ = settings.phase.edges
        self.copies = int(np.ceil(SUPERCELL / a)), int(np.ceil(SUPERCELL / b))
        step = settings.band.step
        points = [fast_length(int(np.ceil(edge / step - 1e-9))) for edge in (a, b)]
        self.grid = Grid(
            (points[0] * self.copies[0], points[1] * self.copies[1]), (float(a / points[0]), float(b / points[1]))
        )
        self.layers, self.spacing = atomic_layers(atoms)
        self.cell, self.occupants = atoms, settings.phase.occupants(composition)
        self.steps = {distance: propagator(self.grid, self.lam, distance) for distance in np.unique(self.spacing)}

    def profile(self) -> np.ndarray:
        """Return the mean over snapshots, (repeat, ring)."""
        first, last = self.settings.repeats
        rings, weights = self._rings()
        total = np.zeros((last - first + 1, len(weights)))
        start = self._start()
        for number in range(SNAPSHOTS):
            rng = np.random.default_rng([SEED, number])
            wave = self._plane_wave(start)
            for repeat in range(last + 1):
                if repeat:
                    wave = self._repeat(wave, rng)
                if repeat >= first:
                    intensity = np.abs(np.fft.fft2(wave) / wave.size) ** 2
                    total[repeat - first] += np.bincount(rings.ravel(), intensity.ravel(), len(weights) + 1)[:-1]
        solid = self.lam**2 * np.prod(self.grid.pixel)
        return total / (SNAPSHOTS * np.maximum(weights, 1) * solid)

    def _start(self) -> tuple[int, int]:
        """Return the frequency of the incident wave that is nearest to the table's tilt."""
        return tuple(
            round(angle / self.lam * edge) for angle, edge in zip(self.settings.tilt, self.grid.size, strict=True)
        )

    def _plane_wave(self, start: tuple[int, int]) -> np.ndarray:
        spectrum = np.zeros(self.grid.shape, complex)
        spectrum[start] = self.grid.shape[0] * self.grid.shape[1]
        return np.fft.ifft2(spectrum).astype(np.complex64)

    def _repeat(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sample = self._sample(rng)
        gratings = Gratings(sample, self.grid, (0.0, 0.0), self.settings.energy)
        for index, distance in enumerate(self.spacing):
            wave = convolved(wave * gratings.make(index), self.steps[distance])
        return wave

    def _sample(self, rng: np.random.Generator) -> Sample:
        """Return one repeat of the supercell, drawn anew."""
        from ase.data import atomic_numbers

        sigma = dict(self.settings.displacements)
        index = np.stack(np.meshgrid(*map(np.arange, self.copies), indexing="ij"), -1).reshape(-1, 2)
        edges = np.array(self.settings.phase.edges[:2])
        numbers, places, layers = [], [], []
        for layer, sites in enumerate(self.layers):
            for site in sites:
                names, shares = zip(*self.occupants[site].items(), strict=True)
                drawn = np.array(names)[rng.choice(len(names), len(index), p=shares)]
                spread = np.array([sigma[name] for name in drawn])
                at = self.cell.positions[site, :2] * ANGSTROM + index * edges
                places.append(at + spread[:, None] * rng.standard_normal((len(index), 2)))
                numbers.append([atomic_numbers[name] for name in drawn])
                layers.append(np.full(len(index), layer))
        return Sample(
            np.concatenate(numbers),
            np.concatenate(places),
            np.concatenate(layers),
            len(self.layers),
            float(self.spacing.mean()),
            self.grid.size[1],
        )

    def _rings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ring of each frequency (the last one for beams and all beyond), and their sizes."""
        start = self._start()
        turns = [np.fft.fftfreq(n, 1 / n) - s for n, s in zip(self.grid.shape, start, strict=True)]
        angle = [self.lam * turn / edge for turn, edge in zip(turns, self.grid.size, strict=True)]
        r = np.hypot(angle[0][:, None], angle[1][None, :])
        count = int(np.ceil(np.sqrt(2) * (self.settings.max_angle + 2 * RING) / RING))
        rings = np.minimum(np.rint(r / RING).astype(int), count)
        beams = (turns[0] % self.copies[0] == 0)[:, None] & (turns[1] % self.copies[1] == 0)[None, :]
        rings[beams] = count
        return rings, np.bincount(rings.ravel(), minlength=count + 1)[:-1]


def halo_rings(profiles: np.ndarray, share: float, place: float) -> np.ndarray:
    """Return the halo on rings and its derivatives by `share` and `place`, (3, ring) [1/rad^2].

    profiles : (composition at the ends, repeat, ring); share : between the compositions, 0 to 1
    place : repeats after the first
    """
    mix = profiles[0] + share * (profiles[-1] - profiles[0])
    low = min(max(int(place), 0), len(mix) - 2)
    slope = mix[low + 1] - mix[low]
    return np.stack([mix[low] + (place - low) * slope, (profiles[-1] - profiles[0])[low], slope])


def spread_rings(rings: np.ndarray, centre: np.ndarray, camera: Camera, out: np.ndarray) -> None:
    """Set out (pixel of the field, n) to rings (n, ring) [1/rad^2] around a centre (x, y) [rad], [1/pixel]."""
    middle = 0.5 * (np.array(camera.shape) - 1) + centre[::-1] / camera.pixel
    shares = (camera.pixel**2 * rings.T).astype(np.float32)
    _spread(np.ascontiguousarray(shares), tuple(middle), camera.pixel / RING, camera.index, out)


@fast
def _spread(rings, middle, ring, index, out):
    """Interpolate rings (ring, n) linearly at every pixel of the field; ring : pixel in widths of a ring."""
    for row in range(index.shape[0]):
        y = row - middle[0]
        for column in range(index.shape[1]):
            place = index[row, column]
            if place >= 0:
                x = column - middle[1]
                r = ring * sqrt(y * y + x * x)
                at = min(int(r), len(rings) - 2)
                part = np.float32(r - at)
                for k in range(rings.shape[1]):
                    out[place, k] = rings[at, k] + part * (rings[at + 1, k] - rings[at, k])
