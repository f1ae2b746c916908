"""`run_study`: make every stage of a study file that is not done yet, then the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perovsim.errors import PerovsimError
from perovsim.study.chain import REPORT, chain
from perovsim.study.spec import load_study
from perovsim.study.stages import Tell, run_stages
from perovsim.study.variants import variant_chain
from perovsim.study.whatif import WhatIf


def run_study(path: str | Path, out: str | Path, progress: Callable[..., None] = print) -> Path:
    """Run a study, of the whole chain or of variants, and return the path of its report.html.

    path : study file or shipped name; out : folder of all results, made if missing
    progress : called as progress(text) and, where the share done is known,
    progress(text, share); `print` writes one line per stage

    Finished stages are skipped, and an interrupt loses only the stage under way.
    Raises ModelFileError for a wrong study file and PerovsimError where a stage fails.
    """
    study = load_study(path)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PerovsimError(f"{folder}: cannot be made a folder: {error.strerror}; choose another with --out") from None
    stages = variant_chain(study, folder, REPORT) if isinstance(study, WhatIf) else chain(study, folder)
    ran = run_stages(stages, folder, _teller(progress))
    report = folder / REPORT
    if ran == 0:
        progress(f"nothing to do: {report} is up to date")
    else:
        progress(f"done: open {report}")
    return report


def _teller(progress: Callable[..., None]) -> Tell:
    """Return a progress function that leaves out shares for a plain `print`."""

    def tell(text: str, share: float | None = None) -> None:
        if progress is print:
            if share is None:
                print(text, flush=True)
        elif share is None:
            progress(text)
        else:
            progress(text, share)

    return tell
