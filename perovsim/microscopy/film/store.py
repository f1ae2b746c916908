"""The film on disk: one zarr group, chunked by time and row; what is finished is marked and never computed again.

counts (time, y, x, qy, qx), dark_field and haadf (time, y, x) [electron], expectation (time, x, qy, qx) [fraction of
the beam], way (time, x), what was put in: exx, composition, lead (time, x); ready (time), finished (time, y).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from perovsim.errors import PerovsimError

FORMAT = "perovsim-film/1"
COUNT_TYPE = np.uint16
DISK_SHARE = 0.25
"""Counts compress to about this share on disk."""


class FilmStore:
    """A film being written or read."""

    def __init__(self, group: zarr.Group, path: Path) -> None:
        self.group, self.path = group, path

    def __getitem__(self, name: str) -> Any:
        return self.group[name]

    @property
    def attrs(self) -> dict[str, Any]:
        """Provenance, calibration, audit."""
        return dict(self.group.attrs)

    def note(self, **values: Any) -> None:
        """Add attributes."""
        self.group.attrs.update(values)

    def ready(self, time: int) -> bool:
        """Whether the expectation of a time is finished."""
        return bool(self.group["ready"][time])

    def finished(self, time: int) -> np.ndarray:
        """Return the mask of the finished rows of a time."""
        return np.asarray(self.group["finished"][time]) > 0

    @property
    def complete(self) -> bool:
        """Whether every row of every time is finished."""
        return bool(np.asarray(self.group["finished"][:]).all())

    def shares(self) -> str:
        """Return the share of the columns that each way computed, in words."""
        way, names = np.asarray(self.group["way"][:]), self.attrs["ways"]
        parts = [f"{name} {np.mean(way == k):.0%}" for k, name in enumerate(names) if (way == k).any()]
        return f"{way.size} columns of {len(self.group['y'][:])} rows: {', '.join(parts)}"


def open_film(path: str | Path) -> FilmStore:
    """Open a film; PerovsimError where there is none."""
    path = Path(path)
    try:
        group = zarr.open_group(path, mode="r+")
    except Exception as cause:  # zarr raises many kinds on a damaged store
        raise PerovsimError(
            f"{path}: no readable film ({type(cause).__name__}); make one with 'perovsim film'"
        ) from None
    if group.attrs.get("format") != FORMAT:
        raise PerovsimError(f"{path}: format is {group.attrs.get('format')!r}, expected '{FORMAT}'")
    return FilmStore(group, path)


def key_of(content: dict[str, Any]) -> str:
    """Return a hash of everything that decides a film."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:24]


def create_or_resume(path: Path, key: str, axes: dict[str, np.ndarray], attrs: dict[str, Any]) -> FilmStore:
    """Open the unfinished or finished film at a path, or begin one.

    axes : time, y, x, qy, qx. Raises PerovsimError where another film or something else lies there.
    """
    if path.exists():
        found = open_film(path)
        if found.attrs.get("key") != key:
            raise PerovsimError(
                f"{path}: holds a film of another device, microscope, region, dose or version of perovsim; "
                "give another --out, or remove it"
            )
        return found
    begun = path.with_name(path.name + ".part")
    if begun.exists():
        shutil.rmtree(begun)
    group = zarr.create_group(begun, attributes={"format": FORMAT, "key": key, **attrs})
    for name, values in axes.items():
        array = group.create_array(name, shape=values.shape, dtype=values.dtype, dimension_names=[name])
        array[:] = values
        array.attrs["units"] = {"time": "s", "x": "m", "y": "m"}.get(name, "rad")
    size = {name: len(values) for name, values in axes.items()}
    for name, (dims, dtype, chunk, unit) in LAYOUT.items():
        shape = tuple(size[dim] for dim in dims)
        chunks = tuple(size[dim] if dim in chunk else 1 for dim in dims)
        array = group.create_array(name, shape=shape, dtype=dtype, chunks=chunks, dimension_names=dims)
        array.attrs["units"] = unit
    begun.rename(path)
    return open_film(path)


_FRAME = ("x", "qy", "qx")
LAYOUT: dict[str, tuple[tuple[str, ...], Any, tuple[str, ...], str]] = {
    "counts": (("time", "y", *_FRAME), COUNT_TYPE, _FRAME, "electron"),
    "expectation": (("time", *_FRAME), np.float32, _FRAME, "1"),
    "dark_field": (("time", "y", "x"), np.uint32, ("x",), "electron"),
    "haadf": (("time", "y", "x"), np.uint32, ("x",), "electron"),
    "way": (("time", "x"), np.int8, ("x",), "1"),
    "exx": (("time", "x"), np.float64, ("x",), "1"),
    "composition": (("time", "x"), np.float64, ("x",), "1"),
    "lead": (("time", "x"), np.float64, ("x",), "1"),
    "ready": (("time",), np.int8, (), "1"),
    "finished": (("time", "y"), np.int8, (), "1"),
}
"""Dimensions, type, dimensions that lie whole in one chunk, unit."""
