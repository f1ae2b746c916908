"""What the stages of a study do; each writes the files that its stage promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from perovsim.errors import MissingDataError
from perovsim.study.spec import Image, LineScan, Study, Window
from perovsim.study.stages import Tell

STATES = ("pristine", "aged")
"""A lamella of the state at the first time, and one of the state at the last time."""


def simulate_run(tell: Tell, *, device: Any, protocol: Any, file: Path) -> None:
    """Age the device and save the result."""
    from perovsim.progress import decades_done
    from perovsim.simulation import simulate

    def follow(time: float, label: str = "") -> None:
        tell(decades_done(time, protocol.duration))

    simulate(device, protocol, progress=follow).save(file)


def thermochemistry(device) -> str:
    """Return the text of a table beside the device file; a shipped one counts as code."""
    chemistry = device.electrochemistry
    if chemistry is None or device.source_path is None:
        return ""
    table = device.source_path.parent / str(chemistry.thermochemistry)
    return table.read_text(encoding="utf-8") if table.is_file() else ""


def lamella_of(run: Path, window: Window, state: str) -> Any:
    """Build the lamella of a window, before ("pristine") or after ("aged") the run."""
    from perovsim.atoms import build_lamella
    from perovsim.result import load_result

    result = load_result(run)
    moment = float(result.times[0] if state == "pristine" else result.times[-1])
    return build_lamella(
        result,
        time=moment,
        around=window.around,
        width=float(window.width),
        height=float(window.height),
        thickness=float(window.thickness),
        seed=window.seed,
    )


def draw_lamella(tell: Tell, *, window: Window, state: str, name: str, folder: Path, run: Path) -> None:
    """Save the picture of a lamella, its atoms (extended XYZ) and what was checked."""
    from ase.io import write

    from perovsim.atoms import lamella_figure

    lamella = lamella_of(run, window, state)
    lamella_figure(lamella).savefig(folder / f"{name}.png", dpi=150)
    write(folder / f"{name}.xyz", lamella.atoms, format="extxyz")
    save_json(
        folder / f"{name}.json",
        {
            "composition": lamella.composition,
            "phases": lamella.phases,
            "checks": [str(check) for check in lamella.checks],
            "limits": list(lamella.limits),
            "hypotheses": list(lamella.hypotheses),
            "time": lamella.time,
            "seed": lamella.seed,
            "window": list(lamella.window),
            "thickness": lamella.thickness,
            "height": lamella.height,
            "citation": lamella.citation,
        },
    )


def scan_window(
    tell: Tell, *, window: Window, state: str, spec: LineScan, microscope: Any, file: Path, run: Path
) -> None:
    """Simulate the nanobeam patterns on a line across the window."""
    from perovsim.microscopy import scan_4d

    scan = scan_4d(
        lamella_of(run, window, state),
        microscope,
        step=float(spec.step),
        phonons=spec.phonons,
        seed=spec.seed,
        progress=tell,
    )
    scan.save(file)


def image_window(
    tell: Tell, *, window: Window, state: str, spec: Image, microscope: Any, file: Path, run: Path
) -> None:
    """Simulate the HAADF image at an offset from the interface."""
    from perovsim.microscopy import haadf_image

    lamella = lamella_of(run, window, state)
    edge = float(spec.field)
    centre = (lamella.interface + float(spec.offset), 0.5 * lamella.height)
    image = haadf_image(
        lamella, microscope, field=(edge, edge), centre=centre, phonons=spec.phonons, seed=spec.seed, progress=tell
    )
    image.save(file)


def compare_states(tell: Tell, *, scans: dict[str, Path], run: Path, window: Window, file: Path) -> None:
    """Compare the aged scan with the pristine one; keep the strain of both, found and put in."""
    from perovsim.comparison import compare
    from perovsim.microscopy import load_scan

    loaded = {state: load_scan(path) for state, path in scans.items()}
    table = compare(loaded["aged"], loaded["pristine"]).table()
    strain = {
        state: strain_found(scan) | strain_put_in(lamella_of(run, window, state)) for state, scan in loaded.items()
    }
    save_json(file, {"table": table, "strain": strain})


def strain_found(scan: Any) -> dict[str, list]:
    """Strain across the scan from its patterns: x [m], strain, its standard error, why there is none."""
    from perovsim.microscopy import strain_profile

    found = strain_profile(scan)
    numbers = {"x": found["x"], "strain": found["strain"], "error": found["strain_error"]}
    return {name: [float(v) for v in values] for name, values in numbers.items()}


def strain_put_in(lamella: Any) -> dict[str, list[float]]:
    """Strain by which the atoms of a lamella were displaced: x [m], strain."""
    truth = lamella.truth
    if truth.sizes["x"] == 0:
        return {"x_atoms": [], "strain_atoms": []}
    return {"x_atoms": [float(v) for v in truth["x"]], "strain_atoms": [float(v) for v in truth["strain_xx"]]}


def draw_chain(tell: Tell, *, window: Window, folder: Path, run: Path) -> None:
    """Save the chain in one figure: the run, the aged lamella of this window, its image, patterns and strain."""
    from perovsim.microscopy import load_image, load_scan
    from perovsim.report.chain import chain_figure
    from perovsim.result import load_result

    scans = {state: load_scan(folder / f"scan_{window.name}_{state}.zarr") for state in STATES}
    change = json.loads((folder / f"change_{window.name}.json").read_text(encoding="utf-8"))
    figure = chain_figure(
        load_result(run), lamella_of(run, window, "aged"), load_image(folder / "haadf_aged.nc"), scans, change["strain"]
    )
    figure.savefig(folder / "chain.png", dpi=125)


def compare_numbers(tell: Tell, *, runs: dict[str, Path], file: Path) -> None:
    """Compare the numbers behind the model, and where the runs send the halides, with measurements."""
    from perovsim.result import load_result
    from perovsim.validate import measured_table

    found = measured_table({name: load_result(path) for name, path in runs.items()})
    save_json(file, {"table": found.table(), **found.to_dict()})


def compare_micrograph(tell: Tell, *, folder: Path) -> None:
    """Compare the measured image of SrTiO3 with simulation, or say why it is missing and where to get it."""
    from perovsim.microscopy import srtio3_comparison

    try:
        found = srtio3_comparison(progress=tell)
    except MissingDataError as cause:
        save_json(folder / "micrograph.json", {"missing": str(cause)})
        return
    found.figure().savefig(folder / "micrograph.png", dpi=130)
    save_json(folder / "micrograph.json", {"table": found.table(), "scores": found.scores})


def write_report(tell: Tell, *, study: Study, folder: Path) -> None:
    """Compute the findings table, draw the figures and write report.html."""
    from perovsim.findings import findings_table
    from perovsim.report import write_report as write
    from perovsim.result import load_result

    results = {part.name: load_result(folder / f"{part.name}.nc") for part in study.hypotheses}
    findings = findings_table(results)
    save_json(folder / "findings.json", findings.to_dict())
    controls = {part.name: load_result(folder / f"{part.name}.nc") for part in study.controls}
    write(study, folder, results, findings, controls)


def save_json(file: Path, content: Any) -> None:
    """Write JSON that a reader and a program can read."""
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
