"""Polished states -> columns of a result: fields over depth, terminals, interfaces, balance, each with its unit."""

from __future__ import annotations

import numpy as np

from perovsim.constants import N_A, Q
from perovsim.device.balance import balance
from perovsim.device.build import Problem
from perovsim.device.currents import FaceCurrents, face_currents
from perovsim.device.equations import Equations
from perovsim.device.films import LEAD
from perovsim.device.run import Runner, Trace
from perovsim.device.species import CRYSTALLINITY, TAKEN
from perovsim.device.tables import (
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
    PSI,
    QUADRATURES,
    RADIATIVE,
    SCALE,
    SIGN,
    SLOPE,
    SPECIES,
    VACANCY,
    X_START,
    without_reactions,
)
from perovsim.physics import emission, lattice, recombination
from perovsim.physics.phases import SHARES

Columns = dict[str, tuple[np.ndarray, str, str]]
"""Name -> (values, unit, long name)."""
LEAST_DENSITY = 1e-300
"""Densities are shown as at least this [m^-3], so that a Fermi level exists everywhere."""
FILMS = ("AlCl3", "AlBr3")
"""Films that every result lists, also where there are none."""


class History:
    """Stored states of a run as arrays over (time, cell), NaN where an unknown does not exist."""

    def __init__(self, runner: Runner):
        self.problem: Problem = runner.problem
        self.trace: Trace = runner.trace
        self.t = self.problem.tables
        self.time = np.array([state.time for state in self.trace.states])
        self.y = np.array([state.y for state in self.trace.states])
        self.z = np.array([state.z for state in self.trace.states])
        at_start, later = Equations(self.problem, without_reactions(self.t)), Equations(self.problem)
        self.currents: list[FaceCurrents] = [
            face_currents(later if number else at_start, control, state)
            for number, (control, state) in enumerate(zip(self.trace.controls, self.trace.states, strict=True))
        ]

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
        """A quadrature since the start [m^-2]."""
        values = self.z[:, QUADRATURES.index(name)]
        return values - values[0]

    @property
    def extents(self) -> np.ndarray:
        """Extents of the reactions since the start [m^-2] (time, processes)."""
        values = self.z[:, len(QUADRATURES) :]
        return values - values[0]

    @property
    def shift(self) -> np.ndarray:
        """Change of the composition since the start that moves the bands, 0 outside a mixed lattice."""
        start = self.t.cell[X_START]
        return np.nan_to_num(lattice.composition(self.get(HALIDE), self.get(VACANCY), start)[0] - start)

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


def groups(runner: Runner) -> dict[str, Columns]:
    """Everything stored so far, by group of the result; `faces` are fields over the faces."""
    h = History(runner)
    columns = terminals(h, runner)
    return {
        "fields": fields(h),
        "faces": face_fields(h),
        "terminals": columns,
        "interfaces": interfaces(h),
        "balance": balance(h.problem, h.trace, h.currents, stack_current(h), columns["charge_passed"][0]),
    }


def fields(h: History) -> Columns:
    """Depth profiles."""
    out = _bands(h) | _halides(h)
    for s, plan in enumerate(h.problem.plans[HOLE + 1 :], HOLE + 1):
        if not plan.is_state and plan.formula != LEAD:
            out[f"c_{plan.name}"] = (h.density(s), "m^-3", f"density of {plan.name}")
    return out | _order(h, out) | _recombination(h)


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
    b = [own[OFFSET, s] + own[SLOPE, s] * h.shift for s in (ELECTRON, HOLE)]
    bare = np.where(h.t.slot[SPECIES] >= 0, 0.0, np.nan)
    return {
        "potential": (vt * psi, "V", "inner potential, zero at the last contact"),
        "E_c": (vt * (b[0] + log_states[0] - psi) + bare, "eV", "conduction band edge"),
        "E_v": (-vt * (b[1] + log_states[1] + psi) + bare, "eV", "valence band edge"),
        "E_Fn": (vt * (np.log(n) + b[0] - psi), "eV", "quasi-Fermi level of electrons"),
        "E_Fp": (-vt * (np.log(p) + b[1] + psi), "eV", "quasi-Fermi level of holes"),
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
    x = share["Cl"] / (1.0 - vacancy)
    out["x_Cl"] = (x, "1", "theta_Cl/(1 - theta_V)")
    lead = next((s for s, plan in enumerate(h.problem.plans) if plan.formula == LEAD), None)
    metal = np.zeros_like(vacancy) if lead is None else np.nan_to_num(h.density(lead))
    out["Pb0"] = (metal + 0.0 * vacancy, "m^-3", "metallic lead")
    out["f_Pb"] = (out["Pb0"][0] / lead_sites, "1", "share of the lead that is metal")
    return out | _strains(h, x)


def _strains(h: History, x: np.ndarray) -> Columns:
    """Stress-free, elastic and lattice strain out of plane, against the cell of the reference composition."""
    device, mesh = h.problem.device, h.problem.mesh
    free, elastic = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for k, layer in enumerate(device.layers):
        own = layer.lattice
        if own is None or own.lattice_parameter_Br is None or own.lattice_parameter_Cl is None:
            continue
        inside = mesh.layer == k
        reference = float(own.x_Cl if device.x_reference is None else device.x_reference)
        free[:, inside] = lattice.vegard_strain(
            x[:, inside], reference, float(own.lattice_parameter_Br), float(own.lattice_parameter_Cl)
        )
        misfit = 0.0 if own.misfit_strain is None else float(own.misfit_strain)
        elastic[:, inside] = lattice.biaxial_elastic(misfit, free[:, inside], float(own.poisson_ratio))
        if own.initial_interfacial_strain is not None:
            faces = mesh.faces[:-1][inside][0], mesh.faces[1:][inside][-1]
            elastic[:, inside] += lattice.interfacial_profile(
                mesh.centres[inside],
                *faces,
                float(own.initial_interfacial_strain),
                float(own.initial_strain_decay_length),
            )
    if np.isnan(free).all():
        return {}
    return {
        "strain_stress_free": (free, "1", "Vegard strain"),
        "strain_elastic": (elastic, "1", "elastic strain, out of plane"),
        "strain_lattice": (free + elastic, "1", "lattice strain that diffraction measures, out of plane"),
    }


def _recombination(h: History) -> Columns:
    own, pair, cell = h.t.species_cell, h.t.pair, h.t.cell
    n, p = h.density(ELECTRON), h.density(HOLE)
    excess = n * p - cell[INTRINSIC] * np.exp(-(own[SLOPE, ELECTRON] + own[SLOPE, HOLE]) * h.shift)
    srh = recombination.srh_factor(n, p, *pair[LIFETIME], *pair[LEVEL])
    auger = recombination.auger_factor(n, p, *pair[AUGER])
    unit = "m^-3 s^-1"
    return {
        "R_radiative": (cell[RADIATIVE] * excess, unit, "radiative recombination"),
        "R_SRH": (srh * excess, unit, "recombination by bulk traps"),
        "R_Auger": (auger * excess, unit, "Auger recombination"),
    }


def terminals(h: History, runner: Runner) -> Columns:
    """Voltage, currents and light over time."""
    s, device = h.t.number[SIGN], h.problem.device
    inner = np.array([current for current in stack_current(h)])
    j = s * inner + h.voltage * runner.shunt
    return (
        {
            "V": (h.voltage + j * runner.series, "V", "phi_anode - phi_cathode of the metals, R_s included"),
            "J": (j, "A m^-2", "current density, > 0 enters at the anode"),
            "J_displacement": (s * np.array([c.displacement[0] for c in h.currents]), "A m^-2", "displacement current"),
            "charge_passed": (charge_passed(h, runner.shunt), "C m^-2", "time integral of the terminal current"),
        }
        | _beam(h)
        | _light(h, float(device.emission.outcoupling), j)
    )


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
    """x-directed current of the stack [A/m^2]: what the circuit holds, under voltage the sum at the first face."""
    out = np.empty(h.time.size)
    for k, (control, state) in enumerate(zip(h.trace.controls, h.trace.states, strict=True)):
        held = control.a != 0.0 and control.c1 == 0.0
        out[k] = Q * (control.c0 - control.b * state.y[h.problem.band]) / control.a if held else h.currents[k].total[0]
    return out


def charge_passed(h: History, shunt: float) -> np.ndarray:
    """Integral of the terminal current [C/m^2]: quadratures of the integrator and the charge on the first contact."""
    t, s = h.t, h.t.number[SIGN]
    on_contact = t.face[GAP, 0] * (s * h.y[:, h.problem.band] - h.film_drop - h.y[:, t.slot[PSI, 0]])
    inner = h.integral("current_first") + on_contact - on_contact[0]
    return s * Q * inner + shunt * h.problem.vt * h.integral("voltage")


def _light(h: History, outcoupling: float, j: np.ndarray) -> Columns:
    """Photon flux, power, luminance, EQE and peak wavelength of the emission."""
    flux = outcoupling * np.maximum([c.radiative for c in h.currents], 0.0)
    emitter, dark = h.problem.device.emitter, np.zeros(h.time.size)
    power, luminance, peak = dark, dark, np.full(h.time.size, np.nan)
    if emitter is not None and emitter.lattice is not None and emitter.lattice.exciton_energy_Br is not None:
        inside = h.problem.mesh.layer == h.problem.device.layers.index(emitter)
        weight = _recombination(h)["R_radiative"][0][:, inside] * h.problem.mesh.widths[inside]
        energy = emitter.lattice.emission_energy(_halides(h)["x_Cl"][0][:, inside])
        power, luminance, peak = emission.emitted_over_time(energy, weight, float(emitter.lattice.linewidth), flux)
    eqe = np.divide(Q * flux, j, out=np.full(j.shape, np.nan), where=j > 0.0)
    return {
        "photon_flux": (flux, "m^-2 s^-1", f"photons that leave, outcoupling {outcoupling:g}"),
        "radiance_power": (power, "W m^-2", "radiant exitance"),
        "luminance": (luminance, "cd m^-2", "luminance of a Lambertian emitter"),
        "EQE": (eqe, "1", f"external quantum efficiency, outcoupling {outcoupling:g}"),
        "peak_wavelength": (peak, "m", "wavelength of the emission maximum"),
    }


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
