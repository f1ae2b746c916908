"""The stack on a FiPy mesh: every number of the device as an array over the cells.

The two end cells of the mesh are the metals of the contacts, the cells between them those of
`perovsim.device.problem.mesh`, so a contact is the face between a metal and a semiconductor like any other boundary of
two materials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.device.problem.mesh import Mesh
from perovsim.fipy_device import fipy
from perovsim.physics.lattice import interfacial_profile

LEAST_ION = 1e-10
"""Density [m^-3] that stands for none where an ion can live: relative changes need something to start from."""


@dataclass(frozen=True)
class Species:
    """A mobile species over the cells, metals included (n + 2,).

    charge : charge number
    here : whether the species is an unknown of a cell; in the metals electrons and holes have the density `start`
    diffusivity : [m^2/s]; offset : band edge and density of states in mu/kT = ln density + charge psi + offset [kT]
    slope : change of the offset with the composition [kT]; start : density at the start [m^-3]
    """

    name: str
    charge: int
    here: np.ndarray
    diffusivity: np.ndarray
    offset: np.ndarray
    slope: np.ndarray
    start: np.ndarray


@dataclass(frozen=True)
class Lattice:
    """The halide lattices over the cells (n + 2,): sites [m^-3], jump diffusivities [m^2/s], fractions at the start.

    mixed : whether two halides share the sites of a cell; the first of them has no place elsewhere
    jump : of the first and of the other halide
    """

    here: np.ndarray
    mixed: np.ndarray
    sites: np.ndarray
    jump: tuple[np.ndarray, np.ndarray]
    theta_v: np.ndarray
    theta_first: np.ndarray
    x_start: np.ndarray


class Stack:
    """A device at its temperature on a FiPy mesh with a metal cell at each end.

    mesh : the cells of the layers; grid : the FiPy mesh (n + 2 cells, n + 3 faces); vt : kT/q [V]
    """

    def __init__(self, device):
        self.device = device
        self.vt = K_B * float(device.temperature) / Q
        self.mesh = Mesh([float(x.thickness) for x in device.layers], [x.cells for x in device.layers])
        self.n = self.mesh.n
        widths = self.mesh.widths
        self.width = np.concatenate((widths[:1], widths, widths[-1:]))
        self.grid = fipy.Grid1D(dx=self.width)
        self.distance = np.asarray(self.grid._cellDistances)
        self.layer = np.concatenate(([-1], self.mesh.layer, [-2]))
        self.metal = self.layer < 0
        first, last = (float(x.work_function) for x in device.contacts)
        self.work = np.array([first, last]) / self.vt
        self.built_in = (last - first) / self.vt
        self.sign = 1.0 if device.contacts[0].which == "anode" else -1.0
        self.lattice = self._lattice()
        self.electron, self.hole = self._carriers()
        self.ions = self._ions()
        held = sum(s.charge * s.start * self._compensated(s.name) for s in self.ions)
        self.fixed = self.given("donor_density") - self.given("acceptor_density") - held
        self.fixed -= self.lattice.sites * self.lattice.theta_v

    # -- values over the cells ------------------------------------------------------------------

    def each(self, get) -> np.ndarray:
        """get(layer) of every cell, 0 in the metals (n + 2,)."""
        values = np.array([get(layer) for layer in self.device.layers], float)
        return np.where(self.metal, 0.0, values[np.clip(self.layer, 0, None)])

    def given(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the layers, or its default where not given (n + 2,)."""
        return self.each(lambda layer: number(getattr(layer, name), default))

    @property
    def inside(self) -> slice:
        """The cells of the layers."""
        return slice(1, self.n + 1)

    @property
    def transport(self) -> np.ndarray:
        """Cells with electrons and holes (n + 2,)."""
        return self.each(lambda layer: layer.transport) > 0

    @property
    def lead(self) -> np.ndarray:
        """Lead metal at the faces of the lattices from the start [m^-3] (n + 2,); without reactions it stays."""
        out = np.zeros(self.n + 2)
        ends = np.concatenate(([0.0], np.cumsum([float(x.thickness) for x in self.device.layers])))
        for k, layer in enumerate(self.device.layers):
            own = layer.lattice
            if own is not None and own.initial_interfacial_lead is not None:
                inside = np.nonzero(self.mesh.layer == k)[0]
                out[inside + 1] = interfacial_profile(
                    self.mesh.centres[inside],
                    ends[k],
                    ends[k + 1],
                    float(own.initial_interfacial_lead),
                    float(own.initial_lead_decay_length),
                )
        return out

    # -- faces ----------------------------------------------------------------------------------

    @property
    def permittance(self) -> np.ndarray:
        """eps kT/(q^2 distance) of every face [m^-2], two half cells in series, no metal in it (n + 3,)."""
        half = self._half_over_permittivity
        face = np.zeros(self.n + 3)
        face[1:-1] = self.vt / Q / (half[:-1] + half[1:])
        return face

    @property
    def weight(self) -> np.ndarray:
        """Weight of the left cell in the potential of a face, by series of dielectrics (n + 3,)."""
        half = self._half_over_permittivity
        face = np.zeros(self.n + 3)
        face[1:-1] = half[1:] / (half[:-1] + half[1:])
        return face

    @property
    def _half_over_permittivity(self) -> np.ndarray:
        eps = np.where(self.metal, 1.0, self.given("permittivity"))
        return np.where(self.metal, 0.0, 0.5 * self.width / (eps * EPS_0))

    def emission(self, carrier: int) -> np.ndarray:
        """1/velocity through every face [s/m]: thermionic emission, exchange with the metals; 0 if unlimited (n + 3,).

        carrier : 0 for electrons, 1 for holes
        """
        step = np.zeros(self.n + 3)
        for k in np.nonzero(np.diff(self.mesh.layer))[0]:
            left, right = (self.device.layers[self.mesh.layer[i]].name for i in (k, k + 1))
            junction = self.device.interface(left, right)
            if junction is not None and junction.thermionic is not None:
                step[k + 2] = 1.0 / float(junction.thermionic)
        for face, contact in zip((1, self.n + 1), self.device.contacts, strict=True):
            velocity = (contact.recombination_velocity_electron, contact.recombination_velocity_hole)[carrier]
            step[face] = 1.0 / float(velocity)
        return step

    # -- what moves -----------------------------------------------------------------------------

    def _carriers(self) -> tuple[Species, Species]:
        here, vt = self.transport, self.vt
        slopes = (-self.given("affinity_slope") / vt, self.given("ionisation_slope") / vt)
        offsets = (
            -self.given("electron_affinity") / vt - np.log(self.given("N_c", 1.0) + self.metal),
            self.given("ionisation_energy") / vt - np.log(self.given("N_v", 1.0) + self.metal),
        )
        out = []
        for k, (name, charge) in enumerate((("electron", -1), ("hole", 1))):
            offset = offsets[k].copy()
            offset[[0, -1]] = offset[[1, -2]]
            start = np.zeros(self.n + 2)
            start[[0, -1]] = np.exp(charge * self.work - offset[[0, -1]])
            out.append(
                Species(
                    name,
                    charge,
                    here,
                    vt * self.given(f"mobility_{name}"),
                    offset,
                    slopes[k] * self.lattice.mixed,
                    start,
                )
            )
        return out[0], out[1]

    def _ions(self) -> list[Species]:
        charges = {ion.name: ion.charge for layer in self.device.layers for ion in layer.ions}
        zero = np.zeros(self.n + 2)
        return [
            Species(
                name,
                charge,
                self.each(lambda x, name=name: _ion(x, name) is not None) > 0,
                self._of_ion(name, "D"),
                zero,
                zero,
                self._of_ion(name, "density", LEAST_ION),
            )
            for name, charge in charges.items()
        ]

    def _of_ion(self, name: str, what: str, least: float = 0.0) -> np.ndarray:
        return self.each(lambda x: 0.0 if _ion(x, name) is None else max(float(getattr(_ion(x, name), what)), least))

    def _compensated(self, name: str) -> np.ndarray:
        return self.each(lambda x: _ion(x, name) is not None and _ion(x, name).compensated)

    def _lattice(self) -> Lattice:
        here = self.each(lambda x: x.lattice is not None) > 0
        mixed = self.each(lambda x: x.lattice is not None and len(halides(x.lattice)) == 2) > 0
        sites, jump = self.of_lattice("site_density"), self.each(lambda x: self._jump(x.lattice))
        ratio, lone = self.of_lattice("D_ratio_Cl", 1.0), self.each(lambda x: _is_lone_chloride(x.lattice)) > 0
        theta = np.divide(self.of_lattice("vacancy_density"), sites, out=np.zeros(self.n + 2), where=here)
        x = self.of_lattice("x_Cl")
        first = np.where(mixed, (1.0 - theta) * x, 0.0)
        return Lattice(here, mixed, sites, (jump * ratio, jump * np.where(lone, ratio, 1.0)), theta, first, x)

    def _jump(self, lattice) -> float:
        return 0.0 if lattice is None else lattice.diffusivity(float(self.device.temperature))

    def of_lattice(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the halide lattices, 0 elsewhere (n + 2,)."""
        return self.each(lambda x: 0.0 if x.lattice is None else number(getattr(x.lattice, name), default))


def number(quantity, default: float = 0.0) -> float:
    """A quantity in SI, or the default where it is not given."""
    return default if quantity is None else float(quantity)


def halides(lattice) -> tuple[str, ...]:
    """Halides that are there, chloride first."""
    names = lattice.halides
    return {(2, 0.0): names[1:], (2, 1.0): names[:1]}.get((len(names), float(lattice.x_Cl)), names)


def _is_lone_chloride(lattice) -> bool:
    """Whether a lattice for two halides holds only the first."""
    return lattice is not None and len(lattice.halides) == 2 and float(lattice.x_Cl) == 1.0


def _ion(layer, name: str):
    return next((ion for ion in layer.ions if ion.name == name), None)
