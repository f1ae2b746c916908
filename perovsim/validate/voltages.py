"""Decomposition voltages of the thermochemical table against measured thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perovsim.errors import ModelFileError
from perovsim.physics.thermochemistry import Thermochemistry, decomposition_voltage
from perovsim.validate.cases import LoadedCase, Record
from perovsim.validate.table import Row, Section, number_row

TITLE = "Decomposition voltages at 298.15 K: −ΔGf(PbX2)/2F of the table against measured thresholds"
LEAD_ELECTRONS = 2.0
"""PbX2 -> Pb + X2 moves two electrons."""
TERMINALS, REFERENCE = "terminals", "reference_electrode"
HALIDES = ("Cl", "Br", "I")


def lead_halide_voltage(halide: str, table: Thermochemistry) -> float:
    """Voltage [V] above which PbX2 can fall apart into Pb and X2, each in its standard state."""
    return decomposition_voltage(f"Pb{halide}2", LEAD_ELECTRONS, table)


def voltage_section(cases: tuple[LoadedCase, ...], table: Thermochemistry) -> Section:
    """Rows: thresholds between two terminals; of those against a reference electrode only differences."""
    rows = [row for case in cases for row in (*_terminal_rows(case, table), *_difference_rows(case, table))]
    return Section(TITLE, tuple(rows), tuple(sentence for case in cases for sentence in case.case.says))


def _terminal_rows(case: LoadedCase, table: Thermochemistry) -> Iterator[Row]:
    for record in _of_scale(case, TERMINALS):
        halide = record.text("oxidised", HALIDES)
        yield number_row(
            f"{record.text('process')}, {record.text('system')}",
            lead_halide_voltage(halide, table),
            record.number("voltage_V"),
            _spread(record),
            case.case.spread("model"),
            "V",
            model_note=f"Pb{halide}2",
            standing=case.case.standing,
            source=(record.text("source"),),
            says=record.text("remark"),
        )


def _difference_rows(case: LoadedCase, table: Thermochemistry) -> Iterator[Row]:
    """Two oxidations in one film: reference electrode and counter-reaction drop out of their difference."""
    systems: dict[str, list[Record]] = {}
    for record in _of_scale(case, REFERENCE):
        systems.setdefault(record.text("system"), []).append(record)
    for system, records in systems.items():
        for first, second in zip(records, records[1:], strict=False):
            easy, hard = first.text("oxidised", HALIDES), second.text("oxidised", HALIDES)
            model = lead_halide_voltage(hard, table) - lead_halide_voltage(easy, table)
            measured = second.number("voltage_V") - first.number("voltage_V")
            yield number_row(
                f"oxidation of {hard} minus that of {easy}, {system}",
                model,
                measured,
                math.hypot(_spread(first), _spread(second)),
                case.case.spread("model") * math.sqrt(2.0),
                "V",
                model_note=f"Pb{hard}2 − Pb{easy}2",
                standing=case.case.standing,
                source=(first.text("source"),),
                says=f"model / measured = {model / measured:.2f}; the reference electrode drops out of the difference, "
                "which makes this the cleaner test; onsets of oxidation in one mixed film are no equilibrium "
                "potentials of two pure salts",
            )


def _of_scale(case: LoadedCase, scale: str) -> Iterator[Record]:
    for record in case.records:
        if record.text("scale", (TERMINALS, REFERENCE)) == scale:
            yield record


def _spread(record: Record) -> float:
    """Uncertainty [V]; NaN where the source gives none."""
    if not record.text("uncertainty_V"):
        return math.nan
    value = record.number("uncertainty_V")
    if value < 0.0:
        raise ModelFileError(
            record.file,
            record.line,
            f"uncertainty_V = {value:g} is negative; allowed: 0 or more, or an empty cell where the source gives none",
        )
    return value
