"""Cases under validation/analytic: one folder each, whose case.toml says what is exact, why, and after whom."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from perovsim.errors import ModelFileError
from perovsim.model.base import ModelData
from perovsim.model.document import read_document
from perovsim.model.names import Name, did_you_mean
from perovsim.model.validate import build
from perovsim.validate.cases import CASE_FILE, validation_directory

ANALYTIC = "analytic"


class AnalyticCase(ModelData):
    """A limit: its number in the list of limits, what the solver does, what is exact and why.

    source : keys of models/sources.bib; says : what agreement does not show
    """

    name: Name
    limit: str = Field(pattern=r"A\d+")
    what: str
    exact: str
    derivation: str
    source: tuple[str, ...] = ()
    says: tuple[str, ...] = ()

    @field_validator("source")
    @classmethod
    def _check_sources(cls, keys: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = (info.context or {}).get("sources")
        for key in keys if known is not None else ():
            if key not in known:
                raise ValueError(f"source '{key}' is not in sources.bib; {did_you_mean(key, known)}")
        return keys


def load_limit(name: str) -> AnalyticCase:
    """Read validation/analytic/NAME/case.toml; ModelFileError with file and remedy where it is missing or wrong."""
    file: Path = validation_directory() / ANALYTIC / name / CASE_FILE
    if not file.is_file():
        raise ModelFileError(file, None, "no such file; a limit is a folder with case.toml: install perovsim anew")
    document = read_document(file)
    case = build(AnalyticCase, document.body("case"), document)
    if case.name != name:
        raise ModelFileError(file, document.line(("name",)), f"name = '{case.name}', but the folder is '{name}'")
    return case
