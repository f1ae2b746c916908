"""Thickness, defocus, tilt, probe angle and source size of a crystal from its bright-field image.

Measured and simulated image are compared by their Fourier coefficients c_g, the sum of whose squared
differences is the squared difference of the images. Scale, shift and a Gaussian source are fitted
for every simulated image; the other values by search and Gauss-Newton steps. Annular bright field
means the annulus from half to the whole of the probe's semiangle.
References: Findlay et al., Ultramicroscopy 110, 903 (2010)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from perovsim.errors import MeasurementError
from perovsim.microscopy.table.crystal import CrystalCell, CrystalTable
from perovsim.microscopy.waves.work import Workers

MATCH_STEPS = 12
"""Gauss-Newton steps for shift and source of one image; four are usual."""
SOURCES = (0.2e-10, 0.4e-10)
"""Starting values of the source size [m]."""
NARROWEST, WIDEST = 1e-13, 1.2e-10
"""Range of the source size [m]."""
INNER_SHARE = 0.5
"""Inner edge of the annulus in semiangles: annular bright field as Findlay et al. define it."""
COARSE, GOOD = (42e-3, (4, 4)), (50e-3, (4, 4))
"""Largest beam angle [rad] and zone points for the search and for the last steps. Against 80 mrad, or
8 x 10 points, coefficients of SrTiO3 [110] at 45 nm change by 4.4 % and 2.2 %, or by 1.8 %; 3 x 3
points change them by 9 %."""
NAMES = ("thickness", "defocus", "tilt_x", "tilt_y", "semiangle", "scale", "shift_x", "shift_y", "source")
STEPS = np.array([0.5e-9, 0.5e-9, 0.3e-3, 0.3e-3, 0.3e-3])
"""Differences for the derivatives by thickness, defocus [m], tilt x, tilt y, semiangle [rad]."""
LONGEST = np.array([5e-9, 3e-9, 2e-3, 2e-3, 2e-3])
"""Longest Gauss-Newton step in each of them."""
SHARES = (1.0, 0.4)
"""Shares of a step that are tried until one helps."""
LEAST_GAIN = 1e-2
"""Steps end when the misfit falls by less than this share."""
WHOLE = 1e-6
"""A thickness this close to a whole number of repeats needs no interpolation [repeat]."""
KEPT = 4
"""Tables of the last tilts that are kept: the present one and its two neighbours."""


@dataclass(frozen=True)
class Measured:
    """Periodic part of a measured image in crystal axes.

    index : (gx, gy) of the harmonics on the simulated cell, (n, 2); g : |g| [1/m]
    coefficients : complex, in the unit of the image
    """

    index: np.ndarray
    g: np.ndarray
    coefficients: np.ndarray


@dataclass(frozen=True)
class Match:
    """A simulated image laid on a measured one.

    scale : counts per fraction of the beam; shift : of the origin [cell]; source : sigma [m]
    model : coefficients; misfit : sum of squared differences / sum of squared coefficients
    """

    scale: float
    shift: np.ndarray
    source: float
    model: np.ndarray = field(repr=False)
    misfit: float


@dataclass(frozen=True)
class Solution:
    """Nuisance values of an image and its match.

    values : thickness, defocus [m], tilt x, tilt y, semiangle [rad]; errors : standard errors of
    these and of source [m], by name
    """

    values: tuple[float, ...]
    match: Match
    errors: dict[str, float] = field(default_factory=dict)

    @property
    def thickness(self) -> float:
        """Thickness of the crystal [m]."""
        return self.values[0]

    @property
    def defocus(self) -> float:
        """Defocus at the entrance face, > 0 is underfocus [m]."""
        return self.values[1]

    @property
    def tilt(self) -> tuple[float, float]:
        """Tilt of the crystal (x, y) [rad]."""
        return self.values[2], self.values[3]

    @property
    def semiangle(self) -> float:
        """Half-angle of the probe [rad]."""
        return self.values[4]


def match(measured: Measured, simulated: np.ndarray, shift: np.ndarray, source: float) -> Match:
    """Fit scale, shift and source size of a simulated image, from starting values of the last two.

    m_g = A s_g exp(2 pi i g.shift) exp(-2 pi^2 source^2 g^2), A > 0
    """
    shift, width = np.array(shift, float), float(source)
    c, index, g2 = measured.coefficients, measured.index, measured.g**2
    total = float((np.abs(c) ** 2).sum())
    best = Match(0.0, shift, width, 0 * c, 1.0)
    for _ in range(MATCH_STEPS):
        base = simulated * np.exp(2j * np.pi * index @ shift - 2 * np.pi**2 * width**2 * g2)
        power = float((np.abs(base) ** 2).sum())
        scale = float((c * np.conj(base)).real.sum() / power) if power > 0 else 0.0
        model = scale * base
        misfit = float((np.abs(c - model) ** 2).sum()) / total
        if scale > 0 and misfit < best.misfit - 1e-9:
            best = Match(scale, shift.copy(), width, model, misfit)
        elif best.scale > 0:
            break
        columns = np.stack(
            [
                base,
                model * 2j * np.pi * index[:, 0],
                model * 2j * np.pi * index[:, 1],
                model * (-4 * np.pi**2 * width * g2),
            ],
            axis=1,
        )
        step = _real_lstsq(columns, c - model)
        shift = shift + np.clip(step[1:3], -0.1, 0.1)
        width = float(np.clip(width + np.clip(step[3], -0.1e-10, 0.1e-10), NARROWEST, WIDEST))
    return best


def _real_lstsq(columns: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the real least-squares solution of complex equations, columns scaled."""
    stacked = np.concatenate([columns.real, columns.imag])
    size = np.maximum(np.linalg.norm(stacked, axis=0), 1e-300)
    return np.linalg.lstsq(stacked / size, np.concatenate([target.real, target.imag]), rcond=1e-8)[0] / size


class Search:
    """Searches the nuisance values of one measured image.

    cell : of the crystal; thickest : in cells; widest : largest probe angle [rad]
    beams : largest beam angle [rad] and zones : points of the Brillouin zone of the simulation
    """

    def __init__(
        self, measured: Measured, cell: CrystalCell, thickest: int, widest: float, workers: Workers | None = None
    ) -> None:
        self.measured, self.cell, self.thickest = measured, cell, thickest
        self.widest, self.workers = widest, workers
        self.accuracy = COARSE
        self._tables: list[tuple[tuple[float, float], CrystalTable]] = []

    def refocus(self, accuracy: tuple[float, tuple[int, int]]) -> None:
        """Change the accuracy of the simulation (largest beam angle [rad], zone points)."""
        self.accuracy, self._tables = accuracy, []

    def table(self, tilt: tuple[float, float], repeats: Sequence[int]) -> CrystalTable:
        """Return a table for a tilt that holds these thicknesses; the last few are kept."""
        for known, table in self._tables:
            if known == tilt and set(repeats) <= set(table.repeats):
                return table
        beams, zones = self.accuracy
        table = CrystalTable(self.cell, self.widest, beams, repeats, tilt, zones, self.workers)
        self._tables = [*self._tables[1 - KEPT :], (tilt, table)]
        return table

    def image(self, values: np.ndarray | tuple[float, ...]) -> np.ndarray:
        """Return the simulated coefficients at the measured harmonics; linear between repeats."""
        thickness, defocus, tilt_x, tilt_y, semiangle = (float(value) for value in values)
        place = float(np.clip(thickness / self.cell.size[2], 1, self.thickest))
        low = int(place + WHOLE)
        whole = place - low <= WHOLE
        table = self.table((tilt_x, tilt_y), [low] if whole else [low, low + 1])
        total = 0.0
        for number, weight in ((low, 1 - (place - low)), (low + 1, place - low)):
            if weight > WHOLE:
                image = table.annular(number, semiangle, INNER_SHARE * semiangle, semiangle, defocus)
                index = self.measured.index % np.array(image.shape)
                total = total + weight * image[index[:, 0], index[:, 1]]
        return total

    def grid(
        self,
        thicknesses: np.ndarray,
        defoci: np.ndarray,
        tilts: Sequence[tuple[float, float]],
        semiangle: float,
        shift: np.ndarray,
    ) -> Solution:
        """Return the best of all combinations; thicknesses are whole repeats [m]."""
        best: Solution | None = None
        for tilt in tilts:
            self.table(tilt, [round(float(t) / self.cell.size[2]) for t in thicknesses])
            for thickness in thicknesses:
                for defocus in defoci:
                    values = (float(thickness), float(defocus), *tilt, semiangle)
                    simulated = self.image(values)
                    for source in SOURCES:
                        found = match(self.measured, simulated, shift, source)
                        if best is None or found.misfit < best.match.misfit:
                            best = Solution(values, found)
        if best is None:
            raise MeasurementError("the search grid of thickness, defocus and tilt is empty")
        return best

    def refine(self, start: Solution, rounds: int) -> Solution:
        """Take Gauss-Newton steps in all values, source and shift beside them."""
        best = self._moved(start, np.zeros(len(STEPS)))
        for _ in range(rounds):
            jacobian = self._jacobian(best)
            move = _real_lstsq(jacobian, self.measured.coefficients - best.match.model)[: len(STEPS)]
            move *= min(1.0, float((LONGEST / np.maximum(np.abs(move), 1e-300)).min()))
            tried = best
            for share in SHARES:
                tried = self._moved(best, share * move)
                if tried.match.misfit < best.match.misfit:
                    break
            gain = 1 - tried.match.misfit / best.match.misfit
            best = tried if gain > 0 else best
            if gain < LEAST_GAIN:
                break
        return best

    def _moved(self, at: Solution, move: np.ndarray) -> Solution:
        values = np.array(at.values) + move
        values[0] = np.clip(values[0], self.cell.size[2], self.thickest * self.cell.size[2])
        values[4] = min(values[4], self.widest)
        found = match(self.measured, self.image(values), at.match.shift, at.match.source)
        return Solution(tuple(float(value) for value in values), found)

    def _jacobian(self, at: Solution) -> np.ndarray:
        """Return derivatives of the model by the values, scale, shift x, y and source."""
        index, g2, model = self.measured.index, self.measured.g**2, at.match.model
        dress = at.match.scale * np.exp(2j * np.pi * index @ at.match.shift - 2 * np.pi**2 * at.match.source**2 * g2)
        low = int(at.thickness / self.cell.size[2])
        self.table(at.tilt, [max(low, 1), max(low, 1) + 1, max(low, 1) + 2])
        here, columns = self.image(at.values), []
        for number, step in enumerate(STEPS):
            values = np.array(at.values)
            values[number] += step if values[number] + step <= self.widest or number != 4 else -step
            columns.append(dress * (self.image(values) - here) / (values[number] - at.values[number]))
        columns += [
            model / at.match.scale,
            model * 2j * np.pi * index[:, 0],
            model * 2j * np.pi * index[:, 1],
            model * (-4 * np.pi**2 * at.match.source * g2),
        ]
        return np.stack(columns, axis=1)

    def with_errors(self, at: Solution) -> Solution:
        """Return the solution with standard errors from the curvature, scaled by the misfit left."""
        jacobian = self._jacobian(at)
        stacked = np.concatenate([jacobian.real, jacobian.imag])
        left = self.measured.coefficients - at.match.model
        free = max(len(stacked) - stacked.shape[1], 1)
        spread = float((np.abs(left) ** 2).sum()) / free
        size = np.linalg.norm(stacked, axis=0)
        covariance = np.linalg.pinv((stacked / size).T @ (stacked / size)) * spread
        errors = (float(error) for error in np.sqrt(np.diag(covariance)) / size)
        return replace(at, errors=dict(zip(NAMES, errors, strict=True)))
