"""Losses of the film that `perovsim.validate.analytic.growth` lets grow."""

from __future__ import annotations

from perovsim.model.films import Sublimation


def sublimation(**values) -> Sublimation:
    """Evaporation of AlCl3 as Al2Cl6 from a part of the contact."""
    usual = {"exposed_fraction": 1e-6, "vapour_pressure": 0.01441, "sublimation_energy": 1.195, "molar_mass": 0.26668}
    own = {"kind": "sublimation", "name": "sublimation", "film": "AlCl3", "contact": "al"}
    return Sublimation(**(own | usual | values))
