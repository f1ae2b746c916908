"""Patterns by windows: each probe meets a crop of one transmission function of the whole lamella."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft as fft

from perovsim.memory import require_memory
from perovsim.microscopy.waves.far_field import FarField
from perovsim.microscopy.waves.grid import Grid, fast_length, propagator
from perovsim.microscopy.waves.multislice import FINE, Gratings, forward
from perovsim.microscopy.waves.plan import REACH, Plan
from perovsim.microscopy.waves.probe import check_contained, probe_spectrum, probe_wave, refocused
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers

BLOCK = 32
"""Probes that share one pass through the slices."""


class WindowPatterns:
    """Patterns of every probe for one snapshot after another."""

    def __init__(self, plan: Plan, snapshots: Snapshots, microscope: Any, beam: Any, projection: str) -> None:
        self.plan, self.snapshots, self.energy, self.projection = plan, snapshots, float(microscope.energy), projection
        self.spectrum = probe_spectrum(plan.grid, plan.lam, beam)
        check_contained(self.spectrum, plan.grid, beam)
        self._at_any = None if plan.angle_step is None else FarField(plan.grid, plan.lam, plan.q)
        count = len(plan.positions)
        self.blocks = [np.arange(i, min(i + BLOCK, count)) for i in range(0, count, BLOCK)]
        self._check_memory()

    @property
    def work(self) -> int:
        """Probes and slices of one snapshot."""
        return len(self.plan.positions) * self.snapshots.sample.slices

    def snapshot(
        self, number: int, pool: Workers, done: Callable[[int], None], tilt: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Return the intensities (position, qy, qx) of one frozen-phonon snapshot; tilt : of the beam (x, y) [rad]."""
        step = propagator(self.plan.grid, self.plan.lam, self.snapshots.sample.thickness, tilt)
        moved, places = self.snapshots.atoms(number), self.snapshots.positions(number)
        spectrum = refocused(self.spectrum, self.plan.grid, self.plan.lam, self.snapshots.defocus(number))
        return np.concatenate([self._block(block, moved, places, spectrum, step, pool, done) for block in self.blocks])

    def _check_memory(self) -> None:
        wave = np.prod(self.plan.grid.shape) * np.dtype(np.complex64).itemsize
        columns = max(self._columns(block)[1] for block in self.blocks)
        grating = columns * self.plan.period * FINE**2 * np.dtype(np.complex128).itemsize
        patterns = 3 * 8 * len(self.plan.positions) * (2 * self.plan.half + 1) ** 2
        require_memory(
            wave * min(BLOCK, len(self.plan.positions)) + 4 * grating + patterns,
            "the scan",
            "scan fewer positions, or use a coarser sampling",
        )

    def _columns(self, block: np.ndarray) -> tuple[int, int]:
        """Return the first column of the lamella's grid and their number under a block of probes."""
        starts, spare = self._starts(block), int(np.ceil(REACH / self.plan.grid.step[0]))
        first = int(starts.min()) - spare
        return first, fast_length(int(starts.max()) + self.plan.grid.shape[0] + spare - first)

    def _starts(self, block: np.ndarray) -> np.ndarray:
        """Return the first column of each probe's cell on the grid of the whole lamella."""
        grid, x = self.plan.grid, self.plan.positions[block, 0]
        return np.round((x - 0.5 * grid.size[0] - self.plan.low) / grid.step[0]).astype(int)

    def _rows(self, block: np.ndarray) -> np.ndarray:
        """Return the first row of each probe's cell within one height of the lamella."""
        grid, y = self.plan.grid, self.plan.positions[block, 1]
        if not self.plan.cropped:
            return np.zeros(len(block), int)
        return np.round((y - 0.5 * grid.size[1]) / grid.step[1]).astype(int)

    def _block(
        self,
        block: np.ndarray,
        moved: Any,
        places: np.ndarray,
        spectrum: np.ndarray,
        step: np.ndarray,
        pool: Workers,
        done: Callable[[int], None],
    ) -> np.ndarray:
        plan, (first, columns) = self.plan, self._columns(block)
        low = plan.low + first * plan.grid.step[0]
        cell = Grid((columns, plan.period), plan.grid.step)
        inside = moved.between(low, low + cell.size[0])
        gratings = Gratings(inside, cell, (low, 0.0), self.energy, projection=self.projection)
        starts, rows = self._starts(block) - first, self._rows(block)
        corners = np.stack([starts, rows], axis=1) * plan.grid.step + [low, 0.0]
        places = places[block] - corners
        waves = [probe_wave(spectrum, plan.grid, at) for at in places]
        rows %= plan.period
        width, height = plan.grid.shape[0], min(plan.period, plan.grid.shape[1])

        def cut(grating: np.ndarray, number: int) -> np.ndarray:
            return grating[starts[number] : starts[number] + width, rows[number] : rows[number] + height]

        def passed():
            for grating in gratings.stream(pool):
                yield np.concatenate([grating, grating[:, :height]], axis=1) if plan.cropped else grating
                done(len(block))

        forward(waves, passed(), step, pool, cut)
        if self._at_any is not None:
            return np.stack([self._at_any(wave, at) for wave, at in zip(waves, places, strict=True)])
        return np.stack([self._detect(wave) for wave in waves])

    def _detect(self, wave: np.ndarray) -> np.ndarray:
        """Return |F psi|^2 (qy, qx) around the centre, 1 in all for the whole beam."""
        spectrum = fft.fft2(wave) / np.float32(wave.size)
        keep = np.arange(-self.plan.half, self.plan.half + 1)
        near = spectrum[np.ix_(keep, keep)]
        return (near.real.astype(float) ** 2 + near.imag.astype(float) ** 2).T
