"""The stages of a study of variants: a run each, then one page with all of them side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from perovsim.study import work
from perovsim.study.stages import DEVICE, Stage, Tell
from perovsim.study.whatif import WhatIf


def variant_chain(study: WhatIf, folder: Path, report: str) -> list[Stage]:
    """Return every stage: the run of each variant, and the page."""
    protocol, devices = study.load_protocol(), study.devices()
    runs = [_run(part, devices[part.name], protocol, folder) for part in study.variants]
    page = Stage(
        "report",
        "figures and report",
        (report, "findings.json", "figures"),
        partial(write_page, study=study, folder=folder),
        parameters=study.source_text,
        after=tuple(runs),
    )
    return [*runs, page]


def _run(part: Any, device: Any, protocol: Any, folder: Path) -> Stage:
    file = f"{part.name}.nc"
    return Stage(
        f"run_{part.name}",
        f"age the device: {part.label}",
        (file,),
        partial(work.simulate_run, device=device, protocol=protocol, file=folder / file),
        parameters="\0".join([device.to_toml(), protocol.source_text, work.thermochemistry(device)]),
        code=DEVICE,
    )


def write_page(tell: Tell, *, study: WhatIf, folder: Path) -> None:
    """Compute the findings of every variant, draw them side by side and write the page."""
    from perovsim.findings import findings_table
    from perovsim.report.whatif import write_variants
    from perovsim.result import load_result

    results = {part.name: load_result(folder / f"{part.name}.nc") for part in study.variants}
    findings = findings_table(results)
    work.save_json(folder / "findings.json", findings.to_dict())
    write_variants(study, folder, results, findings)
