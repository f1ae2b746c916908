"""EDX of a lamella: one spectrum per pixel of a line or a map, with the counting statistics of its dose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from perovsim.errors import PerovsimError
from perovsim.microscopy.records.counting import poisson_counts
from perovsim.microscopy.records.provenance import provenance
from perovsim.microscopy.waves.illumination import illuminated
from perovsim.microscopy.waves.plan import electrons_per_pattern, given_positions, step_of
from perovsim.microscopy.xray.edx_model import SpectrumModel
from perovsim.microscopy.xray.spectra import FORMAT, Spectra

METHOD = (
    "incoherent: electrons x areal density x ionisation cross-section x yield x solid angle, absorption by depth, "
    "Kramers background taken as isotropic; no channelling, no secondary fluorescence"
)
USUAL = "electrons_per_pattern = 1e9"
"""Electrons per spectrum proposed where a mode says nothing."""
DETECTOR = "solid_angle take_off energy_low energy_high channel_width resolution crystal dead_layer".split()


def edx_map(
    lamella: Any,
    microscope: Any,
    *,
    step: float | str | None = None,
    positions: Sequence | np.ndarray | None = None,
    seed: int = 1,
    mode: str = "edx",
    sections: str = "bote2009",
    progress: Callable[[float], None] | None = None,
) -> Spectra:
    """Simulate X-ray spectra of a lamella.

    step : edge of a pixel [m] or text, of the mode when None; pixels lie side by side across the window,
    each swept evenly over its width and the whole height of the lamella, so its electrons are spread there
    positions : x for such pixels elsewhere, or (x, y) for square pixels of a map, on the device axis [m]
    sections : ionisation cross-sections, "bote2009" or "casnati1982"; seed : of the counts
    Counts are Poisson(electrons x expected); the detector lies on the side where the beam enters.
    Raises PerovsimError for a microscope without X-ray detector, positions outside the window, elements
    without cross-sections.
    """
    beam = microscope.mode(mode)
    if microscope.edx is None:
        raise PerovsimError(f"microscope '{microscope.name}' has no X-ray detector; give it a table [edx]")
    edge = step_of(beam, step)
    at, square = _positions(lamella, edge, positions)
    elements, layers, width = illuminated(lamella, beam, float(microscope.energy), at, (edge, edge if square else None))
    model = SpectrumModel(microscope.edx, float(microscope.energy), elements, sections)
    electrons = electrons_per_pattern(beam, edge, USUAL)
    expected = np.empty((len(at), len(model.channels)))
    for index, dense in enumerate(layers):
        expected[index] = electrons * model.expected(dense)
        if progress is not None:
            progress((index + 1) / len(at))
    area = edge * (edge if square else lamella.height)
    settings = {
        "electrons_per_pattern": electrons,
        "dose": electrons / area,
        "probe_width": width,
        "pixel": edge,
        "seed": seed,
        "sections": sections,
        **{name: float(getattr(microscope.edx, name)) for name in DETECTOR},
    }
    return _spectra(at, model, layers.sum(axis=1), expected, lamella, microscope, beam, settings)


def _positions(lamella: Any, edge: float, positions: Any) -> tuple[np.ndarray, bool]:
    """Return (n, 2) positions [m] within the window, and whether pixels are squares of a map."""
    x0, x1 = lamella.window
    if positions is None:
        count = int((x1 - x0) / edge + 1e-9)
        if count == 0:
            raise PerovsimError(
                f"step = {edge * 1e9:.3g} nm is wider than the window of {(x1 - x0) * 1e9:.3g} nm; give less"
            )
        first = 0.5 * (x0 + x1 - (count - 1) * edge)
        x = first + edge * np.arange(count)
        return np.stack([x, np.full(count, 0.5 * lamella.height)], axis=-1), False
    given = given_positions(positions, lamella.height)
    outside = given[(given[:, 0] < x0) | (given[:, 0] > x1), 0]
    if len(outside):
        raise PerovsimError(
            f"a pixel at x = {outside[0] * 1e9:.3f} nm lies outside the window {x0 * 1e9:.3f} to {x1 * 1e9:.3f} nm; "
            "move it or build a wider lamella"
        )
    return given, np.ndim(positions) > 1


def _spectra(
    at: np.ndarray,
    model: SpectrumModel,
    dense: np.ndarray,
    expected: np.ndarray,
    lamella: Any,
    microscope: Any,
    beam: Any,
    settings: dict[str, Any],
) -> Spectra:
    counts = poisson_counts(expected, settings["seed"])
    dims = ("position", "channel")
    data = {
        "counts": (dims, counts, {"units": "count", "long_name": "X-rays"}),
        "expectation": (dims, expected, {"units": "count", "long_name": "expected X-rays"}),
        "areal_density": (
            ("position", "element"),
            dense,
            {"units": "m^-2", "long_name": "atoms per area under the pixel, elements as in the attribute"},
        ),
    }
    coords = {
        "x": ("position", at[:, 0], {"units": "m", "long_name": "device axis"}),
        "y": ("position", at[:, 1], {"units": "m", "long_name": "along the interface"}),
        "energy": ("channel", model.channels, {"units": "eV", "long_name": "photon energy"}),
    }
    attrs = {
        "format": FORMAT,
        "kind": "simulated",
        "mode": beam.name,
        "energy": model.energy,
        "semiangle": float(beam.semiangle),
        "elements": " ".join(model.elements),
        **settings,
        **provenance(lamella, microscope, beam),
        "method": METHOD,
    }
    return Spectra(xr.Dataset(data, coords, attrs))
