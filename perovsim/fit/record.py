"""What a fit keeps of a run: its terminals, interfaces and spectra, and the depth fields that the data ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from perovsim.result import Result

ALWAYS = ("terminals", "interfaces", "impedance")
"""Groups that are kept whole; they are small."""


@dataclass(frozen=True)
class Record:
    """Arrays of a run in SI by "group/name", such as "terminals/V" (time,) and "fields/x_Cl" (time, x)."""

    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, result: Result, fields: tuple[str, ...] = ()) -> Self:
        """Keep of a result what a fit needs."""
        found = {}
        for group in ALWAYS:
            table = getattr(result, group)
            found |= {f"{group}/{name}": column.values for name, column in {**table.coords, **table}.items()}
        for name in ("time", "x", "layer", *(("cell_width", *fields) if fields else ())):
            if name in result.fields:
                found[f"fields/{name}"] = result.fields[name].values
        return cls({name: values for name, values in found.items() if values.dtype.kind in "fiUb"})

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(dict(stored))

    def save(self, file: Path) -> None:
        """Write in one step, so that a half-written record is never read."""
        partial = file.with_suffix(".part")
        with partial.open("wb") as stream:
            np.savez(stream, **self.arrays)
        partial.replace(file)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    @property
    def times(self) -> np.ndarray:
        """Stored times [s]."""
        return self.arrays["terminals/time"]
