"""Rows of a comparison with measurements, and the text they make."""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass

HEAD = ("quantity", "model", "measured ±", "model − measured", "standing", "source")
WIDTHS = (36, 34, 24, 18, 11, 19)
GAP = "  "
WIDTH = sum(WIDTHS) + len(GAP) * (len(WIDTHS) - 1)
"""Columns of the text [characters]."""
MILLI = 1e-3
DECIMALS = {"eV": (4, 4, 1), "V": (3, 2, 0)}
"""Unit -> decimals of the model value, of the measured value, and of the difference in milli-units."""


@dataclass(frozen=True)
class Direction:
    """Where one hypothesis sends a halide: shift [m], > 0 to the cathode; agrees is None if not comparable."""

    hypothesis: str
    shift: float
    goes_to: str
    agrees: bool | None


@dataclass(frozen=True)
class Row:
    """One comparison; the text columns are for reading, the numbers [unit] for a program (NaN: none)."""

    quantity: str
    model: str
    measured: str
    difference: str
    standing: str
    source: tuple[str, ...]
    says: str
    unit: str = ""
    model_value: float = math.nan
    measured_value: float = math.nan
    measured_uncertainty: float = math.nan
    difference_value: float = math.nan
    difference_uncertainty: float = math.nan
    directions: tuple[Direction, ...] = ()


@dataclass(frozen=True)
class Section:
    """Rows of one kind, and what they cannot say."""

    title: str
    rows: tuple[Row, ...]
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredTable:
    """All comparisons with measurements; `table()` is text, `rows` and `to_dict()` are data."""

    sections: tuple[Section, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows of all sections."""
        return tuple(row for section in self.sections for row in section.rows)

    def table(self) -> str:
        """Return the comparisons as plain text: columns, then what each row says and cannot say."""
        return "\n\n".join(_section_text(section) for section in self.sections)

    def to_dict(self) -> dict:
        """Return plain data for a JSON file; NaN becomes None."""
        return {
            "sections": [
                {
                    "title": section.title,
                    "limits": list(section.limits),
                    "rows": [_plain(asdict(row)) for row in section.rows],
                }
                for section in self.sections
            ]
        }

    def __str__(self) -> str:
        return self.table()


def number_row(
    quantity: str,
    model: float,
    measured: float,
    measured_uncertainty: float,
    model_uncertainty: float,
    unit: str,
    *,
    standing: str,
    source: tuple[str, ...],
    says: str,
    model_note: str = "",
) -> Row:
    """Make a row of two numbers in eV or V; the uncertainty of the difference is theirs in quadrature.

    A calibrated row has none: model and table are not independent, the difference is the residual of the fit.
    """
    fitted, difference = standing == "calibrated", model - measured
    spread = math.nan if fitted else math.hypot(measured_uncertainty, model_uncertainty)
    fine, coarse, milli = DECIMALS[unit]
    shown = round(difference / MILLI, milli) + 0.0
    return Row(
        quantity,
        f"{model:.{fine}f} {unit}" + (f" ({model_note})" if model_note else ""),
        f"{measured:.{coarse}f}{_plus_minus(measured_uncertainty, coarse)} {unit}",
        f"{shown:+.{milli}f}{_plus_minus(spread / MILLI, milli)} m{unit}" + (" (residual)" if fitted else ""),
        standing,
        source,
        f"{verdict(difference, spread, standing)}; {says}",
        unit,
        model,
        measured,
        measured_uncertainty,
        difference,
        spread,
    )


def verdict(difference: float, spread: float, standing: str) -> str:
    """Say in words how large a difference is against its uncertainty (same unit, NaN: none given)."""
    if standing == "calibrated":
        return "fitted to this table, no evidence"
    if math.isnan(spread):
        return "no uncertainty is given with the measurement"
    if abs(difference) <= spread:
        return "within the uncertainty"
    return f"{abs(difference) / spread:.1f} times the uncertainty apart" if spread > 0.0 else "apart"


def _plus_minus(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f" ± {value:.{decimals}f}"


def _section_text(section: Section) -> str:
    lines = [section.title, "-" * WIDTH, _line(HEAD), "-" * WIDTH]
    for note, row in enumerate(section.rows, 1):
        cells = (
            f"{row.quantity} ({note})",
            row.model,
            row.measured,
            row.difference,
            row.standing,
            ", ".join(row.source),
        )
        lines.append(_line(cells))
    lines.append("-" * WIDTH)
    for note, row in enumerate(section.rows, 1):
        lines += _wrapped(f"({note}) ", row.says)
    for sentence in section.limits:
        lines += _wrapped("  ! ", sentence)
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    columns = [_folded(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
    height = max(len(column) for column in columns)
    rows = []
    for part in range(height):
        words = [column[part] if part < len(column) else "" for column in columns]
        rows.append(GAP.join(f"{word:<{width}}" for word, width in zip(words, WIDTHS, strict=True)).rstrip())
    return "\n".join(rows)


def _folded(cell: str, width: int) -> list[str]:
    return [part for line in cell.split("\n") for part in textwrap.wrap(line, width, subsequent_indent=" ")] or [""]


def _wrapped(mark: str, sentence: str) -> list[str]:
    return textwrap.wrap(sentence, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def _plain(part):
    if isinstance(part, dict):
        return {key: _plain(item) for key, item in part.items()}
    if isinstance(part, list | tuple):
        return [_plain(item) for item in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part
