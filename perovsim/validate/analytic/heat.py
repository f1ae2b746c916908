"""Lumped Joule heating: the temperature that a power makes, and what every rate does at it."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.constants import K_B, Q
from perovsim.device.kernels.tables import DIFFUSIVITY, HOLE, JUMP_SECOND
from perovsim.device.outputs.outputs import groups
from perovsim.device.running.run import Runner
from perovsim.model import Collapse, Protocol, Transformation, constant_current, constant_voltage
from perovsim.model.films import Hydrolysis, Sublimation
from perovsim.physics.phases import drive
from perovsim.steps import run_steps
from perovsim.validate.analytic.check import Check, Curve, Outcome, Panel, absolute, relative, worst
from perovsim.validate.analytic.equilibrium import small_led
from perovsim.validate.analytic.growth import DRIVE, affinity, cell, speed
from perovsim.validate.analytic.run_identities import led_stack
from perovsim.validate.analytic.stacks import insulator, stack

RESISTANCE, CAPACITY = 5e-2, 2.0
"""Thermal resistance [K m^2/W] and heat capacity [J/m^2/K]: 0.1 s."""


def hot(device, resistance: float = RESISTANCE):
    """A device that its own power heats."""
    return device.replace(thermal_resistance=resistance, heat_capacity=CAPACITY)


def power(run) -> np.ndarray:
    """J V less the photons that leave [W/m^2]."""
    data = run.terminals
    return (data["J"] * data["V"] - data["radiance_power"]).values


# -- every rate -------------------------------------------------------------------------------

ENERGY = {"reaction": 0.45, "ion": 0.55, "halide": 0.3, "sublimation": 1.195, "hydrolysis": 0.5, "collapse": 0.8,
          "transformation": 0.7}  # fmt: skip
"""Activation energy of each rate [eV]."""
GIBBS = -0.05
"""Of the transformation [eV]."""
STILL = 1e-40
"""Diffusivity [m^2/s] with which nothing moves within a run."""
VACANT, CRITICAL = 0.06, 0.05
GROWTH = 20e-9 / 3600.0
"""Speed of the film [m/s]."""
DURATION = 3600.0
"""[s], long after the film has begun: its losses are then constant to 1e-7."""
SHUNT, VOLTAGE = 1e-3, 1.0
"""[ohm m^2] and [V]: a power of 1 kW/m^2 that nothing in the cell has a part in."""


def rated_cell(resistance: float | None):
    """Al | PbCl2 | Pb with every kind of rate, heated by a shunt."""
    face = dict(film="AlCl3", contact="al", exposed_fraction=1e-6)
    processes = [
        Sublimation(kind="sublimation", name="sublimation", vapour_pressure=0.01441, molar_mass=0.26668,
                    sublimation_energy=ENERGY["sublimation"], **face),
        Hydrolysis(kind="hydrolysis", name="hydrolysis", rate=1e-3, activation_energy=ENERGY["hydrolysis"],
                   relative_humidity=0.4, **face),
        Collapse(kind="collapse", name="collapse", rate=1e-3, critical_vacancies=CRITICAL,
                 activation_energy=ENERGY["collapse"]),
        Transformation(kind="transformation", name="turn", layer="salt", product="PbX2", rate=1e-4, avrami_exponent=1.0,
                       gibbs_energy=GIBBS, activation_energy=ENERGY["transformation"]),
    ]  # fmt: skip
    device = cell(GROWTH / speed(1.0, DRIVE), processes, activation_energy=ENERGY["reaction"])
    salt = device.layers[0]
    ion = {"name": "K", "charge": 1, "D": STILL, "density": 1e24, "E_migration": ENERGY["ion"]}
    still = {
        "layer.salt.D_vacancy": STILL,
        "layer.salt.E_migration": ENERGY["halide"],
        "layer.salt.vacancy_density": VACANT * float(salt.lattice.site_density),
    }
    device = device.replace(layers=(salt.replace(ions=(ion,)),), shunt_resistance=SHUNT).with_values(still)
    return device if resistance is None else hot(device, resistance)


def late_rates(resistance: float | None) -> tuple[dict[str, float], float]:
    """Every rate over the last stored interval, those of jumps as the solver has them, and the temperature [K]."""
    runner = Runner(rated_cell(resistance), 1e-8)
    run_steps(runner, Protocol([constant_voltage(VOLTAGE, DURATION)], first_output=1e-3))
    found = groups(runner)
    time = np.array(runner.times)
    columns = {
        "reaction": found["interfaces"]["extent_growth"][0],
        "sublimation": found["interfaces"]["lost_sublimation"][0],
        "hydrolysis": found["interfaces"]["lost_hydrolysis"][0],
        "collapse": -np.log(found["fields"]["crystallinity"][0][:, -1]),
        "transformation": -np.log1p(-found["fields"]["f_PbX2"][0][:, -1]),
    }
    rates = {name: float((own[-1] - own[-2]) / (time[-1] - time[-2])) for name, own in columns.items()}
    rates["ion"] = float(runner.tables.species_cell[DIFFUSIVITY, HOLE + 1, -1])
    rates["halide"] = float(runner.tables.cell[JUMP_SECOND, -1])
    return rates, runner.heat.temperature


def expected_ratio(name: str, cold: float, warm: float) -> float:
    """exp[-(E/k)(1/T - 1/T_0)], with what else of a rate depends on the temperature."""
    ratio = np.exp(ENERGY[name] * Q / K_B * (1.0 / cold - 1.0 / warm))
    if name == "sublimation":  # the speed of the vapour
        ratio *= np.sqrt(cold / warm)
    if name == "transformation":
        ratio *= drive(GIBBS, K_B * warm / Q) / drive(GIBBS, K_B * cold / Q)
    if name == "reaction":  # at constant affinity in J
        ratio *= np.sinh(0.5 * affinity(warm)) / np.sinh(0.5 * affinity(cold))
    return float(ratio)


def arrhenius() -> tuple[list[Check], Panel]:
    """Every rate in a cell that a shunt heats, over that in the cold cell, and the temperature of the hot one."""
    cold, ambient = late_rates(None)
    checks, curves, resistances = [], [], (5e-3, 2e-2)
    found = {resistance: late_rates(resistance) for resistance in resistances}
    for resistance, (_, warm) in found.items():
        exact = resistance * (VOLTAGE**2 / SHUNT)
        checks.append(relative(f"warming by a shunt, R_th = {resistance:g} K m^2/W", warm - ambient, exact, 1e-6, "K"))
    for name in ENERGY:
        for rates, warm in found.values():
            label = f"{name}: rate at T_0 + {warm - ambient:.0f} K over that at T_0"
            checks.append(relative(label, rates[name] / cold[name], expected_ratio(name, ambient, warm), 1e-6))
        line = np.linspace(ambient, ambient + 25.0, 30)
        curves.append(Curve("", line, np.array([expected_ratio(name, ambient, t) for t in line]), exact=True))
        at = np.array([warm for _, warm in found.values()])
        curves.append(Curve(name, at, np.array([rates[name] / cold[name] for rates, _ in found.values()])))
    return checks, Panel("rates of a heated cell", "temperature [K]", "rate / rate at T_0", tuple(curves), yscale="log")


def joule_heat() -> Outcome:
    """A23: T - T_0 = R_th P at steady state, P = J V less the light; the way there; the ratio of each rate."""
    checks, lights = [], []
    for name, device, current in (("dark", led_stack(ions=True), 100.0), ("LED", small_led("field_drift"), 200.0)):
        run = simulation.simulate(hot(device), Protocol([constant_current(current, "1e5 s")]))
        rise = run.terminals["temperature"].values[-1] - float(run.device.temperature)
        checks.append(relative(f"warming of the {name} stack", rise, RESISTANCE * power(run)[-1], 1e-6, "K"))
        lights.append(float(run.terminals["radiance_power"][-1]) / power(run)[-1])
    checks.append(absolute("light of the LED takes a hundredth of the power, or more", lights[1] > 1e-2, 1.0, 0.0))
    oxide = insulator("oxide", 1e-5, 4, permittivity=1.0)
    warmed = simulation.simulate(
        hot(stack([oxide], shunt_resistance=1.0)), Protocol([constant_voltage(20.0, "0.5 s")]), rtol=1e-7
    )
    time, found = warmed.times[1:], warmed.terminals["temperature"].values[1:] - float(warmed.device.temperature)
    exact = RESISTANCE * 400.0 * -np.expm1(-time / (RESISTANCE * CAPACITY))
    checks.append(worst("warming by constant power, over all of it", found, exact, 1e-4, "K", exact[-1]))
    curves = (Curve("R P [1 − exp(−t/RC)]", time, exact, exact=True), Curve("solver", time, found))
    more, panel = arrhenius()
    return Outcome(
        tuple(checks + more), (Panel("warming by constant power", "time [s]", "T − T_0 [K]", curves, "log"), panel)
    )
