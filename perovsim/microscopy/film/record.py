"""The film of an ageing device: frames, counts, audit, on disk and resumable."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perovsim import __version__
from perovsim.errors import PerovsimError
from perovsim.memory import require_memory
from perovsim.microscopy.film.columns import Columns, columns_at
from perovsim.microscopy.film.contents import dark_field_share
from perovsim.microscopy.film.frames import Frames
from perovsim.microscopy.film.mixture import WAYS
from perovsim.microscopy.film.sources import Optics, optics, table_of
from perovsim.microscopy.film.spec import FilmSpec, film_spec
from perovsim.microscopy.film.store import COUNT_TYPE, FilmStore, create_or_resume, key_of
from perovsim.microscopy.records.audit import EDGE_SHARE
from perovsim.microscopy.records.counting import poisson_counts
from perovsim.microscopy.waves.work import Workers

ERROR = 0.15
"""Promised deviation of a column's pattern, sum |I - I_exact| / sum I_exact, the mean over the columns of a way."""
PARTS = ("camera", "segmented", "bullseye", "precession")
"""Of a mode, what films do not have."""
_ANNULAR = 1
"""Stream of random numbers of the annular detector, beside the camera's."""
Tell = Callable[[str, float | None], None]


def record_film(
    result: Any,
    microscope: Any,
    out: str | Path,
    *,
    times: Sequence[float | str] | None = None,
    dose: float | str | None = None,
    region: tuple[float | str, float | str] | None = None,
    rows: float | str = "40 nm",
    step: float | str = "1 nm",
    thickness: float | str = "10 nm",
    error: float = ERROR,
    mode: str = "nanobeam",
    seed: int = 1,
    tell: Tell | None = None,
    workers: int | None = None,
) -> FilmStore:
    """Record 4D-STEM scans of the whole stack at a list of times, or as many as a dose allows; resume what is there.

    out : zarr store; region : first and last x [m] or text, the lattice to 10 nm of the contact when None
    rows : extent along the interface; step : of columns and rows; thickness : of the lamella along the beam
    error : tolerated mean deviation of patterns, which decides the way of each column
    tell : called with a text and the share done. The annular detector of the mode "haadf" counts beside the camera,
    in single scattering. Rows of one column share its expectation: the device is
    one-dimensional; they differ in their counts.
    Raises PerovsimError for a region outside the stack, a time outside the result, a camera that saturates, more
    memory than there is, or another film at `out`.
    """
    say = (lambda text, share=None: None) if tell is None else tell
    beam, out = microscope.mode(mode), Path(out)
    spec = film_spec(
        result,
        beam,
        times=times,
        dose=dose,
        region=region,
        rows=rows,
        step=step,
        thickness=thickness,
        error=error,
        seed=seed,
    )
    view = optics(result, microscope, mode, spec.thickness)
    _check(spec, view)
    annulus = _annulus(microscope)
    columns = [columns_at(result, float(at), spec.x) for at in spec.times]
    store = create_or_resume(out, _key(result, view, spec), _axes(spec, view), _attributes(result, view, spec))
    if store.complete:
        return store
    began = clock.perf_counter()
    say("crystal table", None)
    table = table_of(result, view, columns, lambda share: say("crystal table", share), workers)
    frames = Frames(result, view, spec, table, workers)
    with Workers(workers) as pool:
        for number, one in enumerate(columns):
            say("film", number / len(columns))
            if not store.ready(number):
                _expect(store, frames, one, number, float(spec.times[number]))
            _count(store, spec, view, number, dark_field_share(result, view, one, *annulus), pool)
    say("film", 1.0)
    store.note(seconds=store.attrs.get("seconds", 0.0) + clock.perf_counter() - began)
    return store


def _expect(store: FilmStore, frames: Frames, columns: Columns, number: int, time: float) -> None:
    """Write the expectation of one time and what it was made from, and mark it ready."""
    store["expectation"][number] = frames.expectation(columns, time).astype(np.float32)
    store["way"][number] = frames.ways(columns)
    for name in ("exx", "composition", "lead"):
        store[name][number] = getattr(columns, name)
    store["ready"][number] = 1


def _count(store: FilmStore, spec: FilmSpec, view: Optics, number: int, annular: np.ndarray, pool: Workers) -> None:
    """Draw and write the counts of the rows of one time that are not finished; each row has its own random numbers.

    annular : share of the beam on the annular detector, (column,)
    """
    expected = spec.electrons * np.asarray(store["expectation"][number], float)
    q = view.plan.q
    outside = np.hypot(q[None, :], q[:, None]) > EDGE_SHARE * float(view.beam.semiangle)
    waiting = np.flatnonzero(~store.finished(number))

    def row(index: int) -> None:
        y = int(waiting[index])
        counts = poisson_counts(expected, [spec.seed, number, y])
        store["counts"][number, y] = counts.astype(COUNT_TYPE)
        store["dark_field"][number, y] = counts[:, outside].sum(axis=1)
        store["haadf"][number, y] = poisson_counts(spec.electrons * annular, [spec.seed, number, y, _ANNULAR])
        store["finished"][number, y] = 1

    pool.each(row, len(waiting))


def _annulus(microscope: Any) -> tuple[float, float]:
    """Return the angles of the annular detector of the mode "haadf" [rad]."""
    beam = microscope.haadf
    if beam.detector_inner is None:
        raise PerovsimError(f"mode 'haadf' of microscope '{microscope.name}' has no detector_inner; a film needs it")
    return float(beam.detector_inner), float(beam.detector_outer)


def _check(spec: FilmSpec, view: Optics) -> None:
    """Raise before anything is computed where a mode asks for what films do not have, or something does not fit."""
    blurs = ("source_size", "drift", "scan_noise", "defocus", "spherical_aberration", "energy_spread")
    asked = [name for name in blurs if float(getattr(view.beam, name)) != 0]
    asked += [name for name in PARTS if getattr(view.beam, name) is not None]
    if asked:
        name = asked[0]
        raise PerovsimError(
            f"mode '{view.mode}': films have a sharp, round, still probe and an ideal counting camera; leave {name} "
            "out of the mode"
        )
    radius = float(view.beam.semiangle) / view.plan.pixel
    brightest, most = spec.electrons / (np.pi * radius**2), np.iinfo(COUNT_TYPE).max
    if brightest > 0.5 * most:
        raise PerovsimError(
            f"the camera saturates: {spec.electrons:.3g} electrons per pattern put {brightest:.3g} on a pixel of the "
            f"central disk, it counts to {most}; give fewer electrons_per_pattern (at most "
            f"{0.5 * most * np.pi * radius**2:.2g})"
        )
    frame = len(spec.x) * (2 * view.plan.half + 1) ** 2
    require_memory(8 * frame * 8, "one frame of the film", "give a narrower region or a larger step")


def _axes(spec: FilmSpec, view: Optics) -> dict[str, np.ndarray]:
    return {"time": spec.times, "y": spec.y, "x": spec.x, "qy": view.plan.q, "qx": view.plan.q}


def _key(result: Any, view: Optics, spec: FilmSpec) -> str:
    return key_of(
        {
            "device": result.device.source_text,
            "protocol": result.protocol.source_text,
            "last": float(result.terminals["V"].values[-1]),
            "microscope": view.microscope.source_text,
            "beam": [(name, str(value)) for name, value in view.beam.quantities()],
            "spec": {name: np.asarray(value).tolist() for name, value in vars(spec).items()},
            "version": __version__,
        }
    )


def _attributes(result: Any, view: Optics, spec: FilmSpec) -> dict[str, Any]:
    traces = {name: result.terminals[name].values for name in ("V", "luminance")}
    return {
        "device": result.device.name,
        "mode": view.mode,
        "microscope": view.microscope.name,
        "microscope_text": view.microscope.source_text,
        "energy": float(view.microscope.energy),
        "semiangle": float(view.beam.semiangle),
        "electrons_per_pattern": spec.electrons,
        "dose": spec.electrons / spec.step**2 * len(spec.times),
        "thickness": view.thickness,
        "error": spec.error,
        "seed": spec.seed,
        "ways": list(WAYS),
        "trace_time": [float(t) for t in result.times],
        **{f"trace_{name}": [float(v) for v in values] for name, values in traces.items()},
    }
