"""All measured files in one table: quantity, value with error, range, verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean
from perovsim.validate.microscopy.cases import Expectation, MicroscopyCase, load_microscopy_case

WIDTH = 132
COLUMNS = "{:<66} {:>20} {:>6} {:>22} {:>4}"
NAMES = ("srtio3_abf", "cdte_boundary", "precession")


@dataclass(frozen=True)
class CaseResult:
    """A case, the findings of its file, and the value with error of each expectation."""

    case: MicroscopyCase
    findings: Any = field(repr=False)
    values: dict[str, tuple[float, float]]

    def passes(self, expected: Expectation) -> bool:
        """Whether the value lies in its range; NaN does not."""
        return bool(expected.low <= self.values[expected.quantity][0] <= expected.high)

    def table(self) -> str:
        """Return findings and expectations as text."""
        lines = [self.findings.table(), "", COLUMNS.format("expected", "found", "unit", "range", "").rstrip()]
        return "\n".join([*lines, *(self._row(expected) for expected in self.case.expect)])

    def _row(self, expected: Expectation) -> str:
        value, error = self.values[expected.quantity]
        text = f"{value:.4g}" + (f" ± {error:.2g}" if np.isfinite(error) else "")
        ends = f"{expected.low:g} to {expected.high:g}"
        return COLUMNS.format(expected.quantity, text, expected.unit, ends, "ok" if self.passes(expected) else "FAIL")


@dataclass(frozen=True)
class MicroscopyTable:
    """Results of some cases; `table()` is text, `to_dict()` data."""

    results: tuple[CaseResult, ...]

    @property
    def failed(self) -> tuple[tuple[CaseResult, Expectation], ...]:
        """Expectations that were not met."""
        return tuple((r, expected) for r in self.results for expected in r.case.expect if not r.passes(expected))

    def table(self) -> str:
        """Return all cases as text, how many expectations are met at the end."""
        count = sum(len(result.case.expect) for result in self.results)
        end = f"{count - len(self.failed)} of {count} values within their range"
        return f"\n{'-' * WIDTH}\n".join([*(result.table() for result in self.results), end])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a JSON file."""
        return {
            result.case.name: {
                name: {"value": value, "error": error if np.isfinite(error) else None}
                for name, (value, error) in result.values.items()
            }
            for result in self.results
        }

    def __str__(self) -> str:
        return self.table()


def microscopy_names() -> tuple[str, ...]:
    """Names of all cases."""
    return NAMES


def microscopy_table(
    words: Sequence[str] = (), progress: Callable[[str, float], None] | None = None
) -> MicroscopyTable:
    """Reduce measured files and hold the findings against what is known of the samples.

    words : names of cases, none: all; progress : called with the name of each and the share done
    PerovsimError where a word is no case, MissingDataError (with its address) where a file is not there
    """
    from perovsim.validate.microscopy.runs import RUNS

    results = []
    for name in _chosen(words):
        case = load_microscopy_case(name)
        findings, values = RUNS[name](lambda share, name=name: progress(name, share) if progress else None)
        results.append(CaseResult(case, findings, values))
    return MicroscopyTable(tuple(results))


def fetch_cases(words: Sequence[str] = ()) -> None:
    """Download the files of cases that are not there; none named: of all."""
    from perovsim.microscopy.measured.datasets import fetch_dataset

    for name in _chosen(words):
        fetch_dataset(load_microscopy_case(name).dataset)


def _chosen(words: Sequence[str]) -> Sequence[str]:
    for word in words:
        if word not in NAMES:
            raise PerovsimError(f"no case '{word}'; {did_you_mean(word, NAMES)}")
    return words or NAMES
