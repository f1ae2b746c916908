"""4D-STEM on a line across a lamella: one multislice per probe, frozen phonons, finite dose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft as fft
import xarray as xr

from perovsim import units
from perovsim.errors import PerovsimError
from perovsim.memory import require_memory
from perovsim.microscopy.counting import poisson_counts
from perovsim.microscopy.grid import Grid, fast_length, propagator
from perovsim.microscopy.multislice import FINE, Gratings, forward
from perovsim.microscopy.optics import wavelength
from perovsim.microscopy.probe import RAYLEIGH, check_contained, probe_spectrum
from perovsim.microscopy.provenance import provenance
from perovsim.microscopy.sample import sample_of, thermal_sigmas
from perovsim.microscopy.scan import FORMAT, Scan4D
from perovsim.microscopy.work import Workers

SPAN = 6.0
"""Least edge of the cell around a probe [lambda / semiangle]: 3.4 % of an Airy probe lies beyond."""
REACH = 5e-10
"""Atoms act on what is closer than this [m]: their projected potential has decayed to 0.2 V angstrom
(Cs) or less."""
BLOCK = 32
"""Probes that share one pass through the slices."""
_POSITION_SEEDS, _COUNT_SEEDS = 1, 2
"""Streams of random numbers beside the snapshots, so that no two uses share numbers."""


@dataclass(frozen=True)
class Plan:
    """What is computed: cell of each probe, its grid, the positions and the detector.

    grid : of the wave around one probe (square cell); period : grid points of one lamella height
    positions : (n, 2) [m]; half : pixels of the pattern on each side of the centre
    """

    grid: Grid
    period: int
    positions: np.ndarray
    half: int
    lam: float


def scan_4d(
    lamella: Any,
    microscope: Any,
    *,
    step: float | str | None = None,
    positions: Sequence | np.ndarray | None = None,
    phonons: int | None = None,
    seed: int = 1,
    mode: str = "nanobeam",
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
) -> Scan4D:
    """Simulate diffraction patterns on a line across the lamella (x), at mid-height unless told.

    I(q) = < |F psi_out|^2 > over frozen phonons; counts are Poisson(electrons x I)
    step : distance of the probes [m] or text, of the mode when None; they lie at the interface plus
    multiples of it. positions : x, or (x, y) pairs, on the device axis [m], instead
    phonons : snapshots, of the microscope when None; seed : of phonons and counts
    progress : called with the share done, 0 to 1; workers : threads, one per processor when None
    Raises PerovsimError for a detector beyond the grid's angles, a probe that does not fit into the
    window, overlapping atoms, missing thermal displacements, more memory than there is.
    """
    beam = microscope.mode(mode)
    phonons = microscope.phonon_configurations if phonons is None else int(phonons)
    if phonons < 1:
        raise PerovsimError(f"phonons = {phonons} must be at least 1")
    electrons = _electrons(beam, step)
    plan = plan_scan(lamella, microscope, beam, step, positions)
    pattern = _Patterns(plan, lamella, microscope, beam)
    total = np.zeros((len(plan.positions), 2 * plan.half + 1, 2 * plan.half + 1))
    rings = []
    done = _Share(progress, phonons * len(plan.positions) * pattern.sample.slices)
    with Workers(workers) as pool:
        for snapshot in range(phonons):
            intensity = pattern.snapshot(seed, snapshot, pool, done)
            total += intensity
            rings.append(_ring_sums(intensity))
    expectation = total / phonons
    counts = poisson_counts(electrons * expectation, [seed, _COUNT_SEEDS])
    return _scan(
        plan,
        lamella,
        microscope,
        beam,
        pattern,
        expectation,
        counts,
        np.stack(rings, axis=1),
        electrons_per_pattern=electrons,
        phonons=phonons,
        seed=seed,
    )


def plan_scan(
    lamella: Any,
    microscope: Any,
    beam: Any,
    step: float | str | None = None,
    positions: Sequence | np.ndarray | None = None,
) -> Plan:
    """Choose cell and grid and check detector, probe and positions, before anything is computed."""
    lam = wavelength(float(microscope.energy))
    for name in ("max_angle", "sampling"):
        if getattr(beam, name) is None:
            raise PerovsimError(
                f"mode '{beam.name}' of microscope '{microscope.name}' has no "
                f"{name}, which patterns need; give it, or choose another mode"
            )
    semiangle, reach = float(beam.semiangle), RAYLEIGH * lam / float(beam.semiangle)
    if lamella.height < 2 * reach:
        raise _too_wide("height", lamella.height, semiangle, reach)
    tiles = int(np.ceil(SPAN * lam / semiangle / lamella.height - 1e-9))
    period = fast_length(int(np.ceil(lamella.height / float(beam.sampling) - 1e-9)))
    edge = tiles * lamella.height
    columns = fast_length(int(np.ceil(edge / float(beam.sampling) - 1e-9)))
    grid = Grid((columns, tiles * period), (edge / columns, lamella.height / period))
    grid.require(float(beam.max_angle), lam, f"max_angle of mode '{beam.name}'")
    half = int(float(beam.max_angle) / (lam / edge))
    return Plan(grid, period, _positions(lamella, beam, step, positions, reach), half, lam)


def _positions(lamella: Any, beam: Any, step: float | str | None, positions: Any, reach: float) -> np.ndarray:
    """Return (n, 2) positions [m] that lie at least `reach` inside the window."""
    x0, x1 = lamella.window
    if x1 - x0 < 2 * reach:
        raise _too_wide("width", x1 - x0, float(beam.semiangle), reach)
    if positions is None:
        distance = _step(beam, step)
        first = np.ceil((x0 + reach - lamella.interface) / distance - 1e-9)
        last = np.floor((x1 - reach - lamella.interface) / distance + 1e-9)
        x = lamella.interface + distance * np.arange(first, last + 1)
        if len(x) == 0:
            x = np.array([0.5 * (x0 + x1)])
        return np.stack([x, np.full_like(x, 0.5 * lamella.height)], axis=-1)
    if step is not None:
        raise PerovsimError("give either step or positions, not both")
    given = np.asarray(positions, float)
    if given.ndim == 1:
        given = np.stack([given, np.full_like(given, 0.5 * lamella.height)], axis=-1)
    if given.ndim != 2 or given.shape[1] != 2 or len(given) == 0 or not np.isfinite(given).all():
        raise PerovsimError("positions must be a list of x, or of (x, y) pairs, in metres")
    for x in given[:, 0]:
        if not x0 + reach - 1e-15 <= x <= x1 - reach + 1e-15:
            raise PerovsimError(
                f"a probe at x = {x * 1e9:.3f} nm does not fit into the window {x0 * 1e9:.3f} to "
                f"{x1 * 1e9:.3f} nm; allowed with a probe of radius {reach * 1e9:.2f} nm: "
                f"{(x0 + reach) * 1e9:.3f} to {(x1 - reach) * 1e9:.3f} nm; build a wider lamella"
            )
    return given


def _too_wide(name: str, size: float, semiangle: float, reach: float) -> PerovsimError:
    return PerovsimError(
        f"the probe of {semiangle * 1e3:g} mrad is {2 * reach * 1e9:.2f} nm wide (first dark ring), "
        f"larger than the {name} of the lamella, {size * 1e9:.2f} nm; build a lamella with a "
        f"{name} of at least {2 * reach * 1e9:.2f} nm, or use a larger semiangle"
    )


def _step(beam: Any, step: float | str | None) -> float:
    given = beam.step if step is None else step
    if given is None:
        raise PerovsimError(f"mode '{beam.name}' has no step; give step, such as \"0.5 nm\"")
    distance = units.parse(given, "m") if isinstance(given, str) else float(given)
    if not distance > 0:
        raise PerovsimError(f"step = {distance * 1e9:g} nm must be positive")
    return distance


def _electrons(beam: Any, step: float | str | None) -> float:
    """Return the electrons per pattern: given, or dose x step^2."""
    if beam.electrons_per_pattern is not None:
        return float(beam.electrons_per_pattern)
    if beam.dose is None:
        raise PerovsimError(
            f"mode '{beam.name}' has neither dose nor electrons_per_pattern; "
            "give electrons_per_pattern = 1e5, for example"
        )
    return float(beam.dose) * _step(beam, step) ** 2


class _Share:
    """Progress in slices and probes."""

    def __init__(self, progress: Callable[[float], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done / self.total)


class _Patterns:
    """Patterns of every probe for one snapshot after another."""

    def __init__(self, plan: Plan, lamella: Any, microscope: Any, beam: Any) -> None:
        self.plan, self.beam, self.energy = plan, beam, float(microscope.energy)
        edge = plan.grid.size[0]
        x = plan.positions[:, 0]
        span = x.min() - 0.5 * edge - 2 * REACH, x.max() + 0.5 * edge + 2 * REACH
        self.sample = sample_of(lamella, span, float(microscope.slice_thickness))
        self.sigmas = thermal_sigmas(self.sample.numbers, microscope.displacements, microscope.name)
        self.step = propagator(plan.grid, plan.lam, self.sample.thickness)
        self.spectrum = probe_spectrum(plan.grid, plan.lam, beam)
        check_contained(self.spectrum, plan.grid, beam)
        self.blocks = [np.arange(i, min(i + BLOCK, len(x))) for i in range(0, len(x), BLOCK)]
        self._check_memory()

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

    def _columns(self, block: np.ndarray) -> tuple[float, int]:
        """Return the first x [m] and the number of grid columns under a block of probes."""
        grid, x = self.plan.grid, self.plan.positions[:, 0]
        starts, spare = self._starts(block), self._spare()
        low = x.min() - 0.5 * grid.size[0] + (starts.min() - spare) * grid.step[0]
        return low, fast_length(int(starts.max() - starts.min()) + grid.shape[0] + 2 * spare)

    def _spare(self) -> int:
        """Return the columns beyond the cells of the probes that keep their atoms' neighbours."""
        return int(np.ceil(REACH / self.plan.grid.step[0]))

    def _starts(self, block: np.ndarray) -> np.ndarray:
        """Return the first column of each probe's cell on one grid for all blocks."""
        x = self.plan.positions[:, 0]
        return np.round((x[block] - x.min()) / self.plan.grid.step[0]).astype(int)

    def snapshot(self, seed: int, number: int, pool: Workers, done: _Share) -> np.ndarray:
        """Return the intensities (position, qy, qx) of one frozen-phonon snapshot."""
        moved = self.sample.moved(self.sigmas, np.random.default_rng([seed, 0, number]))
        source = np.random.default_rng([seed, _POSITION_SEEDS, number])
        shifts = float(self.beam.source_size) * source.standard_normal(self.plan.positions.shape)
        parts = [self._block(block, moved, self.plan.positions + shifts, pool, done) for block in self.blocks]
        return np.concatenate(parts)

    def _block(self, block: np.ndarray, moved: Any, positions: np.ndarray, pool: Workers, done: _Share) -> np.ndarray:
        grid, period = self.plan.grid, self.plan.period
        low, columns = self._columns(block)
        cell = Grid((columns, period), grid.step)
        inside = moved.between(low, low + cell.size[0])
        gratings = Gratings(inside, cell, (low, 0.0), self.energy)
        starts = self._starts(block)
        starts += self._spare() - starts.min()
        waves = [
            self._probe(positions[index] - (low + start * grid.step[0], 0.0))
            for index, start in zip(block, starts, strict=True)
        ]

        def cut(grating: np.ndarray, number: int) -> np.ndarray:
            return grating[starts[number] : starts[number] + grid.shape[0]]

        def counted(stream):
            for grating in stream:
                yield grating
                done(len(block))

        forward(waves, counted(gratings.stream(pool)), self.step, pool, cut)
        return np.stack([self._detect(wave) for wave in waves])

    def _probe(self, at: np.ndarray) -> np.ndarray:
        kx, ky = self.plan.grid.frequencies()
        shift = np.exp(-2j * np.pi * kx * at[0]) * np.exp(-2j * np.pi * ky * at[1])
        return fft.ifft2((self.spectrum * shift).astype(np.complex64)) * np.float32(self.spectrum.size)

    def _detect(self, wave: np.ndarray) -> np.ndarray:
        """Return |F psi|^2 (qy, qx) around the centre, 1 in all for the whole beam."""
        spectrum = fft.fft2(wave) / np.float32(wave.size)
        keep = np.arange(-self.plan.half, self.plan.half + 1)
        near = spectrum[np.ix_(keep, keep)]
        return (near.real.astype(float) ** 2 + near.imag.astype(float) ** 2).T


def _ring_sums(intensity: np.ndarray) -> np.ndarray:
    """Return sums over rings one pixel wide, (position, ring): how far snapshots scatter."""
    half = intensity.shape[-1] // 2
    steps = np.arange(-half, half + 1)
    ring = np.rint(np.hypot(steps[:, None], steps)).astype(int).ravel()
    inside = ring <= half
    return np.stack([np.bincount(ring[inside], one.ravel()[inside], half + 1) for one in intensity])


def _scan(
    plan: Plan,
    lamella: Any,
    microscope: Any,
    beam: Any,
    pattern: _Patterns,
    expectation: np.ndarray,
    counts: np.ndarray,
    rings: np.ndarray,
    **settings: Any,
) -> Scan4D:
    q = np.arange(-plan.half, plan.half + 1) * plan.lam / plan.grid.size[0]
    dims = ("position", "qy", "qx")
    data = {
        "counts": (dims, counts, {"units": "electron", "long_name": "counts"}),
        "expectation": (
            dims,
            expectation.astype(np.float32),
            {"units": "1", "long_name": "fraction of the beam per pixel"},
        ),
        "rings": (
            ("position", "snapshot", "ring"),
            rings.astype(np.float32),
            {"units": "1", "long_name": "fraction of the beam per ring one pixel wide"},
        ),
    }
    coords = {
        "x": ("position", plan.positions[:, 0], {"units": "m", "long_name": "device axis"}),
        "y": ("position", plan.positions[:, 1], {"units": "m", "long_name": "along the interface"}),
        "qx": ("qx", q, {"units": "rad", "long_name": "scattering angle along x"}),
        "qy": ("qy", q, {"units": "rad", "long_name": "scattering angle along y"}),
    }
    attrs = {
        "format": FORMAT,
        "kind": "simulated",
        "mode": beam.name,
        "energy": float(microscope.energy),
        "semiangle": float(beam.semiangle),
        **settings,
        "kept_angle": plan.grid.kept(plan.lam),
        "sampling": max(plan.grid.step),
        "fidelity": "window",
        "cell_edge": plan.grid.size[0],
        "slice_thickness": pattern.sample.thickness,
        "beyond_detector": float(1 - expectation.sum(axis=(1, 2)).mean()),
        **provenance(lamella, microscope, beam),
    }
    return Scan4D(xr.Dataset(data, coords, attrs))
