"""Check any model file and count how its numbers stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from perovsim.errors import ModelFileError
from perovsim.model import loader, microscope, protocol
from perovsim.model.document import Document, read_document
from perovsim.model.lamella import LamellaSpec
from perovsim.model.material import Material
from perovsim.model.names import did_you_mean
from perovsim.model.quantity import STATUSES, Quantity
from perovsim.model.validate import build

Reader = Callable[[Document], Any]

READERS: dict[str, Reader] = {
    "device": loader.device_from,
    "material": lambda document: build(Material, document.body("material"), document),
    "protocol": protocol.protocol_from,
    "microscope": microscope.microscope_from,
    "lamella": lambda document: build(LamellaSpec, document.body("lamella"), document),
}
"""Reader per kind of model file; higher layers may add theirs (a study)."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a model file holds: its kind, the object, and the count of numbers per status."""

    path: Path
    kind: str
    content: Any
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """Number of numbers."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        counted = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        return f"{self.path}: {self.kind}, {self.total} numbers: {counted}"


def check_file(path: str | Path) -> CheckReport:
    """Validate a model file of any kind (from its `format` key).

    Raises ModelFileError with file, line, value and remedy.
    """
    document = read_document(Path(path))
    kind = document.kind
    if kind not in READERS:
        line = document.line(("format",))
        hint = did_you_mean(kind, READERS)
        raise ModelFileError(path, line, f"'{kind}' is not a kind of model file; {hint}")
    content = READERS[kind](document)
    found = Counter(quantity.status for quantity in _quantities(content))
    counts = {status: found.get(status, 0) for status in STATUSES}
    return CheckReport(Path(path), kind, content, counts)


def _quantities(part: Any) -> Iterator[Quantity]:
    if isinstance(part, Quantity):
        yield part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _quantities(getattr(part, name))
    elif isinstance(part, tuple | list):
        for item in part:
            yield from _quantities(item)
    elif isinstance(part, dict):
        yield from _quantities(tuple(part.values()))
