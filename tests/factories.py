"""Results of the documented form with physically shaped numbers, made without a solver.

The shapes (not the values) follow an ageing run at constant current: screening within a second,
slow growth of films and lead, light that falls. Nothing here is a prediction.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from perovsim.constants import K_B, N_A, Q
from perovsim.model import load_device, load_protocol
from perovsim.result import Result

END = 3600.0
"""Duration [s]."""
CURRENT = 100.0
"""Current density [A/m^2]."""
CELLS = {"htl": 12, "emitter": 40, "etl": 20}
ALCL3_VOLUME = 5.377e-5
"""Molar volume of AlCl3 [m^3/mol]: 133.34 g/mol / 2.48 g/cm^3."""
ROUTES = {
    # AlCl3 [nm], AlBr3 [nm], Pb0 [mol/m^2], dV [V], light left, dx_Cl, Cl moment
    "field_drift": (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -5e-6),
    "oxidised_halogen": (9e-4, 0.92, 1.6e-5, 0.18, 0.05, 0.0095, -2e-3),
    "corrosion_couple": (1.10, 0.053, 3.1e-5, 0.17, 0.09, -0.032, -0.026),
    "sum": (1.07, 0.35, 3.6e-5, 0.40, 1e-3, -0.028, -0.035),
}
KEYS = {name: (name,) for name in ROUTES} | {"sum": ("oxidised_halogen", "corrosion_couple")}


@cache
def models():
    """Device and protocol of the shipped example."""
    return load_device("nanoled_like"), load_protocol("constant_current_1h")


def result(route: str = "sum", current: float = CURRENT) -> Result:
    """One run of `route`, a key of ROUTES, at `current` [A/m^2]."""
    device, protocol = models()
    device = device.with_hypotheses(*KEYS[route])
    time = np.concatenate([[0.0], np.geomspace(1e-9, END, 61)])
    growth = time / END
    x, width, layer = grid(device)
    amounts = ROUTES[route]
    coords = {"time": ("time", time, {"units": "s"})}
    return Result(
        fields=fields(device, coords, growth, x, width, layer, amounts),
        terminals=terminals(coords, time, growth, amounts, current),
        interfaces=interfaces(device, coords, growth, amounts),
        balance=balance(coords, time),
        events=xr.Dataset(
            {"event_time": ("event", [END]), "kind": ("event", ["end"]), "detail": ("event", ["end of the protocol"])}
        ),
        device=device,
        protocol=protocol,
        attrs={"rtol": 1e-5, "steps": 100, "wall_seconds": 0.5, "cells": x.size, "perovsim_version": "0"},
    )


def results() -> dict[str, Result]:
    """All routes, in the order of the findings table."""
    return {name: result(name) for name in ROUTES}


def grid(device):
    """Cell centres [m], widths [m] and layer names."""
    widths = np.concatenate(
        [np.full(CELLS[part.name], float(part.thickness) / CELLS[part.name]) for part in device.layers]
    )
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    return 0.5 * (edges[1:] + edges[:-1]), widths, np.repeat(list(CELLS), list(CELLS.values()))


def fields(device, coords, growth, x, width, layer, amounts):
    """Depth profiles: flat quasi-Fermi levels, composition pulled to the end value."""
    inside = layer == "emitter"
    lattice = device.emitter.lattice
    depth = np.where(inside, (x - x[inside].mean()) / (x[inside][-1] - x[inside][0]), np.nan)
    ramp = growth[:, None]
    x_cl = float(lattice.x_Cl) + ramp * (amounts[5] + 12 * amounts[6] * 0.3 * depth)
    theta_v = 1e-3 * np.exp(2 * np.tanh(1e9 * ramp) * depth)
    chi = np.array([float(device.layer(name).electron_affinity) for name in layer])
    ionisation = np.array([float(device.layer(name).ionisation_energy) for name in layer])
    potential = np.outer(2.0 + 0 * growth, 1 - x / x[-1])
    e_c, e_v = -chi - potential, -ionisation - potential
    thermal = K_B * 298.15 / Q
    e_fn = np.minimum(e_c.min(axis=1), -3.2)[:, None] + 0 * potential
    e_fp = np.maximum(e_v.max(axis=1), -5.2)[:, None] + 0 * potential
    near = np.exp(-np.abs(depth - 0.5) / 0.1)
    pb0 = amounts[2] * N_A * ramp * near / np.nansum(near * width)
    nan = np.where(inside, 0.0, np.nan)
    initial = 0.01 * (np.exp(-(0.5 - depth) / 0.1) + np.exp(-(0.5 + depth) / 0.1))
    free = -0.045 * (x_cl - float(lattice.x_Cl))
    wide = {
        "potential": (potential, "V"),
        "E_c": (e_c, "eV"),
        "E_v": (e_v, "eV"),
        "E_Fn": (e_fn, "eV"),
        "E_Fp": (e_fp, "eV"),
        "n": (1e22 * np.exp(np.clip((e_fn - e_c) / thermal, -40, 0)) + 1e10, "m^-3"),
        "p": (1e22 * np.exp(np.clip((e_v - e_fp) / thermal, -40, 0)) + 1e10, "m^-3"),
        "theta_V": (theta_v, "1"),
        "theta_Cl": (x_cl * (1 - theta_v), "1"),
        "theta_Br": ((1 - x_cl) * (1 - theta_v), "1"),
        "x_Cl": (x_cl, "1"),
        "Pb0": (pb0, "m^-3"),
        "c_Cl_neutral": (1e18 * ramp * np.ones_like(x), "m^-3"),
        "c_Br_neutral": (1e21 * ramp * np.ones_like(x), "m^-3"),
        "R_radiative": (1e27 * np.exp(-((nan - depth + 0.4) ** 2) / 0.02) * (1.01 - ramp), "m^-3 s^-1"),
        "R_SRH": (1e26 * (1 + ramp) + nan, "m^-3 s^-1"),
        "R_Auger": (1e24 + nan + 0 * ramp, "m^-3 s^-1"),
        "strain_stress_free": (free + nan, "1"),
        "strain_elastic": (initial + 0 * ramp, "1"),
        "strain_lattice": (free + initial, "1"),
    }
    data = {name: (("time", "x"), values, {"units": unit}) for name, (values, unit) in wide.items()}
    edges = np.concatenate([[0.0], np.cumsum(width)])
    for kind, share in (("electron", 0.5), ("hole", 0.5), ("ion", 1e-6), ("displacement", 0.0)):
        data[f"current_{kind}"] = (
            ("time", "x_face"),
            CURRENT * share * np.ones((growth.size, edges.size)),
            {"units": "A m^-2"},
        )
    return xr.Dataset(
        data,
        {
            **coords,
            "x": ("x", x, {"units": "m"}),
            "layer": ("x", layer),
            "cell_width": ("x", width, {"units": "m"}),
            "x_face": ("x_face", edges, {"units": "m"}),
        },
    )


def terminals(coords, time, growth, amounts, current):
    """Voltage that rises with the film, light that falls to `amounts[4]` of its start."""
    on = np.where(time > 0, 1.0, 0.0)
    voltage = on * (2.7 * (1 - np.exp(-time / 1e-7)) + amounts[3] * growth)
    light = on * amounts[4] ** growth * (1 + 0.5 * np.tanh(time))
    flux = 5e19 * light * current / CURRENT
    columns = {
        "V": (voltage, "V"),
        "J": (on * current, "A m^-2"),
        "J_displacement": (0 * time, "A m^-2"),
        "photon_flux": (flux, "m^-2 s^-1"),
        "radiance_power": (flux * 4.1e-19, "W m^-2"),
        "luminance": (flux * 4.1e-19 * 30, "cd m^-2"),
        "EQE": (Q * flux / np.where(on * current > 0, current, np.nan), "1"),
        "peak_wavelength": (478e-9 - 90e-9 * amounts[5] * growth, "m"),
        "charge_passed": (current * time, "C m^-2"),
    }
    return columns_of(columns, coords)


def interfaces(device, coords, growth, amounts):
    """Films and lead that grow in proportion to time."""
    films = [amount * 1e-9 * growth for amount in amounts[:2]]
    columns = {
        "film_AlCl3": (films[0] / ALCL3_VOLUME, "mol m^-2"),
        "film_AlBr3": (films[1] / 8.3e-5, "mol m^-2"),
        "thickness_AlCl3": (films[0], "m"),
        "thickness_AlBr3": (films[1], "m"),
        "blocked_fraction": (-np.expm1(-(films[0] + films[1]) / 2e-9), "1"),
        "Pb0_total": (amounts[2] * growth, "mol m^-2"),
        "faradaic_charge": (6 * Q * N_A * films[0] / ALCL3_VOLUME, "C m^-2"),
    }
    for process in device.enabled_processes:
        if process.kind == "reaction":
            columns[f"extent_{process.name}"] = (1e-6 * growth, "mol m^-2")
            columns[f"faradaic_charge_{process.name}"] = (0.1 * growth, "C m^-2")
    return columns_of(columns, coords)


def balance(coords, time):
    """Ledgers closed to rounding."""
    small = {
        "current_uniformity": 1e-9,
        "current_rounding_floor": 1e-10,
        "element_Cl": 1e-13,
        "element_Br": 1e-13,
        "element_Pb": 1e-13,
        "element_Al": 1e-14,
        "charge": 1e-10,
    }
    return columns_of({k: (v + 0 * time, "1") for k, v in small.items()}, coords)


def columns_of(columns, coords):
    """Dataset over time with units."""
    return xr.Dataset({name: ("time", values, {"units": unit}) for name, (values, unit) in columns.items()}, coords)
