"""All comparisons with measured numbers in one table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from perovsim.model.loader import load_material
from perovsim.physics.thermochemistry import load_table
from perovsim.validate.cases import load_cases, validation_directory
from perovsim.validate.optics import optics_section
from perovsim.validate.polarity import Shifts, polarity_section
from perovsim.validate.table import MeasuredTable
from perovsim.validate.voltages import voltage_section

if TYPE_CHECKING:
    from perovsim.result import Result

MEASURED = "measured"
EMITTER = "cspbbrcl3"
"""The shipped material whose exciton energies are compared."""


def measured_table(
    runs: Mapping[str, Result | Shifts] | None = None,
    *,
    folder: str | Path | None = None,
    material: str | Path = EMITTER,
    thermochemistry: str | Path | None = None,
) -> MeasuredTable:
    """Compare the numbers behind the model with the cases of validation/measured.

    runs : name of a hypothesis -> its run, for the polarity of the halides; None leaves it uncompared
    folder : of the cases; material : file or name with exciton energies; thermochemistry : table; None: shipped
    ModelFileError where a case is broken: file, line, remedy
    """
    cases = load_cases(validation_directory() / MEASURED if folder is None else Path(folder))
    table = load_table(thermochemistry)

    def of(kind: str):
        return tuple(case for case in cases if case.case.kind == kind)

    return MeasuredTable(
        (
            optics_section(of("optical_constants"), load_material(material)),
            voltage_section(of("voltage_thresholds"), table),
            polarity_section(of("halide_polarity"), runs or {}, table),
        )
    )
