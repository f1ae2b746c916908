"""A process that simulates: jobs come pickled on its input, what went wrong ("" if nothing) goes back on its output.

A process of its own, not a fork: one thread for linear algebra, and no need of a guarded main module in a script.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """A run: the texts of device and protocol, where the device file stands, and the record to write."""

    device: str
    device_path: Path | None
    protocol: str
    rtol: float
    fields: tuple[str, ...]
    record: Path


class Worker:
    """A running process that takes one job after another; a new one takes its place when it dies."""

    def __init__(self) -> None:
        self.process = self._start()

    def _start(self) -> subprocess.Popen:
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        command = [sys.executable, "-c", "from perovsim.fit.worker import main; main()"]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )

    def do(self, job: Job) -> str:
        """Work a job and return what went wrong."""
        try:
            pickle.dump(job, self.process.stdin)
            self.process.stdin.flush()
            return pickle.load(self.process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            code = self.process.wait()
            self.process = self._start()
            return f"the process of this run ended with code {code}"

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()


def work(job: Job) -> str:
    """Simulate, save the record, and return what went wrong: a failed run is an answer, whatever failed in it."""
    from perovsim.fit.record import Record
    from perovsim.model import device_from_text, protocol_from_text
    from perovsim.simulation import simulate

    try:
        device, protocol = device_from_text(job.device, job.device_path), protocol_from_text(job.protocol)
        result = simulate(device, protocol, rtol=job.rtol, progress=lambda *_: None)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    Record.of(result, job.fields).save(job.record)
    return ""


def main() -> None:
    """Work jobs until the input ends; whatever prints, prints to the error stream."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            pickle.dump(work(pickle.load(source)), sink)
            sink.flush()
        except (EOFError, BrokenPipeError):
            return
