"""A device and a result of the documented form, made without a solver, for the atoms tests."""

from types import SimpleNamespace

import numpy as np
import xarray as xr

NM = 1e-9
CELL_BR, CELL_CL = 5.874e-10, 5.605e-10
SITES = 3 / (CELL_BR + 0.3 * (CELL_CL - CELL_BR)) ** 3


def device(mirrored=False, emitter=30.0, etl=20.0, cathode="Al"):
    """ITO | PVK | CsPb(Br0.7Cl0.3)3 | TPBi | Al, thicknesses in nm."""
    lattice = SimpleNamespace(
        halides=("Cl", "Br"),
        x_Cl=0.3,
        site_density=SITES,
        lead_density=SITES / 3,
        lattice_parameter_Br=CELL_BR,
        lattice_parameter_Cl=CELL_CL,
        misfit_strain=0.0,
    )
    layers = [
        SimpleNamespace(name="htl", material="PVK", thickness=10 * NM, lattice=None),
        SimpleNamespace(name="emitter", material="CsPbBrCl3", thickness=emitter * NM, lattice=lattice),
        SimpleNamespace(name="etl", material="TPBi", thickness=etl * NM, lattice=None),
    ]
    contacts = [
        SimpleNamespace(name="ito", which="anode", material="ITO"),
        SimpleNamespace(name="metal", which="cathode", material=cathode),
    ]
    if mirrored:
        layers, contacts = layers[::-1], contacts[::-1]
    process = SimpleNamespace(name="drift", hypothesis="field_drift")
    return SimpleNamespace(
        name="synthetic", layers=tuple(layers), contacts=tuple(contacts), x_reference=None, enabled_processes=(process,)
    )


def result(
    made=None,
    x_cl=(0.3, 0.3),
    strain=0.0,
    lead=0.0,
    lead_start=0.0,
    film=0.0,
    film_br=0.0,
    blocked=1.0,
    theta_v=1e-3,
    start=0.3,
    order=None,
    phases=None,
):
    """A run from 0 to 3600 s: uniform at the start, linear profiles in the emitter at the end.

    x_cl : at the two faces; strain [-], lead [1/m^3], film [m] : values at the end
    order, phases : crystallinity and {"PbX2": share of the lead, ...} at the end, None for devices without
    """
    made = device() if made is None else made
    width = 0.25 * NM
    edges = np.concatenate([[0.0], np.cumsum([float(layer.thickness) for layer in made.layers])])
    x = np.arange(width / 2, edges[-1], width)
    names = np.array([layer.name for layer in made.layers])
    layer = names[np.searchsorted(edges, x) - 1]
    inside = layer == "emitter"
    part = np.full(len(x), np.nan)
    part[inside] = np.interp(x[inside], [x[inside][0], x[inside][-1]], x_cl)
    start = np.where(inside, start, np.nan)
    nan = np.where(inside, 1.0, np.nan)

    def pair(first, last):
        return ("time", "x"), np.stack([first * nan, last * nan])

    fields = xr.Dataset(
        {
            "theta_Cl": pair(start * (1 - theta_v), part * (1 - theta_v)),
            "theta_Br": pair((1 - start) * (1 - theta_v), (1 - part) * (1 - theta_v)),
            "theta_V": pair(theta_v, theta_v),
            "Pb0": pair(lead_start, lead),
            "strain_lattice": pair(0.0, strain),
            "strain_elastic": pair(0.0, 0.0),
        },
        {"time": [0.0, 3600.0], "x": x, "layer": ("x", layer)},
    )
    if order is not None:
        fields["crystallinity"] = pair(1.0, order)
    for name, share in (phases or {}).items():
        fields[f"f_{name}"] = pair(0.0, share)
    films = {"thickness_AlCl3": film, "thickness_AlBr3": film_br, "blocked_fraction": blocked}
    interfaces = xr.Dataset({name: ("time", [0.0, value]) for name, value in films.items()}, {"time": [0.0, 3600.0]})
    return SimpleNamespace(device=made, fields=fields, interfaces=interfaces)
