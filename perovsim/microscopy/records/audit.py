"""Audit: positions drawn at random, computed again exactly, and the deviation found there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

EDGE_SHARE = 1.2
"""Dark field begins at this multiple of the semiangle, clear of the central disk's edge."""


class Stored:
    """Base of the kinds of audit: dataclasses whose numbers a file holds as attributes `audit_NAME`."""

    def attributes(self) -> dict[str, Any]:
        """Return the numbers by the names that a file holds them under."""
        return {f"audit_{name}": value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, attributes: dict[str, Any]) -> Self | None:
        """Return the audit that a file's attributes hold, None where they hold none."""
        if "audit_points" not in attributes:
            return None
        return cls(**{field.name: np.asarray(attributes[f"audit_{field.name}"]).item() for field in fields(cls)})


@dataclass(frozen=True)
class Audit(Stored):
    """Deviation from exact patterns, sum |I - I_exact| / sum I_exact over the pixels of each position.

    points : positions computed again; difference, difference_max : mean and largest deviation
    correlation : least correlation coefficient of a pattern with the exact one
    dark_field : rms relative deviation of the electrons beyond 1.2 semiangles
    """

    points: int
    difference: float
    difference_max: float
    correlation: float
    dark_field: float

    def __str__(self) -> str:
        return (
            f"audit of {self.points} positions against the whole lamella: patterns differ by {self.difference:.2%} of "
            f"the total (at most {self.difference_max:.2%}), correlation at least {self.correlation:.5f}, "
            f"dark field {self.dark_field:.2%} rms"
        )


def draw(count: int, wanted: int, seed: int) -> np.ndarray:
    """Return the indices of positions to compute again, ascending."""
    return np.sort(np.random.default_rng([seed, count]).permutation(count)[:wanted])


def compare_exactly(found: np.ndarray, exact: np.ndarray, outside: np.ndarray) -> Audit:
    """Compare patterns (position, qy, qx) with exact ones.

    outside : mask (qy, qx) of the dark field
    """
    off = np.abs(found - exact).sum(axis=(1, 2)) / exact.sum(axis=(1, 2))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(found, exact, strict=True)]
    dark = found[:, outside].sum(axis=1) / exact[:, outside].sum(axis=1) - 1
    return Audit(
        len(found), float(off.mean()), float(off.max()), float(min(correlation)), float(np.sqrt((dark**2).mean()))
    )
