"""Polished states -> columns of a result: fields over depth, terminals, interfaces, balance, each with its unit."""

from __future__ import annotations

import numpy as np

from perovsim.constants import N_A, Q
from perovsim.device.integrator.equations import Equations
from perovsim.device.kernels.tables import (
    AUGER,
    ELECTRON,
    FILM_SCALE,
    GAP,
    HALIDE,
    HOLE,
    INTRINSIC,
    LEVEL,
    LIFETIME,
    OFFSET,
    PARALLEL,
    PSI,
    QUADRATURES,
    RADIATIVE,
    SCALE,
    SIGN,
    SLOPE,
    SPECIES,
    STRAINED,
    VACANCY,
    X_START,
)
from perovsim.device.kernels.transport import excess_of
from perovsim.device.outputs.balance import balance
from perovsim.device.outputs.currents import FaceCurrents, crossings, face_currents
from perovsim.device.outputs.trace import Trace
from perovsim.device.problem.build import Problem
from perovsim.device.problem.cells import Cells
from perovsim.device.problem.excitons import exciton_density
from perovsim.device.problem.films import LEAD
from perovsim.device.problem.species import CRYSTALLINITY, TAKEN
from perovsim.device.problem.strains import failure_criteria, gap_shift, strain_fields
from perovsim.physics import emission, lattice, recombination
from perovsim.physics.phases import SHARES

Columns = dict[str, tuple[np.ndarray, str, str]]
"""Name -> (values, unit, long name)."""
LEAST_DENSITY = 1e-300
"""Densities are shown as at least this [m^-3], so that a Fermi level exists everywhere."""
FILMS = ("AlCl3", "AlBr3")
"""Films that every result lists, also where there are none."""


class History:
    """Stored states of one problem as arrays over (time, cell), NaN where an unknown does not exist."""

    def __init__(self, trace: Trace):
        self.problem: Problem = trace.problems[0]
        self.trace = trace
        self.t = self.problem.tables
        self.time = np.array([state.time for state in self.trace.states])
        self.y = np.array([state.y for state in self.trace.states])
        self.z = np.array([state.z for state in self.trace.states])
        equations = Equations(self.problem)
        self.currents: list[FaceCurrents] = []
        known, across = None, None
        for tables, control, state in zip(self.trace.tables, self.trace.controls, self.trace.states, strict=True):
            if tables is not known:
                known, across = tables, crossings(tables)
            equations.tables = tables
            self.currents.append(face_currents(equations, control, state, across))

    def get(self, kind: int, factor: float | np.ndarray = 1.0) -> np.ndarray:
        """Unknowns of one kind times a factor."""
        slot = self.t.slot[kind]
        found = np.full((self.time.size, slot.size), np.nan)
        found[:, slot >= 0] = self.y[:, slot[slot >= 0]]
        return found * factor

    def density(self, s: int) -> np.ndarray:
        """Density of species s [m^-3]; what is less than nothing is noise of the integrator."""
        return np.maximum(self.get(SPECIES + s, self.t.species[SCALE, s]), 0.0)

    def integral(self, name: str) -> np.ndarray:
        """A quadrature since the start, where all of them are zero [m^-2]."""
        return self.z[:, QUADRATURES.index(name)]

    @property
    def extents(self) -> np.ndarray:
        """Extents of the reactions since the start [m^-2] (time, processes)."""
        return self.z[:, len(QUADRATURES) :]

    def shift(self, s: int) -> np.ndarray:
        """Change of the offset of a carrier with composition and strain [kT]."""
        start, own = self.t.cell[X_START], self.t.species_cell
        change = np.nan_to_num(lattice.composition(self.get(HALIDE), self.get(VACANCY), start)[0] - start)
        return own[SLOPE, s] * change + own[STRAINED, s]

    @property
    def film_amounts(self) -> np.ndarray:
        """Amounts of the films [m^-2] (time, films)."""
        first = self.problem.band + 1
        return FILM_SCALE * self.y[:, first : first + self.problem.products.films]

    @property
    def film_drop(self) -> np.ndarray:
        """Voltage across the film, x-directed [kT/q]; zero where it does not conduct."""
        return self.y[:, -1] if self.problem.products.conducts else np.zeros(self.time.size)

    @property
    def voltage(self) -> np.ndarray:
        """Voltage of the stack, without series resistance [V]."""
        return self.y[:, self.problem.band] * self.problem.vt

    @property
    def voltage_rate(self) -> np.ndarray:
        """Its derivative [V/s]."""
        return np.array([state.slope[self.problem.band] for state in self.trace.states]) * self.problem.vt


def groups(runner) -> dict[str, Columns]:
    """Everything that a run stored, by group of the result; `faces` are fields over the faces."""
    parts = [History(part) for part in runner.trace.parts()]
    out = {
        name: joined([make(h) for h in parts])
        for name, make in (
            ("fields", fields), ("faces", face_fields), ("terminals", terminals), ("interfaces", interfaces)
        )
    }  # fmt: skip
    charge, unit, meaning = out["terminals"]["charge_passed"]
    out["terminals"]["charge_passed"] = charge - charge[0], unit, meaning
    stack = np.concatenate([stack_current(h) for h in parts])
    currents = [one for h in parts for one in h.currents]
    out["balance"] = balance(parts[0].problem, runner.trace, currents, stack, charge - charge[0])
    return out


def joined(parts: list[Columns]) -> Columns:
    """Columns of one stretch of time after another; a single one is not copied."""
    if len(parts) == 1:
        return parts[0]
    return {name: (np.concatenate([part[name][0] for part in parts]), *parts[0][name][1:]) for name in parts[0]}


def fields(h: History) -> Columns:
    """Depth profiles."""
    out = _bands(h) | _halides(h)
    for s, plan in enumerate(h.problem.plans[HOLE + 1 :], HOLE + 1):
        if plan.traps is not None:
            out[plan.name] = (h.density(s), "m^-3", f"electrons on traps '{plan.traps.kind.name}'")
        elif not plan.is_state and plan.formula != LEAD:
            out[f"c_{plan.name}"] = (h.density(s), "m^-3", f"density of {plan.name}")
    if h.trace.clusters[0] is not None:
        out |= _clusters(np.array(h.trace.clusters))
    return out | _order(h, out) | _recombination(h)


def _clusters(moments: np.ndarray) -> Columns:
    """Density, mean radius and spread of the radii from moments over time (time, 3, n)."""
    count, first, second = np.moveaxis(moments, 1, 0)
    mean = first / count
    spread = np.sqrt(np.maximum(second / count - mean**2, 0.0))
    return {
        "pb_cluster_density": (count, "m^-3", "clusters of metallic lead"),
        "pb_cluster_mean_radius": (mean, "m", "mean radius of the clusters of metallic lead"),
        "pb_cluster_radius_spread": (spread, "m", "standard deviation of their radii"),
    }


def _order(h: History, known: Columns) -> Columns:
    """Crystallinity, and the shares of lead and caesium in the phases, where processes change them."""
    names, out = [plan.name for plan in h.problem.plans], {}
    if CRYSTALLINITY in names:
        order = np.maximum(h.get(SPECIES + names.index(CRYSTALLINITY)), 0.0)
        out[CRYSTALLINITY] = (order, "1", "order parameter of the lattice, of the Bragg amplitude")
    own = h.problem.device.transformations
    if not own:
        return out
    metal = known["f_Pb"][0]
    shares = np.zeros((len(SHARES) + 1, *metal.shape)) + 0.0 * metal
    for process in own:
        taken = np.nan_to_num(h.get(SPECIES + names.index(TAKEN + process.name)))
        shares += np.multiply.outer(SHARES[process.product], taken)
    for name, share in zip(SHARES, shares, strict=False):
        out[f"f_{name}"] = (share, "1", f"share of the lead in {name}")
    out["f_CsX"] = (shares[-1] + metal, "1", "share of the caesium in CsX; lead that is metal leaves it behind")
    out["f_CsPbX3"] = (1.0 - metal - shares[:-1].sum(axis=0), "1", "share of the lead that is still perovskite")
    return out


def _bands(h: History) -> Columns:
    vt, own = h.problem.vt, h.t.species_cell
    psi = h.get(PSI)
    n, p = (np.maximum(h.density(s), LEAST_DENSITY) for s in (ELECTRON, HOLE))
    log_states = np.log([_states(h, "N_c"), _states(h, "N_v")])
    b = [own[OFFSET, s] + h.shift(s) for s in (ELECTRON, HOLE)]
    nu = [excess_of(h.t, s, found) for s, found in ((ELECTRON, n), (HOLE, p))]
    bare = np.where(h.t.slot[SPECIES] >= 0, 0.0, np.nan)
    return {
        "potential": (vt * psi, "V", "inner potential, zero at the last contact"),
        "E_c": (vt * (b[0] + log_states[0] - psi) + bare, "eV", "conduction band edge"),
        "E_v": (-vt * (b[1] + log_states[1] + psi) + bare, "eV", "valence band edge"),
        "E_Fn": (vt * (np.log(n) + nu[0] + b[0] - psi), "eV", "quasi-Fermi level of electrons"),
        "E_Fp": (-vt * (np.log(p) + nu[1] + b[1] + psi), "eV", "quasi-Fermi level of holes"),
        "n": (n, "m^-3", "electron density"),
        "p": (p, "m^-3", "hole density"),
    }


def _states(h: History, name: str) -> np.ndarray:
    values = [getattr(layer, name) for layer in h.problem.device.layers]
    return np.array([1.0 if value is None else float(value) for value in values])[h.problem.mesh.layer]


def _halides(h: History) -> Columns:
    """Site fractions, composition, metallic lead and strain of the halide lattices."""
    lattices = [layer.lattice for layer in h.problem.device.layers if layer.lattice is not None]
    if not lattices:
        return {}
    vacancy = h.get(VACANCY)
    out: Columns = {"theta_V": (vacancy, "1", "site fraction of halide vacancies")}
    share = {name: np.zeros_like(vacancy) + 0.0 * vacancy for name in ("Cl", "Br")}
    share |= {name: share["Cl"].copy() for own in lattices for name in own.halides}
    lead_sites = np.full(h.problem.mesh.n, np.nan)
    for k, layer in enumerate(h.problem.device.layers):
        if layer.lattice is not None:
            inside, names = h.problem.mesh.layer == k, layer.lattice.halides
            lead_sites[inside] = float(layer.lattice.lead_density)
            first = h.get(HALIDE)[:, inside] if len(names) == 2 else 0.0
            share[names[0]][:, inside] = first
            share[names[-1]][:, inside] = 1.0 - vacancy[:, inside] - first
    for name, values in share.items():
        out[f"theta_{name}"] = (values, "1", f"site fraction of {name}")
    at_start = share["Cl"][:1] / (1.0 - vacancy[:1])
    x = lattice.composition(share["Cl"], vacancy, at_start)[0]
    out["x_Cl"] = (x, "1", "theta_Cl/(1 - theta_V); that of the start where no halide is left")
    lead = next((s for s, plan in enumerate(h.problem.plans) if plan.formula == LEAD), None)
    metal = np.zeros_like(vacancy) if lead is None else np.nan_to_num(h.density(lead))
    out["Pb0"] = (metal + 0.0 * vacancy, "m^-3", "metallic lead")
    out["f_Pb"] = (out["Pb0"][0] / lead_sites, "1", "share of the lead that is metal")
    return out | strain_fields(h.problem.device, h.problem.mesh, x, vacancy, out["f_Pb"][0])


def _recombination(h: History) -> Columns:
    pair, cell = h.t.pair, h.t.cell
    n, p = h.density(ELECTRON), h.density(HOLE)
    shift = h.shift(ELECTRON) + h.shift(HOLE) + excess_of(h.t, ELECTRON, n) + excess_of(h.t, HOLE, p)
    intrinsic = cell[INTRINSIC] * np.exp(-shift)
    excess = n * p - intrinsic
    srh = recombination.srh_factor(n, p, *pair[LIFETIME], *pair[LEVEL])
    auger = recombination.auger_factor(n, p, *pair[AUGER])
    unit = "m^-3 s^-1"
    bound = exciton_density(Cells(h.problem.device, h.problem.mesh), h.problem.vt, excess, intrinsic)
    return {
        "R_radiative": (cell[RADIATIVE] * excess, unit, "radiative recombination"),
        "R_SRH": (srh * excess, unit, "recombination by bulk traps"),
        "R_Auger": (auger * excess, unit, "Auger recombination"),
    } | ({} if bound is None else {"c_exciton": (bound, "m^-3", "density of excitons")})


def terminals(h: History) -> Columns:
    """Voltage, currents and light over time."""
    s, device, circuit = h.t.number[SIGN], h.problem.device, h.problem.device.circuit
    j = s * stack_current(h) + h.voltage * circuit.shunt + circuit.capacitance * h.voltage_rate
    out = {
        "V": (h.voltage + j * circuit.series, "V", "phi_anode - phi_cathode of the metals, R_s included"),
        "J": (j, "A m^-2", "current density, > 0 enters at the anode"),
        "J_displacement": (s * np.array([c.displacement[0] for c in h.currents]), "A m^-2", "displacement current"),
        "charge_passed": (charge_passed(h), "C m^-2", "time integral of the terminal current"),
        "time_since_change": (np.array(h.trace.since), "s", "time since the control was set, with all its digits"),
    }
    if circuit.area is not None:
        out["I"] = (j * circuit.area, "A", "terminal current")
    if device.thermal_resistance is not None:
        out["temperature"] = (np.array(h.trace.temperatures), "K", "temperature of the device")
    return out | _beam(h) | _light(h, float(device.emission.outcoupling), j)


def _beam(h: History) -> Columns:
    """The electron beam and its dose, where there is one."""
    beam = np.array([control.beam for control in h.trace.controls])
    if not beam.any():
        return {}
    dose = np.cumsum(beam * np.diff(h.time, prepend=0.0))
    return {
        "beam_current_density": (Q * beam, "A m^-2", "electron beam"),
        "beam_dose": (dose, "m^-2", "beam electrons per area so far"),
    }


def stack_current(h: History) -> np.ndarray:
    """x-directed current of the stack [A/m^2]: what the circuit holds, under voltage the sum at its clearest face."""
    out, beside = np.empty(h.time.size), h.t.number[PARALLEL]
    for k, (control, state) in enumerate(zip(h.trace.controls, h.trace.states, strict=True)):
        v, rate = state.y[h.problem.band], state.slope[h.problem.band]
        held = (control.c0 - control.b * v) / control.a - beside * rate if control.a != 0.0 else np.nan
        out[k] = Q * held if control.a != 0.0 else h.currents[k].clearest
    return out


def charge_passed(h: History) -> np.ndarray:
    """Integral of the terminal current but for a constant [C/m^2]: quadratures of the integrator and the charges on the
    contact and beside the stack."""
    t, s, circuit = h.t, h.t.number[SIGN], h.problem.device.circuit
    on_contact = t.face[GAP, 0] * (s * h.y[:, h.problem.band] - h.film_drop - h.y[:, t.slot[PSI, 0]])
    inner = h.integral("current_first") + on_contact
    beside = circuit.shunt * h.problem.vt * h.integral("voltage") + circuit.capacitance * h.voltage
    return s * Q * inner + beside


def _light(h: History, outcoupling: float, j: np.ndarray) -> Columns:
    """Photon flux, power, luminance, EQE and peak wavelength of the emission."""
    flux = outcoupling * np.maximum([c.radiative for c in h.currents], 0.0)
    emitter, dark = h.problem.device.emitter, np.zeros(h.time.size)
    power, luminance, peak = dark, dark, np.full(h.time.size, np.nan)
    if emitter is not None and emitter.lattice is not None and emitter.lattice.exciton_energy_Br is not None:
        k = h.problem.device.layers.index(emitter)
        inside = h.problem.mesh.layer == k
        weight = _recombination(h)["R_radiative"][0][:, inside] * h.problem.mesh.widths[inside]
        x = _halides(h)["x_Cl"][0][:, inside]
        energy = emitter.lattice.emission_energy(x) + gap_shift(h.problem.device, h.problem.mesh, k, x)
        power, luminance, peak = emission.emitted_over_time(energy, weight, float(emitter.lattice.linewidth), flux)
    eqe = np.divide(Q * flux, j, out=np.full(j.shape, np.nan), where=j > 0.0)
    return {
        "photon_flux": (flux, "m^-2 s^-1", f"photons that leave, outcoupling {outcoupling:g}"),
        "radiance_power": (power, "W m^-2", "radiant exitance"),
        "luminance": (luminance, "cd m^-2", "luminance of a Lambertian emitter"),
        "EQE": (eqe, "1", f"external quantum efficiency, outcoupling {outcoupling:g}"),
        "peak_wavelength": (peak, "m", "wavelength of the emission maximum"),
    }


def photon_energy(trace: Trace) -> float:
    """Mean energy of the photons of the last state [J]; 0 where there are none."""
    columns = terminals(History(trace.last))
    flux, power = (float(columns[name][0][-1]) for name in ("photon_flux", "radiance_power"))
    return power / flux if flux > 0.0 else 0.0


def dissipated(trace: Trace) -> float:
    """J V less the power of the photons that leave, of the last state [W/m^2]."""
    columns = terminals(History(trace.last))
    return float((columns["J"][0] * columns["V"][0] - columns["radiance_power"][0])[-1])


def interfaces(h: History) -> Columns:
    """Films, lead and extents of the reactions over time, in mol/m^2."""
    plan, out = h.problem.products, {}
    amounts = FILM_SCALE * h.y[:, h.problem.band + 1 :]
    for name in dict.fromkeys((*FILMS, *plan.film_names)):
        k = plan.film_names.index(name) if name in plan.film_names else None
        amount = np.zeros(h.time.size) if k is None else amounts[:, k]
        out[f"film_{name}"] = (amount / N_A, "mol m^-2", f"amount of {name} on the contact")
        out[f"thickness_{name}"] = (amount * (0.0 if k is None else plan.volume[k]), "m", f"mean thickness of {name}")
    for k, (name, side) in enumerate(plan.keys[plan.films :], plan.films):
        contact = h.problem.device.contacts[side].name
        grown = (amounts[:, k] - plan.start[k]) / N_A
        out[f"deposit_{name}_{contact}"] = (grown, "mol m^-2", f"{name} on {contact}, eaten where negative")
    out["blocked_fraction"] = (plan.covered(h.film_amounts.sum(axis=1)), "1", "share of the contact under films")
    if plan.conducts:
        out["film_drop"] = (h.t.number[SIGN] * h.problem.vt * h.film_drop, "V", "part of V that drops across the film")
    lead = next((s for s, species in enumerate(h.problem.plans) if species.formula == LEAD), None)
    total = np.zeros(h.time.size) if lead is None else np.nansum(h.density(lead) * h.problem.mesh.widths, axis=1)
    out["Pb0_total"] = (total / N_A, "mol m^-2", "metallic lead")
    halides = _halides(h)
    if halides:
        known = (halides[name][0] for name in ("x_Cl", "theta_V", "f_Pb"))
        out |= failure_criteria(h.problem.device, h.problem.mesh, *known)
    faradaic = np.zeros(h.time.size)
    for k, process in enumerate(h.problem.device.reactions):
        extent = h.extents[:, k] / N_A
        charge = N_A * Q * transferred(process) * extent
        out[f"extent_{process.name}"] = (extent, "mol m^-2", process.equation.text)
        out[f"faradaic_charge_{process.name}"] = (charge, "C m^-2", "n F times the extent")
        faradaic = faradaic + np.abs(charge)
    for k, process in enumerate(h.problem.losses, len(h.problem.device.reactions)):
        lost = h.extents[:, k] / N_A
        out[f"lost_{process.name}"] = (lost, "mol m^-2", f"{process.film} lost by {process.kind}")
    out["faradaic_charge"] = (faradaic, "C m^-2", "sum of |n F extent| over the reactions")
    return out


def transferred(process) -> float:
    """n of a reaction as written: electrons and holes that are free, else those that pass from metal to metal."""
    net = process.equation.stoichiometry
    free = sum(abs(net.get(word, 0)) for word in ("e-", "h+"))
    return float(free or 3 * abs(net.get("Al", 0)))


def face_fields(h: History) -> Columns:
    """Currents through the faces."""
    return {
        f"current_{name}": (np.array([getattr(c, name) for c in h.currents]), "A m^-2", f"{name} current, x-directed")
        for name in ("electron", "hole", "ion", "displacement")
    }
