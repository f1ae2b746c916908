"""Runs of a fit: each known by a hash of all that decides it, kept on disk, side by side in processes.

A run that failed is kept as the reason why; it is counted and reported, and never an error of the fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perovsim import __version__
from perovsim.errors import PerovsimError
from perovsim.fit.record import Record
from perovsim.fit.worker import Job, Worker
from perovsim.study.stages import DEVICE, code_hash
from perovsim.study.work import thermochemistry

if TYPE_CHECKING:
    from perovsim.model import Device, Protocol

Case = tuple["Device", "Protocol", float]
"""Device, protocol and relative tolerance."""
IN_MEMORY = 512
CODE = (*DEVICE, "steps.py", "fit/record.py")


@dataclass(frozen=True)
class Failure:
    """Why a run has no record."""

    reason: str


class Runs:
    """Records of runs, from memory, from a folder, or simulated.

    folder : kept; None: a temporary one; workers : processes, None: one per core; fields : depth fields to keep
    """

    def __init__(self, folder: Path | None, workers: int | None, fields: tuple[str, ...]) -> None:
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="perovsim-fit-")
            folder = Path(self._temporary.name)
        self.folder, self.fields = folder, fields
        self.count = workers or len(os.sched_getaffinity(0))
        self.computed, self.reused = 0, 0
        self.failures: dict[str, str] = {}
        self._memory: OrderedDict[str, Record | Failure] = OrderedDict()
        self._lock, self._free = threading.Lock(), queue.LifoQueue()
        self._pool: ThreadPoolExecutor | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PerovsimError(f"{folder}: cannot be made a folder: {error.strerror}") from None

    def get(self, cases: Sequence[Case]) -> list[Record | Failure]:
        """Records of these runs in their order."""
        jobs = [self._job(*case) for case in cases]
        missing = {job.record: job for job in jobs if self._known(job.record) is None}
        if missing:
            self._simulate(list(missing.values()))
        return [self._known(job.record) for job in jobs]

    def _job(self, device: Device, protocol: Protocol, rtol: float) -> Job:
        device_text, protocol_text = device.to_toml(), protocol.source_text
        parts = [device_text, protocol_text, repr(rtol), thermochemistry(device), code_hash(CODE), __version__]
        key = hashlib.sha256("\0".join([*parts, *self.fields]).encode()).hexdigest()[:24]
        record = self.folder / f"{key}.npz"
        return Job(device_text, device.source_path, protocol_text, rtol, self.fields, record)

    def _known(self, file: Path) -> Record | Failure | None:
        with self._lock:
            if file.name in self._memory:
                self._memory.move_to_end(file.name)
                return self._memory[file.name]
        found = self._stored(file)
        if found is not None:
            with self._lock:
                self.reused += 1
            self._remember(file, found)
        return found

    def _stored(self, file: Path) -> Record | Failure | None:
        reason = file.with_suffix(".json")
        if reason.is_file():
            return Failure(json.loads(reason.read_text(encoding="utf-8"))["failed"])
        return Record.load(file) if file.is_file() else None

    def _remember(self, file: Path, found: Record | Failure) -> None:
        with self._lock:
            self._memory[file.name] = found
            if isinstance(found, Failure):
                self.failures[file.stem] = found.reason
            while len(self._memory) > IN_MEMORY:
                self._memory.popitem(last=False)

    def _simulate(self, jobs: list[Job]) -> None:
        """Work jobs in the processes; an interrupt gives up those that have not begun."""
        futures = [self._threads().submit(self._work, job) for job in jobs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                workers = [Worker() for _ in range(self.count)]
                for worker in workers:
                    self._free.put(worker)
                self._pool = ThreadPoolExecutor(self.count)
                self._end = weakref.finalize(self, _stop, workers, self._pool)
        return self._pool

    def _work(self, job: Job) -> None:
        if self._known(job.record) is not None:
            return
        worker = self._free.get()
        try:
            reason = worker.do(job)
        finally:
            self._free.put(worker)
        if reason:
            job.record.with_suffix(".json").write_text(json.dumps({"failed": reason}), encoding="utf-8")
        with self._lock:
            self.computed += 1
        self._remember(job.record, Failure(reason) if reason else Record.load(job.record))

    def close(self) -> None:
        """End the processes; the records stay."""
        if self._pool is not None:
            self._end()
            self._pool = None


def _stop(workers: list[Worker], pool: ThreadPoolExecutor) -> None:
    pool.shutdown(wait=True, cancel_futures=True)
    for worker in workers:
        worker.stop()
