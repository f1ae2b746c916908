"""Cases under validation/: one folder each with case.toml (what, how, source, standing) and data.csv."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from perovsim.errors import ModelFileError
from perovsim.model.base import ModelData
from perovsim.model.document import Document, read_document
from perovsim.model.names import Name, did_you_mean
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.validate import build

CASE_FILE, DATA_FILE = "case.toml", "data.csv"
Kind = TypeVar("Kind", bound=ModelData)
COLUMNS = {
    "optical_constants": ("material", "x_Cl", "wavelength_nm", "k"),
    "voltage_thresholds": (
        "system",
        "process",
        "lattice",
        "oxidised",
        "scale",
        "voltage_V",
        "uncertainty_V",
        "source",
        "remark",
    ),
    "halide_polarity": ("system", "species", "lattice", "goes_to", "moment", "observation", "source", "read", "remark"),
}
"""Kind of a case -> the columns of its data.csv; numbers carry their unit in the name."""
Spread = Annotated[Quantity, Dimension(("eV", "V"), low=0, above=True)]


class Uncertainty(ModelData):
    """One contribution [eV or V] that the data do not show, of the measurement or of the model value."""

    what: str
    side: Literal["measured", "model"]
    value: Spread


class Case(ModelData):
    """What was measured, how it came here, and what a comparison with it can say.

    standing : "blind": no parameter was fitted to it; "calibrated": one was, so it is no evidence;
        "known": none was fitted, but the hypotheses were made knowing it
    source : keys of models/sources.bib
    """

    name: Name
    kind: Literal["optical_constants", "voltage_thresholds", "halide_polarity"]
    what: str
    obtained: str
    source: tuple[str, ...] = Field(min_length=1)
    licence: str
    standing: Literal["blind", "calibrated", "known"]
    says: tuple[str, ...] = Field(min_length=1)
    uncertainties: tuple[Uncertainty, ...] = Field(default=(), alias="uncertainty")

    @field_validator("source")
    @classmethod
    def _check_sources(cls, keys: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = (info.context or {}).get("sources")
        for key in keys if known is not None else ():
            if key not in known:
                raise ValueError(f"source '{key}' is not in sources.bib; {did_you_mean(key, known)}")
        return keys

    def spread(self, side: str) -> float:
        """Contributions of one side added in quadrature [eV or V]."""
        return math.sqrt(sum(float(part.value) ** 2 for part in self.uncertainties if part.side == side))


@dataclass(frozen=True)
class Record:
    """One line of data.csv, with its place for messages."""

    file: Path
    line: int
    cells: dict[str, str]

    def text(self, column: str, allowed: tuple[str, ...] = ()) -> str:
        """The words of a column, one of `allowed` where that is given."""
        word = self.cells[column].strip()
        if allowed and word not in allowed:
            raise ModelFileError(self.file, self.line, f"{column} = '{word}'; allowed: {', '.join(allowed)}")
        return word

    def number(self, column: str, empty: float | None = None) -> float:
        """The number of a column in the unit of its name; `empty` is what a blank cell means."""
        word = self.cells[column].strip()
        if not word and empty is not None:
            return empty
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ModelFileError(
                self.file, self.line, f"{column} = '{word}' is not a finite number; correct it at its source"
            )
        return value


@dataclass(frozen=True)
class LoadedCase:
    """A case with its records."""

    folder: Path
    case: Case
    records: tuple[Record, ...]


def validation_directory() -> Path:
    """Return the folder of the cases: of the installed package, or of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "validation"
    return installed if installed.is_dir() else package.parent / "validation"


def load_cases(folder: Path) -> tuple[LoadedCase, ...]:
    """Read every case of a folder, in the order of their names; ModelFileError where there is none."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not folders:
        raise ModelFileError(
            folder,
            None,
            f"holds no cases; install perovsim anew or name a folder of cases, each with {CASE_FILE} and {DATA_FILE}",
        )
    return tuple(load_case(path) for path in folders)


def shipped_case(kind: type[Kind], part: str, name: str, noun: str) -> Kind:
    """Read validation/PART/NAME/case.toml; ModelFileError with file and remedy where it is missing or wrong."""
    file = validation_directory() / part / name / CASE_FILE
    if not file.is_file():
        raise ModelFileError(file, None, f"no such file; a {noun} is a folder with case.toml: install perovsim anew")
    document = read_document(file)
    case = build(kind, document.body("case"), document)
    require_name(case, document, name)
    return case


def require_name(case: Any, document: Document, folder: str) -> None:
    """Raise ModelFileError where a case is not named as its folder."""
    if case.name != folder:
        line = document.line(("name",))
        text = f"name = '{case.name}', but the folder is '{folder}'; make them the same"
        raise ModelFileError(document.path, line, text)


def load_case(folder: str | Path) -> LoadedCase:
    """Read one case; ModelFileError with file, line and remedy where something is missing or wrong."""
    folder = Path(folder)
    file = folder / CASE_FILE
    if not file.is_file():
        raise ModelFileError(file, None, f"no such file; a case is a folder with {CASE_FILE} and {DATA_FILE}")
    document = read_document(file)
    case = build(Case, document.body("case"), document)
    require_name(case, document, folder.name)
    return LoadedCase(folder, case, _records(folder / DATA_FILE, case))


def _records(file: Path, case: Case) -> tuple[Record, ...]:
    wanted = COLUMNS[case.kind]
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            reader = csv.DictReader(opened, restkey="", restval=None)
            header = tuple(reader.fieldnames or ())
            records = [Record(file, reader.line_num, dict(row)) for row in reader]
    except FileNotFoundError:
        raise ModelFileError(
            file, None, f"no such file; a case of kind {case.kind} needs it with the columns " + ", ".join(wanted)
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise ModelFileError(file, None, f"not a readable CSV table in UTF-8 ({cause}); restore it") from None
    if sorted(header) != sorted(wanted):
        raise ModelFileError(
            file, 1, f"columns {', '.join(header) or 'none'}; a case of kind {case.kind} has " + ", ".join(wanted)
        )
    for record in records:
        if set(record.cells) != set(wanted) or None in record.cells.values():
            raise ModelFileError(
                file,
                record.line,
                f"needs {len(wanted)} cells: {', '.join(wanted)}; put quotes round a cell that holds a comma",
            )
        source = record.cells.get("source")
        if source is not None and source not in case.source:
            raise ModelFileError(
                file, record.line, f"source '{source}' is not one of {CASE_FILE}: " + ", ".join(case.source)
            )
    if not records:
        raise ModelFileError(file, None, "holds no line below its header; restore the data")
    return tuple(records)
