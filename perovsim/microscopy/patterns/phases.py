"""Phase maps: the lattice and the disk intensities of every pattern against the crystals of the phase table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovsim.atoms.crystals import crystals
from perovsim.errors import MeasurementError
from perovsim.microscopy.patterns.deformation import deformation, whole_matrices
from perovsim.microscopy.patterns.disks import DiskFit, lattice_points
from perovsim.microscopy.patterns.reflections import ZonePattern, zone_patterns
from perovsim.microscopy.patterns.strain import fit_lattices, lattice_angles
from perovsim.microscopy.records.scan import Scan4D
from perovsim.model.names import did_you_mean

TOLERANCE = 0.02
"""Standard deviation of a lattice from its table value: alloying, strain and calibration together."""
FARTHEST = 2.5
"""Lattices beyond this many tolerances are not considered."""
LARGEST_CELL = 4
"""A pattern may show every fourth reflection of a phase at most."""
HIGHEST = 2
"""Indices of the lattice in that of the zone, at most."""
RING = 2.0
"""Background of a disk: the median of a ring of this width around it [pixel]."""
LEAST_SCORE = 0.3
"""Below this score no phase is named."""
UNKNOWN = "unknown"
COLUMNS = {
    "phase": "", "zone": "", "score": "1", "strain": "1", "rotation": "rad", "second": "", "second_score": "1",
}  # fmt: skip
"""What a map holds, with its unit; "" for words."""


@dataclass(frozen=True)
class PhaseMatch:
    """How well one zone of one phase explains a pattern.

    score : correlation of the disk amplitudes with |F|, times exp(-(strain / tolerance)^2 / 2)
    strain : the largest strain that makes its lattice the measured one; rotation : in the plane [rad]
    """

    pattern: ZonePattern
    score: float
    correlation: float
    strain: float
    rotation: float


def phase_map(
    scan: Scan4D,
    phases: Sequence[str] | None = None,
    *,
    tolerance: float = TOLERANCE,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Return the phase, zone axis, in-plane rotation and scores at each position.

    phases : names of the phase table, all of it when None; positions without a lattice, or with a score
    below LEAST_SCORE, are "unknown"; second, second_score : the best of the other phases
    Raises MeasurementError where the energy is missing or a phase is not in the table.
    """
    if not np.isfinite(scan.wavelength):
        raise MeasurementError(
            'phases need the energy of the electrons; add energy = "300 keV" to the calibration file'
        )
    candidates = [pattern for name in _names(phases) for pattern in zone_patterns(name)]
    fits = fit_lattices(scan, progress=progress, grains=True)
    found = [_ranked(scan, number, fit, candidates, tolerance) for number, fit in enumerate(fits)]
    return _dataset(scan, found)


def match_phases(
    basis: np.ndarray,
    spots: tuple[np.ndarray, np.ndarray],
    candidates: Sequence[ZonePattern],
    tolerance: float = TOLERANCE,
) -> list[PhaseMatch]:
    """Return the zones that explain a lattice and its disks, best first.

    basis : reciprocal vectors as columns [1/m]; spots : (h, k) of the disks (n, 2) and their counts (n,)
    """
    found = [match for pattern in candidates for match in _matches(basis, spots, pattern, tolerance)]
    return sorted(found, key=lambda match: -match.score)


def spot_counts(pattern: np.ndarray, fit: DiskFit) -> tuple[np.ndarray, np.ndarray]:
    """Return (h, k) of every lattice point whole on the detector, without 000, and its counts above background."""
    index = lattice_points(pattern.shape, fit.theta, fit.radius + RING)
    index = index[np.any(index != 0, axis=1)]
    y, x = np.indices(pattern.shape)
    counts = np.empty(len(index))
    for number, (cx, cy) in enumerate(fit.centre + index @ fit.basis.T):
        r = np.hypot(x - cx, y - cy)
        disk, ring = r <= fit.radius, (r > fit.radius + 0.5) & (r <= fit.radius + 0.5 + RING)
        counts[number] = pattern[disk].sum() - np.median(pattern[ring]) * disk.sum()
    return index, np.maximum(counts, 0.0)


def _names(phases: Sequence[str] | None) -> list[str]:
    known = crystals()
    for name in phases or ():
        if name not in known:
            raise MeasurementError(f"no phase '{name}' in the table; {did_you_mean(name, known)}")
    return list(known) if phases is None else list(phases)


def _ranked(
    scan: Scan4D, number: int, fit: DiskFit, candidates: Sequence[ZonePattern], tolerance: float
) -> list[PhaseMatch]:
    if fit.reason:
        return []
    basis = lattice_angles(scan, fit)[0] / scan.wavelength
    spots = spot_counts(np.asarray(scan.patterns[number], float), fit)
    return match_phases(basis, spots, candidates, tolerance)


def _matches(
    basis: np.ndarray, spots: tuple[np.ndarray, np.ndarray], pattern: ZonePattern, tolerance: float
) -> list[PhaseMatch]:
    """Return the best way in which one zone explains the lattice; none where no lattice is near.

    Reflections of the zone between the points of the lattice count as dark.
    """
    ratio = abs(np.linalg.det(basis) / np.linalg.det(pattern.basis))
    cells = round(ratio)
    if not 1 <= cells <= LARGEST_CELL or abs(ratio / cells - 1) > 2 * FARTHEST * tolerance:
        return []
    wholes = whole_matrices(HIGHEST, cells)
    wholes = wholes[np.rint(np.linalg.det(wholes)) == cells]
    found = []
    for mirror in (np.eye(2), np.diag([1.0, -1.0])):  # the crystal may be seen from either side
        tried = mirror @ pattern.basis @ (wholes @ mirror)
        value = deformation(np.broadcast_to(basis, tried.shape), tried)
        strain = np.abs(value[:, :3]).max(axis=1)
        for number in np.flatnonzero(strain < FARTHEST * tolerance):
            whole = np.rint(np.linalg.solve(mirror @ pattern.basis, tried[number]))
            correlation = _likeness(basis, spots, pattern, whole)
            score = correlation * float(np.exp(-0.5 * (strain[number] / tolerance) ** 2))
            found.append(PhaseMatch(pattern, score, correlation, float(strain[number]), float(value[number, 3])))
    return sorted(found, key=lambda match: (-round(match.score, 6), abs(match.rotation)))[:1]


def _likeness(
    basis: np.ndarray, spots: tuple[np.ndarray, np.ndarray], pattern: ZonePattern, whole: np.ndarray
) -> float:
    """Return the correlation of the amplitudes of the disks with |F|; whole : from their indices to the zone's."""
    index, counts = spots
    expected = pattern.amplitude_at(np.rint(index @ whole.T).astype(int))
    place = np.linalg.solve(whole, pattern.index.T).T
    between = np.abs(place - np.rint(place)).max(axis=1) > 0.5 / LARGEST_CELL
    between &= np.hypot(*(basis @ place.T)) <= np.hypot(*(basis @ index.T)).max()
    missing = pattern.amplitude[between]
    return _correlation(np.r_[np.sqrt(counts), np.zeros(len(missing))], np.r_[expected, missing])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation coefficient, zero where one of them is constant."""
    if min(first.std(), second.std()) < 1e-9 * max(first.max(), 1e-300):
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _dataset(scan: Scan4D, found: list[list[PhaseMatch]]) -> xr.Dataset:
    columns = dict(zip(COLUMNS, zip(*[_row(matches) for matches in found], strict=True), strict=True))
    data = {
        name: ("position", np.array(columns[name], dtype=float if unit else object), {"units": unit} if unit else {})
        for name, unit in COLUMNS.items()
    }
    return xr.Dataset(data, scan.dataset[["x", "y"]].coords)


def _row(matches: list[PhaseMatch]) -> tuple:
    nan = float("nan")
    if not matches or matches[0].score < LEAST_SCORE:
        return UNKNOWN, "", nan, nan, nan, "", nan
    best = matches[0]
    other = next((match for match in matches if match.pattern.phase != best.pattern.phase), None)
    rest = ("", nan) if other is None else (other.pattern.phase, other.score)
    return best.pattern.phase, best.pattern.name, best.score, best.strain, best.rotation, *rest
