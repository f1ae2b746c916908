"""The stages of a study in order, and what each depends on."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from perovsim.microscopy.datasets import DATASETS, VARIABLE
from perovsim.microscopy.srtio3 import NAME
from perovsim.model import Protocol, constant_voltage
from perovsim.study import work
from perovsim.study.spec import Control, Hypothesis, Study, Window
from perovsim.study.stages import ALL, ATOMS, DEVICE, SCAN, Stage
from perovsim.validate import validation_directory

REPORT = "report.html"
STATES = ("pristine", "aged")
"""A lamella of the state at the first time, and one of the state at the last time."""


def chain(study: Study, folder: Path) -> list[Stage]:
    """Return every stage: runs, lamellae, scans, images, comparisons, report."""
    runs = _runs(study, folder)
    shown = next(run for run in runs if run.name == f"run_{study.shown}")
    lamellae = [_lamella(study, folder, window, state, shown) for window in study.windows for state in STATES]
    scans = (
        [_scan(study, folder, window, state, shown) for window in study.windows for state in STATES]
        if study.scan
        else []
    )
    images = [_image(study, folder, state, shown) for state in STATES] if study.image else []
    changes = [_change(study, folder, window, scans, shown) for window in study.windows] if scans else []
    parts = [*runs, *lamellae, *scans, *images, *changes, _numbers(study, folder, runs), _micrograph(folder)]
    report = Stage(
        "report",
        "figures and report",
        (REPORT, "findings.json", "figures"),
        partial(work.write_report, study=study, folder=folder),
        parameters=study.source_text,
        after=tuple(parts),
    )
    return [*parts, report]


def _runs(study: Study, folder: Path) -> list[Stage]:
    device, usual = study.load_device(), study.load_protocol()
    stages = []
    for part in (*study.hypotheses, *study.controls):
        made = device.with_hypotheses(*part.processes)
        protocol = usual if isinstance(part, Hypothesis) else _held(part)
        parameters = "\0".join([made.to_toml(), protocol.source_text, work.thermochemistry(device)])
        stages.append(
            Stage(
                f"run_{part.name}",
                f"age the device: {part.label}",
                (f"{part.name}.nc",),
                partial(work.simulate_run, device=made, protocol=protocol, file=folder / f"{part.name}.nc"),
                parameters=parameters,
                code=DEVICE,
            )
        )
    return stages


def _held(control: Control) -> Protocol:
    """Return the protocol of a control: its voltage for its duration."""
    return Protocol([constant_voltage(float(control.voltage), float(control.duration))])


def _lamella(study: Study, folder: Path, window: Window, state: str, run: Stage) -> Stage:
    name = f"lamella_{window.name}_{state}"
    return Stage(
        name,
        f"{state} lamella at {window.around}",
        (f"{name}.png", f"{name}.json", f"{name}.xyz"),
        partial(work.draw_lamella, window=window, state=state, name=name, folder=folder, run=folder / run.outputs[0]),
        parameters=repr(window),
        code=ATOMS,
        after=(run,),
    )


def _scan(study: Study, folder: Path, window: Window, state: str, run: Stage) -> Stage:
    name = f"scan_{window.name}_{state}"
    microscope = study.load_microscope()
    return Stage(
        name,
        f"4D-STEM line scan, {state}, {window.around}",
        (f"{name}.zarr",),
        partial(
            work.scan_window,
            window=window,
            state=state,
            spec=study.scan,
            microscope=microscope,
            file=folder / f"{name}.zarr",
            run=folder / run.outputs[0],
        ),
        parameters=repr((window, study.scan)) + microscope.source_text,
        code=SCAN,
        after=(run,),
    )


def _image(study: Study, folder: Path, state: str, run: Stage) -> Stage:
    microscope, window = study.load_microscope(), study.window(study.image.window)
    return Stage(
        f"haadf_{state}",
        f"HAADF image, {state}, {window.around}",
        (f"haadf_{state}.nc",),
        partial(
            work.image_window,
            window=window,
            state=state,
            spec=study.image,
            microscope=microscope,
            file=folder / f"haadf_{state}.nc",
            run=folder / run.outputs[0],
        ),
        parameters=repr((window, study.image)) + microscope.source_text,
        code=SCAN,
        after=(run,),
    )


def _change(study: Study, folder: Path, window: Window, scans: list[Stage], run: Stage) -> Stage:
    names = {state: f"scan_{window.name}_{state}" for state in STATES}
    return Stage(
        f"change_{window.name}",
        f"strain and change by ageing at {window.around}",
        (f"change_{window.name}.json",),
        partial(
            work.compare_states,
            scans={state: folder / f"{name}.zarr" for state, name in names.items()},
            run=folder / run.outputs[0],
            window=window,
            file=folder / f"change_{window.name}.json",
        ),
        parameters=window.name,
        code=(*SCAN, "comparison"),
        after=tuple(scan for scan in scans if scan.name in names.values()),
    )


def _numbers(study: Study, folder: Path, runs: list[Stage]) -> Stage:
    rivals = {part.name for part in study.hypotheses}
    used = [run for run in runs if run.name.removeprefix("run_") in rivals]
    return Stage(
        "numbers",
        "compare numbers and directions with measurements",
        ("numbers.json",),
        partial(
            work.compare_numbers,
            file=folder / "numbers.json",
            runs={run.name.removeprefix("run_"): folder / run.outputs[0] for run in used},
        ),
        parameters=_text_below(validation_directory()),
        code=(*DEVICE, "validate", "emitter.py"),
        after=tuple(used),
    )


def _text_below(folder: Path) -> str:
    return "\0".join(file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*")) if file.is_file())


def _micrograph(folder: Path) -> Stage:
    place = os.environ.get(VARIABLE, "")
    return Stage(
        "micrograph",
        "compare a measured micrograph with its simulation",
        ("micrograph.json",),
        partial(work.compare_micrograph, folder=folder),
        parameters=f"{place} {(Path(place) / DATASETS[NAME].file).is_file()}",
        code=SCAN,
    )


__all__ = ["ALL", "REPORT", "STATES", "chain"]
