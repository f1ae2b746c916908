"""Small lamellae, coarse microscopes and drawn patterns for the microscopy tests."""

from functools import cache, lru_cache

import numpy as np
import xarray as xr
from atoms_synthetic import device, result
from scipy.special import erfc

from perovsim.atoms import build_lamella
from perovsim.microscopy.records.image import Image
from perovsim.microscopy.records.scan import Scan4D
from perovsim.model import load_microscope

ENERGY = 300e3
WAVELENGTH = 1.96875e-12
"""Of 300 keV electrons [m], Kirkland, Advanced Computing in Electron Microscopy, table of section 2."""


@cache
def small_lamella(strain=0.0, time=3600.0, seed=1, around="emitter|etl", width="5 nm"):
    """A lamella of a few cells: perovskite at low x, TPBi at high x."""
    return build_lamella(
        result(strain=strain), time=time, around=around, width=width, height="1.8 nm", thickness="2.3 nm", seed=seed
    )


@cache
def pure_lamella(strain=0.0, window=("18 nm", "26 nm"), thickness="4.6 nm", height="1.8 nm"):
    """CsPbBr3 alone, without alloy or vacancies, with one strain along x."""
    run = result(x_cl=(0.0, 0.0), strain=strain, start=0.0, theta_v=0.0)
    return build_lamella(run, time=3600.0, window=window, height=height, thickness=thickness)


@cache
def tall_lamella():
    """An interface of perovskite and TPBi, 6 nm wide and 3.5 nm high: windows of 2 nm are crops along both."""
    return build_lamella(
        result(), time=3600.0, around="emitter|etl", width="6 nm", height="3.5 nm", thickness="2.3 nm", seed=2
    )


def graded_lamella(end, window=("15 nm", "37 nm"), x_cl=0.0, thickness="6.9 nm"):
    """Perovskite whose strain grows from 0 at 16 nm to `end` at 36 nm."""
    run = result(device(), x_cl=(x_cl, x_cl), strain=1.0, start=x_cl, theta_v=0.0)
    ramp = np.clip((run.fields.x - 16e-9) / 20e-9, 0, 1) * end
    run.fields["strain_lattice"] = run.fields["strain_lattice"] * ramp
    return build_lamella(run, time=3600.0, window=window, height="1.8 nm", thickness=thickness)


def microscope(phonons=1, static=False, haadf=None, nanobeam=None):
    """The shipped microscope, coarser: `haadf` and `nanobeam` change entries of its modes."""
    made = load_microscope("stem_300kv")
    image = made.haadf.replace(
        **{"sampling": "0.12 angstrom", "detector_inner": "35 mrad", "detector_outer": "50 mrad", **(haadf or {})}
    )
    beam = made.nanobeam.replace(
        **{"semiangle": "2.5 mrad", "sampling": "0.25 angstrom", "electrons_per_pattern": 1e5, **(nanobeam or {})}
    )
    still = {name: "0 angstrom" for name in made.displacements}
    return made.replace(
        modes=(image, beam), phonon_configurations=phonons, displacements=still if static else made.displacements
    )


def disk_pattern(basis, centre, radius, edge, size, counts, background=0.0, seed=None, structure=0.0):
    """Disks of equal edge on a lattice; intensities fall off, `structure` tilts them inside.

    counts : electrons in all; seed : draws Poisson counts, None leaves the expectation
    """
    shape = _disks(tuple(map(tuple, np.asarray(basis, float))), tuple(centre), radius, edge, size, structure)
    pattern = shape + background
    pattern = pattern * (counts / pattern.sum())
    return pattern if seed is None else np.random.default_rng(seed).poisson(pattern).astype(float)


@lru_cache(maxsize=32)
def _disks(basis, centre, radius, edge, size, structure):
    rng = np.random.default_rng(5)
    pattern = np.zeros((size, size))
    reach = int(radius + 8 * edge) + 2
    for h in range(-9, 10):
        for k in range(-9, 10):
            at, slope = np.asarray(centre) + np.asarray(basis) @ (h, k), structure * rng.standard_normal(2)
            low = np.maximum(np.floor(at).astype(int) - reach, 0)
            high = np.minimum(np.floor(at).astype(int) + reach + 1, size)
            if np.any(low >= high):
                continue
            y, x = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(float)
            dx, dy = x - at[0], y - at[1]
            strength = np.exp(-0.3 * np.hypot(h, k)) * (20.0 if h == k == 0 else 1.0)
            inside = 1 + (slope[0] * dx + slope[1] * dy) / radius
            disk = 0.5 * erfc((np.hypot(dx, dy) - radius) / (np.sqrt(2) * edge))
            pattern[low[1] : high[1], low[0] : high[0]] += strength * inside * disk
    return pattern


def scan_of(patterns, pixel=0.25e-3, semiangle=None, step=0.5e-9, **attrs):
    """A measured scan on a line from patterns (position, qy, qx)."""
    patterns = np.asarray(patterns)
    count, rows, columns = patterns.shape
    known = {"format": "perovsim-scan/1", "kind": "measured", "energy": ENERGY, **attrs}
    if semiangle is not None:
        known["semiangle"] = semiangle
    return Scan4D(
        xr.Dataset(
            {"counts": (("position", "qy", "qx"), patterns, {"units": "electron"})},
            {
                "x": ("position", np.arange(count) * step),
                "y": ("position", np.zeros(count)),
                "qx": ("qx", (np.arange(columns) - (columns - 1) / 2) * pixel),
                "qy": ("qy", (np.arange(rows) - (rows - 1) / 2) * pixel),
            },
            known,
        )
    )


def image_of(counts, pixel=1e-11, **attrs):
    """A measured image."""
    rows, columns = np.shape(counts)
    return Image(
        xr.Dataset(
            {"counts": (("y", "x"), np.asarray(counts))},
            {"x": ("x", np.arange(columns) * pixel), "y": ("y", np.arange(rows) * pixel)},
            {"format": "perovsim-image/1", "kind": "measured", **attrs},
        )
    )
