"""Cases under validation/analytic: one folder each, whose case.toml says what is exact, why, and after whom."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from perovsim.model.base import ModelData
from perovsim.model.names import Name, did_you_mean
from perovsim.validate.cases import shipped_case

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
    return shipped_case(AnalyticCase, ANALYTIC, name, "limit")
