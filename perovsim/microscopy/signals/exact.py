"""Patterns by abTEM itself: every probe on the whole lamella.

abTEM propagates and transmits; its Waves start from our probe, whose aperture edge is one pixel of the
pattern (as abTEM's own Probe makes it, one pixel of its grid). The far field of an exit wave psi is
taken at the pixels of the pattern, |sum_r psi(r) exp(-2 pi i q.r / lambda)|^2, whatever the cell's size.
abTEM's settings count: of `precision`, float32 differs from float64 by 1e-6 of the beam; with `device` = "gpu" cupy
propagates the waves.
References: Madsen and Susi, Open Research Europe 1, 24 (2021)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft as fft

from perovsim.errors import PerovsimError
from perovsim.memory import require_memory
from perovsim.microscopy.waves.far_field import FarField
from perovsim.microscopy.waves.grid import Grid
from perovsim.microscopy.waves.multislice import FINE, Gratings
from perovsim.microscopy.waves.plan import Plan
from perovsim.microscopy.waves.potential import ABTEM, ANGSTROM
from perovsim.microscopy.waves.probe import check_contained, probe_spectrum, probe_wave, refocused
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers

BATCH = 2**28
"""Waves that share the slices [bytes]; with what abTEM copies this bounds the memory."""
MRAD = 1e-3
COPIES = 8
"""Waves' worth of memory that making transmission functions takes, per point of the finer grid."""


class ExactPatterns:
    """Patterns of every probe for one snapshot after another; as WindowPatterns."""

    def __init__(self, plan: Plan, snapshots: Snapshots, microscope: Any, beam: Any, projection: str) -> None:
        self.plan, self.snapshots, self.energy, self.projection = plan, snapshots, float(microscope.energy), projection
        self.grid = plan.whole
        self.spectrum = probe_spectrum(self.grid, plan.lam, beam, edge=plan.grid.pixel)
        check_contained(self.spectrum, self.grid, beam)
        self._detect = FarField(self.grid, plan.lam, plan.q)
        size = int(np.prod(self.grid.shape)) * np.dtype(np.complex64).itemsize
        self.batch = int(np.clip(BATCH // size, 1, len(plan.positions)))
        require_memory(
            size * (3 * self.batch + COPIES * FINE**2),
            "the exact scan",
            'use fidelity = "window", a narrower lamella or a coarser sampling',
        )

    @property
    def work(self) -> int:
        """Probes and slices of one snapshot."""
        return len(self.plan.positions) * self.snapshots.sample.slices

    def snapshot(
        self, number: int, pool: Workers, done: Callable[[int], None], tilt: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Return the intensities (position, qy, qx) of one frozen-phonon snapshot; tilt : of the beam (x, y) [rad]."""
        places = self.snapshots.positions(number)
        waves = self.exit_waves(number, places, pool, done, tilt)
        corner = np.array([self.plan.low, 0.0])
        return np.array([self._detect(wave, at - corner) for wave, at in zip(waves, places, strict=True)])

    def annular(
        self, number: int, inner: float, outer: float, pool: Workers, done: Callable[[int], None] = lambda _: None
    ) -> np.ndarray:
        """Return the share of the beam between two angles [rad] at each position, on the pixels of the whole cell."""
        angle = self.grid.angles(self.plan.lam)
        seen = (angle >= inner) & (angle < outer)
        waves = self.exit_waves(number, self.snapshots.positions(number), pool, done)
        return np.array([(np.abs(fft.fft2(wave)[seen] / wave.size) ** 2).sum(dtype=float) for wave in waves])

    def exit_waves(
        self,
        number: int,
        places: np.ndarray,
        pool: Workers,
        done: Callable[[int], None],
        tilt: tuple[float, float] = (0.0, 0.0),
    ) -> Iterator[np.ndarray]:
        """Yield the exit wave of a probe at each of the places (n, 2) [m]."""
        import abtem
        from abtem.antialias import AntialiasAperture
        from abtem.core.axes import AxisMetadata
        from abtem.core.utils import get_dtype
        from abtem.multislice import FresnelPropagator, conventional_multislice_step

        device = _device()
        cell = Grid((self.plan.columns, self.plan.period), self.grid.step)
        atoms = self.snapshots.atoms(number)
        gratings = Gratings(atoms, cell, (self.plan.low, 0.0), self.energy, projection=self.projection)
        spectrum = refocused(self.spectrum, self.grid, self.plan.lam, self.snapshots.defocus(number))
        for first in range(0, len(places), self.batch):
            some = places[first : first + self.batch] - [self.plan.low, 0.0]
            array = np.array([probe_wave(spectrum, self.grid, at, get_dtype(complex=True)) for at in some])
            waves = abtem.Waves(
                array,
                self.energy,
                sampling=self._step,
                ensemble_axes_metadata=[AxisMetadata()],
                metadata={"base_tilt_x": tilt[0] / MRAD, "base_tilt_y": tilt[1] / MRAD},
            )
            waves = waves.copy_to_device(device)
            limit, propagator = AntialiasAperture(), FresnelPropagator()
            for part in pool.ahead(lambda index: self._slice(gratings, index), range(atoms.slices)):
                waves = conventional_multislice_step(waves, part.copy_to_device(device), propagator, limit)
                done(len(some))
            yield from waves.to_cpu().array

    @property
    def _step(self) -> tuple[float, float]:
        """Steps of the grid [angstrom]."""
        return self.grid.step[0] / ANGSTROM, self.grid.step[1] / ANGSTROM

    def _slice(self, gratings: Gratings, index: int) -> Any:
        """Return a slice for abTEM: its potential, or our transmission function, which was made on a finer grid."""
        from abtem import PotentialArray
        from abtem.potentials.iam import TransmissionFunction

        tiles, thickness = (1, self.grid.shape[1] // self.plan.period), gratings.sample.thickness / ANGSTROM
        if self.projection == ABTEM:
            array = np.tile(gratings.potential(index) / np.float32(ANGSTROM), tiles)
            return PotentialArray(array[None], thickness, sampling=self._step)
        array = np.tile(gratings.make(index), tiles)
        return TransmissionFunction(array[None], thickness, sampling=self._step, energy=self.energy)


def _device() -> str:
    """Return where abTEM is set to compute, "cpu" or "gpu"; PerovsimError where it cannot."""
    import abtem
    from abtem.core.backend import check_cupy_is_installed

    device = abtem.config.get("device")
    if device == "gpu":
        try:
            check_cupy_is_installed()
        except RuntimeError:
            raise PerovsimError(
                'abTEM is set to device = "gpu", which needs cupy; install it, or abtem.config.set({"device": "cpu"})'
            ) from None
    return device
