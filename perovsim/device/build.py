"""Device -> Problem: every number of the stack placed where the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.device import species
from perovsim.device.carriers import fixed_charge, image_factor, statistics_tables, trap_tables
from perovsim.device.chemistry import compile_reactions
from perovsim.device.elastic import add_strain_shifts, lattice_rows
from perovsim.device.films import LEAD, ContactProducts, losses, plan_products
from perovsim.device.mesh import Mesh
from perovsim.device.participants import Context
from perovsim.device.species import CRYSTALLINITY, SpeciesPlan, plan_species
from perovsim.device.tables import (
    AUGER,
    BOUNDARY,
    BUILT_IN,
    CENTRE,
    CENTRE_CAPTURE,
    CENTRE_LEVEL,
    CENTRES_PER_ATOM,
    COLLAPSE,
    CONDUCTIVITY,
    COVER,
    CRYSTAL,
    DARK,
    DECAY,
    DIFFUSIVITY,
    DISPLACED,
    ELECTRON,
    EMISSION,
    EXPONENT,
    FADE,
    FIELD,
    FIELD_SCALE,
    FILM_FIELD,
    FIXED,
    FRENKEL,
    GAP,
    GENERATION,
    HALIDE,
    HOLE,
    IMAGE,
    INTRINSIC,
    JUMP_FIRST,
    JUMP_SECOND,
    LEAD_SHARE,
    LEAD_SPECIES,
    LEVEL,
    LIFETIME,
    NUMBERS,
    OFFSET,
    PACE,
    PAIRS,
    PARALLEL,
    PATCHES,
    PER_VACANCY,
    PER_VOLT,
    PERMEATION,
    PSI,
    QUADRATURES,
    RADIATIVE,
    SHADED,
    SIGN,
    SITES,
    SLOPE,
    SPECIES,
    STATES,
    STATISTICS,
    STICKING,
    STRAINED,
    TAKEN,
    THETA_CRITICAL,
    VACANCY,
    WEIGHT,
    WIDTH,
    WORK,
    X_START,
    ZETA,
    Tables,
)
from perovsim.errors import ModelFileError
from perovsim.model.quantity import Quantity
from perovsim.physics.lattice import interfacial_profile

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
    cells = _Cells(device, mesh)
    plans = plan_species(device)
    products = plan_products(device)
    slot, where, size = _numbering(cells, plans)
    start = _start(cells, plans)
    cell = _cell(cells, plans, products, start)
    theta = np.divide(cells.of_lattice("vacancy_density"), cell[SITES], out=np.zeros(mesh.n), where=cell[SITES] > 0)
    cell[FIXED] -= cell[SITES] * theta
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
        _number(device, plans, products, where.shape[1], vt),
        products.volume,
        **compile_reactions(context),
        phase=_phases(context),
    )
    return Problem(device, tables, mesh, vt, plans, products, theta, (1.0 - theta) * cell[X_START], start)


class _Cells:
    """Values of layers spread over the cells of the mesh."""

    def __init__(self, device, mesh: Mesh):
        self.device, self.mesh = device, mesh
        self.layers = device.layers

    def each(self, get) -> np.ndarray:
        """get(layer) of every cell (n,)."""
        return np.array([get(layer) for layer in self.layers], float)[self.mesh.layer]

    def given(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the layers, or its default where not given (n,)."""
        return self.each(lambda layer: _or(getattr(layer, name), default))

    def of_lattice(self, name: str, default: float = 0.0) -> np.ndarray:
        """A quantity of the halide lattices, 0 elsewhere (n,)."""
        return self.each(lambda x: 0.0 if x.lattice is None else _or(getattr(x.lattice, name), default))

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


def _or(quantity: Quantity | None, default: float = 0.0) -> float:
    return default if quantity is None else float(quantity)


def _numbering(cells: _Cells, plans: list[SpeciesPlan]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _start(cells: _Cells, plans: list[SpeciesPlan]) -> np.ndarray:
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


def _cell(cells: _Cells, plans: list[SpeciesPlan], products: ContactProducts, start: np.ndarray) -> np.ndarray:
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


def _langevin(cells: _Cells) -> np.ndarray:
    """k = gamma q (mu_n + mu_p)/eps [m^3/s] (n,); Langevin, Ann. Chim. Phys. 28, 433 (1903)."""
    mobilities = cells.given("mobility_electron") + cells.given("mobility_hole")
    return cells.given("langevin_prefactor") * Q * mobilities / (cells.given("permittivity") * EPS_0)


def _reference_vacancies(cells: _Cells, theta: np.ndarray) -> float:
    """Vacancy fraction at which the levels of the halides are quoted."""
    given = [_or(x.lattice.theta_reference) for x in cells.layers if x.lattice is not None]
    return max([*given, 0.0]) or (float(theta.max()) or 1.0)


def _face(cells: _Cells, vt: float) -> np.ndarray:
    mesh, device = cells.mesh, cells.device
    half = 0.5 * mesh.widths / (cells.given("permittivity") * EPS_0)
    face = np.zeros((EMISSION + 2, mesh.n + 1))
    face[GAP, 0], face[GAP, -1] = 1.0 / half[0], 1.0 / half[-1]
    face[GAP, 1:-1] = 1.0 / (half[:-1] + half[1:])
    face[GAP] *= vt / Q
    face[WEIGHT, 1:-1] = half[1:] / (half[:-1] + half[1:])
    face[BOUNDARY, 1:-1] = np.diff(mesh.layer) != 0
    for k in np.nonzero(face[BOUNDARY])[0]:
        junction = device.interface(*(device.layers[mesh.layer[i]].name for i in (k - 1, k)))
        if junction is not None and junction.thermionic is not None:
            face[EMISSION:, k] = 1.0 / float(junction.thermionic)
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


def _number(device, plans: list[SpeciesPlan], products: ContactProducts, band: int, vt: float) -> np.ndarray:
    first, last = device.contacts
    number = np.zeros(NUMBERS)
    number[SIGN] = 1.0 if first.which == "anode" else -1.0
    number[BUILT_IN] = (float(last.work_function) - float(first.work_function)) / vt
    number[PARALLEL] = number[SIGN] * device.circuit.capacitance * vt / Q
    number[CENTRE] = -1
    _enter_film(number, products, band, vt)
    _enter_collapse(number, device, plans)
    traps = _lead_traps(device)
    if traps is not None:
        number[CENTRE] = next((s for s, plan in enumerate(plans) if plan.formula == LEAD), -1)
        number[CENTRES_PER_ATOM] = float(traps.traps_per_atom)
        number[CENTRE_CAPTURE : CENTRE_CAPTURE + 2] = float(traps.capture_electron), float(traps.capture_hole)
    return number


def _enter_film(number: np.ndarray, products: ContactProducts, band: int, vt: float) -> None:
    """How the films act on their contact: patches that are tunnelled through, or a closed film that conducts."""
    number[FILM_FIELD], number[COVER], own = -1, products.cover, products.blocking
    if products.cover > 0.0:
        number[PATCHES], number[DECAY] = float(own.avrami_exponent), float(own.tunnel_decay)
    if products.conducts:
        permittivity = float(own.permittivity) * EPS_0
        number[FILM_FIELD], number[PER_VOLT] = band + 1 + len(products.keys), FIELD_SCALE / vt
        number[DISPLACED], number[CONDUCTIVITY] = (
            permittivity * FIELD_SCALE / Q,
            float(own.conductivity) * FIELD_SCALE / Q,
        )
        if own.conduction == "poole_frenkel":
            number[FRENKEL] = np.sqrt(Q * FIELD_SCALE / (np.pi * permittivity)) / vt


def _enter_collapse(number: np.ndarray, device, plans: list[SpeciesPlan]) -> None:
    """How the crystallinity of the lattices falls."""
    number[CRYSTAL] = next((s for s, plan in enumerate(plans) if plan.name == CRYSTALLINITY), -1)
    own = next((process for process in device.enabled_processes if process.kind == "collapse"), None)
    if own is not None:
        number[COLLAPSE], number[THETA_CRITICAL] = own.rate_at(float(device.temperature)), float(own.critical_vacancies)
        number[FADE] = 0.0 if own.beam_dose is None else 1.0 / float(own.beam_dose)


def _phases(context: Context) -> np.ndarray:
    """The transformations of the lattices, one row each."""
    names = [plan.name for plan in context.plans]
    lead = next((s for s, plan in enumerate(context.plans) if plan.formula == LEAD), -1)
    rows = np.zeros((len(context.device.transformations), LEAD_SHARE + 1))
    for row, own in zip(rows, context.device.transformations, strict=True):
        cell = context.mesh.cells_of(context.device, own.layer)[0]
        row[[ZETA, TAKEN]] = names.index(species.ZETA + own.name), names.index(species.TAKEN + own.name)
        row[PACE], row[EXPONENT] = own.pace(float(context.device.temperature)), float(own.avrami_exponent)
        row[PER_VACANCY] = 0.0 if own.vacancies is None else 1.0 / float(own.vacancies)
        row[LEAD_SPECIES], row[LEAD_SHARE] = lead, context.lead(cell)[1]
    return rows


def _lead_traps(device):
    return next((process for process in device.enabled_processes if process.kind == "lead_traps"), None)


def _species(cells: _Cells, plans: list[SpeciesPlan], vt: float, statistics: np.ndarray) -> np.ndarray:
    own = np.zeros((STRAINED + 1, len(plans), cells.mesh.n))
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
    add_strain_shifts(cells.device, cells.mesh, vt, own)
    return own


def _pair(cells: _Cells, vt: float) -> np.ndarray:
    chi, ie = cells.given("electron_affinity"), cells.given("ionisation_energy")
    states = np.array([cells.given("N_c", 1.0), cells.given("N_v", 1.0)])

    def level(energy) -> np.ndarray:
        return states * np.exp(np.array([chi - energy, energy - ie]) / vt)

    trap = cells.given("trap_energy", np.nan)
    traps = _lead_traps(cells.device)
    pair = np.zeros((4, 2, cells.mesh.n))
    pair[AUGER] = cells.given("k_auger_electron"), cells.given("k_auger_hole")
    pair[LIFETIME] = cells.given("lifetime_electron", np.inf), cells.given("lifetime_hole", np.inf)
    pair[LEVEL] = level(np.where(np.isnan(trap), 0.5 * (chi + ie), trap))
    if traps is not None:
        pair[CENTRE_LEVEL] = level(float(traps.trap_energy))
    return pair
