"""Impedance of a device at a bias: `impedance(device, voltage=..., frequencies=...) -> xarray.Dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from perovsim.errors import SimulationError
from perovsim.model.steps import STEADY
from perovsim.units import parse

if TYPE_CHECKING:
    import xarray as xr

    from perovsim.device.running.run import Runner
    from perovsim.model import Device

LONGEST_STEP = 0.25
"""Largest change of the voltage on the way to the bias [V]."""
LABEL = "impedance"


def impedance(
    device: Device,
    *,
    voltage: float | str | None = None,
    current: float | str | None = None,
    frequencies: Sequence[float] | np.ndarray,
    light: float = 0.0,
    ions: Literal["uniform", "equilibrated"] = "uniform",
    rtol: float = 1e-5,
) -> xr.Dataset:
    """Small-signal impedance about the steady state at a voltage [V] or a current density [A/m^2]; reactions held.

    Temperature held: a device that heats itself answers here without thermal feedback, at every frequency, though its
    bias is hot; the slope of its steady J-V curve is another one.
    frequencies : [Hz]; ions : "uniform", as built and held at every frequency, or "equilibrated" at the bias and moving
    Returns Z_real, Z_imag [ohm m^2], G [S/m^2], C [F/m^2] over `frequency`, with the bias `V` and `J` beside them.
    Raises SimulationError where the bias is not given once or is not reached.
    """
    from perovsim.device.outputs.outputs import History, terminals
    from perovsim.device.running.run import Runner

    if (voltage is None) == (current is None):
        raise SimulationError("impedance needs one bias: give voltage or current")
    if ions not in ("uniform", "equilibrated"):
        raise SimulationError(f"ions = {ions!r} is not known; use 'uniform' or 'equilibrated'")
    found = np.atleast_1d(np.asarray(frequencies, float))
    if found.size == 0 or not (np.isfinite(found) & (found > 0.0)).all():
        raise SimulationError("frequencies must be finite and above 0 Hz; give at least one")
    runner = Runner(device, rtol)
    runner.hold(reactions=True, ions=ions == "uniform")
    if voltage is None:
        runner.follow_current(parse(current, "A/m^2"), light, np.array([STEADY]), LABEL, ())
    else:
        _climb(runner, parse(voltage, "V"), light)
    runner.impedance(found, LABEL)
    at = terminals(History(runner.trace.last))
    bias = {name: ((), at[name][0][-1], {"units": at[name][1], "long_name": at[name][2]}) for name in ("V", "J")}
    return columns(found, runner.spectra[-1].impedance).assign(bias)


def _climb(runner: Runner, voltage: float, light: float) -> None:
    """Reach the steady state at a voltage [V] in steps."""
    stairs = np.linspace(0.0, voltage, max(int(np.ceil(abs(voltage) / LONGEST_STEP)), 1) + 1)
    for before, after in zip(stairs, stairs[1:], strict=False):
        runner.settle(before, after, STEADY, light, LABEL)


def columns(frequencies: np.ndarray, impedance: np.ndarray) -> xr.Dataset:
    """Impedance, capacitance Im(Y)/omega and conductance Re(Y) of Y = 1/Z over the frequency."""
    import xarray as xr

    admittance = 1.0 / impedance
    values = {
        "Z_real": (impedance.real, "ohm m^2", "real part of the impedance, temperature held"),
        "Z_imag": (impedance.imag, "ohm m^2", "imaginary part of the impedance, temperature held"),
        "C": (admittance.imag / (2.0 * np.pi * frequencies), "F m^-2", "capacitance Im(1/Z)/omega, temperature held"),
        "G": (admittance.real, "S m^-2", "conductance Re(1/Z), temperature held"),
    }
    axis = {"frequency": ("frequency", frequencies, {"units": "Hz"})}
    return xr.Dataset({n: ("frequency", v, {"units": u, "long_name": w}) for n, (v, u, w) in values.items()}, axis)
