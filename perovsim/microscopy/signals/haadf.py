"""Annular dark-field images by reciprocity: every probe position of a cell at once.

With M the multislice operator, the amplitude at detector pixel q for a probe at r0 is
<q| M |probe(r0)>. The transposed multislice of a wave w on the detector, u = M^T w, gives it for all
r0 together: sum_k C(k) U(k) exp(-2 pi i k.r0), C the probe's spectrum, U(k) = sum_r u exp(2 pi i k.r).
The pixels of the annulus are dealt at random to a few waves, each pixel with a random phase; then
sum |<w|M|probe>|^2 has the sum over all pixels as its mean (cross terms vanish on average), and is
that sum exactly when every pixel has its own wave. The cost does not depend on the number of probe
positions. References: reciprocity, Pogany and Turner, Acta Cryst. A 24, 103 (1968); random phases,
Hutchinson, Commun. Stat. Simul. Comput. 18, 1059 (1989).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft as fft
import xarray as xr

from perovsim.errors import PerovsimError
from perovsim.memory import require_memory
from perovsim.microscopy.records.audit import draw
from perovsim.microscopy.records.counting import poisson_counts
from perovsim.microscopy.records.fidelity import choose
from perovsim.microscopy.records.image import FORMAT, Image
from perovsim.microscopy.records.image_audit import ImageAudit, compare_pixels
from perovsim.microscopy.records.provenance import provenance
from perovsim.microscopy.signals.exact_image import ExactPixels, whole_plan
from perovsim.microscopy.waves.grid import Grid, fast_length, propagator
from perovsim.microscopy.waves.image_plan import Plan, plan_image
from perovsim.microscopy.waves.multislice import FINE, Gratings, backward
from perovsim.microscopy.waves.plan import electrons_per_pattern
from perovsim.microscopy.waves.probe import check_contained, probe_spectrum, refocused
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Share, Workers

WAVES = 24
"""Detector waves per snapshot. With four snapshots and a source of 0.3 angstrom the Monte-Carlo error of
a pixel is 6 % of its intensity, a sixth of its Poisson noise on a bright column at 1000 electrons per
square angstrom, and less elsewhere."""
NYQUIST = 4.0
"""Intensity has twice the band of the amplitude: samples per wavelength / semiangle, at least."""
USUAL = 'dose = "1000 electron/angstrom^2"'
"""Dose proposed where a mode says nothing."""
_WAVE_SEEDS, _COUNT_SEEDS = 1, 2
"""Streams of random numbers beside those of the snapshots; places of the source (1) are not drawn for windows."""


def haadf_image(
    lamella: Any,
    microscope: Any,
    *,
    field: tuple[float | str, float | str],
    centre: tuple[float | str, float | str],
    phonons: int | None = None,
    seed: int = 1,
    mode: str = "haadf",
    fidelity: str | None = None,
    error: float | None = None,
    audit: int = 0,
    waves: int | None = None,
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
) -> Image:
    """Simulate an annular dark-field image of a part of a lamella.

    field : edges along x and y; centre : on the device axis and along the interface, [m] or text
    phonons : snapshots, of the microscope when None
    fidelity : "exact" (abTEM, probe by probe on the whole lamella) or "window" (all positions of a cell around the
    field at once), or error : the tolerated sum |I - I_exact| / sum I_exact
    audit : pixels drawn at random and computed again exactly, without the blur of the source, of the same phonons;
    the deviation goes to attrs and `Image.audit`; an exact image has none
    waves : detector waves per snapshot of a window; WAVES, or as many as `error` needs, when None
    seed : of phonons, detector waves and counts; progress : called with the share done, 0 to 1
    Counts are Poisson(dose x pixel^2 x expectation), the pixel is the mode's step. standard_error
    holds the Monte-Carlo error and, from two snapshots on, that of the phonon average.
    Raises PerovsimError for a field outside the lamella, a detector beyond the grid's angles, a
    probe that does not fit, overlapping atoms, missing displacements, more memory than there is.
    """
    beam = microscope.mode(mode)
    phonons = microscope.phonon_configurations if phonons is None else int(phonons)
    way = _way(fidelity, error)
    if phonons < 1 or audit < 0:
        raise PerovsimError(f"phonons = {phonons} must be at least 1, audit = {audit} at least 0")
    if waves is None:
        waves = WAVES if not error else max(WAVES, int(np.ceil(1 / (phonons * error**2))))
    if waves < 2:
        raise PerovsimError(f"waves = {waves} must be at least 2, else their scatter is not known")
    plan = plan_image(lamella, microscope, beam, field, centre)
    whole = whole_plan(plan, lamella, beam)
    snapshots = Snapshots(whole, lamella, microscope, beam, seed)
    checked = draw(len(whole.positions), audit, seed) if way == "window" else np.zeros(0, int)
    check = ExactPixels(whole, lamella, microscope, beam, seed, checked) if len(checked) else None
    if way == "window":
        run: Any = _Annulus(plan, snapshots, microscope, beam, waves, sharp=check is not None)
    else:
        run = ExactPixels(whole, lamella, microscope, beam, seed, None)
    done = Share(progress, phonons * (run.work + (0 if check is None else check.work)))
    estimates, again = [], []
    with Workers(workers) as pool:
        for snapshot in range(phonons):
            estimates.append(run.snapshot(seed, snapshot, pool, done))
            if check is not None:
                again.append(check.values(snapshot, pool, done))
    expectation = np.maximum(np.mean([mean for mean, *_ in estimates], axis=0), 0.0)
    spread = _standard_error([(mean, variance) for mean, variance, _ in estimates])
    found = None if check is None else _audited(run, estimates, again, checked)
    electrons = electrons_per_pattern(beam, None, USUAL)
    counts = poisson_counts(electrons * expectation, [seed, _COUNT_SEEDS])
    return _image(
        plan,
        lamella,
        microscope,
        beam,
        snapshots,
        expectation,
        spread,
        counts,
        electrons_per_pixel=electrons,
        phonons=phonons,
        seed=seed,
        fidelity=way,
        **({"waves": run.waves} if way == "window" else {}),
        **({} if found is None else found.attributes()),
    )


def _way(fidelity: str | None, error: float | None) -> str:
    """Return "window" or "exact": as given, or the cheaper one that promises `error`."""
    if fidelity == "crystal":
        raise PerovsimError(
            "fidelity 'crystal': the table holds patterns of a nearly parallel probe, no annular images; use "
            "fidelity = 'window' or 'exact'"
        )
    return choose(fidelity, error, crystal=False)


def _audited(run: _Annulus, estimates: list, again: list[np.ndarray], checked: np.ndarray) -> ImageAudit:
    """Compare the sharp image with exact pixels of the same phonons."""
    sharp = np.mean([one.ravel()[checked] for *_, one in estimates], axis=0)
    scatter = np.sqrt(2 / np.pi / (run.waves * len(estimates)))
    return compare_pixels(sharp, np.mean(again, axis=0), float(scatter))


class _Annulus:
    """Image of an annulus for one snapshot after another; sharp : also without the blur of the source."""

    def __init__(
        self, plan: Plan, snapshots: Snapshots, microscope: Any, beam: Any, waves: int, sharp: bool = False
    ) -> None:
        self.plan, self.energy, self.snapshots = plan, float(microscope.energy), snapshots
        self.waves = min(waves, len(plan.annulus))
        self.step = propagator(plan.grid, plan.lam, snapshots.sample.thickness)
        self.probe = probe_spectrum(plan.grid, plan.lam, beam)
        check_contained(self.probe, plan.grid, beam)
        self.resample = Resample(plan, float(beam.semiangle), float(beam.source_size))
        self.sharp = Resample(plan, float(beam.semiangle), 0.0) if sharp else None
        size = np.prod(plan.grid.shape) * np.dtype(np.complex64).itemsize
        require_memory(
            size * (self.waves + 4 * FINE**2), "the image", "use a smaller field, fewer waves or a coarser sampling"
        )

    @property
    def work(self) -> int:
        """Waves and slices of one snapshot."""
        return self.waves * self.snapshots.sample.slices

    def snapshot(
        self, seed: int, number: int, pool: Workers, done: Callable[[int], None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the estimate of one snapshot (y, x), the variance of its Monte-Carlo error, and the sharp image, zero
        where none is asked for."""
        plan = self.plan
        moved = self.snapshots.atoms(number).between(plan.low, plan.low + plan.grid.size[0])
        cell = Grid((plan.grid.shape[0], plan.period), plan.grid.step)
        gratings = Gratings(moved, cell, (plan.low, 0.0), self.energy)
        waves = self._detector_waves(np.random.default_rng([seed, _WAVE_SEEDS, number]))
        backward(waves, gratings.stream(pool, backward=True), self.step, pool)
        probe = refocused(self.probe, plan.grid, plan.lam, self.snapshots.defocus(number))
        images, sharp = np.zeros((2, self.waves, len(plan.y), len(plan.x)))

        def finish(index: int) -> None:
            amplitude = self.amplitude(waves[index], probe)
            images[index] = self.resample(amplitude)
            if self.sharp is not None:
                sharp[index] = self.sharp(amplitude)

        pool.each(finish, self.waves)
        done(self.work)
        return images.sum(axis=0), self.waves * images.var(axis=0, ddof=1), sharp.sum(axis=0)

    def _detector_waves(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Deal the pixels of the annulus to waves, with random phases; return their transforms."""
        order = rng.permutation(self.plan.annulus)
        phases = np.exp(2j * np.pi * rng.random(len(order)))
        waves = []
        for first in range(self.waves):
            wave = np.zeros(self.plan.grid.shape, np.complex64)
            wave.flat[order[first :: self.waves]] = phases[first :: self.waves]
            waves.append(fft.fft2(wave, overwrite_x=True) / np.float32(wave.size))
        return waves

    def amplitude(self, wave: np.ndarray, probe: np.ndarray) -> np.ndarray:
        """Return the amplitude at every position of a probe on a coarse grid over the cell."""
        spectrum = fft.ifft2(wave) * np.float32(wave.size)
        return self.resample.positions(spectrum * probe)


class Resample:
    """From amplitudes in Fourier space to the blurred intensity at the pixels of the image."""

    def __init__(self, plan: Plan, semiangle: float, source_size: float) -> None:
        size = plan.grid.size
        reach = semiangle / plan.lam
        self.shape = tuple(
            min(fast_length(int(np.ceil(NYQUIST * reach * length)) + 8), count)
            for length, count in zip(size, plan.grid.shape, strict=True)
        )
        kx, ky = (np.fft.fftfreq(n, length / n) for n, length in zip(self.shape, size, strict=True))
        blur = np.exp(-2 * np.pi**2 * source_size**2 * (kx[:, None] ** 2 + ky[None, :] ** 2))
        self._blur = blur / np.prod(self.shape)
        self._to_x = np.exp(2j * np.pi * (plan.x[:, None] - plan.low) * kx)
        self._to_y = np.exp(2j * np.pi * ky[:, None] * plan.y)
        self._keep = [
            np.r_[0 : (n + 1) // 2, count - n // 2 : count]
            for n, count in zip(self.shape, plan.grid.shape, strict=True)
        ]

    def positions(self, spectrum: np.ndarray) -> np.ndarray:
        """Return sum_k spectrum(k) exp(-2 pi i k.r) on the coarse grid."""
        return fft.fft2(spectrum[np.ix_(*self._keep)])

    def __call__(self, amplitude: np.ndarray) -> np.ndarray:
        """Return |amplitude|^2, blurred by the source, at the pixels (y, x)."""
        spectrum = fft.fft2(np.abs(amplitude).astype(float) ** 2) * self._blur
        return (self._to_x @ spectrum @ self._to_y).real.T


def _standard_error(estimates: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the standard error of the mean of the snapshots.

    Monte-Carlo variance is known per pixel. The variance between phonon snapshots is what their
    scatter has beyond it, taken as one share of the intensity for all pixels, since few snapshots
    say little about a single one.
    """
    images = np.array([mean for mean, _ in estimates])
    carlo = np.mean([variance for _, variance in estimates], axis=0)
    count = len(images)
    if count == 1:
        return np.sqrt(carlo)
    mean = images.mean(axis=0)
    beyond = images.var(axis=0, ddof=1).sum() - carlo.sum()
    share = max(float(beyond / (mean**2).sum()), 0.0)
    return np.sqrt((carlo + share * mean**2) / count)


def _image(
    plan: Plan,
    lamella: Any,
    microscope: Any,
    beam: Any,
    snapshots: Snapshots,
    expectation: np.ndarray,
    error: np.ndarray,
    counts: np.ndarray,
    **settings: Any,
) -> Image:
    dims = ("y", "x")
    data = {
        "counts": (dims, counts, {"units": "electron", "long_name": "counts"}),
        "expectation": (dims, expectation, {"units": "1", "long_name": "fraction of the beam"}),
        "standard_error": (dims, error, {"units": "1", "long_name": "standard error of expectation"}),
    }
    coords = {
        "x": ("x", plan.x, {"units": "m", "long_name": "device axis"}),
        "y": ("y", plan.y, {"units": "m", "long_name": "along the interface"}),
    }
    attrs = {
        "format": FORMAT,
        "kind": "simulated",
        "mode": beam.name,
        "energy": float(microscope.energy),
        "semiangle": float(beam.semiangle),
        "detector_inner": float(beam.detector_inner),
        "detector_outer": float(beam.detector_outer),
        "source_size": float(beam.source_size),
        "defocus": float(beam.defocus),
        "detector_pixels": len(plan.annulus),
        **settings,
        "kept_angle": plan.grid.kept(plan.lam),
        "sampling": max(plan.grid.step),
        "slice_thickness": snapshots.sample.thickness,
        **provenance(lamella, microscope, beam),
    }
    return Image(xr.Dataset(data, coords, attrs))
