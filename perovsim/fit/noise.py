"""How a datum scatters: a normal error, or counts that are Poisson distributed; residuals in units of that."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from perovsim.model.base import ModelData

LEAST_EXPECTED = 1e-12
"""A Poisson mean below this is none: counts cannot be expected of nothing."""


class Noise(ModelData):
    """Standard deviation of a data set: parts add in quadrature.

    absolute : in the unit of the datum; relative : share of the datum
    column : name of the column that holds it, instead of both; poisson : the data are counts, instead of all
    """

    absolute: float | str | None = None
    relative: float | None = Field(default=None, gt=0)
    column: str | None = None
    poisson: bool = False

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        parts = self.absolute is not None or self.relative is not None
        if parts + (self.column is not None) + self.poisson != 1:
            raise ValueError("noise is one of: absolute and/or relative, column, poisson = true")
        return self

    @property
    def told(self) -> str:
        """The model in words."""
        if self.poisson:
            return "Poisson"
        if self.column is not None:
            return f"column {self.column}"
        absolute = "" if self.absolute is None else f"{self.absolute}"
        relative = "" if self.relative is None else f"{100 * self.relative:g} %"
        return " and ".join(part for part in (absolute, relative) if part)


def normal_residuals(model: np.ndarray, data: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """(model - data)/sigma."""
    return (model - data) / sigma


def poisson_residuals(model: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Signed deviance residuals, whose squares sum to -2 ln(likelihood ratio) of Poisson counts, for any count.

    sign(m - k) sqrt(2 (m - k + k ln(k/m)))
    """
    mean = np.maximum(model, LEAST_EXPECTED)
    seen = np.where(counts > 0.0, counts, 1.0)
    deviance = mean - counts + np.where(counts > 0.0, counts * np.log(seen / mean), 0.0)
    return np.sign(mean - counts) * np.sqrt(2.0 * np.maximum(deviance, 0.0))
