"""Measured tables: CSV with a header of names and units, `t [s], V [V]`; every complaint names file and row."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from perovsim import units
from perovsim.errors import ModelFileError, UnitError
from perovsim.model.names import did_you_mean

_HEADING = re.compile(r"^\s*(?P<name>[^\[\]]+?)\s*(?:\[(?P<unit>[^\[\]]*)\])?\s*$")
COMMENT = "#"
NO_UNIT = ("", "1", "-")


@dataclass(frozen=True)
class Wanted:
    """A column by its name in the file and the SI unit it is read in; `free`: or in a unit of its own."""

    name: str
    unit: str
    free: bool = False


@dataclass(frozen=True)
class Table:
    """Columns in SI by name, and the row of the file of each line, counted from 1."""

    file: Path
    columns: dict[str, np.ndarray]
    units: dict[str, str]
    rows: np.ndarray

    def fail(self, index: int, message: str) -> NoReturn:
        """Complain about one line."""
        raise ModelFileError(self.file, int(self.rows[index]), message)


def read_table(file: Path, wanted: list[Wanted]) -> Table:
    """Read the wanted columns; ModelFileError with file and row for anything that is not a finite number in a unit."""
    lines = _lines(file)
    row, header = lines[0]
    names = _header(file, row, header)
    places = {}
    for column in wanted:
        if column.name not in names:
            hint = did_you_mean(column.name, names)
            raise ModelFileError(file, row, f"column '{column.name}' is missing; {hint}")
        places[column.name] = list(names).index(column.name)
    scales = {column.name: _scale(file, row, column, names[column.name]) for column in wanted}
    values = {column.name: [] for column in wanted}
    for number, cells in lines[1:]:
        if len(cells) != len(names):
            raise ModelFileError(file, number, f"{len(cells)} cells where the header has {len(names)}")
        for name, found in values.items():
            scale, offset = scales[name]
            found.append(scale * _number(file, number, name, cells[places[name]]) + offset)
    return Table(
        file,
        {name: np.array(found) for name, found in values.items()},
        {name: names[name] for name in values},
        np.array([number for number, _ in lines[1:]]),
    )


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ModelFileError(file, None, "no such file; `file` is looked for beside the fit file") from None
    except UnicodeDecodeError:
        raise ModelFileError(file, 1, "not a text file; a table is CSV in UTF-8") from None
    except OSError as error:
        raise ModelFileError(file, None, f"cannot be read: {error.strerror}") from None
    found = [
        (number, [cell.strip() for cell in next(csv.reader([line]))])
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith(COMMENT)
    ]
    if len(found) < 2:
        line = found[0][0] if found else 1
        raise ModelFileError(file, line, "no rows of numbers; begin with a header such as 't [s], V [V]'")
    return found


def _header(file: Path, row: int, cells: list[str]) -> dict[str, str]:
    """Name -> unit of every column."""
    names: dict[str, str] = {}
    for cell in cells:
        match = _HEADING.match(cell)
        if match is None:
            raise ModelFileError(file, row, f"heading '{cell}' is not a name with a unit; write for example 't [s]'")
        if match["name"] in names:
            raise ModelFileError(file, row, f"column '{match['name']}' is there twice")
        unit = (match["unit"] or "").strip()
        names[match["name"]] = "" if unit in NO_UNIT else unit
    return names


def _scale(file: Path, row: int, column: Wanted, unit: str) -> tuple[float, float]:
    try:
        return units.conversion(unit, column.unit)
    except UnitError as error:
        if column.free:
            return 1.0, 0.0
        raise ModelFileError(file, row, f"column '{column.name}': {error}") from None


def _number(file: Path, row: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ModelFileError(file, row, f"column '{name}': '{text}' is not a number") from None
    if not math.isfinite(value):
        raise ModelFileError(file, row, f"column '{name}': {text} is not a finite number; remove the row")
    return value
