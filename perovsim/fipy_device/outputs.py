"""Stored states -> columns with the names of the compiled solver: fields, terminals, interfaces, balance."""

from __future__ import annotations

import numpy as np

from perovsim.constants import N_A, Q
from perovsim.fipy_device.drive import Drive, Stored
from perovsim.fipy_device.equations import FIRST, SECOND, VACANCY, Evaluated
from perovsim.fipy_device.stack import halides
from perovsim.physics import emission

Columns = dict[str, tuple[np.ndarray, str, str]]
"""Name -> (values, unit, long name)."""
LEAST_DENSITY = 1e-300
"""Densities are shown as at least this [m^-3], so that a Fermi level exists everywhere."""
ROUNDING = 100.0 * np.finfo(float).eps
"""Share of the largest term of a face flux that is rounding."""
SMALLEST_CURRENT = 1e-2
"""Current [A/m^2] below which its imbalance is absolute."""
NO_REACTION = (
    ("film_AlCl3", "mol m^-2"),
    ("film_AlBr3", "mol m^-2"),
    ("thickness_AlCl3", "m"),
    ("thickness_AlBr3", "m"),
    ("blocked_fraction", "1"),
    ("faradaic_charge", "C m^-2"),
)
"""What reactions would make: zero, for this solver takes none."""


class History:
    """Stored states as arrays over (time, cell), NaN where a quantity does not exist."""

    def __init__(self, drive: Drive):
        self.drive, self.stack, self.equations = drive, drive.stack, drive.equations
        self.time = np.array([one.time for one in drive.stored])
        self.evaluated: list[Evaluated] = [self.equations.evaluate(one.state) for one in drive.stored]

    def over(self, get) -> np.ndarray:
        """get(stored, evaluated) at every stored time."""
        return np.array([get(one, at) for one, at in zip(self.drive.stored, self.evaluated, strict=True)])

    def cells(self, get, here=True) -> np.ndarray:
        """get(stored, evaluated) of the cells of the layers, NaN where not `here` (time, n)."""
        values = np.where(here, self.over(get), np.nan)
        return values[:, self.stack.inside]

    @property
    def current(self) -> np.ndarray:
        """Terminal current density [A/m^2] (time,)."""
        return self.over(lambda one, _: self.drive.terminal_current(one.state))

    @property
    def rates(self) -> dict[str, np.ndarray]:
        """Recombination by mechanism [m^-3 s^-1] (time, n), NaN where no carriers are."""
        parts = [
            self.equations.recombination.parts(*one.state.density[:2], at.shift[0] + at.shift[1])
            for one, at in zip(self.drive.stored, self.evaluated, strict=True)
        ]
        return {
            name: np.where(self.stack.transport, [p[name] for p in parts], np.nan)[:, self.stack.inside]
            for name in parts[0]
        }


def groups(drive: Drive) -> dict[str, Columns]:
    """Everything stored so far, by group of the result; `faces` are fields over the faces."""
    h = History(drive)
    return {
        "fields": fields(h),
        "faces": face_fields(h),
        "terminals": terminals(h),
        "interfaces": interfaces(h),
        "balance": balance(h),
    }


def fields(h: History) -> Columns:
    """Depth profiles."""
    stack, out = h.stack, _bands(h)
    lattice = stack.lattice
    if lattice.here.any():
        for name, values in _fractions(h).items():
            out[f"theta_{name}"] = (values, "1", f"site fraction of {'vacancies' if name == 'V' else name}")
        x = out["theta_Cl"][0] / (1.0 - out["theta_V"][0])
        out["x_Cl"] = (x, "1", "theta_Cl/(1 - theta_V)")
        metal, sites = h.cells(lambda *_: stack.lead, lattice.here), stack.of_lattice("lead_density")[stack.inside]
        out["Pb0"] = (metal, "m^-3", "metallic lead, that of the start")
        share = np.divide(metal, sites, out=np.full(metal.shape, np.nan), where=sites > 0.0)
        out["f_Pb"] = (share, "1", "share of the lead that is metal")
    for k, ion in enumerate(stack.ions, 2):
        values = h.cells(lambda one, _, k=k: one.state.density[k], ion.here)
        out[f"c_{ion.name}"] = (values, "m^-3", f"density of {ion.name}")
    names = {
        "radiative": "radiative recombination",
        "SRH": "recombination by bulk traps",
        "Auger": "Auger recombination",
    }
    return out | {f"R_{key}": (rate, "m^-3 s^-1", names[key]) for key, rate in h.rates.items()}


def _bands(h: History) -> Columns:
    stack, vt, here = h.stack, h.stack.vt, h.stack.transport
    psi = h.cells(lambda one, _: one.state.psi)
    n, p = (np.maximum(h.cells(lambda one, _, k=k: one.state.density[k], here), LEAST_DENSITY) for k in (0, 1))
    band = [
        h.cells(lambda _, at, k=k, s=s: s.offset + at.shift[k], here)
        for k, s in enumerate((stack.electron, stack.hole))
    ]
    states = [np.log(stack.given(name, 1.0)[stack.inside]) for name in ("N_c", "N_v")]
    return {
        "potential": (vt * psi, "V", "inner potential, zero at the last contact"),
        "E_c": (vt * (band[0] + states[0] - psi), "eV", "conduction band edge"),
        "E_v": (-vt * (band[1] + states[1] + psi), "eV", "valence band edge"),
        "E_Fn": (vt * (np.log(n) + band[0] - psi), "eV", "quasi-Fermi level of electrons"),
        "E_Fp": (-vt * (np.log(p) + band[1] + psi), "eV", "quasi-Fermi level of holes"),
        "n": (n, "m^-3", "electron density"),
        "p": (p, "m^-3", "hole density"),
    }


def _fractions(h: History) -> dict[str, np.ndarray]:
    """Site fractions by name (time, n); a halide that a lattice lacks is zero there."""
    stack, here = h.stack, h.stack.lattice.here
    theta = [h.cells(lambda one, _, k=k: one.state.theta[k], here) for k in (VACANCY, FIRST, SECOND)]
    out = {"V": theta[VACANCY], "Cl": 0.0 * theta[VACANCY], "Br": 0.0 * theta[VACANCY]}
    for k, layer in enumerate(stack.device.layers):
        own = stack.mesh.layer == k
        names = () if layer.lattice is None else halides(layer.lattice)
        for name, values in zip(names, theta[-len(names) :] if names else (), strict=True):
            out.setdefault(name, 0.0 * theta[VACANCY])[:, own] = values[:, own]
    return out


def face_fields(h: History) -> Columns:
    """Currents through the faces of the layers [A/m^2], x-directed (time, n + 1)."""
    ionic = h.over(lambda _, at: h.equations.ionic_and_carrier_current(at))
    electron, hole = (h.over(lambda _, at, k=k: at.species[k].net) for k in (0, 1))
    displacement = h.over(lambda one, _: one.displacement)
    kinds = {"electron": -electron, "hole": hole, "ion": ionic + electron - hole, "displacement": displacement}
    return {
        f"current_{name}": (Q * values[:, 1:-1], "A m^-2", f"{name} current, x-directed")
        for name, values in kinds.items()
    }


def terminals(h: History) -> Columns:
    """Voltage, currents and light over time."""
    drive, s, j = h.drive, h.stack.sign, h.current
    return {
        "V": (
            h.over(lambda one, _: drive.stack.vt * h.equations.voltage(one.state)) + drive.circuit.series * j,
            "V",
            "phi_anode - phi_cathode of the metals, R_s included",
        ),
        "J": (j, "A m^-2", "current density, > 0 enters at the anode"),
        "J_displacement": (s * Q * h.over(lambda one, _: one.displacement[1]), "A m^-2", "displacement current"),
        "charge_passed": (h.over(lambda one, _: one.passed), "C m^-2", "time integral of the terminal current"),
        "time_since_change": (
            h.over(lambda one, _: one.since),
            "s",
            "time since the control was set, with all its digits",
        ),
    } | _light(h, j)


def _light(h: History, j: np.ndarray) -> Columns:
    """Photon flux, power, luminance, EQE and peak wavelength of the emission."""
    device, width = h.stack.device, h.stack.mesh.widths
    outcoupling, rate = float(device.emission.outcoupling), h.rates["radiative"]
    flux = outcoupling * np.maximum(np.nansum(rate * width, axis=1), 0.0)
    power, luminance, peak = np.zeros(j.size), np.zeros(j.size), np.full(j.size, np.nan)
    emitter = device.emitter
    if emitter is not None and emitter.lattice is not None and emitter.lattice.exciton_energy_Br is not None:
        inside, share = h.stack.mesh.layer == device.layers.index(emitter), _fractions(h)
        energy = emitter.lattice.emission_energy((share["Cl"] / (1.0 - share["V"]))[:, inside])
        weight = rate[:, inside] * width[inside]
        power, luminance, peak = emission.emitted_over_time(energy, weight, float(emitter.lattice.linewidth), flux)
    return {
        "photon_flux": (flux, "m^-2 s^-1", f"photons that leave, outcoupling {outcoupling:g}"),
        "radiance_power": (power, "W m^-2", "radiant exitance"),
        "luminance": (luminance, "cd m^-2", "luminance of a Lambertian emitter"),
        "EQE": (
            np.divide(Q * flux, j, out=np.full(j.shape, np.nan), where=j > 0.0),
            "1",
            f"external quantum efficiency, outcoupling {outcoupling:g}",
        ),
        "peak_wavelength": (peak, "m", "wavelength of the emission maximum"),
    }


def interfaces(h: History) -> Columns:
    """Films and reaction charge: none; lead: that of the start."""
    none = {name: (np.zeros(h.time.size), unit, "no reactions in this solver") for name, unit in NO_REACTION}
    lead = np.full(h.time.size, h.stack.lead @ h.stack.width / N_A)
    return none | {"Pb0_total": (lead, "mol m^-2", "metallic lead, that of the start")}


def balance(h: History) -> Columns:
    """Relative imbalances at every stored time, each of two things that were computed apart."""
    stack, stored = h.stack, h.drive.stored
    terminal = h.over(lambda one, _: one.state.feed[0] * stack.width[0])
    through = h.over(lambda one, at: (h.equations.ionic_and_carrier_current(at) + one.displacement)[1:-1])
    scale = np.maximum(np.abs(Q * terminal), SMALLEST_CURRENT)
    out = {
        "current_uniformity": (
            Q * np.abs(through - terminal[:, None]).max(axis=1) / scale,
            "1",
            "max |J_face - J_terminal| / max(|J|, 1e-2 A/m^2)",
        ),
        "current_rounding_floor": (
            Q * ROUNDING * h.over(lambda one, at: _largest(one, at)) / scale,
            "1",
            "100 eps max|face term| on the same scale",
        ),
        "charge": (_charge(h), "1", "charge that currents brought into the cells against that of the densities"),
    }
    for name, values in (_fractions(h) if stack.lattice.here.any() else {}).items():
        if name != "V" and np.nansum(values[0]) > 0.0:
            amounts = np.nansum(values * (stack.lattice.sites * stack.width)[stack.inside], axis=1)
            out[f"element_{name}"] = (np.abs(amounts / amounts[0] - 1.0), "1", f"imbalance of {name}")
    for k, ion in enumerate(stack.ions, 2):
        amounts = np.array([(one.state.density[k] * ion.here) @ stack.width for one in stored])
        out[f"ion_{ion.name}"] = (np.abs(amounts / amounts[0] - 1.0), "1", f"imbalance of {ion.name}")
    return out


def _largest(one: Stored, at: Evaluated) -> float:
    """Largest single term of the carrier fluxes and of the displacement of a stored state [m^-2 s^-1]."""
    jumps = max(max(flux.right.max(), flux.left.max()) for flux in at.species[:2])
    return float(max(jumps, np.abs(one.displacement).max()))


def _charge(h: History) -> np.ndarray:
    width, inside = h.stack.width, h.stack.inside
    own = h.over(lambda one, _: h.equations.space_charge(one.state) * width)[:, inside]
    brought = h.over(lambda one, _: one.state.charge * width)[:, inside]
    travelled = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(h.over(lambda one, _: one.passed))))))
    return Q * np.abs(own - brought).sum(axis=1) / (Q * np.abs(own).sum(axis=1).max() + travelled)
