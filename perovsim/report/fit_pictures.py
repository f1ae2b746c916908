"""Figures of a fit: data with the model and its band, residuals, correlations, profile likelihoods, posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.plot.drawing import BLUE, GREY, VERMILLION, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY = 12
"""From this many data on they are drawn without caps."""
LOG_SPAN = 50.0
"""An axis whose values span more than this factor is logarithmic."""
BINS = 40
DARK = 0.6
"""Beyond this correlation the ground is dark and its number white."""
POINTS = 2000
"""Samples drawn in a panel of two parameters."""


def fit_figures(outcome: Any) -> dict[str, Figure]:
    """Name -> figure of all that the fit holds."""
    fit = outcome.fit
    made = {f"data_{data.name}": data_figure(fit, k) for k, data in enumerate(fit.problem.data)}
    if len(fit.problem.parameters) > 1:
        made["correlation"] = correlation_figure(fit)
    if outcome.profiles:
        made["profiles"] = profiles_figure(fit, outcome.profiles)
    if outcome.posterior is not None:
        made["posterior"] = posterior_figure(fit, outcome.posterior)
    return made


def data_figure(fit: Any, k: int) -> Figure:
    """Data with their errors, the best model with the band of the fit, and the residuals below."""
    problem = fit.problem
    data = problem.data[k]
    model = problem.at(fit.x)[k]
    rows = slice(*np.cumsum([sum(one.size for one in problem.data[:k]), data.size]))
    scale = np.where(np.isfinite(data.sigma), data.sigma, np.sqrt(np.maximum(model, 1.0)))
    own = fit.best.jacobian[rows]
    band = scale * np.sqrt(np.einsum("ij,jk,ik->i", own, fit.covariance, own)).reshape(model.shape)
    residuals = fit.best.residuals[rows].reshape(model.shape)
    figure, axes = panels(2, 1, (6.6, 4.4), (2.4, 1.0), sharex=True)
    x, label = _axis(data)
    for j, name in enumerate(data.spec.y_units):
        colour = (BLUE, VERMILLION)[j % 2]
        order = np.argsort(x)
        axes[0].errorbar(
            x, data.y[:, j], scale[:, j], fmt="o", ms=3, color=colour, lw=0.8, capsize=2 if x.size < MANY else 0,
            label=f"{name}, {data.spec.standing}",
        )  # fmt: skip
        axes[0].plot(x[order], model[order, j], color=colour, label="model" if j == 0 else None)
        low, high = model[order, j] - band[order, j], model[order, j] + band[order, j]
        axes[0].fill_between(x[order], low, high, color=colour, alpha=0.25, lw=0)
        axes[1].plot(x, residuals[:, j], "o", ms=3, color=colour)
    _scales(axes[0], x, data.y)
    units = ", ".join(f"{name} [{unit or 1}]" for name, unit in data.spec.y_units.items())
    axes[0].set(ylabel=units, title=f"{data.name}: {data.spec.kind.title}")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].axhspan(-1, 1, color=GREY, alpha=0.15, lw=0)
    axes[1].axhline(0, color=GREY, lw=0.8)
    axes[1].set(xlabel=label, ylabel="residual [σ]")
    return figure


def _axis(data: Any) -> tuple[np.ndarray, str]:
    """The column to draw over: the last one that varies."""
    name = [key for key, values in data.x.items() if np.ptp(values) > 0.0] or list(data.x)
    key = "x" if "x" in name else name[0]
    unit = data.spec.kind.x[key]
    return data.x[key], f"{key} [{unit or 1}]"


def _scales(panel: Any, x: np.ndarray, y: np.ndarray) -> None:
    if x.min() > 0.0 and x.max() > LOG_SPAN * x.min():
        panel.set_xscale("log")
    if y.min() > 0.0 and y.max() > LOG_SPAN * y.min():
        panel.set_yscale("log")
    if panel.get_yscale() == "linear":
        panel.ticklabel_format(axis="y", useOffset=False)


def correlation_figure(fit: Any) -> Figure:
    """Correlations of the parameters, with their numbers."""
    names = [_short(one.name) for one in fit.problem.parameters]
    n = len(names)
    figure, panel = panels(1, 1, (2.4 + 0.62 * n, 1.6 + 0.5 * n))
    panel.imshow(fit.correlation, cmap="RdBu_r", vmin=-1, vmax=1)
    panel.set_xticks(range(n), names, rotation=35, ha="right")
    panel.set_yticks(range(n), names)
    for i in range(n):
        for j in range(n):
            value = fit.correlation[i, j]
            panel.text(
                j, i, f"{value:+.2f}", ha="center", va="center", fontsize=8, color="w" if abs(value) > DARK else "k"
            )
    panel.set_title("Correlation")
    panel.spines[:].set_visible(False)
    return figure


def profiles_figure(fit: Any, profiles: Any) -> Figure:
    """Rise of chi-square along each parameter, beside the parabola of the covariance."""
    columns = min(len(profiles), 3)
    rows = -(-len(profiles) // columns)
    figure, axes = panels(rows, columns, (3.1 * columns, 2.6 * rows), squeeze=False)
    for panel in axes.flat[len(profiles) :]:
        panel.set_visible(False)
    for panel, profile in zip(axes.flat, profiles, strict=False):
        k = profile.parameter
        one = fit.problem.parameters[k]
        fine = np.linspace(profile.u[0], profile.u[-1], 100)
        values = one.value(fine)
        panel.plot(values, np.square((fine - fit.x[k]) / fit.sigma[k]), color=GREY, ls="--", lw=1, label="parabola")
        good = np.isfinite(profile.rise)
        root = np.sign(profile.u - fit.x[k]) * np.sqrt(np.maximum(profile.rise, 0.0))
        curve = np.square(np.interp(fine, profile.u[good], root[good]))
        panel.plot(values, curve, color=BLUE, label="profile")
        panel.plot(one.value(profile.u), profile.rise, "o", color=BLUE, ms=4)
        panel.axhline(1.0, color=VERMILLION, lw=0.8, ls=":")
        panel.set(xlabel=f"{_short(one.name)} [{one.unit or 1}]", ylabel="Δχ²")
    axes.flat[0].legend(frameon=False, fontsize=8)
    return figure


def posterior_figure(fit: Any, posterior: Any) -> Figure:
    """Samples of every pair of parameters, and of each alone beside the normal law of the covariance."""
    n = len(fit.problem.parameters)
    figure, axes = panels(n, n, (1.75 * n + 0.6, 1.75 * n + 0.4), squeeze=False)
    shown = posterior.samples[:: max(1, len(posterior.samples) // POINTS)]
    values = np.array([one.value(shown[:, k]) for k, one in enumerate(fit.problem.parameters)])
    whole = posterior.samples
    for i in range(n):
        for j in range(n):
            panel = axes[i, j]
            if j > i:
                panel.set_visible(False)
            elif i == j:
                _alone(panel, fit, i, whole[:, i])
            else:
                panel.plot(values[j], values[i], ".", ms=1, color=BLUE, alpha=0.35)
            _label(panel, fit, i, j, n)
    return figure


def _alone(panel: Any, fit: Any, k: int, samples: np.ndarray) -> None:
    one = fit.problem.parameters[k]
    counts, edges = np.histogram(samples, BINS, density=True)
    panel.stairs(counts, one.value(edges), color=BLUE, fill=True, alpha=0.4)
    u = np.linspace(edges[0], edges[-1], 100)
    law = np.exp(-0.5 * np.square((u - fit.x[k]) / fit.sigma[k])) / (fit.sigma[k] * np.sqrt(2.0 * np.pi))
    panel.plot(one.value(u), law, color=GREY, lw=1, ls="--")
    panel.set_yticks([])


def _label(panel: Any, fit: Any, i: int, j: int, n: int) -> None:
    names = [_short(one.name) for one in fit.problem.parameters]
    panel.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    panel.tick_params(labelsize=6)
    if i == n - 1:
        panel.set_xlabel(names[j], fontsize=7)
    else:
        panel.set_xticklabels([])
    if j == 0 and i > 0:
        panel.set_ylabel(names[i], fontsize=7)
        panel.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    elif j != i:
        panel.set_yticklabels([])


def _short(name: str) -> str:
    return name.split(".")[-1]
