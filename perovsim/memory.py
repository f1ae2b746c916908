"""Memory: how much a simulation needs, against what the machine has."""

from __future__ import annotations

import os

from perovsim.errors import PerovsimError

GIB = 2**30
SHARE = 0.8
"""A simulation may take this share of the memory that is free; the rest is for everything else."""


def free_memory() -> int:
    """Return the memory that a new process can use without swapping [bytes]."""
    try:
        with open("/proc/meminfo", encoding="ascii") as table:
            fields = dict(line.split(":", 1) for line in table)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def require_memory(needed: float, what: str, remedy: str) -> None:
    """Raise PerovsimError when `needed` bytes are more than the machine can give.

    what : of which the memory is for; remedy : what makes it smaller
    """
    free = SHARE * free_memory()
    if needed > free:
        raise PerovsimError(
            f"{what} needs {needed / GIB:.1f} GiB of memory, this machine can give {free / GIB:.1f} GiB; {remedy}"
        )
