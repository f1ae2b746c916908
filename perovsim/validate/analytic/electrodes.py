"""Cells of two lead electrodes on a lead halide: kinetics, potentials, transport to an electrode, Faraday's law."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.constants import F
from perovsim.model import Protocol, constant_current
from perovsim.validate.analytic.check import Curve, Outcome, Panel, relative, worst
from perovsim.validate.analytic.stacks import TEMPERATURE, V_T, halide_lattice, insulator, stack

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
        curves.append(Curve(f"{name}, exact", found, exact, exact=True))
        curves.append(Curve(f"{name}, solver", found, currents))
    panel = Panel("Butler–Volmer", "overpotential [V]", "current [A/m²]", tuple(curves), yscale="log")
    return Outcome(tuple(checks), (panel,))
