"""Elements from X-ray spectra: a Poisson fit of whole spectra, lines of an element held together.

Every element has one unknown, its areal density; its K, L and M lines stand in the ratio of the model,
so Br K says how much of the peak at 1.48 keV is Br L and the rest is Al K, and the same with Pb and Cl.
Absorption follows from the densities found, in a few rounds. Besides, a background of two shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy.records.counting import deviance
from perovsim.microscopy.xray.edx_model import SpectrumModel
from perovsim.microscopy.xray.xray_lines import SECTIONS

ROUNDS, SETTLED = 30, 1e-4
"""Most rounds of the fit; it ends when no element changes by more than this share of its standard error."""
FLOOR = 0.02
"""A model of a channel is not taken below this share of the mean spectrum, so that weights stay finite."""


@dataclass(frozen=True)
class Quantification:
    """What was found at each position.

    elements : names; x : positions [m]; areal_density, standard_error : (position, element) [1/m^2],
    counting alone and never below one count
    systematic : relative change of the mean spectrum's densities with the second of `sections`, (element,)
    deviance : Poisson deviance per channel, about 1 where the model is right and channels hold many counts
    """

    elements: tuple[str, ...]
    x: np.ndarray
    areal_density: np.ndarray
    standard_error: np.ndarray
    systematic: np.ndarray
    sections: tuple[str, str]
    deviance: np.ndarray

    def fraction(self, element: str, among: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return the atomic fraction of an element among some, and its standard error, (position,)."""
        index = [self.elements.index(name) for name in among]
        own = self.elements.index(element)
        total = self.areal_density[:, index].sum(axis=1)
        share = self.areal_density[:, own] / total
        weights = np.array([float(k == own) for k in index]) - share[:, None]
        return share, np.sqrt(((weights * self.standard_error[:, index]) ** 2).sum(axis=1)) / np.abs(total)

    def table(self) -> str:
        """Return sums over all positions with both errors as text."""
        first, second = self.sections
        lines = [f"element  atoms/nm^2 (mean)  counting  {second} against {first}"]
        mean = self.areal_density.mean(axis=0) * 1e-18
        error = np.sqrt((self.standard_error**2).sum(axis=0)) / len(self.x) * 1e-18
        for name, value, sigma, other in zip(self.elements, mean, error, self.systematic, strict=True):
            lines.append(f"{name:7s}  {value:17.4g}  {sigma:8.2g}  {100 * other:+.1f} %")
        return "\n".join(lines)


def quantify(spectra: Any, elements: tuple[str, ...] | None = None, sections: str = SECTIONS[0]) -> Quantification:
    """Return the areal density of each element at each position.

    elements : all that the spectra may hold, of the spectra when None; every element present must be named
    Raises PerovsimError for an element without lines in the spectrum, MeasurementError for spectra without
    the numbers of their detector.
    """
    names = spectra.elements if elements is None else tuple(elements)
    other = next(name for name in SECTIONS if name != sections) if sections in SECTIONS else sections
    model, second = (_model(spectra, names, which) for which in (sections, other))
    seen = tuple(name for name in names if any(line.element == name for line in model.lines))
    missing = [name for name in (elements or ()) if name not in seen]
    if missing:
        raise PerovsimError(f"{missing[0]} has no line between the ends of the spectrum; leave it out")
    counts, electrons = spectra.counts.astype(float), spectra.electrons
    mean = counts.mean(axis=0)
    found = [_fit(one, mean, electrons, model, seen) for one in counts]
    density, error, misfit = (np.array(part) for part in zip(*found, strict=True))
    first, again = (_fit(mean, mean, electrons, one, seen)[0] for one in (model, second))
    return Quantification(seen, spectra.positions[:, 0], density, error, again / first - 1, (sections, other), misfit)


def _model(spectra: Any, names: tuple[str, ...], sections: str) -> SpectrumModel:
    needed = "solid_angle take_off energy_low energy_high channel_width resolution crystal dead_layer energy".split()
    missing = [name for name in (*needed, "electrons_per_pattern") if name not in spectra.attrs]
    if missing:
        raise MeasurementError(f"the spectra do not say {', '.join(missing)}; give them as attributes, in SI and eV")
    detector = SimpleNamespace(**{name: float(spectra.attrs[name]) for name in needed})
    model = SpectrumModel(detector, float(spectra.attrs["energy"]), names, sections)
    if len(model.channels) != len(spectra.energy) or not np.allclose(model.channels, spectra.energy):
        raise MeasurementError(
            "the channels do not lie at energy_low + (i + 1/2) channel_width; correct these attributes"
        )
    return model


def _fit(
    counts: np.ndarray, mean: np.ndarray, electrons: float, model: SpectrumModel, seen: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return densities, standard errors and deviance by Fisher scoring of the Poisson likelihood."""
    chosen, kept = [model.elements.index(name) for name in seen], slice(len(seen))
    dense = np.zeros(len(model.elements))
    guess = np.maximum(mean, mean.mean())
    for _ in range(ROUNDS):
        columns = _columns(model, np.maximum(dense, 0.0)[None], chosen, electrons)
        scale = np.linalg.norm(columns, axis=0)
        design, weights = columns / scale, 1 / guess
        covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
        solution = covariance @ (design.T @ (weights * counts))
        guess = np.maximum(design @ solution, FLOOR * mean.mean())
        step = (solution / scale)[kept] - dense[chosen]
        dense[chosen] += step
        variance = np.diag(covariance)[kept] / scale[kept] ** 2 + 1 / columns.sum(axis=0)[kept] ** 2
        if np.all(np.abs(step) < SETTLED * np.sqrt(variance)):
            return dense[chosen].copy(), np.sqrt(variance), float(deviance(counts, guess).mean())
    raise PerovsimError(f"the fit of a spectrum did not settle in {ROUNDS} rounds; use fewer elements")


def _columns(model: SpectrumModel, layer: np.ndarray, chosen: list[int], electrons: float) -> np.ndarray:
    """Return the shapes that are fitted, (channel, unknown): elements, background and background x energy."""
    lines = electrons * model.per_element(layer)[chosen]
    flat = layer if layer.sum() > 0 else np.ones_like(layer)
    ground = model.background(flat)
    return np.column_stack([*lines, ground, ground * model.channels])
