"""Differential phase contrast of a line across the device: deflection of the beam, and the field it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perovsim.plot.drawing import BLUE, NM, ORANGE, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MICRO, MEGA = 1e6, 1e-6


def differential_phase(scan: Any, found: Any) -> Figure:
    """Draw deflection and mean field along x with standard errors, and what the device was simulated with.

    scan : Scan4D of a line, simulated with the device's potential; found : `dpc` of it
    """
    figure, (above, below) = panels(2, 1, (7.2, 5.4), sharex=True)
    x = (scan.positions[:, 0] - float(scan.attrs["interface"])) * NM
    thickness = float(scan.attrs["thickness"])
    scale = float((found["field_x_error"] / found["qx_error"]).median()) / thickness
    truth = scan.dataset["device_deflection"].values
    above.errorbar(x, found["qx"] * MICRO, found["qx_error"] * MICRO, fmt="o", ms=3, color=BLUE, label="from patterns")
    above.plot(x, truth * MICRO, color=ORANGE, label="of the device's own field")
    above.set(ylabel="deflection along x [µrad]")
    field, error = found["field_x"] / thickness * MEGA, found["field_x_error"] / thickness * MEGA
    below.errorbar(x, field, error, fmt="o", ms=3, color=BLUE, label="from patterns")
    below.plot(x, -scale * truth * MEGA, color=ORANGE, label="of the device")
    below.set(xlabel="x from the interface [nm]", ylabel="mean field [MV/m]")
    for axes in (above, below):
        axes.axhline(0, color="k", lw=0.5)
        axes.legend()
    return figure
