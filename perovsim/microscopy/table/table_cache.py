"""Tables on disk, named by the hash of everything that they depend on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

MOST = 24
"""Tables that stay on disk, the latest used ones."""


def folder(kind: str = "tables") -> Path:
    """Return the folder of the tables, or of another kind of arrays; XDG_CACHE_HOME moves it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perovsim" / kind


def key(*content: Any) -> str:
    """Return a short hash of plain values and arrays."""
    digest = hashlib.sha256()
    for item in content:
        if isinstance(item, np.ndarray):
            digest.update(str((item.shape, item.dtype.str)).encode() + np.ascontiguousarray(item).tobytes())
        else:
            digest.update(repr(item).encode())
    return digest.hexdigest()[:32]


def load(name: str, kind: str = "tables") -> dict[str, np.ndarray] | None:
    """Return the arrays stored under a key, or None; the file counts as used now."""
    path = folder(kind) / f"{name}.npz"
    try:
        with np.load(path) as stored:
            arrays = dict(stored)
        os.utime(path)
    except (OSError, ValueError, EOFError):  # not there, or cut off by a full disk: it is made anew
        return None
    return arrays


def store(name: str, arrays: dict[str, np.ndarray], kind: str = "tables", most: int = MOST) -> None:
    """Write arrays under a key in one step, and drop those used longest ago beyond the `most` latest.

    A folder that cannot be written leaves the table in memory only.
    """
    home = folder(kind)
    part = home / f"{name}.{os.getpid()}.part"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            np.savez(file, **arrays)
        part.replace(home / f"{name}.npz")
        for old in sorted(home.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)[most:]:
            old.unlink(missing_ok=True)
    except OSError:
        part.unlink(missing_ok=True)
