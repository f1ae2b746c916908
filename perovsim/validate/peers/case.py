"""Cases under validation/peers/: case.toml, device.toml, protocol.toml, data.csv with the curves of the peer and, where
there are any, profiles.csv with its fields over depth."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from perovsim.errors import ModelFileError
from perovsim.model import Device, Protocol, load_device, load_protocol
from perovsim.model.base import ModelData
from perovsim.model.document import read_document
from perovsim.model.names import did_you_mean
from perovsim.model.validate import build
from perovsim.validate.cases import CASE_FILE, DATA_FILE, require_name, validation_directory

PEERS = "peers"
DEVICE_FILE, PROTOCOL_FILE = "device.toml", "protocol.toml"
PROFILE_FILE = "profiles.csv"
ALONG = {"voltage": "V_V", "time": "t_s", "depth": "x_m"}
"""What a curve is drawn over -> its column in data.csv, of depth in profiles.csv."""
PROFILES = ("potential", "n", "p", "cations", "anions")
"""Quantities over depth."""
LIGHT = "light"
"""Column of data.csv with the light of each point, where a case has more than one."""


class Comparison(ModelData):
    """One curve of the case against one column of data.csv, or a profile against one of profiles.csv.

    steps : of the protocol, counted from 1; time begins with the first of them
    since, until : part that is compared, in V or s (beyond `since`, up to `until`)
    light : which points of data.csv, by their column `light`
    scale : what a deviation is divided by: a number in the unit of the column, "pointwise" (the value itself, where
        that is larger than the share `above` of the largest), "maximum" (of the column) or "absolute" (nothing)
    tolerance : largest deviation allowed, a share or, if absolute, in the unit of the column
    at_voltage, at_time : of a profile: the voltage [V], or the time since the first step [s], at which it was taken
    time_steps : "own" of the solver, or "reference": backward Euler on the times of data.csv, as the peer steps
    """

    quantity: Literal["J", "V", "EL", "V_oc", "potential", "n", "p", "cations", "anions"]
    column: str
    along: Literal["voltage", "time", "depth"]
    steps: tuple[int, ...] = Field(min_length=1)
    since: float = -float("inf")
    until: float = float("inf")
    light: float | None = None
    at_voltage: float | None = None
    at_time: float | None = None
    scale: float | Literal["pointwise", "maximum", "absolute"]
    above: float = Field(default=1e-3, ge=0.0, lt=1.0)
    tolerance: float = Field(gt=0.0)
    time_steps: Literal["own", "reference"] = "own"
    note: str = ""

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        first, last = self.steps[0], self.steps[-1]
        if first < 1 or self.steps != tuple(range(first, last + 1)):
            raise ValueError(f"steps = {list(self.steps)}; give neighbouring steps of the protocol, counted from 1")
        given = [at for at in (self.at_voltage, self.at_time) if at is not None]
        if len({(self.along == "depth") * 1, (self.quantity in PROFILES) * 1, len(given)}) > 1:
            raise ValueError(
                f"{self.quantity} along {self.along}: a profile is one of {', '.join(PROFILES)} along depth, with "
                "at_voltage or at_time"
            )
        return self


class PeerCase(ModelData):
    """What another program computed, how it came here, and how close the solver must come.

    standing : "converged": the curve changes by less than the tolerance when the peer's grid is halved, or its error is
        accounted for; "indicative": coarse, not checked
    known_to : how well the peer's numbers are known, in words
    """

    name: str
    kind: Literal["peer"]
    what: str
    program: str
    obtained: str
    source: tuple[str, ...] = Field(min_length=1)
    licence: str
    standing: Literal["converged", "indicative"]
    known_to: str
    says: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = Field(alias="compare", min_length=1)

    @field_validator("source")
    @classmethod
    def _check_sources(cls, keys: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = (info.context or {}).get("sources")
        for key in keys if known is not None else ():
            if key not in known:
                raise ValueError(f"source '{key}' is not in sources.bib; {did_you_mean(key, known)}")
        return keys


@dataclass(frozen=True)
class LoadedPeer:
    """A case with its device, its protocol and the columns of data.csv and of profiles.csv."""

    folder: Path
    case: PeerCase
    device: Device
    protocol: Protocol
    data: dict[str, np.ndarray]
    profiles: dict[str, np.ndarray]


def peer_names() -> tuple[str, ...]:
    """Names of the shipped cases, in order."""
    return tuple(sorted(path.name for path in (validation_directory() / PEERS).iterdir() if path.is_dir()))


def find_peer(name: str | Path) -> Path:
    """Folder of a case: a path, the name of a shipped case, or the number that its name begins with."""
    if Path(name).is_dir():
        return Path(name)
    found = [known for known in peer_names() if str(name) in (known, known.split("_")[0])]
    if len(found) != 1:
        raise ModelFileError(Path(name), None, f"no such case of peers; {did_you_mean(str(name), peer_names())}")
    return validation_directory() / PEERS / found[0]


def load_peer_case(name: str | Path) -> LoadedPeer:
    """Read one case; ModelFileError with file, line and remedy where something is missing or wrong."""
    folder = find_peer(name)
    document = read_document(folder / CASE_FILE)
    case = build(PeerCase, document.body("case"), document)
    require_name(case, document, folder.resolve().name)
    protocol, data = load_protocol(folder / PROTOCOL_FILE), read_columns(folder / DATA_FILE)
    profiles = read_columns(folder / PROFILE_FILE) if any(x.along == "depth" for x in case.comparisons) else {}
    for number, one in enumerate(case.comparisons):
        file, columns = (PROFILE_FILE, profiles) if one.along == "depth" else (DATA_FILE, data)
        taken = [ALONG["voltage"] if one.at_time is None else ALONG["time"]] if one.along == "depth" else []
        needed = [one.column, ALONG[one.along], *taken, *([LIGHT] if one.light is not None else [])]
        for column in needed:
            if column not in columns:
                line = document.line(("compare", number))
                raise ModelFileError(document.path, line, f"no column '{column}' in {file}; {', '.join(columns)}")
        if one.steps[-1] > len(protocol.steps):
            line = document.line(("compare", number, "steps"))
            message = f"step {one.steps[-1]} does not exist; the protocol has {len(protocol.steps)}"
            raise ModelFileError(document.path, line, message)
    return LoadedPeer(folder, case, load_device(folder / DEVICE_FILE), protocol, data, profiles)


def read_columns(file: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV table of numbers, by name; ModelFileError with the line of what is no number."""
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            lines = list(csv.reader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise ModelFileError(file, None, f"not a readable CSV table in UTF-8 ({cause}); restore it") from None
    if len(lines) < 2:
        raise ModelFileError(file, None, "holds no line below its header; restore the data")
    values = np.empty((len(lines) - 1, len(lines[0])))
    for number, line in enumerate(lines[1:]):
        try:
            values[number] = [float(cell) for cell in line]
        except ValueError as cause:
            raise ModelFileError(file, number + 2, f"{cause}; needs {len(lines[0])} numbers") from None
    return dict(zip(lines[0], values.T, strict=True))
