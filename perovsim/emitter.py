"""Where the halides of a run are: moments and means of the emitter, films at the cathode, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perovsim.constants import N_A
from perovsim.model.equation import composition

if TYPE_CHECKING:
    import xarray as xr

    from perovsim.result import Result

FILM = "film_"
"""Interface amounts whose name begins so are films on a contact [mol/m^2]."""


def emitter_cells(result: Result) -> tuple[xr.Dataset, float, float]:
    """Fields of the emitter, its centre [m] and its thickness [m]."""
    cells = result.fields.isel(x=result.fields["layer"].values == result.device.emitter.name)
    x, width = cells["x"].values, cells["cell_width"].values
    left, right = x[0] - 0.5 * width[0], x[-1] + 0.5 * width[-1]
    return cells, 0.5 * (left + right), right - left


def first_moment(result: Result, field: str) -> np.ndarray:
    """Centre of mass of a field of the emitter over time, from its middle [thickness]; > 0 towards the cathode.

    integral (x - centre) w dx / (thickness integral w dx)
    """
    cells, centre, thickness = emitter_cells(result)
    weight = cells[field].values * cells["cell_width"].values
    moment = (weight * (cells["x"].values - centre)).sum(axis=1) / weight.sum(axis=1) / thickness
    return moment if _anode_first(result) else -moment


def mean_composition(result: Result) -> np.ndarray:
    """Cl/(Cl + Br) of the whole emitter over time."""
    cells, _, _ = emitter_cells(result)
    width = cells["cell_width"].values
    chlorine, bromine = ((cells[name].values * width).sum(axis=1) for name in ("theta_Cl", "theta_Br"))
    return chlorine / (chlorine + bromine)


def mean_distance(result: Result, *halides: str) -> np.ndarray:
    """Mean distance [m] of the atoms of these halides from the anode over time.

    Atoms in a film AlXn stand at the cathode, dissolved ones are not counted.
    """
    cells, _, _ = emitter_cells(result)
    depth, x, width = float(result.device.thickness), cells["x"].values, cells["cell_width"].values
    reach = x if _anode_first(result) else depth - x
    site_amount = float(result.device.emitter.lattice.site_density) / N_A
    atoms = site_amount * width * sum(cells[f"theta_{halide}"].values for halide in halides)
    films = sum(_in_films(result, halide) for halide in halides)
    return ((atoms * reach).sum(axis=1) + films * depth) / (atoms.sum(axis=1) + films)


def _anode_first(result: Result) -> bool:
    return result.device.contacts[0].which == "anode"


def _in_films(result: Result, halide: str) -> np.ndarray:
    """Atoms of a halide in the films [mol/m^2] over time."""
    found = np.zeros(result.times.size)
    for name, amount in result.interfaces.items():
        if name.startswith(FILM):
            found = found + composition(name.removeprefix(FILM))[0].get(halide, 0) * amount.values
    return found
