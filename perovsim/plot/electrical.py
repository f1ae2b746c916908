"""Figures of electrical measurements: current, light and efficiency over the voltage; impedance over the frequency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.plot.drawing import COLOURS, LINES, names_of, panels, positive, share_legend

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from perovsim.result import Result

SMALLEST = 1e-9
"""Current densities [A/m^2] below this are not drawn."""


def current_voltage(*results: Result, labels: list[str] | None = None) -> Figure:
    """|J|, luminance and EQE over the terminal voltage, one line per result, in the order of time."""
    figure, axes = panels(1, 3, (10.2, 3.6))
    for number, (result, name) in enumerate(zip(results, names_of(results, labels), strict=True)):
        style = {"color": COLOURS[number % 7], "ls": LINES[number % 7], "label": name}
        data = result.terminals.isel(time=slice(1, None))
        v, j = data["V"].values, np.abs(data["J"].values)
        axes[0].plot(v, np.where(j > SMALLEST, j, np.nan), **style)
        axes[1].plot(v, positive(data["luminance"].values), **style)
        axes[2].plot(v, 100.0 * positive(data["EQE"].values), **style)
    titles = (
        ("Current density", "|J| [A/m²]"),
        ("Light", "luminance [cd/m²]"),
        ("External quantum efficiency", "EQE [%]"),
    )
    for panel, (title, label) in zip(axes, titles, strict=True):
        panel.set(title=title, ylabel=label, xlabel="voltage [V]", yscale="log")
    share_legend(figure, axes[0])
    return figure


def impedance(*measured: Result | xr.Dataset, labels: list[str] | None = None) -> Figure:
    """Bode plot (modulus, phase), Nyquist plot and capacitance of results or of what `perovsim.impedance` returns.

    Raises PerovsimError where nothing was measured.
    """
    figure, axes = panels(2, 2, (8.6, 6.4))
    spectra = [spectrum for one in measured for spectrum in _spectra(one)]
    if not spectra:
        raise PerovsimError("no impedance was measured; add a step of kind 'impedance' to the protocol")
    names = [name for name, _ in spectra] if labels is None else labels
    for number, (name, (_, data)) in enumerate(zip(names, spectra, strict=True)):
        style = {"color": COLOURS[number % 7], "ls": LINES[number % 7], "label": name}
        f, z = data["frequency"].values, data["Z_real"].values + 1j * data["Z_imag"].values
        axes[0, 0].loglog(f, np.abs(z), **style)
        axes[0, 1].semilogx(f, np.angle(z, deg=True), **style)
        axes[1, 0].plot(z.real, -z.imag, **style)
        _draw_capacitance(axes[1, 1], f, data["C"].values, style)
    axes[0, 0].set(title="Modulus", ylabel="|Z| [Ω m²]")
    axes[0, 1].set(title="Phase", ylabel="arg Z [°]")
    axes[1, 0].set(title="Nyquist plot", ylabel="−Im Z [Ω m²]", xlabel="Re Z [Ω m²]")
    axes[1, 1].set(title="Capacitance, dots: negative", ylabel="|Im(1/Z)/ω| [F/m²]")
    for panel in (axes[0, 0], axes[0, 1], axes[1, 1]):
        panel.set_xlabel("frequency [Hz]")
    share_legend(figure, axes[0, 0])
    return figure


def _spectra(measured: Result | xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """Names and spectra of a result, or the one spectrum of a dataset."""
    data = getattr(measured, "impedance", measured)
    if "spectrum" not in data.dims:
        if "frequency" in data.dims:
            yield f"{float(data['V']):.3g} V", data
        return
    for k in range(data.sizes["spectrum"]):
        one = data.isel(spectrum=k).dropna("frequency")
        yield f"{float(one['time']):.3g} s, {float(one['V']):.3g} V", one


def _draw_capacitance(panel: Any, f: np.ndarray, c: np.ndarray, style: dict[str, Any]) -> None:
    """|C| on a logarithmic axis, dots where it is negative."""
    panel.loglog(f, np.abs(c), **style)
    below = c < 0.0
    panel.loglog(f[below], -c[below], ".", color=style["color"])
