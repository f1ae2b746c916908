"""A contact on which a film grows at a known affinity: aluminium displaces lead from its chloride on the spot."""

from __future__ import annotations

import numpy as np

import perovsim as ps
from perovsim.model import load_device
from perovsim.model.chemistry import Reaction
from perovsim.model.equation import parse_equation
from perovsim.model.films import Sublimation
from perovsim.physics.thermochemistry import emf, load_table

EQUATION = "2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb"
STEPS = 6
VOLUME = load_table().molar_volume("AlCl3")


def affinity(temperature: float = 298.15) -> float:
    """A/kT of one elementary step, every activity being one."""
    from perovsim.constants import K_B, Q

    return emf(parse_equation(EQUATION), load_table(), STEPS) * Q / (K_B * temperature)


DRIVE = 2.0 * np.sinh(0.5 * affinity())
"""exp(A/2) - exp(-A/2)."""


def cell(rate: float, processes=(), **law):
    """Al | PbCl2 | Pb with the displacement on aluminium as its only reaction; rate r0 [mol/m^2/s]."""
    growth = Reaction(
        kind="reaction", name="growth", reaction=EQUATION, site="contact:al", rate=rate, elementary_steps=STEPS, **law
    )
    return load_device("corrosion_couple").replace(processes=(growth, *processes))


def sublimation(**values) -> Sublimation:
    """Evaporation of AlCl3 as Al2Cl6 from a part of the contact."""
    usual = {"exposed_fraction": 1e-6, "vapour_pressure": 0.01441, "sublimation_energy": 1.195, "molar_mass": 0.26668}
    own = {"kind": "sublimation", "name": "sublimation", "film": "AlCl3", "contact": "al"}
    return Sublimation(**(own | usual | values))


def speed(rate: float, drive: float) -> float:
    """Rate of growth dh/dt [m/s] of r0 [mol/m^2/s] times a drive, the bracket of the rate law."""
    return VOLUME * rate * drive * 2.0 / STEPS


def thickness(run) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and mean thickness of the film [m]."""
    return run.times, run.interfaces["thickness_AlCl3"].values


def grown(device, duration: str = "1 h", rtol: float = 1e-7, **options):
    """The cell after a rest."""
    return ps.simulate(device, ps.Protocol([ps.rest(duration)], **options), rtol=rtol)
