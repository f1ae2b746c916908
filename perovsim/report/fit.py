"""The page of a fit: values with uncertainty, data and model, correlations, what cannot be told, what would help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from perovsim import __version__
from perovsim.report import fit_pictures, tables
from perovsim.report.page import inline, render, write_whole
from perovsim.report.pictures import save_figure

TEMPLATE = "fit.html.j2"
DIGITS = 4
SHOWN_GAINS = 8


def write_fit(outcome: Any, file: Path) -> Path:
    """Draw the figures beside the page and write it; outcome : of `perovsim.fit.run.run_fit`."""
    figures = file.parent / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    drawn = fit_pictures.fit_figures(outcome)
    pictures = {name: inline(save_figure(figure, figures / f"{name}.png")) for name, figure in drawn.items()}
    fit = outcome.fit
    page = render(
        TEMPLATE,
        {
            "file": outcome.file,
            "fit": fit,
            "problem": fit.problem,
            "version": __version__,
            "seconds": outcome.seconds,
            "rows": [_row(outcome, k) for k in range(len(fit.problem.parameters))],
            "data": [_data(fit, k) for k in range(len(fit.problem.data))],
            "steps": [] if fit.problem.protocol is None else tables.steps(fit.problem.protocol),
            "starts": [(2.0 * one.cost, one.evaluations, one.message) for one in fit.solutions],
            "numerical": float(np.sqrt(np.mean(np.square(fit.numerical)))),
            "posterior": outcome.posterior,
            "gains": [_gain(one) for one in outcome.gains[:SHOWN_GAINS]],
            "names": [short(one.name) for one in fit.problem.parameters],
            "profiles": outcome.profiles,
            "figure": pictures,
        },
    )
    return write_whole(page, file)


def short(name: str) -> str:
    """The last two parts of a path: what a reader needs to know it."""
    return ".".join(name.split(".")[-2:])


def _row(outcome: Any, k: int) -> dict[str, str]:
    fit = outcome.fit
    one = fit.problem.parameters[k]
    low, high = fit.interval(k)
    value = one.value(float(fit.x[k]))
    told = "told by the data" if fit.sigma[k] < one.spread / 2 else "hardly more than the prior"
    row = {
        "name": one.name,
        "value": _number(value),
        "interval": f"{_number(low)} to {_number(high)}",
        "relative": f"± {100 * 0.5 * (high - low) / abs(value):.2g} %" if value else "",
        "unit": one.unit or "1",
        "prior": _prior(one),
        "standing": one.prior.standing,
        "note": one.prior.note,
        "told": told,
        "profile": "",
        "posterior": "",
    }
    for profile in outcome.profiles:
        if profile.parameter == k:
            row["profile"] = " to ".join(_end(one, u) for u in profile.interval())
    if outcome.posterior is not None:
        middle, low, high = outcome.posterior.interval(k)
        row["posterior"] = f"{_number(middle)} ({_number(low)} to {_number(high)})"
    return row


def _end(one: Any, u: float) -> str:
    return _number(one.value(u)) if np.isfinite(u) else "open"


def _prior(one: Any) -> str:
    prior = one.prior
    if one.normal:
        return f"normal, {prior.mean} ± {prior.sigma}"
    return f"{prior.prior.replace('_', '-')}, {prior.low} to {prior.high}"


def _data(fit: Any, k: int) -> dict[str, Any]:
    data = fit.problem.data[k]
    first = sum(one.size for one in fit.problem.data[:k])
    residuals = fit.best.residuals[first : first + data.size]
    return {
        "name": data.name,
        "what": data.spec.kind.title,
        "file": data.spec.file or "given in Python",
        "count": data.size,
        "noise": data.spec.noise.told,
        "chi": f"{np.mean(np.square(residuals)):.3g}",
        "largest": f"{np.abs(residuals).max():.2g}",
        "nuisances": ", ".join(name.replace("_", " ") for name in data.spec.nuisance) or "none",
        "standing": data.spec.standing,
        "source": data.spec.source,
        "note": data.spec.note,
    }


def _gain(gain: Any) -> dict[str, Any]:
    return {"title": gain.title, "ratios": [f"{ratio:.2f}" for ratio in gain.ratios]}


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}"
