"""What a camera makes of counted electrons: point spread, gain, readout noise, saturation.

signal = clip(gain x (PSF * N) + readout, 0, saturation), N : electrons per pixel, an ideal counting camera's
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from perovsim.errors import PerovsimError

REACH = 6.0
"""A Gaussian point spread ends at this many standard deviations."""


def binned(patterns: np.ndarray, count: int) -> np.ndarray:
    """Return sums over count x count pixels around the centre, (..., qy, qx), without incomplete ones at the rim."""
    half = patterns.shape[-1] // 2
    most = (half - count // 2) // count
    keep = slice(half - count // 2 - most * count, half + count // 2 + most * count + 1)
    inner = patterns[..., keep, keep]
    size = inner.shape[-1] // count
    return inner.reshape(*inner.shape[:-2], size, count, size, count).sum(axis=(-3, -1))


def read_out(electrons: np.ndarray, camera: Any, seed: object) -> np.ndarray:
    """Return the signal of a camera, float32, (position, qy, qx) [counts].

    electrons : counted electrons per pixel; camera : CameraSpec
    """
    signal = electrons.astype(np.float32)
    if float(camera.psf) > 0:
        spread = float(camera.psf)
        signal = gaussian_filter(signal, (0.0, spread, spread), mode="constant", truncate=REACH)
    signal = signal * np.float32(float(camera.gain))
    if float(camera.readout_noise) > 0:
        noise = np.random.default_rng(seed).standard_normal(signal.shape, np.float32)
        signal = signal + np.float32(float(camera.readout_noise)) * noise
    most = np.inf if camera.saturation is None else float(camera.saturation)
    return np.clip(signal, 0.0, most).astype(np.float32)


def require_unsaturated(camera: Any, electrons: float, pixels: float, mode: str) -> None:
    """Raise PerovsimError when the direct beam without a sample saturates a camera.

    electrons : per pattern; pixels : of the undiffracted disk
    """
    if camera is None or camera.saturation is None:
        return
    brightest, most = electrons * float(camera.gain) / pixels, float(camera.saturation)
    if brightest > most:
        raise PerovsimError(
            f"the camera of mode '{mode}' saturates: {electrons:.3g} electrons per pattern make {brightest:.3g} counts "
            f"on a pixel of the direct beam, it holds {most:.3g}; give at most {electrons * most / brightest:.2g} "
            "electrons_per_pattern, a lower gain or a larger saturation"
        )
