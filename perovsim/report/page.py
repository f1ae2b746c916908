"""Gather what a study left in its folder and render report.html: one file, no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perovsim import __version__
from perovsim.citation import cite
from perovsim.findings import FindingsTable, shown
from perovsim.report import pictures, tables

if TYPE_CHECKING:
    from perovsim.result import Result

TEMPLATE = "template.html.j2"
PAGE = "report.html"


def write_report(
    study: Any,
    folder: Path,
    results: Mapping[str, Result],
    findings: FindingsTable,
    controls: Mapping[str, Result] | None = None,
) -> Path:
    """Draw the figures into folder/figures and write folder/report.html; return its path.

    results : name of a hypothesis -> its run, as in the study; controls : the same for controls.
    A part of the chain that the folder does not hold is said to be missing on the page
    """
    folder = Path(folder)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    context = _context(study, folder, figures, results, findings)
    context["figure"] |= _flip(study, figures, results, controls or {})
    page = render(TEMPLATE, context)
    return write_whole(page, folder / PAGE)


def write_whole(page: str, file: Path) -> Path:
    """Write a page in one step, so that a half-written one is never seen."""
    partial = file.with_name(file.name + ".part")
    partial.write_text(page, encoding="utf-8")
    return partial.replace(file)


def _context(
    study: Any, folder: Path, figures: Path, results: Mapping[str, Result], findings: FindingsTable
) -> dict[str, Any]:
    run = results[study.shown]
    labels = {part.name: part.label for part in study.hypotheses}
    drawn = pictures.result_figures(figures, results, labels, study.shown)
    drawn |= pictures.microscope_figures(figures, folder, study)
    return {
        "study": study,
        "run": run,
        "labels": labels,
        "version": __version__,
        "shown": labels[study.shown],
        "device": run.device,
        "findings": findings,
        "number": shown,
        "summary": {name: tables.outcome(r) for name, r in results.items()},
        "steps": tables.steps(run.protocol),
        "conservation": tables.conservation(results),
        "reactions": tables.reactions(run),
        "standing": tables.standing(run.device),
        "parameters": tables.parameters(run.device),
        "lamellae": _lamellae(study, folder),
        "changes": {window.name: _json(folder / f"change_{window.name}.json") for window in study.windows},
        "numbers": _json(folder / "numbers.json"),
        "micrograph": _json(folder / "micrograph.json"),
        "citation": cite(run),
        "figure": {name: inline(path) for name, path in drawn.items()},
        "end": float(run.times[-1]),
        "windows": {w.name: w for w in study.windows},
    }


def _flip(study: Any, figures: Path, results: Mapping[str, Result], controls: Mapping[str, Result]) -> dict[str, str]:
    """Draw controls beside the hypotheses whose processes they share."""
    if not controls:
        return {}
    shared = {part.processes for part in study.controls}
    runs = {part.label: results[part.name] for part in study.hypotheses if part.processes in shared}
    runs |= {part.label: controls[part.name] for part in study.controls}
    return {"flip": inline(pictures.flip_figure(figures, runs))}


def _lamellae(study: Any, folder: Path) -> list[dict[str, Any]]:
    found = []
    for window in study.windows:
        for state in ("pristine", "aged"):
            name = f"lamella_{window.name}_{state}"
            facts = _json(folder / f"{name}.json")
            if facts is not None and (folder / f"{name}.png").is_file():
                image = inline(folder / f"{name}.png")
                found.append({"around": window.around, "state": state, "image": image, **facts})
    return found


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def inline(path: Path) -> str:
    """Return a PNG file as text that a page holds."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def render(template: str, context: Mapping[str, Any]) -> str:
    """Fill a template of this folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("perovsim.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template(template).render(**context)
