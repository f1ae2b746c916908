"""The fit file (perovsim-fit/1): a device, a protocol, what is free, what was measured, and how to fit."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from perovsim.errors import ModelFileError
from perovsim.fit.data import DataSet
from perovsim.fit.optimise import Loss
from perovsim.fit.priors import Prior
from perovsim.fit.problem import Problem
from perovsim.model import Device, library, load_device, load_protocol
from perovsim.model.base import FileData, ModelData
from perovsim.model.check import READERS
from perovsim.model.document import Document, read_document
from perovsim.model.names import Name
from perovsim.model.validate import build


class LeastSquares(ModelData):
    """starts : descents, from the best of four times as many points; loss, f_scale : of scipy, robust ones too."""

    starts: int = Field(default=4, ge=1, le=1000)
    seed: int = Field(default=1, ge=0)
    loss: Loss = "linear"
    f_scale: float = Field(default=1.0, gt=0)


class Sampling(ModelData):
    """samples : of the posterior, kept after the walkers have forgotten their start."""

    samples: int = Field(default=10_000, ge=100, le=10_000_000)
    seed: int = Field(default=1, ge=0)


class FitFile(FileData):
    """A fit; device, protocol and tables are files beside it, or shipped names.

    processes : hypotheses whose reactions are on; None: as in the device; values : path -> value, fixed
    posterior, profiles : done where given
    """

    name: Name
    description: str = ""
    device: str
    protocol: str | None = None
    processes: tuple[str, ...] | None = None
    values: dict[str, bool | float | str] = Field(default_factory=dict)
    rtol: float = Field(default=1e-5, ge=1e-12, le=1e-2)
    free: dict[str, Prior] = Field(min_length=1)
    data: tuple[DataSet, ...] = Field(min_length=1)
    least_squares: LeastSquares = Field(default_factory=LeastSquares)
    posterior: Sampling | None = None
    profiles: bool = False

    @property
    def folder(self) -> Path:
        """Where the file stands."""
        return Path(".") if self._source_path is None else self._source_path.parent

    def load_device(self) -> Device:
        """Read the device with the processes and values of this file."""
        device = load_device(self._beside(self.device))
        if self.processes is not None:
            device = device.with_hypotheses(*self.processes)
        return device.with_values(self.values)

    def problem(self, runs: str | Path | None = None, workers: int | None = None) -> Problem:
        """Read everything that the file names; ModelFileError where something does not fit."""
        return Problem(
            self.load_device(),
            None if self.protocol is None else load_protocol(self._beside(self.protocol)),
            data=[one.beside(self.folder) for one in self.data],
            free=self.free,
            folder=runs,
            workers=workers,
            rtol=self.rtol,
            name=self.name,
        )

    def _beside(self, name: str) -> str | Path:
        beside = self.folder / name
        return beside if beside.is_file() else name


def load_fit(path: str | Path) -> FitFile:
    """Read a fit file: a path, ``models/…`` from anywhere, or a shipped name."""
    return fit_from(read_document(library.find(path, "fit")))


def fit_from(document: Document) -> FitFile:
    """Build a fit from a parsed file; what it names is read once, so that a wrong line is found here."""
    fit = build(FitFile, document.body("fit"), document).read_from(document)
    for one in fit.data:
        if one.file is None:
            raise ModelFileError(document.path, None, f"data '{one.name}': give `file`, a CSV")
    try:
        fit.problem().close()
    except ModelFileError as error:
        if error.file is not None:
            raise
        raise ModelFileError(document.path, None, str(error)) from None
    return fit


READERS.setdefault("fit", fit_from)
