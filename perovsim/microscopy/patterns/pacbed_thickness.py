"""Thickness from a position-averaged pattern (PACBED) against a table of simulated ones.

Averaged over whole cells the plane waves of a probe do not interfere, so the pattern is the sum over them:
I(k) = sum_k' |A(k')|^2 |<k|S(t)|k'>|^2. Centre, rotation, magnification, scale and a flat background are nuisance
values, fitted at every thickness by the Poisson deviance.
References: LeBeau et al., Ultramicroscopy 110, 118 (2010)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from perovsim.errors import MeasurementError
from perovsim.microscopy.records.counting import deviance, deviance_moments
from perovsim.microscopy.records.detectors import pacbed
from perovsim.microscopy.records.scan import Scan4D
from perovsim.microscopy.table.crystal import CrystalCell, CrystalTable
from perovsim.microscopy.waves.work import Workers

ROTATIONS = np.deg2rad(np.arange(0, 360, 15))
"""Rotations tried at first [rad]."""
STEP = 0.05
"""Differences for the derivatives move the pattern by this share of a pixel of the table."""
WITHIN = 0.95
"""Pixels up to this share of the table's reach are compared, so that a shift stays inside."""
ITERATIONS = 16
SHARES = (1.0, 0.4, 0.1)
"""Shares of a step that are tried: sharp disks make the full step too long far from the end."""
LONGEST = np.array([1e-3, 1e-3, 0.05, 0.05])
"""Longest step in each of them."""
FAINTEST = 1e-3
"""Expected counts below this share of the mean pixel are raised to it: a table without diffuse scattering has zeros."""
REWEIGHTED = 3
"""Rounds in which the weights of the pixels follow the model."""
DONE = 1e-6
"""Refinement ends when the deviance falls by less than this share."""


@dataclass(frozen=True)
class PacbedTable:
    """Simulated position-averaged patterns.

    thickness : (n,) [m]; q : angles along x and y, ascending, (nx,) and (ny,) [rad]
    patterns : fraction of the beam per solid angle, (n, nx, ny) [1/rad^2]
    """

    thickness: np.ndarray
    q: tuple[np.ndarray, np.ndarray]
    patterns: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class ThicknessFit:
    """Thickness of a PACBED [m] and its standard error, from the curvature of the deviance.

    deviance : per pixel and thickness of the table; expected : of a perfect model, about 1
    centre [rad], rotation [rad], magnification : nuisance values at the best thickness
    model : expected counts (qy, qx); the error is scaled by the misfit that is left
    """

    thickness: float
    error: float
    deviance: np.ndarray
    expected: float
    centre: np.ndarray
    rotation: float
    magnification: float
    model: np.ndarray = field(repr=False)


def pacbed_table(
    cell: CrystalCell,
    semiangle: float,
    repeats: Iterable[int],
    outer: float,
    beams: float,
    tilt: tuple[float, float] = (0.0, 0.0),
    zones: tuple[int, int] = (8, 8),
    workers: Workers | None = None,
) -> PacbedTable:
    """Compute the PACBEDs of a crystal for thicknesses in whole repeats.

    semiangle : of the probe; outer : largest detector angle; beams : largest beam angle kept [rad]
    zones : points per reciprocal cell along x and y, the resolution of the patterns
    Thermal diffuse electrons are not in it (`CrystalTable`).
    """
    table = CrystalTable(cell, max(outer, semiangle), beams, repeats, tilt, zones, workers)
    step = table.lam / np.array(cell.size[:2]) / np.array(zones)
    half = [int(outer / width) for width in step]
    first = np.array([0.5 - n if count % 2 == 0 else -n for n, count in zip(half, zones, strict=True)])
    shape = tuple(int(-2 * start + 1) for start in first)
    q = tuple((np.arange(n) + start) * width for n, start, width in zip(shape, first, step, strict=True))
    patterns = np.zeros((len(table.repeats), *shape))
    beam = 0.0
    for zone in table.zones:
        angle = table.lam * np.stack([zone.kx, zone.ky], axis=1)
        lit = np.hypot(*angle.T) <= semiangle
        beam += lit.sum()
        place = np.rint(angle / step - first).astype(int)
        kept = np.all((place >= 0) & (place < np.array(shape)), axis=1)
        for number, count in enumerate(table.repeats):
            power = (np.abs(zone.amplitude[count][:, lit]) ** 2).sum(axis=1)
            patterns[number][tuple(place[kept].T)] += power[kept]
    return PacbedTable(np.array(table.repeats) * cell.size[2], q, patterns / (beam * step.prod()))


def thickness_from_pacbed(scan: Scan4D, table: PacbedTable, rotation: float | None = None) -> ThicknessFit:
    """Fit thickness and nuisance values to the summed patterns of a scan, measured or simulated.

    rotation : of the crystal axes of the table in the pattern [rad]; searched when None
    Raises MeasurementError where the table does not reach the recorded angles, or the best thickness is its first
    or last.
    """
    total = pacbed(scan).values * len(scan)
    fit = PatternFit(total, scan.angles, table)
    starts = ROTATIONS if rotation is None else np.array([rotation])
    numbers = range(len(table.thickness))
    turn = min((fit.cost(number, np.array([0, 0, turn, 0])), turn) for number in numbers for turn in starts)[1]
    found = [fit.refined(number, np.array([0.0, 0.0, turn, 0.0])) for number in numbers]
    costs = np.array([cost for cost, _ in found])
    best = int(costs.argmin())
    if best in (0, len(costs) - 1):
        raise MeasurementError(
            f"the thickness lies outside the table ({table.thickness[0] * 1e9:.3g} to "
            f"{table.thickness[-1] * 1e9:.3g} nm); make a table of more thicknesses"
        )
    near = slice(best - 1, best + 2)
    bend, slope, _ = np.polyfit(table.thickness[near] - table.thickness[best], costs[near], 2)
    p = found[best][1]
    expected = float(deviance_moments(fit.model(best, p))[0].mean())
    pixels = len(fit.counts)
    scale = max(costs[best] / pixels / expected, 1.0)
    return ThicknessFit(
        float(table.thickness[best] - slope / (2 * bend)),
        float(np.sqrt(scale / bend)),
        costs / pixels,
        expected,
        p[:2],
        float(p[2]),
        float(np.exp(p[3])),
        fit.picture(best, p),
    )


class PatternFit:
    """The nuisance values of one summed pattern: centre x, y [rad], rotation [rad], log magnification."""

    def __init__(self, counts: np.ndarray, angles: np.ndarray, table: PacbedTable) -> None:
        reach = min(float(axis[-1]) for axis in table.q)
        self.used = np.linalg.norm(angles, axis=-1) < WITHIN * reach
        self.counts, self.angles = counts[self.used].astype(float), angles[self.used]
        if self.counts.sum() <= 0:
            raise MeasurementError(f"the patterns have no counts within {reach * 1e3:.3g} mrad, the reach of the table")
        self.first = np.array([axis[0] for axis in table.q])
        self.step = np.array([axis[1] - axis[0] for axis in table.q])
        self.steps = STEP * self.step.min() * np.array([1, 1, 1 / reach, 1 / reach])
        self.table = [ndimage.spline_filter(pattern) for pattern in table.patterns]

    def model(self, number: int, p: np.ndarray) -> np.ndarray:
        """Return the expected counts: scale and flat background by weighted least squares."""
        turn = np.array([[np.cos(p[2]), np.sin(p[2])], [-np.sin(p[2]), np.cos(p[2])]]) / np.exp(p[3])
        place = ((self.angles - p[:2]) @ turn.T - self.first) / self.step
        shape = ndimage.map_coordinates(self.table[number], place.T, order=3, prefilter=False)
        design = np.stack([shape, np.ones_like(shape)])
        least = FAINTEST * self.counts.mean()
        model = np.full(shape.shape, self.counts.mean())
        for _ in range(REWEIGHTED):
            normal = (design / model) @ design.T
            scale, flat = np.linalg.lstsq(normal, (design / model) @ self.counts, rcond=None)[0]
            if flat < 0:
                scale, flat = self.counts.sum() / max(shape.sum(), np.finfo(float).tiny), 0.0
            model = np.maximum(scale * shape + flat, least)
        return model

    def cost(self, number: int, p: np.ndarray) -> float:
        """Return the deviance of all pixels."""
        return float(deviance(self.counts, self.model(number, p)).sum())

    def refined(self, number: int, p: np.ndarray) -> tuple[float, np.ndarray]:
        """Take Gauss-Newton steps in the nuisance values at one thickness."""
        best = self.cost(number, p)
        for _ in range(ITERATIONS):
            model = self.model(number, p)
            steps = np.diag(self.steps)
            slopes = [(self.model(number, p + d) - self.model(number, p - d)) / (2 * d.sum()) for d in steps]
            weight = 1 / np.sqrt(model)
            design = np.stack(slopes, axis=1) * weight[:, None]
            size = np.maximum(np.linalg.norm(design, axis=0), np.finfo(float).tiny)
            move = np.linalg.lstsq(design / size, (self.counts - model) * weight, rcond=None)[0] / size
            move *= min(1.0, float((LONGEST / np.maximum(np.abs(move), np.finfo(float).tiny)).min()))
            cost, share = min((self.cost(number, p + share * move), share) for share in SHARES)
            if cost > best * (1 - DONE):
                break
            best, p = cost, p + share * move
        return best, p

    def picture(self, number: int, p: np.ndarray) -> np.ndarray:
        """Return the expected counts over (qy, qx), NaN outside the table."""
        picture = np.full(self.used.shape, np.nan)
        picture[self.used] = self.model(number, p)
        return picture
