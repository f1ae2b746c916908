"""Folders in which the machine code of the kernels is kept, one per version of their sources.

A process holds a shared lock on the folder that it uses until it ends. A folder is removed only under an exclusive
lock, and vanishes in one step: never below a running process, and never half.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

LOCK = "in-use"
MOST = 5
"""Folders that stay, the latest used ones."""


def claim(folder: Path) -> int:
    """Make a folder and mark it as used; return the descriptor that marks it until it is closed.

    Raises OSError where no folder can be made or locked.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
        except (FileExistsError, FileNotFoundError):
            if folder.exists() and not folder.is_dir():
                raise
            continue  # removed while or since it was made
        fcntl.flock(mark, fcntl.LOCK_SH)
        try:
            if os.path.samestat(os.fstat(mark), os.stat(folder / LOCK)):
                os.utime(mark)
                return mark
        except FileNotFoundError:
            pass  # removed while this process waited for the lock
        os.close(mark)


def prune(home: Path, pattern: str, most: int = MOST) -> None:
    """Remove the folders below `home` that nobody uses, all but the `most` latest used ones."""
    for mark in sorted(home.glob(f"{pattern}/{LOCK}"), key=_last_use, reverse=True)[most:]:
        try:
            _remove(mark)
        except OSError:
            continue  # in use, or removed by another process at this moment


def _last_use(mark: Path) -> float:
    try:
        return mark.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(mark: Path) -> None:
    """Remove the folder of a mark; raises BlockingIOError where a process uses it."""
    held = os.open(mark, os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = mark.parent.rename(mark.parent.with_name(f"{mark.parent.name}.{os.getpid()}"))
        shutil.rmtree(gone)
    finally:
        os.close(held)
