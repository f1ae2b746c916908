"""Small devices with known solutions, SI numbers throughout."""

from __future__ import annotations

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.model import Device

TEMPERATURE = 300.0
V_T = K_B * TEMPERATURE / Q
"""kT/q of the devices here [V]."""


def layer(name: str, thickness: float, cells: int, **values) -> dict:
    """A layer of a medium-gap semiconductor, thickness in m, its values changed by keywords."""
    usual = {
        "permittivity": 10.0,
        "electron_affinity": 3.2,
        "ionisation_energy": 5.8,
        "N_c": 2e24,
        "N_v": 2e24,
        "mobility_electron": 1e-4,
        "mobility_hole": 1e-4,
    }
    return {"name": name, "thickness": thickness, "cells": cells, **usual, **values}


def insulator(name: str, thickness: float, cells: int, **values) -> dict:
    """A layer without electrons and holes."""
    return {"name": name, "thickness": thickness, "cells": cells, "transport": False, "permittivity": 20.0, **values}


def halide_lattice(sites: float, vacancies: float, x_cl: float = 0.0, diffusivity: float = 1e-14, **values) -> dict:
    """A lattice of bromide and chloride; densities in m^-3, D [m^2/s]."""
    usual = {
        "halides": ("Cl", "Br"),
        "x_Cl": x_cl,
        "site_density": sites,
        "vacancy_density": vacancies,
        "D_vacancy": diffusivity,
        "lead_density": sites / 3.0,
    }
    return {**usual, **values}


def stack(layers: list[dict], first: float = 4.5, last: float = 4.5, velocities=None, **more) -> Device:
    """Layers between a cathode at x = 0 and an anode, work functions in eV.

    velocities : recombination velocities [m/s] by contact, {"cathode": (electrons, holes), ...}; ohmic where not given
    """
    levels = {"cathode": first, "anode": last}
    contacts = [{"which": which, "name": which, "work_function": level} for which, level in levels.items()]
    for contact in contacts:
        if velocities and contact["which"] in velocities:
            own = dict(zip(("electron", "hole"), velocities[contact["which"]], strict=True))
            contact |= {f"recombination_velocity_{kind}": value for kind, value in own.items()}
    given = {"temperature": TEMPERATURE, **more}
    return Device(name="limit", contact=contacts, layer=layers, **given)


def debye_length(permittivity: float, density: float) -> float:
    """sqrt(eps kT/(q^2 N)) [m] of one mobile species of charge 1."""
    return float(np.sqrt(permittivity * EPS_0 * V_T / (Q * density)))
