"""Threads for work that numpy and FFTs do outside Python's lock; results keep their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

AHEAD = 2
"""Items that are prepared while one is used."""


def cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


class Share:
    """Progress: counts of work done, told as a share of the whole."""

    def __init__(self, progress: Callable[[float], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done / self.total)


class Workers:
    """A pool of threads; a context manager. Outcomes do not depend on the number of threads."""

    def __init__(self, count: int | None = None) -> None:
        self.count = cpus() if count is None else count
        self._pool = ThreadPoolExecutor(self.count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, do: Callable[[int], None], count: int) -> None:
        """Call do(0) ... do(count - 1) and wait for all."""
        for _ in self._pool.map(do, range(count)):
            pass

    def ahead(self, make: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield make(item) in order, a few of them made in advance."""
        waiting: deque = deque()
        for item in items:
            waiting.append(self._pool.submit(make, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
