"""A comparison: rows of numbers with uncertainties, and a verdict that says what the noise allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIGMAS = 3.0
"""Two things differ when the noise would do as much in 3 of 1000 cases or fewer."""
MOST_DECIMALS = 6
"""Numbers whose error needs more of them are written with a power of ten."""
_HEAD = ("observable", "unit", "first", "second", "difference", "chi²/n", "n", "verdict")


@dataclass(frozen=True)
class Row:
    """One observable.

    first, second : mean values with standard errors; chi2 : mean squared difference in units of its
    variance, with `chi2_error` the scatter that noise gives it around its expected value 1
    count : numbers compared; note : remarks; data : arrays behind the row
    missing : what the variance does not hold, such as phonon scatter; "" when it holds everything
    """

    name: str
    unit: str
    first: tuple[float, float]
    second: tuple[float, float]
    chi2: float
    chi2_error: float
    count: int
    note: str = ""
    missing: str = ""
    data: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def difference(self) -> tuple[float, float]:
        """First minus second, with its standard error."""
        return self.first[0] - self.second[0], float(np.hypot(self.first[1], self.second[1]))

    @property
    def sigmas(self) -> float:
        """How far chi2 is from its expected value 1, in standard deviations."""
        return (self.chi2 - 1) / self.chi2_error if self.chi2_error > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """What the noise allows to say."""
        if not np.isfinite(self.sigmas):
            return "not decided: the noise is not known"
        if self.sigmas > SIGMAS and self.missing:
            return f"more than counting noise ({self.sigmas:.1f} sigma); {self.missing} not counted"
        if self.sigmas > SIGMAS:
            return f"differs ({self.sigmas:.1f} sigma)"
        if self.sigmas < -SIGMAS:
            return "agrees better than its noise: check gain and errors"
        return "agrees within noise"


@dataclass(frozen=True)
class Comparison:
    """Rows of observables; names of the two sides; remarks on what was left out."""

    first: str
    second: str
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Row:
        return {row.name: row for row in self.rows}[name]

    def table(self) -> str:
        """Return the comparison as text."""
        cells = [_HEAD, *(_cells(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(_HEAD))]
        lines = [f"first:  {self.first}", f"second: {self.second}"]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        lines += [f"{row.name}: {row.note}" for row in self.rows if row.note]
        return "\n".join([*lines, *self.remarks])


def _cells(row: Row) -> tuple[str, ...]:
    chi2 = f"{row.chi2:.3g} (1 ± {row.chi2_error:.2g})" if np.isfinite(row.chi2) else "–"
    return (
        row.name,
        row.unit,
        _number(row.first),
        _number(row.second),
        _number(row.difference),
        chi2,
        str(row.count),
        row.verdict,
    )


def _number(value: tuple[float, float]) -> str:
    """Write a value with its error, digits to the error's second."""
    number, error = value
    if not np.isfinite(number):
        return "–"
    if not np.isfinite(error) or error <= 0:
        return f"{number:.4g}"
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    if digits <= MOST_DECIMALS:
        return f"{number:.{digits}f} ± {error:.{digits}f}"
    power = int(np.floor(np.log10(max(abs(number), error))))
    unit, digits = 10.0**power, min(digits + power, MOST_DECIMALS)
    return f"({number / unit:.{digits}f} ± {error / unit:.{digits}f})e{power}"
