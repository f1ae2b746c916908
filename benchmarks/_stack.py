"""The three-layer solar cell of the J-V and hysteresis benchmarks: ETL 30 | perovskite 400 | HTL 30 nm.

Mobile cations on a fixed background, SRH and direct recombination; the stack of a published comparison of hysteresis.
"""

from __future__ import annotations

from typing import Any

TEMPERATURE = 300.0
STATES, OUTER = 3e24, 1e26
CELLS = (50, 300, 50)


def solar_cell(diffusivity: float) -> Any:
    """A Device whose cations have this diffusivity [m^2/s]."""
    from perovsim.model import Device

    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": 4.1},
        {"which": "anode", "name": "anode", "work_function": 5.3},
    ]
    perovskite = _layer("perovskite", 400e-9, 24.0, (3.9, 5.5), STATES, 5e-4) | {
        "k_radiative": 1e-16, "lifetime_electron": 1e-7, "lifetime_hole": 1e-7, "trap_energy": 4.7,
        "generation": 3e27, "ion": [{"name": "V", "charge": 1, "D": diffusivity, "density": 1e23}],
    }  # fmt: skip
    layers = [
        _layer("etl", 30e-9, 10.0, (4.0, 5.9), OUTER, 1e-6),
        perovskite,
        _layer("htl", 30e-9, 3.5, (2.3, 5.4), OUTER, 1e-6),
    ]
    for layer, cells in zip(layers, CELLS, strict=True):
        layer["cells"] = cells
    return Device(name="solar_cell", temperature=TEMPERATURE, contact=contacts, layer=layers)


def _layer(name: str, thickness: float, permittivity: float, levels: tuple, states: float, mobility: float) -> dict:
    return {
        "name": name, "thickness": thickness, "permittivity": permittivity,
        "electron_affinity": levels[0], "ionisation_energy": levels[1], "N_c": states, "N_v": states,
        "mobility_electron": mobility, "mobility_hole": mobility,
    }  # fmt: skip
