"""Cases under validation/microscopy: one folder each, whose case.toml says what must be found in a measured file."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from perovsim.microscopy.measured.datasets import DATASETS
from perovsim.model.base import ModelData
from perovsim.model.names import Name, did_you_mean
from perovsim.validate.cases import shipped_case

MICROSCOPY = "microscopy"


class Expectation(ModelData):
    """A quantity and the range in which it must lie; why : where the range comes from."""

    quantity: str
    unit: str = "1"
    low: float = -float("inf")
    high: float = float("inf")
    why: str

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if not self.low <= self.high:
            raise ValueError(f"'{self.quantity}': low = {self.low:g} is above high = {self.high:g}")
        return self


class MicroscopyCase(ModelData):
    """A measured file, what is known of it, and what must be found.

    dataset : its name in the registry; says : what the comparison can and cannot say
    """

    name: Name
    dataset: str
    what: str
    known: str
    says: tuple[str, ...] = ()
    expect: tuple[Expectation, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_dataset(self) -> Self:
        if self.dataset not in DATASETS:
            raise ValueError(f"dataset '{self.dataset}' is not in the registry; {did_you_mean(self.dataset, DATASETS)}")
        return self


def load_microscopy_case(name: str) -> MicroscopyCase:
    """Read validation/microscopy/NAME/case.toml; ModelFileError with file and remedy where it is missing or wrong."""
    return shipped_case(MicroscopyCase, MICROSCOPY, name, "case")
