"""The film of a whole stack, 100 x 40 nm at ten times, against the time that plain abTEM would take; audited."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scan as bench

FIRST, LAST, COUNT = 1.0, 3600.0, 10
"""Times of the scans [s]: the start, and equal steps of log(time)."""
AUDIT = 56
PROBES = 4
"""Positions timed with abTEM; its time is proportional to their number."""


def run() -> dict[str, Any]:
    """Record the film with cold tables, all processors; then audit it.

    abtem_s : of all patterns, on cells just large enough for the probe (abTEM itself would take the whole region),
    with the microscope's number of frozen phonons, potentials for nothing, its thread shared out to all processors
    """
    import perovsim as ps
    from perovsim.microscopy.film import audit_film, record_film
    from perovsim.microscopy.waves.work import cpus

    microscope = ps.load_microscope("stem_300kv")
    result = ps.simulate(ps.load_device("nanoled_like"), ps.load_protocol("constant_current_1h"))
    times = [0.0, *np.geomspace(FIRST, LAST, COUNT - 1)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        began, cpu = time.perf_counter(), time.process_time()
        film = record_film(result, microscope, Path(folder) / "film.zarr", times=times)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        patterns = int(np.prod(film["counts"].shape[:3]))
        theirs = patterns * microscope.phonon_configurations * abtem_probe_seconds(microscope) / cpus()
        audit = audit_film(film, result, microscope, AUDIT, 1)
        size = sum(file.stat().st_size for file in Path(folder, "film.zarr").rglob("*") if file.is_file())
        shares = film.shares()
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "patterns": patterns,
        "abtem_s": round(theirs),
        "ratio": round(theirs / seconds),
        "audit_ok": audit.ok,
        "audit": str(audit),
        "shares": shares,
        "size_GB": round(size / 1e9, 2),
    }


def abtem_probe_seconds(microscope: Any) -> float:
    """Return the time of plain abTEM per pattern of 10 nm of crystal and frozen phonon, potentials ready [s]."""
    from perovsim.microscopy.waves.plan import plan_scan

    lamella = bench.crystal(0.0)
    middle = [0.5 * sum(lamella.window)]
    plan = plan_scan(lamella, microscope, microscope.nanobeam, positions=middle)
    atoms = bench.window_of(lamella, middle[0] - 0.5 * plan.grid.size[0], plan.grid)
    return bench.abtem_seconds(atoms, plan.grid, microscope, microscope.nanobeam, PROBES)[1]
