"""Where halides go: what each hypothesis gives, against the electrode seen in measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perovsim.emitter import mean_distance
from perovsim.errors import PerovsimError
from perovsim.physics.thermochemistry import Thermochemistry
from perovsim.validate.cases import LoadedCase, Record
from perovsim.validate.table import Direction, Row, Section
from perovsim.validate.voltages import lead_halide_voltage

if TYPE_CHECKING:
    from perovsim.result import Result

TITLE = "Polarity: the electrode that a halide goes to under bias (runs: under forward current)"
ANODE, CATHODE = "anode", "cathode"
UNNAMED = "unnamed"
"""The measurement names no electrode."""
STAYS = "no direction"
ALL = "halides"
"""All halides of the lattice together."""
NANO = 1e-9
ROUNDING = 1e-18
"""Shifts up to this [m], 1e-9 of a nanometre, are rounding whatever the ledgers say."""
NO_RUN = (
    "No run was given, so nothing is compared here. Name results: perovsim validate out/field_drift.nc …, "
    "or measured_table({name: result})."
)


@dataclass(frozen=True)
class Shifts:
    """Mean shift [m] of each halide and of all ("halides") since the start, > 0 towards the cathode.

    end : at the last time; settled : 1 s after the first current rise, None where the run has no such time
    floor : shifts up to this [m] are no direction
    forward : True where the run passes a forward current
    """

    end: Mapping[str, float]
    settled: Mapping[str, float] | None = None
    floor: float = ROUNDING
    forward: bool = True

    @property
    def halides(self) -> tuple[str, ...]:
        """Halides of the lattice."""
        return tuple(name for name in self.end if name != ALL)


def halide_shifts(result: Result) -> Shifts:
    """First moments of the halides of a run, films included.

    s_X(t) = <x>_X(t) - <x>_X(0), x the distance from the anode; atoms in a film AlXn stand at the cathode, dissolved
    ones are not counted. The floor is the largest element imbalance of the run times the thickness of its stack.
    """
    lattice = result.device.emitter.lattice
    if lattice is None:
        raise PerovsimError(
            f"'{result.device.name}' has no halide lattice in its emitter; compare polarity with a device that has one"
        )
    places = {name: mean_distance(result, name) for name in lattice.halides}
    places[ALL] = mean_distance(result, *lattice.halides)
    shifts = {name: place - place[0] for name, place in places.items()}
    at, imbalance = result.reference_time, _imbalance(result, lattice.halides)
    return Shifts(
        end={name: float(shift[-1]) for name, shift in shifts.items()},
        settled=None
        if at is None
        else {name: float(np.interp(at, result.times, shift)) for name, shift in shifts.items()},
        floor=max(ROUNDING, imbalance * float(result.device.thickness)),
        forward=bool(result.driven.any()),
    )


def polarity_section(
    cases: tuple[LoadedCase, ...], runs: Mapping[str, Result | Shifts], table: Thermochemistry
) -> Section:
    """One row per observation, with the direction that every run gives; `runs` maps hypothesis -> run."""
    shifts = {name: run if isinstance(run, Shifts) else halide_shifts(run) for name, run in runs.items()}
    rows = tuple(_row(case, record, shifts, table) for case in cases for record in case.records)
    says = tuple(sentence for case in cases for sentence in case.case.says)
    return Section(TITLE, rows, says if runs else (NO_RUN, *says))


def stand_in(species: str, lattice: tuple[str, ...], device: tuple[str, ...], table: Thermochemistry) -> str:
    """Halide of the device that answers for `species` of a measured lattice.

    Itself on the same lattice; all halides for a lone or unnamed one; of two the one of the same rank in
    the decomposition voltage of PbX2.
    """
    if species in device and set(lattice) == set(device):
        return species
    if species not in lattice or len(lattice) != len(device):
        return ALL

    def by_voltage(halides: tuple[str, ...]) -> list[str]:
        return sorted(halides, key=lambda halide: lead_halide_voltage(halide, table))

    return by_voltage(device)[by_voltage(lattice).index(species)]


def _row(case: LoadedCase, record: Record, runs: Mapping[str, Shifts], table: Thermochemistry) -> Row:
    seen = record.text("goes_to", (ANODE, CATHODE, UNNAMED))
    moment = record.text("moment", ("end", "settled"))
    species, lattice = record.text("species"), tuple(record.text("lattice").split())
    found, answers = [], set()
    for name, shifts in runs.items():
        halide = stand_in(species, lattice, shifts.halides, table)
        answers.add(halide)
        found.append(_direction(name, shifts, halide, moment, seen))
    compared = [way for way in found if way.agrees is not None]
    agreed = sum(bool(way.agrees) for way in compared)
    itself = answers <= {species}
    summary = f"{agreed} of {len(compared)} agree" + ("" if itself else " (by analogy)")
    answer = "" if itself else f"the device answers for {species} with its {' or '.join(sorted(answers))}"
    says = (record.text("observation"), answer, record.text("remark"))
    return Row(
        f"{species}, {record.text('system')}",
        "\n".join(_spoken(way) for way in found) or "–",
        f"{seen} ({record.text('read')})",
        summary if compared else "not compared",
        case.case.standing,
        (record.text("source"),),
        "; ".join(part for part in says if part),
        directions=tuple(found),
    )


def _direction(name: str, shifts: Shifts, halide: str, moment: str, seen: str) -> Direction:
    values = shifts.end if moment == "end" else shifts.settled
    if values is None:
        return Direction(name, float("nan"), "no reference time", None)
    shift = values[halide]
    way = STAYS if abs(shift) <= shifts.floor else CATHODE if shift > 0.0 else ANODE
    comparable = shifts.forward and seen != UNNAMED
    return Direction(name, shift, way, way == seen if comparable else None)


def _spoken(way: Direction) -> str:
    number = "" if np.isnan(way.shift) else f" {way.shift / NANO:+.2g} nm"
    return f"{way.hypothesis.replace('_', ' ')}: {way.goes_to}{number}"


def _imbalance(result: Result, halides: tuple[str, ...]) -> float:
    names = [f"element_{halide}" for halide in halides if f"element_{halide}" in result.balance]
    return max((float(np.nanmax(np.abs(result.balance[name].values))) for name in names), default=0.0)
