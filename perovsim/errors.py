"""Errors that a user can act on: each says what, where, and what to do next.

The command line prints ``str(error)`` and exits with code 2; no traceback reaches the user.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self


class PerovsimError(Exception):
    """Base of every error that perovsim raises on purpose."""


class UnitError(PerovsimError, ValueError):
    """A text is not a number with a unit of the wanted dimension."""


class ModelFileError(PerovsimError):
    """A model file cannot be used; ``str`` reads ``file:line: message``.

    Parameters
    ----------
    file : path of the model file, or None for values given in Python; a single argument is
        the message
    line : line in that file, counted from 1, or None when the whole file is meant
    message : the thing, its value, the allowed range and the remedy
    """

    def __init__(self, file: str | Path | None, line: int | None = None, message: str | None = None) -> None:
        if message is None:
            file, message = None, str(file)
        self.file = None if file is None else str(file)
        self.line = line
        self.message = message
        super().__init__(file, line, message)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return f"{place}: {self.message}" if place else self.message


class SimulationError(PerovsimError):
    """A run stopped early; ``checkpoint`` holds what was computed up to there, or None."""

    def __init__(self, message: str, checkpoint: Any = None) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint

    def at(self, place: str) -> Self:
        """Return this error with a place in a file, if there is one, before its message."""
        return type(self)(f"{place}: {self}", self.checkpoint) if place else self


class ConservationError(SimulationError):
    """A conserved quantity (current, element, charge) drifted beyond its bar."""


class MeasurementError(PerovsimError):
    """A measured file or its calibration cannot be used."""


class MissingDataError(MeasurementError):
    """A measured file that perovsim knows but does not ship is not here; the message says where to get it."""
