"""The comparisons with peers as rows of text and as data."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from perovsim.validate.peers.case import peer_names
from perovsim.validate.peers.compare import Deviation, PeerRun, run_case
from perovsim.validate.peers.profiles import taken_at

HEAD = ("case", "quantity", "compared with", "points", "maximum", "median", "tolerance", "pass")
WIDTHS = (24, 23, 38, 6, 20, 9, 26, 4)
WIDTH = sum(WIDTHS) + 2 * (len(WIDTHS) - 1)
"""Columns of the text [characters]."""
PERCENT, MILLI = 100.0, 1e3
PLACES = {"voltage": ("V", 1.0), "time": ("s", 1.0), "depth": ("nm", 1e9)}
"""Unit of the place of a deviation, and how many of it are one SI unit."""


@dataclass(frozen=True)
class PeerTable:
    """Comparisons with peers; `str()` is text, `rows` and `to_dict()` are data."""

    runs: tuple[PeerRun, ...]

    @property
    def rows(self) -> tuple[Deviation, ...]:
        """Comparisons of all cases."""
        return tuple(row for run in self.runs for row in run.deviations)

    def table(self) -> str:
        """One line per comparison, then what the lines need to be understood."""
        rows = self.rows
        lines = ["Other programs on the same problem", "-" * WIDTH, _line(HEAD), "-" * WIDTH]
        lines += [_line(_cells(row)) for row in rows]
        lines += ["-" * WIDTH, f"{sum(row.passes for row in rows)} of {len(rows)} within the tolerance"]
        for run in self.runs:
            case = run.loaded.case
            lines += _wrapped(f"{case.name}: {case.what}; {case.program}; {case.standing}: {case.known_to}.")
            lines += [line for sentence in case.says for line in _wrapped(sentence, "  ! ")]
            for note in dict.fromkeys(row.comparison.note for row in run.deviations if row.comparison.note):
                named = [f"{_quantity(x)} with {_against(x)}" for x in run.deviations if x.comparison.note == note]
                lines += _wrapped(f"{'; '.join(named)}: {note}", "  > ")
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Plain data for a JSON file."""
        return {
            "rows": [_plain(row) for row in self.rows],
            "seconds": {r.loaded.case.name: r.seconds for r in self.runs},
        }

    def __str__(self) -> str:
        return self.table()


def peer_table(names: Iterable[str | Path] | None = None, on_case: Callable[[str], None] | None = None) -> PeerTable:
    """Run cases of validation/peers and compare them with their data.

    names : of cases, their numbers or folders; None for all that are shipped
    on_case : called with the name of each case before it runs
    """
    runs = []
    for name in peer_names() if names is None else names:
        if on_case is not None:
            on_case(str(name))
        runs.append(run_case(name))
    return PeerTable(tuple(runs))


def _cells(row: Deviation) -> tuple[str, ...]:
    one = row.comparison
    unit, factor = PLACES[one.along]
    place = f"{factor * row.worst:.4g} {unit}"
    return (
        row.case,
        _quantity(row),
        _against(row),
        str(row.x.size),
        f"{_spoken(row, row.maximum)} at {place}",
        _spoken(row, row.median),
        _tolerance(row),
        "yes" if row.passes else f"no: {row.beyond}",
    )


def _quantity(row: Deviation) -> str:
    one = row.comparison
    light = {None: "", 0.0: ", dark"}.get(one.light, ", light")
    if one.along == "depth":
        return f"{one.quantity} at {taken_at(one)}{light}"
    low, high = one.since > 0.0, one.until < float("inf")
    unit = "V" if one.along == "voltage" else "s"
    part = f" {one.since:g}–{one.until:g} {unit}" if low and high else f" > {one.since:g} {unit}" if low else ""
    return f"{one.quantity}{light}{part}"


def _against(row: Deviation) -> str:
    steps = ", its time steps" if row.comparison.time_steps == "reference" else ""
    return row.comparison.column + steps


def _spoken(row: Deviation, value: float) -> str:
    if row.comparison.scale == "absolute":
        return f"{MILLI * value:.3g} m{row.unit}"
    return f"{PERCENT * value:.2g} %"


def _tolerance(row: Deviation) -> str:
    scale = row.comparison.scale
    of = {"absolute": "", "pointwise": " of each value", "maximum": " of the maximum"}
    return _spoken(row, row.comparison.tolerance) + (
        of[scale] if isinstance(scale, str) else f" of {scale:g} {row.unit}"
    )


def _plain(row: Deviation) -> dict:
    one = row.comparison
    return {
        "case": row.case,
        "quantity": one.quantity,
        "column": one.column,
        "time_steps": one.time_steps,
        "at_voltage": one.at_voltage,
        "at_time": one.at_time,
        "points": int(row.x.size),
        "maximum": row.maximum,
        "median": row.median,
        "worst_at": row.worst,
        "tolerance": one.tolerance,
        "scale": one.scale,
        "beyond": row.beyond,
        "passes": row.passes,
    }


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def _wrapped(text: str, lead: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=" " * max(len(lead), 2))
