"""The page of a study of variants: what each changes, its outcome, all of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perovsim import __version__, plot
from perovsim.findings import FindingsTable, shown
from perovsim.report import tables
from perovsim.report.page import PAGE, inline, render, write_whole
from perovsim.report.pictures import save_figure

if TYPE_CHECKING:
    from perovsim.result import Result

TEMPLATE = "whatif.html.j2"


def write_variants(study: Any, folder: Path, results: Mapping[str, Result], findings: FindingsTable) -> Path:
    """Draw the figures into folder/figures and write folder/report.html; return its path.

    results : name of a variant -> its run
    """
    figures = Path(folder) / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    runs, names = list(results.values()), [part.label for part in study.variants]
    drawn = {
        "beside": plot.beside(*runs, labels=names),
        "halides": plot.halides(*runs, labels=names),
    }
    pictures = {name: inline(save_figure(figure, figures / f"{name}.png")) for name, figure in drawn.items()}
    page = render(
        TEMPLATE,
        {
            "study": study,
            "version": __version__,
            "device": runs[0].device,
            "steps": tables.steps(runs[0].protocol),
            "outcome": {part.name: tables.outcome(results[part.name]) for part in study.variants},
            "findings": findings,
            "number": shown,
            "conservation": tables.conservation(results),
            "figure": pictures,
        },
    )
    return write_whole(page, Path(folder) / PAGE)
