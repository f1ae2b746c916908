"""All limits in one table: limit, quantity, value of the solver, exact value, deviation, tolerance, verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean
from perovsim.validate.analytic.cases import AnalyticCase, load_limit
from perovsim.validate.analytic.check import Check, Outcome

WIDTH = 132
HEAD = ("quantity", "solver", "exact", "unit", "deviation", "allowed", "")
COLUMNS = "{:<64} {:>15} {:>15} {:>10} {:>10} {:>8} {:>4}"


@dataclass(frozen=True)
class LimitResult:
    """A case and what the solver gave for it."""

    case: AnalyticCase
    outcome: Outcome

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of the limit."""
        return self.outcome.checks

    def table(self) -> str:
        """Return the checks as plain text under what is exact."""
        title = f"{self.case.limit}  {self.case.what}"
        lines = [title, *textwrap.wrap(f"exact: {self.case.exact}", WIDTH - 4, initial_indent="    ",
                                       subsequent_indent="    "), COLUMNS.format(*HEAD).rstrip()]  # fmt: skip
        return "\n".join([*lines, *(_row(check) for check in self.checks)])


@dataclass(frozen=True)
class AnalyticTable:
    """Results of some limits; `table()` is text, `to_dict()` data."""

    results: tuple[LimitResult, ...]

    @property
    def failed(self) -> tuple[tuple[LimitResult, Check], ...]:
        """Checks beyond their tolerance."""
        return tuple((result, check) for result in self.results for check in result.checks if not check.passes)

    def table(self) -> str:
        """Return all limits as plain text, how many checks pass at the end."""
        count = sum(len(result.checks) for result in self.results)
        end = f"{count - len(self.failed)} of {count} checks within their tolerance"
        return f"\n{'-' * WIDTH}\n".join([*(result.table() for result in self.results), end])

    def to_dict(self) -> dict:
        """Return plain data for a JSON file."""
        return {
            "limits": [
                {
                    "name": result.case.name,
                    "limit": result.case.limit,
                    "what": result.case.what,
                    "checks": [
                        {
                            "quantity": check.quantity,
                            "solver": check.solver,
                            "exact": check.exact,
                            "unit": check.unit,
                            "deviation": check.deviation,
                            "tolerance": check.tolerance,
                            "passes": check.passes,
                        }
                        for check in result.checks
                    ],
                }
                for result in self.results
            ]
        }

    def __str__(self) -> str:
        return self.table()


def limit_names() -> tuple[str, ...]:
    """Names of all limits, in the order of the list of limits."""
    return tuple(_limits())


def analytic_table(words: Sequence[str] = (), progress: Callable[[str], None] | None = None) -> AnalyticTable:
    """Run limits on the solver.

    words : names ("sand") or numbers ("A10") of limits; none: all; progress : called with the name of each
    PerovsimError where a word is neither
    """
    results = []
    for name in _chosen(words):
        if progress is not None:
            progress(name)
        results.append(LimitResult(load_limit(name), _limits()[name]()))
    return AnalyticTable(tuple(results))


def _chosen(words: Sequence[str]) -> list[str]:
    names = limit_names()
    if not words:
        return list(names)
    numbers = {name: load_limit(name).limit for name in names}
    chosen: dict[str, None] = {}
    for word in words:
        found = [name for name in names if word == name or word.upper() == numbers[name]]
        if not found:
            hint = did_you_mean(word, [*names, *dict.fromkeys(numbers.values())])
            raise PerovsimError(f"no limit '{word}'; {hint}")
        chosen.update(dict.fromkeys(found))
    return [name for name in names if name in chosen]


def _row(check: Check) -> str:
    cells = (
        f"{check.solver:.8g}",
        f"{check.exact:.8g}",
        check.unit or "1",
        f"{check.deviation:.1e}",
        f"{check.tolerance:.0e}",
        "ok" if check.passes else "FAIL",
    )
    words = textwrap.wrap(check.quantity, 62) or [""]
    return "\n".join([COLUMNS.format(words[0], *cells), *(f"  {word}" for word in words[1:])])


def _limits() -> dict[str, Callable[[], Outcome]]:
    """Name of a case -> what runs it; imported here, since it brings the compiled solver along."""
    from perovsim.validate.analytic import (
        beam,
        carriers,
        depletion,
        electrodes,
        equilibrium,
        golden,
        growth,
        halides,
        heat,
        injection,
        ions,
        orders,
        phases,
        run_identities,
    )

    return {
        "zero_current": equilibrium.zero_current,
        "shockley": carriers.shockley,
        "recombination_plane": carriers.recombination_plane,
        "mott_gurney": carriers.mott_gurney,
        "poole_frenkel": injection.poole_frenkel,
        "trap_filled": injection.trap_filled,
        "double_injection": carriers.double_injection,
        "open_circuit": carriers.open_circuit,
        "gouy_chapman": ions.gouy_chapman,
        "blocking_electrodes": ions.blocking_electrodes,
        "surface_polarisation": ions.surface_polarisation,
        "cottrell": depletion.cottrell,
        "sand": depletion.sand,
        "nernst": electrodes.nernst,
        "butler_volmer": electrodes.butler_volmer,
        "faraday": electrodes.faraday,
        "film_growth": growth.film_growth,
        "cabrera_mott": growth.cabrera_mott,
        "mass_balance": run_identities.mass_balance,
        "interdiffusion": halides.interdiffusion,
        "galvanostat": run_identities.galvanostat,
        "second_law": equilibrium.second_law,
        "detailed_balance": equilibrium.detailed_balance,
        "avrami": phases.avrami,
        "stress": halides.stress,
        "orders": orders.orders,
        "joule_heat": heat.joule_heat,
        "electron_beam": beam.electron_beam,
        "mirror": run_identities.mirror,
        "drift": halides.drift,
        "golden_values": golden.golden_values,
    }
