"""Cells of two lead electrodes on a lead halide: kinetics, potentials, transport to an electrode, Faraday's law."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.constants import EPS_0, F
from perovsim.model import Protocol, constant_current, load_device, rest, short_circuit
from perovsim.physics.thermochemistry import load_table
from perovsim.validate.analytic.check import Curve, Outcome, Panel, relative, worst
from perovsim.validate.analytic.stacks import TEMPERATURE, V_T, halide_lattice, insulator, layer, stack

REDOX = -4.3
"""Electron energy of Pb/PbBr2 against vacuum [eV]; metals of this work function start without a double layer."""
FAST = 1e3
"""Rate of an electrode at equilibrium with the lattice beside it [mol/m^2/s]."""


def electrode(where: str, rate: float, alpha: float = 0.5) -> dict:
    """PbBr2 + 2 e- -> Pb + 2 Br- on a contact, in two steps of one electron."""
    return {
        "kind": "reaction",
        "name": f"lead_at_{where}",
        "reaction": "PbBr2 + 2 e- -> Pb + 2 Br-",
        "site": f"contact:{where}",
        "rate": rate,
        "alpha": alpha,
        "elementary_steps": 2,
    }


def cell(layers: list[dict], rates: tuple[float, float], alpha: float = 0.5, **more):
    """Lead | layers | lead with the rates of the electrodes [mol/m^2/s] at x = 0 (cathode) and at the end."""
    reactions = [electrode(where, rate, alpha) for where, rate in zip(("cathode", "anode"), rates, strict=True)]
    device = stack(layers, -REDOX, -REDOX, process=reactions, electrochemistry={"redox_level": REDOX}, **more)
    return device.replace(contacts=tuple(contact.replace(material="Pb") for contact in device.contacts))


# -- kinetics ---------------------------------------------------------------------------------

VACANCIES, SITES = 1e27, 1e28
"""So many vacancies that the double layer is thinner than half a cell: the whole overpotential drives the step."""
EXCHANGE = 1e-6
"""Exchange rate of the slow electrode [mol/m^2/s]."""


FASTER = 1e8 * EXCHANGE
CHARGING = 1e-4
"""Charge [C/m^2] beside which that of the double layers is small, and small beside that of the salt."""


def slow_cell(rates: tuple[float, float], alpha: float = 0.5, temperature: float = TEMPERATURE):
    """A coarse cell without resistance to speak of."""
    lattice = halide_lattice(SITES, VACANCIES, diffusivity=1e-6)
    return cell([insulator("salt", 40e-6, 4, lattice=lattice)], rates, alpha, temperature=temperature)


def overpotential(current: float, rates: tuple[float, float], alpha: float) -> float:
    """Voltage of the cell at a steady current [A/m^2], before it has changed the salt [V]."""
    steps = Protocol([constant_current(current, 10.0 * CHARGING / current)], points_per_decade=2, first_output=1e-3)
    run = simulation.simulate(slow_cell(rates, alpha), steps, rtol=1e-6)
    return float(run.terminals["V"].values[-1])


def butler_volmer() -> Outcome:
    """A12: R_ct = kT/((alpha_a + alpha_c) q i_0) per electrode, and the two Tafel slopes."""
    alpha = 0.3
    i_0 = F * EXCHANGE * (1.0 - VACANCIES / SITES) ** alpha  # at the activity of bromide on its sites
    small = 1e-3 * i_0
    resistance = overpotential(small, (EXCHANGE, EXCHANGE), alpha) / small
    checks = [relative("charge-transfer resistance of two electrodes", resistance, 2.0 * V_T / i_0, 1e-3, "ohm m^2")]
    currents, curves = i_0 * np.geomspace(300.0, 1e4, 4), []
    for name, rates, share in (("cathodic", (EXCHANGE, FASTER), alpha), ("anodic", (FASTER, EXCHANGE), 1.0 - alpha)):
        found = np.array([overpotential(current, rates, alpha) for current in currents])
        exact = i_0 * (np.exp(share * found / V_T) - np.exp((share - 1.0) * found / V_T))
        slope = np.polyfit(found, np.log(currents), 1)[0]
        checks.append(relative(f"{name} Tafel slope", slope, share / V_T, 1e-3, "1/V"))
        checks.append(worst(f"{name} current at the voltage of the cell", currents, exact, 1e-3, "A/m^2"))
        curves.append(Curve("", found, exact, exact=True))
        curves.append(Curve(name, found, currents))
    panel = Panel("Butler–Volmer", "overpotential [V]", "current [A/m²]", tuple(curves), yscale="log")
    return Outcome(tuple(checks), (panel,))


# -- potentials -------------------------------------------------------------------------------

RICH, SPARSE_SITES = 1e25, 1e28
"""Vacancies of the layer at the anode and sites of both [m^-3]."""


def concentration_cell(dilution: float, temperature: float = TEMPERATURE):
    """Two blocks of one salt, the first with fewer vacancies; nothing but charge passes from one to the other."""
    blocks = (("sparse", RICH / dilution), ("rich", RICH))
    layers = [
        insulator(name, 2e-6, 80, lattice=halide_lattice(SPARSE_SITES, density, diffusivity=1e-12))
        for name, density in blocks
    ]
    return cell(layers, (1e-4, 1e-4), temperature=temperature)


def lead_in_layer(share: float):
    """A conductor with a halide lattice, a share of whose lead is metal and exchanges electrons with it."""
    sites = 1.5e28
    lattice = halide_lattice(
        sites,
        1e-3 * sites,
        initial_interfacial_lead=0.5 * share * sites / 3.0,
        initial_lead_decay_length=1e-2,
    )
    reaction = {
        "kind": "reaction",
        "name": "lead",
        "reaction": "Pb2+ + 2 e- -> Pb",
        "site": "layer:emitter",
        "rate": "1e3 mol/m^3/s",
        "elementary_steps": 2,
    }
    closed = {"cathode": (1e-20, 1e-20), "anode": (1e-20, 1e-20)}
    bands = dict(electron_affinity=4.0, ionisation_energy=6.3, N_c=1e25, N_v=1e25)
    return stack(
        [layer("emitter", 50e-9, 20, lattice=lattice, **bands)],
        -REDOX,
        -REDOX,
        closed,
        process=[reaction],
        electrochemistry={"redox_level": REDOX},
    )


def nernst() -> Outcome:
    """A11: kT/(n q) per ln a, of the halide between two electrodes (n = 1), of Pb2+ in a conducting layer (n = 2)."""
    checks, curves = [], []
    dilutions = np.array([1.0, 3.0, 30.0, 300.0])
    for temperature in (TEMPERATURE, 350.0):
        theta = RICH / SPARSE_SITES / dilutions
        log_ratio = np.log((1.0 - theta) / theta) - np.log((1.0 - theta[0]) / theta[0])
        found = np.array([
            simulation.simulate(
                concentration_cell(dilution, temperature), Protocol([rest(1e4)], points_per_decade=1)
            ).terminals["V"].values[-1]
            for dilution in dilutions
        ])  # fmt: skip
        slopes = found[1:] / log_ratio[1:]
        thermal = V_T * temperature / TEMPERATURE
        checks.append(
            worst(f"volts per ln a(Br-) at {temperature:g} K", slopes, np.full(slopes.size, thermal), 1e-6, "V")
        )
        curves.append(Curve(f"kT/q, {temperature:g} K", log_ratio, thermal * log_ratio, exact=True))
        curves.append(Curve(f"solver, {temperature:g} K", log_ratio, found))
    levels, activity = [], []
    for share in (0.05, 0.5, 0.9):
        run = simulation.simulate(lead_in_layer(share), Protocol([rest(1e4)], points_per_decade=1, first_output=1e-3))
        state = run.fields.isel(time=-1)
        levels.append(float((state["E_Fn"] + state["potential"]).values[10]))
        activity.append(np.log(1.0 - float(state["f_Pb"].values[10])))
    slopes = -np.diff(levels) / np.diff(activity)
    checks.append(worst("electron level per ln a(Pb2+)", slopes, np.full(2, 0.5 * V_T), 1e-6, "eV"))
    panel = Panel("Nernst", "ln of the ratio of activities", "voltage at rest [V]", tuple(curves))
    return Outcome(tuple(checks), (panel,))


# -- Faraday ----------------------------------------------------------------------------------


def faraday() -> Outcome:
    """A13: charge passed = 2 F per mole of lead and what the double layer holds; thickness per charge of the films."""
    current, duration = 10.0, 100.0
    run = simulation.simulate(
        slow_cell((EXCHANGE, FASTER)), Protocol([constant_current(current, duration)], first_output=1e-3)
    )
    width, state = run.fields["cell_width"].values[0], run.fields["potential"].values[:, 0]
    metal = -run.terminals["V"].values
    double_layer = 20.0 * EPS_0 * (metal - state) / (0.5 * width)
    lead = run.interfaces["deposit_Pb_cathode"].values[-1]
    passed = current * duration + double_layer[-1] - double_layer[0]
    checks = [relative("charge of the lead on the cathode", 2.0 * F * lead, passed, 1e-10, "C/m^2")]
    couple = load_device("corrosion_couple").with_hypotheses("cell")
    corroded = simulation.simulate(couple, Protocol([short_circuit("1 min")]))
    charge = corroded.interfaces["faradaic_charge_al_oxidation"].values[-1]
    thickness = corroded.interfaces["thickness_AlCl3"].values[-1]
    volume = load_table().molar_volume("AlCl3")
    checks.append(relative("AlCl3 per charge", thickness / charge, volume / (3.0 * F), 1e-10, "m per C/m^2"))
    t, amounts = run.times[1:], 2.0 * F * run.interfaces["deposit_Pb_cathode"].values[1:]
    curves = (Curve("J t", t, current * t, exact=True), Curve("2 F × lead", t, amounts))
    return Outcome(tuple(checks), (Panel("Faraday", "time [s]", "charge [C/m²]", curves, "log", "log"),))
