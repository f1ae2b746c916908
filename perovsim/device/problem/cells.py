"""Values of layers spread over the cells of the mesh, numbers of the unknowns, densities at the start."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.tables import (
    HALIDE,
    PSI,
    SPECIES,
    VACANCY,
)
from perovsim.device.problem.films import LEAD
from perovsim.device.problem.mesh import Mesh
from perovsim.device.problem.species import SpeciesPlan
from perovsim.model.quantity import Quantity
from perovsim.physics.lattice import interfacial_profile


class Cells:
    """Values of layers spread over the cells of the mesh."""

    def __init__(self, device, mesh: Mesh):
        self.device, self.mesh = device, mesh
        self.layers = device.layers

    def each(self, get) -> np.ndarray:
        """get(layer) of every cell (n,)."""
        return np.array([get(layer) for layer in self.layers], float)[self.mesh.layer]

    def given(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the layers, or its default where not given (n,)."""
        return self.each(lambda layer: value_or(getattr(layer, name), default))

    def of_lattice(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the halide lattices, 0 elsewhere (n,)."""
        return self.each(lambda x: 0.0 if x.lattice is None else value_or(getattr(x.lattice, name), default))

    @property
    def has_lattice(self) -> np.ndarray:
        """Whether a cell holds halide sites (n,)."""
        return self.each(lambda x: x.lattice is not None) > 0

    @property
    def is_mixed(self) -> np.ndarray:
        """Whether a cell holds two halides (n,)."""
        return self.each(lambda x: x.lattice is not None and len(x.lattice.halides) == 2) > 0

    @property
    def gap(self) -> np.ndarray:
        """Band gap [eV] (n,)."""
        return self.given("ionisation_energy") - self.given("electron_affinity")


def value_or(quantity: Quantity | None, default: float = 0.0) -> float:
    return default if quantity is None else float(quantity)


def numbering(cells: Cells, plans: list[SpeciesPlan]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the unknowns cell by cell, immobile species first: slot, where and size of Tables."""
    n = cells.mesh.n
    there = np.zeros((SPECIES + len(plans), n), bool)
    there[PSI], there[VACANCY], there[HALIDE] = True, cells.has_lattice, cells.is_mixed
    for s, plan in enumerate(plans):
        there[SPECIES + s] = cells.each(lambda x, plan=plan: x.name in plan.places) > 0
        if plan.traps is not None and plan.traps.junction is not None:
            there[SPECIES + s, :-1] &= np.diff(cells.mesh.layer) != 0
    still = [SPECIES + s for s, plan in enumerate(plans) if plan.is_local]
    order = [*still, PSI, *(SPECIES + s for s, plan in enumerate(plans) if not plan.is_local), VACANCY, HALIDE]
    count = there.sum(axis=0)
    start = np.concatenate(([0], np.cumsum(count)))
    slot = np.full(there.shape, -1)
    for i in range(n):
        present = [kind for kind in order if there[kind, i]]
        slot[present, i] = start[i] + np.arange(len(present))
    cell = np.repeat(np.arange(n), count)
    where = np.array([cell, np.arange(cell.size) - start[cell]])
    return slot, where, np.array([count, there[still].sum(axis=0)])


def starting_densities(cells: Cells, plans: list[SpeciesPlan]) -> np.ndarray:
    """Densities of the species at the start [m^-3] (s, n); electrons and holes come from equilibrium."""
    start = np.array(
        [cells.each(lambda x, p=p: p.places[x.name].density if x.name in p.places else 0.0) for p in plans]
    )
    lead = next((s for s, plan in enumerate(plans) if plan.formula == LEAD), None)
    for k, layer in enumerate(cells.layers):
        if lead is not None and layer.lattice is not None and layer.lattice.initial_interfacial_lead is not None:
            inside = cells.mesh.layer == k
            ends = cells.mesh.faces[:-1][inside][0], cells.mesh.faces[1:][inside][-1]
            own, decay = float(layer.lattice.initial_interfacial_lead), float(layer.lattice.initial_lead_decay_length)
            start[lead, inside] = interfacial_profile(cells.mesh.centres[inside], *ends, own, decay)
    return start
