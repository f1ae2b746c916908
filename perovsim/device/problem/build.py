"""Device -> Problem: every number of the stack placed where the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.device.kernels.tables import (
    AUGER,
    BESIDE,
    BOUNDARY,
    CENTRE_LEVEL,
    DARK,
    DIFFUSIVITY,
    ELECTRON,
    EMISSION,
    FIELD,
    FILM_FIELD,
    FIXED,
    GAP,
    GENERATION,
    GROUP,
    HOLE,
    IMAGE,
    INTRINSIC,
    JUMP_FIRST,
    JUMP_SECOND,
    LEVEL,
    LIFETIME,
    OFFSET,
    PAIRS,
    PER_SITE,
    PERMEATION,
    PSI,
    QUADRATURES,
    RADIATIVE,
    SHADED,
    SITES,
    SLOPE,
    STATES,
    STATISTICS,
    STICKING,
    WEIGHT,
    WIDTH,
    WORK,
    X_START,
    Tables,
)
from perovsim.device.problem.carriers import fixed_charge, image_factor, statistics_tables, trap_tables
from perovsim.device.problem.cells import Cells, numbering, starting_densities, value_or
from perovsim.device.problem.chemistry import compile_reactions
from perovsim.device.problem.elastic import add_strain_shifts, lattice_rows
from perovsim.device.problem.excitons import add_excitons
from perovsim.device.problem.films import ContactProducts, losses, plan_products
from perovsim.device.problem.mesh import Mesh
from perovsim.device.problem.numbers import device_numbers, lead_traps, phase_rows
from perovsim.device.problem.participants import Context
from perovsim.device.problem.sites import split_site
from perovsim.device.problem.species import SpeciesPlan, plan_species, sharing
from perovsim.errors import ModelFileError
from perovsim.model.quantity import Quantity

TIGHT = 1e-60
"""Permeability [m/s] that stands for none: nothing passes in any time."""


@dataclass(frozen=True)
class Problem:
    """A device ready to be integrated: tables, mesh, starting state, names of what its unknowns mean."""

    device: object
    tables: Tables
    mesh: Mesh
    vt: float
    plans: list[SpeciesPlan]
    products: ContactProducts
    theta_start: np.ndarray
    """Vacancy fraction of each cell at the start (n,)."""
    halide_start: np.ndarray
    density_start: np.ndarray
    """Densities of the species beside electrons and holes at the start [m^-3] (s, n)."""

    @property
    def lumps(self) -> int:
        """Number of lumped unknowns."""
        return 1 + len(self.products.keys) + 2 * self.products.conducts

    @property
    def band(self) -> int:
        """Number of unknowns in cells; the index of the voltage."""
        return self.tables.where.shape[1]

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.band + self.lumps

    @property
    def potentials(self) -> np.ndarray:
        """Unknowns that count in kT/q."""
        field = int(self.tables.number[FILM_FIELD])
        return np.concatenate(
            (self.tables.slot[PSI], [self.band], np.arange(field + 1, field + 2) if field >= 0 else [])
        ).astype(int)

    @property
    def losses(self) -> list:
        """Processes that take a film away."""
        return losses(self.device, self.products)

    @property
    def extents(self) -> int:
        """Number of processes with an extent: reactions, then losses."""
        return len(self.device.reactions) + len(self.losses)

    @property
    def quadratures(self) -> int:
        """Number of integrals that ride along."""
        return len(QUADRATURES) + self.extents

    @property
    def capacitance(self) -> float:
        """Geometric capacitance [F/m^2], 1/sum(L/eps)."""
        return Q / self.vt / np.sum(1.0 / self.tables.face[GAP])

    def name_of(self, unknown: int) -> str:
        """What an unknown is, in words."""
        if unknown >= self.band:
            k = unknown - self.band
            amounts = [f"the amount of {formula}" for formula, _ in self.products.keys]
            return ["the voltage", *amounts, "the field in the film", "the voltage across the film"][k]
        kind, cell = (int(v[0]) for v in np.nonzero(self.tables.slot == unknown))
        words = ["potential", "vacancy fraction", "halide fraction", *(f"density of {p.name}" for p in self.plans)]
        layer = self.device.layers[self.mesh.layer[cell]].name
        return f"{words[kind]} at x = {self.mesh.centres[cell] * 1e9:.2f} nm (layer '{layer}')"


def build(device) -> Problem:
    """Compile a Device at its temperature."""
    vt = K_B * float(device.temperature) / Q
    mesh = Mesh([float(x.thickness) for x in device.layers], [x.cells for x in device.layers])
    cells = Cells(device, mesh)
    plans = plan_species(device)
    products = plan_products(device)
    slot, where, size = numbering(cells, plans)
    start = starting_densities(cells, plans)
    cell = _cell(cells, plans, products, start)
    theta = np.divide(cells.of_lattice("vacancy_density"), cell[SITES], out=np.zeros(mesh.n), where=cell[SITES] > 0)
    cell[FIXED] -= cell[SITES] * theta
    add_excitons(cells, vt, cell)
    cell[INTRINSIC] = cells.given("N_c") * cells.given("N_v") * np.exp(-cells.gap / vt)
    number, excess, excess_number = statistics_tables(device.layers, vt)
    trap, junction = trap_tables(device, mesh, plans, vt)
    context = Context(device, mesh, slot, plans, products, vt, _reference_vacancies(cells, theta))
    tables = Tables(
        slot,
        where,
        size,
        cell,
        lattice_rows(device, mesh, vt),
        _pair(cells, vt),
        np.array([[p.charge, p.scale, p.is_mobile] for p in plans], float).T.copy(),
        _species(cells, plans, vt, number),
        excess,
        excess_number,
        trap,
        junction,
        _face(cells, vt),
        _contact(device, vt),
        device_numbers(device, plans, products, where.shape[1], vt),
        products.volume,
        **compile_reactions(context),
        phase=phase_rows(context),
    )
    return Problem(device, tables, mesh, vt, plans, products, theta, (1.0 - theta) * cell[X_START], start)


def _cell(cells: Cells, plans: list[SpeciesPlan], products: ContactProducts, start: np.ndarray) -> np.ndarray:
    device, mesh = cells.device, cells.mesh
    cell = np.zeros((PAIRS + 1, mesh.n))
    cell[WIDTH], cell[X_START], cell[SITES] = mesh.widths, cells.of_lattice("x_Cl"), cells.of_lattice("site_density")
    cell[FIXED] = cells.given("donor_density") - cells.given("acceptor_density") + fixed_charge(device, mesh)
    for s, plan in enumerate(plans):
        held = cells.each(lambda x, p=plan: x.name in p.places and p.places[x.name].compensated)
        cell[FIXED] -= plan.charge * start[s] * held
    if products.cover > 0.0:
        cell[SHADED] = mesh.layer == (0 if products.side == 0 else len(device.layers) - 1)
    temperature = float(device.temperature)
    cell[JUMP_SECOND] = cells.each(lambda x: 0.0 if x.lattice is None else x.lattice.diffusivity(temperature))
    cell[JUMP_FIRST] = cell[JUMP_SECOND] * cells.of_lattice("D_ratio_Cl", 1.0)
    cell[RADIATIVE], cell[GENERATION] = cells.given("k_radiative"), cells.given("generation")
    cell[DARK] = _langevin(cells)
    beam = next((process for process in device.enabled_processes if process.kind == "beam"), None)
    if beam is not None:
        conducts = cells.has_lattice & (cells.gap > 0.0)
        cell[PAIRS, conducts] = [beam.pairs(gap) for gap in cells.gap[conducts]]
    return cell


def _langevin(cells: Cells) -> np.ndarray:
    """k = gamma q (mu_n + mu_p)/eps [m^3/s] (n,); Langevin, Ann. Chim. Phys. 28, 433 (1903)."""
    mobilities = cells.given("mobility_electron") + cells.given("mobility_hole")
    return cells.given("langevin_prefactor") * Q * mobilities / (cells.given("permittivity") * EPS_0)


def _reference_vacancies(cells: Cells, theta: np.ndarray) -> float:
    """Vacancy fraction at which the levels of the halides are quoted."""
    given = [value_or(x.lattice.theta_reference) for x in cells.layers if x.lattice is not None]
    return max([*given, 0.0]) or (float(theta.max()) or 1.0)


def _face(cells: Cells, vt: float) -> np.ndarray:
    mesh, device = cells.mesh, cells.device
    half = 0.5 * mesh.widths / (cells.given("permittivity") * EPS_0)
    face = np.zeros((BESIDE + 1, mesh.n + 1))
    face[GAP, 0], face[GAP, -1] = 1.0 / half[0], 1.0 / half[-1]
    face[GAP, 1:-1] = 1.0 / (half[:-1] + half[1:])
    face[GAP] *= vt / Q
    face[WEIGHT, 1:-1] = half[1:] / (half[:-1] + half[1:])
    face[BOUNDARY, 1:-1] = np.diff(mesh.layer) != 0
    for k in np.nonzero(face[BOUNDARY])[0]:
        names = [device.layers[mesh.layer[i]].name for i in (k - 1, k)]
        junction = device.interface(*names)
        face[BESIDE, k] = _lets_charge_pass(device, names)
        if junction is not None and junction.thermionic is not None:
            face[EMISSION:BESIDE, k] = 1.0 / float(junction.thermionic)
        if junction is not None:
            face[PERMEATION, k] = _resistance(junction.permeability)
    for own, k in zip(device.contacts, (1, mesh.n - 1), strict=True):
        if own.permeability is not None:
            if mesh.n < 2 or face[BOUNDARY, k] > 0.0:
                raise ModelFileError(
                    f"contact '{own.name}': its permeability needs two cells or more in the layer beside it"
                )
            face[PERMEATION, k] = _resistance(own.permeability)
    return face


def _lets_charge_pass(device, names: list[str]) -> bool:
    """Whether traps or a reaction stand at the junction of two layers."""
    junction = device.interface(*names)
    across = [split_site(x.site) for x in device.reactions]
    return (junction is not None and bool(junction.traps)) or any(
        site.kind == "interface" and set(site.layers) == set(names) for site in across
    )


def _resistance(permeability: Quantity | None) -> float:
    """1/P [s/m]."""
    return 0.0 if permeability is None else 1.0 / max(float(permeability), TIGHT)


def _contact(device, vt: float) -> np.ndarray:
    contact = np.zeros((2, 5))
    for side, own in enumerate(device.contacts):
        contact[side, WORK] = float(own.work_function) / vt
        contact[side, STICKING:IMAGE] = (
            1.0 / float(own.recombination_velocity_electron),
            1.0 / float(own.recombination_velocity_hole),
        )
        if own.image_lowering:
            contact[side, IMAGE:] = image_factor(float(device.layers[-side].permittivity), vt)
    return contact


def _species(cells: Cells, plans: list[SpeciesPlan], vt: float, statistics: np.ndarray) -> np.ndarray:
    own = np.zeros((GROUP + 1, len(plans), cells.mesh.n))
    own[STATES, :2] = cells.given("N_c", 1.0), cells.given("N_v", 1.0)
    own[STATISTICS] = -1.0
    own[STATISTICS, :2] = statistics[:, cells.mesh.layer]
    own[FIELD, :2] = np.sqrt(vt) * np.array([cells.given(f"field_factor_{name}") for name in ("electron", "hole")])
    own[DIFFUSIVITY, ELECTRON] = cells.given("mobility_electron") * vt
    own[DIFFUSIVITY, HOLE] = cells.given("mobility_hole") * vt
    own[OFFSET, ELECTRON] = -cells.given("electron_affinity") / vt - np.log(cells.given("N_c", 1.0))
    own[OFFSET, HOLE] = cells.given("ionisation_energy") / vt - np.log(cells.given("N_v", 1.0))
    own[SLOPE, ELECTRON] = -cells.given("affinity_slope") * cells.is_mixed / vt
    own[SLOPE, HOLE] = cells.given("ionisation_slope") * cells.is_mixed / vt
    for s, plan in enumerate(plans[HOLE + 1 :], HOLE + 1):
        own[DIFFUSIVITY, s] = cells.each(lambda x, p=plan: p.places[x.name].diffusivity if x.name in p.places else 0.0)
        own[OFFSET, s] = cells.each(lambda x, p=plan: p.places[x.name].solvation if x.name in p.places else 0.0) / vt
        own[PER_SITE, s] = cells.each(lambda x, p=plan: 1.0 / p.places[x.name].sites if x.name in p.places else 0.0)
    own[GROUP] = [cells.each(lambda x, s=s: sharing(plans, s, x.name)[0]) for s in range(len(plans))]
    add_strain_shifts(cells.device, cells.mesh, vt, own)
    return own


def _pair(cells: Cells, vt: float) -> np.ndarray:
    chi, ie = cells.given("electron_affinity"), cells.given("ionisation_energy")
    states = np.array([cells.given("N_c", 1.0), cells.given("N_v", 1.0)])

    def level(energy) -> np.ndarray:
        return states * np.exp(np.array([chi - energy, energy - ie]) / vt)

    trap = cells.given("trap_energy", np.nan)
    traps = lead_traps(cells.device)
    pair = np.zeros((4, 2, cells.mesh.n))
    pair[AUGER] = cells.given("k_auger_electron"), cells.given("k_auger_hole")
    pair[LIFETIME] = cells.given("lifetime_electron", np.inf), cells.given("lifetime_hole", np.inf)
    pair[LEVEL] = level(np.where(np.isnan(trap), 0.5 * (chi + ie), trap))
    if traps is not None:
        pair[CENTRE_LEVEL] = level(float(traps.trap_energy))
    return pair
