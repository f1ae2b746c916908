"""What the data can tell, from the singular values of the Jacobian in units of the prior, and that in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from perovsim.fit.priors import Parameter

NOTABLE = 0.05
"""A share of a direction below this is not named."""
PLAIN = 0.05
"""An exponent this close to a simple fraction is one."""
LARGEST_DENOMINATOR = 4
PIVOT = 1e-6


@dataclass(frozen=True)
class Spectrum:
    """Singular values (n,) and directions (n, n) of the Jacobian in coordinates over the spread (n,) of the prior.

    normal : whose prior is normal (n,); floor : singular values below it are errors of the derivatives
    """

    singular: np.ndarray
    directions: np.ndarray
    spread: np.ndarray
    normal: np.ndarray
    floor: float

    @property
    def unknown(self) -> np.ndarray:
        """Directions that the data do not tell: alone they leave more open than the prior, or no slope is seen."""
        return self.singular < max(1.0, self.floor)

    @property
    def told(self) -> int:
        """Number of directions that the data tell."""
        return int((~self.unknown).sum())

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (n, n) of the coordinates from data and normal priors; along what is not told from all priors."""
        seen = np.where(self.singular < self.floor, 0.0, np.square(self.singular))
        lost = self.directions[self.unknown]
        beside = lost.T @ lost
        others = beside @ np.diag(1.0 - self.normal) @ beside
        precision = (self.directions.T * seen) @ self.directions + np.diag(self.normal.astype(float)) + others
        return np.linalg.inv(precision) * np.outer(self.spread, self.spread)

    def sentences(self, parameters: Sequence[Parameter], x: np.ndarray) -> tuple[str, ...]:
        """One sentence for each group of parameters that the data do not tell apart."""
        lost = self.directions[self.unknown]
        if not len(lost):
            return ()
        involved = np.nonzero(np.abs(lost).max(axis=0) > NOTABLE)[0]
        names = [parameters[k].name for k in involved]
        kept = _complement(lost[:, involved])
        listed = ", ".join(names)
        if not len(kept):
            return (f"not identifiable: {listed}; the data say no more than the prior",)
        rates = np.array([_rate(parameters[k], x[k]) for k in involved]) * self.spread[involved]
        logs = np.isfinite(rates).all()
        rows = _reduced(kept / (rates if logs else self.spread[involved]))
        said = " and ".join(_product(row, names) if logs else _sum(row, names) for row in rows)
        return (f"not identifiable: {listed}; only {said} {'is' if len(rows) == 1 else 'are'}",)


def spectrum(jacobian: np.ndarray, spread: np.ndarray, normal: np.ndarray, noise: float) -> Spectrum:
    """Spectrum of a Jacobian (k, n) without its last rows, those of the normal priors, one for each.

    noise : error of the length of one of its columns
    """
    of_data = jacobian.copy()
    if normal.any():
        of_data[-int(normal.sum()) :] = 0.0
    singular, directions = np.linalg.svd(of_data * spread, full_matrices=len(spread) > len(jacobian))[1:]
    values = np.zeros(len(spread))
    values[: singular.size] = singular
    return Spectrum(values, directions, spread, normal, noise * float(spread.max()))


def _rate(one: Parameter, x: float) -> float:
    """d ln(value) / d coordinate, infinite where the value may be negative."""
    value = one.value(float(x))
    return one.slope(float(x)) / value if one.value(one.low) >= 0.0 and value > 0.0 else np.inf


def _complement(lost: np.ndarray) -> np.ndarray:
    """Rows that span what is orthogonal to the lost directions among the parameters that these involve."""
    _, singular, directions = np.linalg.svd(lost)
    rank = int((singular > NOTABLE).sum())
    return directions[rank:]


def _reduced(rows: np.ndarray) -> np.ndarray:
    """Reduced row echelon form: combinations that a reader can name."""
    rows, top = rows.copy(), 0
    for column in range(rows.shape[1]):
        if top == len(rows):
            break
        pivot = top + int(np.argmax(np.abs(rows[top:, column])))
        if abs(rows[pivot, column]) < PIVOT * np.abs(rows).max():
            continue
        rows[[top, pivot]] = rows[[pivot, top]]
        rows[top] /= rows[top, column]
        others = np.arange(len(rows)) != top
        rows[others] -= np.outer(rows[others, column], rows[top])
        top += 1
    return rows


def _product(exponents: np.ndarray, names: Sequence[str]) -> str:
    """k·a of exponents (1, 1), k/a of (1, -1), k·a^0.63 of others."""
    above = [_power(p, name) for p, name in zip(exponents, names, strict=True) if p > NOTABLE]
    below = [_power(-p, name) for p, name in zip(exponents, names, strict=True) if p < -NOTABLE]
    bottom = f"({'·'.join(below)})" if len(below) > 1 else "".join(below)
    return "·".join(above) + (f" / {bottom}" if below else "")


def _power(exponent: float, name: str) -> str:
    simple = Fraction(exponent).limit_denominator(LARGEST_DENOMINATOR)
    close = simple > 0 and abs(float(simple) - exponent) < PLAIN * exponent
    if close and simple == 1:
        return name
    return f"{name}^({simple})" if close else f"{name}^{exponent:.2f}"


def _sum(weights: np.ndarray, names: Sequence[str]) -> str:
    """A linear combination in the coordinates of the priors."""
    return " + ".join(f"{w:.3g} ({name})" for w, name in zip(weights, names, strict=True) if abs(w) > NOTABLE)
