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


def crowded(ions: bool = True) -> Device:
    """Every statistics, kind of trap and law of injection, and ions that share sites, in one stack of three layers."""

    def trap(name: str, density: float, energy: float, **more) -> dict:
        capture = {"capture_electron": 1e-14, "capture_hole": 2e-14}
        return {"name": name, "density": density, "energy": energy, **capture, **more}

    def on_sites(name: str, charge: int, **more) -> dict:
        return {"name": name, "charge": charge, "D": 1e-16, "density": 1e23, "sites": "shared", **more}

    etl = layer("etl", 40e-9, 12, permittivity=3.5, electron_affinity=3.0, ionisation_energy=6.4, N_c=1e24, N_v=1e24,
                mobility_electron=2e-9, mobility_hole=1e-10, statistics="gauss_fermi", disorder_electron=0.07,
                disorder_hole=0.09, field_factor_electron=3e-4, field_factor_hole=2e-4, langevin_prefactor=1.0,
                trap=[trap("tail", 1e22, 3.05, charge="acceptor", distribution="exponential", width=0.05, levels=2)],
                )  # fmt: skip
    emitter = layer("emitter", 50e-9, 16, permittivity=16, k_radiative=1e-16, statistics="fermi_dirac",
                    trap=[trap("deep", 1e21, 4.5), trap("donor", 3e21, 4.0, charge="donor")],
                    **({"ion": [{"name": "V", "charge": 1, "D": 1e-16, "density": 1e24}]} if ions else {}),
                    )  # fmt: skip
    htl = layer("htl", 40e-9, 12, permittivity=3, electron_affinity=2.2, ionisation_energy=5.6, N_c=1e25, N_v=1e25,
                mobility_electron=1e-10, mobility_hole=2e-9, statistics="blakemore", field_factor_hole=3e-4,
                **({"ion": [on_sites("cation", 1), on_sites("anion", -1, site_density=1e24)]} if ions else {}),
                )  # fmt: skip
    slow = {"recombination_velocity_electron": 1e-2, "recombination_velocity_hole": 1e-3}
    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": 3.15, "image_lowering": True, **slow},
        {"which": "anode", "name": "anode", "work_function": 5.45},
    ]
    junctions = [
        {"between": "etl|emitter", "trap": [trap("neutral", 1e15, 4.4)]},
        {"between": "emitter|htl", "thermionic": 1e3, "trap": [trap("charged", 2e15, 4.6, charge="acceptor")]},
    ]
    return Device(name="crowded", temperature=300.0, contact=contacts, layer=[etl, emitter, htl], interface=junctions)


def debye_length(permittivity: float, density: float) -> float:
    """sqrt(eps kT/(q^2 N)) [m] of one mobile species of charge 1."""
    return float(np.sqrt(permittivity * EPS_0 * V_T / (Q * density)))
