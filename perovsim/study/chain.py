"""The stages of a study in order, and what each depends on."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from perovsim.microscopy.measured.datasets import DATASETS, VARIABLE
from perovsim.microscopy.measured.srtio3 import NAME
from perovsim.model import Protocol, constant_voltage
from perovsim.study import work
from perovsim.study.spec import Control, Study, Window
from perovsim.study.stages import ATOMS, DEVICE, SCAN, Stage
from perovsim.study.work import STATES
from perovsim.validate import validation_directory

REPORT = "report.html"


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
    if scans and images:
        parts.append(_picture(study, folder, shown, (*scans, *images, *changes)))
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
        protocol = _held(part) if isinstance(part, Control) else usual
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
    title, file = f"4D-STEM line scan, {state}, {window.around}", f"scan_{window.name}_{state}.zarr"
    return _signal(study, folder / file, title, work.scan_window, study.scan, window, state, run)


def _image(study: Study, folder: Path, state: str, run: Stage) -> Stage:
    window, file = study.window(study.image.window), f"haadf_{state}.nc"
    title = f"HAADF image, {state}, {window.around}"
    return _signal(study, folder / file, title, work.image_window, study.image, window, state, run)


def _signal(
    study: Study, file: Path, title: str, simulate: Callable, spec: Any, window: Window, state: str, run: Stage
) -> Stage:
    """Return the stage that simulates one signal of a lamella and saves it."""
    microscope = study.load_microscope()
    source = file.parent / run.outputs[0]
    return Stage(
        file.stem,
        title,
        (file.name,),
        partial(simulate, window=window, state=state, spec=spec, microscope=microscope, file=file, run=source),
        parameters=repr((window, spec)) + microscope.source_text,
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


def _picture(study: Study, folder: Path, run: Stage, parts: tuple[Stage, ...]) -> Stage:
    window = study.window(study.image.window)
    return Stage(
        "picture",
        "the chain in one figure",
        ("chain.png",),
        partial(work.draw_chain, window=window, folder=folder, run=folder / run.outputs[0]),
        parameters=repr(window),
        after=parts,
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
