"""What the microscope's own beam does before and while it looks: the device state after a dose.

Halides leave by radiolysis and lead is reduced, Pb2+ + 2 X- -> Pb + 2 X; the order parameter fades with dose. The
lamella is then built from that state, with every check of one that was not irradiated; a dose of zero is the control.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perovsim import units
from perovsim.atoms.perovskite import reference_cell
from perovsim.atoms.stack import HALIDES_PER_LEAD, Region
from perovsim.atoms.state import DeviceState
from perovsim.errors import PerovsimError
from perovsim.physics.beam import survival

ELECTRONS_PER_LEAD = 2
"""Halides that leave per atom of lead that is reduced."""


@dataclass(frozen=True)
class Irradiation:
    """A dose and its two laws.

    dose : electrons per area [1/m^2] or text, such as "100 electron/angstrom^2"
    section : of radiolysis per halide [m^2] or text; no value was found for CsPbX3, the default is assumed
    fading : dose after which the Bragg amplitude has fallen to 1/e [1/m^2] or text; 1e2 to 1e3 per square
    angstrom at 200 to 300 keV (order of magnitude, unconfirmed)
    Raises PerovsimError for a negative dose, a negative cross-section or a fading dose that is not positive.
    """

    dose: float | str
    section: float | str = "1e-24 m^2"
    fading: float | str = "300 electron/angstrom^2"

    def __post_init__(self) -> None:
        for name, unit in (("dose", "m^-2"), ("section", "m^2"), ("fading", "m^-2")):
            value = units.parse(getattr(self, name), unit)
            if value < 0 or (name == "fading" and value == 0):
                raise PerovsimError(f"{name} = {value:g} {unit} must be positive")
            object.__setattr__(self, name, value)


def irradiated(state: DeviceState, stack: list[Region], beam: Irradiation) -> DeviceState:
    """Return the state after the dose D: theta_X exp(-sigma D), C exp(-D/D_e), half the lost halides as lead.

    References: radiolysis to Pb0: Dang et al., ACS Omega 2, 5660 (2017)
    """
    profiles = {name: values.copy() for name, values in state.profiles.items()}
    profiles.setdefault("Pb0", np.where(np.isfinite(profiles["theta_V"]), 0.0, np.nan))
    profiles.setdefault("crystallinity", np.where(np.isfinite(profiles["theta_V"]), 1.0, np.nan))
    left = survival(beam.dose, beam.section)
    for region in (part for part in stack if part.kind == "lattice"):
        own = (state.x > region.x0) & (state.x < region.x1)
        given = region.layer.lattice.site_density
        sites = HALIDES_PER_LEAD / reference_cell(state.device, region.layer) ** 3 if given is None else float(given)
        lost = sum((1 - left) * profiles[f"theta_{halide}"][own] for halide in ("Cl", "Br"))
        for halide in ("Cl", "Br"):
            profiles[f"theta_{halide}"][own] *= left
        profiles["theta_V"][own] += lost
        profiles["Pb0"][own] += sites * lost / ELECTRONS_PER_LEAD
        profiles["crystallinity"][own] *= survival(beam.dose, 1 / beam.fading)
    return replace(state, profiles=profiles)
