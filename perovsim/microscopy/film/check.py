"""Audit of a film: columns drawn at random, interfaces included, computed again by abTEM on whole local lamellae."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.microscopy.film.columns import columns_at
from perovsim.microscopy.film.lamellae import piece
from perovsim.microscopy.film.mixture import WAYS
from perovsim.microscopy.film.sources import optics
from perovsim.microscopy.film.store import FilmStore

PER_LAMELLA = 8
"""Points on one lamella, whose potentials they share."""
REACH = 2e-9
"""Points of one lamella lie within this from its first one [m]."""


@dataclass(frozen=True)
class FilmAudit:
    """Deviations sum |I - I_exact| / sum I_exact of points of a film.

    way, time, x : of each point; deviation : of each; promised : what the film promises for the mean of each way
    """

    way: np.ndarray
    time: np.ndarray
    x: np.ndarray
    deviation: np.ndarray
    promised: float

    @property
    def ok(self) -> bool:
        """Whether the mean over the points of every way is within what was promised."""
        return all(mean <= self.promised for _, mean, _ in self.by_way().values())

    def by_way(self) -> dict[str, tuple[int, float, float]]:
        """Return the number of points, mean and largest deviation of each way."""
        return {
            WAYS[k]: (int((self.way == k).sum()), *_mean_and_most(self.deviation[self.way == k]))
            for k in np.unique(self.way)
        }

    def __str__(self) -> str:
        parts = [
            f"{name} {mean:.1%} (at most {most:.1%}, {count} points)"
            for name, (count, mean, most) in self.by_way().items()
        ]
        verdict = "within" if self.ok else "NOT within"
        return f"audit of {len(self.way)} points: {', '.join(parts)}; {verdict} the promised {self.promised:.0%}"

    def attributes(self) -> dict[str, Any]:
        """Return the numbers as a file holds them."""
        return {
            "audit_points": len(self.way),
            "audit_ok": self.ok,
            "audit": {
                name: {"points": count, "mean": mean, "most": most}
                for name, (count, mean, most) in self.by_way().items()
            },
            "audit_text": str(self),
        }


def _mean_and_most(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.max())


def audit_film(
    store: FilmStore,
    result: Any,
    microscope: Any,
    points: int,
    seed: int,
    phonons: int = 1,
    tell: Any = None,
    workers: int | None = None,
) -> FilmAudit:
    """Compute points of a film again exactly; a lamella at a time, the ways in turn, each interface in its turn."""
    view = optics(result, microscope, store.attrs["mode"], store.attrs["thickness"])
    rng = np.random.default_rng([seed, points])
    way, x = np.asarray(store["way"][:]), np.asarray(store["x"][:])
    found: list[tuple[int, float, float, float]] = []
    for time, column in _groups(way, int(np.ceil(points / PER_LAMELLA)), rng):
        near = np.flatnonzero((np.abs(x - x[column]) <= REACH) & (way[time] == way[time, column]))
        wanted = min(PER_LAMELLA, points - len(found))
        chosen = np.sort(rng.choice(near, wanted))
        seconds = float(store["time"][time])
        made = piece(result, view, columns_at(result, seconds, x), seconds, x[chosen], seed)
        y = rng.random(wanted) * made.lamella.height
        exact = made.patterns(view, x[chosen], y, phonons, seed + 1, "exact", workers)
        ours = np.asarray(store["expectation"][time], float)[chosen]
        off = np.abs(ours - exact).sum(axis=(1, 2)) / exact.sum(axis=(1, 2))
        found += [(int(way[time, c]), seconds, float(x[c]), float(d)) for c, d in zip(chosen, off, strict=True)]
        if tell is not None:
            tell("audit", len(found) / points)
    columns = [np.array(values) for values in zip(*found, strict=True)]
    audit = FilmAudit(*columns, promised=float(store.attrs["error"]))
    store.note(**audit.attributes())
    return audit


def _groups(way: np.ndarray, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return (time, column) to audit around: the runs of columns of one way in turn, each at a time drawn at random."""
    found = []
    for number in range(count):
        time = int(rng.integers(len(way)))
        runs = np.split(np.arange(way.shape[1]), np.flatnonzero(np.diff(way[time])) + 1)
        found.append((time, int(rng.choice(runs[number % len(runs)]))))
    return found
