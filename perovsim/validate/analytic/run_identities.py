"""Identities of whole runs: conserved current and elements, charging at J/C, replay of V(t), the mirrored stack."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.constants import EPS_0, N_A
from perovsim.device.kernels.tables import SIGN
from perovsim.device.outputs.currents import crossings, face_currents
from perovsim.device.running.run import Runner
from perovsim.model import Protocol, constant_current, constant_voltage, load_device
from perovsim.validate.analytic.check import Check, Curve, Outcome, Panel, absolute, worst
from perovsim.validate.analytic.stacks import layer, stack

CURRENT = 100.0
"""[A/m^2]."""
LEAST = 1.0
"""Current [A/m^2] below which that of a mirrored stack is compared absolutely: it is a difference of larger terms."""
ROUTES = ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion")


def aged_led(*hypotheses: str):
    """The shipped LED on a coarse mesh after an hour at 10 mA/cm^2."""
    led = load_device("nanoled_like")
    layers = tuple(part.replace(cells=n) for part, n in zip(led.layers, (20, 30, 20), strict=True))
    device = led.replace(layers=layers).with_hypotheses(*hypotheses)
    return simulation.simulate(device, Protocol([constant_current(CURRENT, "1 h")], points_per_decade=5))


def led_stack(ions: bool = False):
    """Three layers of three materials, mobile vacancies in the middle one if asked."""
    vacancies = {"ion": [{"name": "V", "charge": 1, "D": 1e-16, "density": 1e24}]} if ions else {}
    organic = dict(N_c=1e26, N_v=1e26)
    return stack(
        [
            layer("etl", 40e-9, 24, permittivity=3.5, electron_affinity=3.0, ionisation_energy=6.4,
                  mobility_electron=2e-9, mobility_hole=1e-10, **organic),
            layer("emitter", 50e-9, 40, permittivity=16.0, k_radiative=1e-16, lifetime_electron=1e-7,
                  lifetime_hole=1e-7, **vacancies),
            layer("htl", 40e-9, 24, permittivity=3.0, electron_affinity=2.2, ionisation_energy=5.6,
                  mobility_electron=1e-10, mobility_hole=2e-9, **organic),
        ],
        3.15,
        5.45,
    )  # fmt: skip


# -- mass -------------------------------------------------------------------------------------


def mass_balance() -> Outcome:
    """A16: inventories of every element over an ageing hour with all reactions, and the chloride that films hold."""
    run = aged_led(*ROUTES)
    checks, curves = [], []
    for name in run.balance:
        if name.startswith("element_"):
            imbalance = run.balance[name].values
            checks.append(absolute(f"imbalance of {name.removeprefix('element_')}", imbalance.max(), 0.0, 1e-10))
    width = run.fields["cell_width"].values
    sites = float(run.device.emitter.lattice.site_density)
    stock = float(np.nansum(run.fields["theta_Cl"].values[0] * width)) * sites / N_A
    films = 3.0 * run.interfaces["film_AlCl3"].values
    checks.append(absolute("chloride of the film beyond the stock", max(films.max() - stock, 0.0), 0.0, 0.0, "mol/m^2"))
    lattice = np.nansum(run.fields["theta_Cl"].values * width, axis=1) * sites / N_A
    dissolved = sum(
        np.nansum(run.fields[name].values * width, axis=1) / N_A for name in run.fields if name.startswith("c_Cl")
    )
    sum_of = lattice + dissolved + films
    checks.append(worst("chloride in lattice, solution and film", sum_of, np.full(films.size, stock), 1e-10, "mol/m^2"))
    t = run.times[1:]
    late = t > 1.0
    curves = (
        Curve("lost by the lattice", t[late], (stock - lattice)[1:][late], exact=True),
        Curve("film AlCl₃ + dissolved", t[late], (films + dissolved)[1:][late]),
        Curve("dissolved", t[late], dissolved[1:][late]),
    )
    return Outcome(tuple(checks), (Panel("chloride", "time [s]", "amount [mol/m²]", curves, "log", "log"),))


# -- constant current -------------------------------------------------------------------------


def uniformity(run) -> Check:
    """Largest difference of J through a face to the terminal current beyond rounding, relative to it."""
    parts = ("electron", "hole", "ion", "displacement")
    total = sum(run.fields[f"current_{name}"].values for name in parts)[1:]
    floor = run.balance["current_rounding_floor"].values[1:, None] * CURRENT
    gap = np.maximum(np.abs(total - CURRENT) - floor, 0.0)
    return absolute("current through any face at any time", gap.max() / CURRENT, 0.0, 1e-6)


def replayed(device, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V(t) [V] at the start and at `times` of a current-driven run, and J [A/m^2] amid them of a voltage-driven one."""
    driven = Runner(device, 1e-8)
    driven.record_start()
    driven.follow_current(CURRENT, 0.0, times, "current", [])
    voltage = np.array([state.y[driven.problem.band] for state in driven.trace.states]) * driven.problem.vt
    replay = Runner(device, 1e-8)
    replay.record_start()
    across, begin, currents = crossings(replay.tables), 0.0, []
    for end, low, high in zip(times, voltage[:-1], voltage[1:], strict=True):
        middle = 0.5 * (end - begin)
        replay.follow_voltage(low, (high - low) / (end - begin), 0.0, np.array([middle, end - begin]), "replay")
        state, held = replay.trace.states[-2], replay.trace.controls[-2]
        found = face_currents(replay.equations, held, state, across)
        currents.append(replay.tables.number[SIGN] * found.total.mean())
        begin = end
    return voltage, np.array(currents)


def galvanostat() -> Outcome:
    """A18: one current everywhere; dV/dt = J/C_geo at the start; the replayed voltage gives the current back."""
    checks = [uniformity(aged_led("oxidised_halogen", "corrosion_couple"))]
    device = led_stack()
    run = simulation.simulate(device, Protocol([constant_current(CURRENT, "1 us")], first_output=1e-12))
    capacitance = EPS_0 / sum(float(part.thickness) / float(part.permittivity) for part in device.layers)
    early = (run.times > 0.0) & (run.times < 1e-11)
    slope = run.terminals["V"].values[early] / run.times[early]
    checks.append(worst("dV/dt at the start", slope, np.full(slope.size, CURRENT / capacitance), 1e-3, "V/s"))
    bend = np.geomspace(1e-6, 1e-4, 800)  # where the carriers arrive, dense: V(t) is replayed piecewise linear
    times = np.concatenate([np.geomspace(1e-8, 9e-7, 60), bend, np.geomspace(1.1e-4, 1.0, 200)])
    voltage, currents = replayed(led_stack(ions=True), times)
    late = times > 1e-6
    checks.append(worst("current of the replay", currents[late], np.full(late.sum(), CURRENT), 1e-4, "A/m^2"))
    panels = (
        Panel("replay: voltage", "time [s]", "V [V]", (Curve("held current", times, voltage[1:], exact=True),), "log"),
        Panel(
            "replay: current",
            "time [s]",
            "J/J₀ − 1",
            (Curve("held voltage", times[late], currents[late] / CURRENT - 1.0),),
            "log",
        ),
    )
    return Outcome(tuple(checks), panels)


# -- mirror -----------------------------------------------------------------------------------


def mirror() -> Outcome:
    """A26: listed from the other end, the same J(V) at steady state, with and without ions."""
    voltages, checks, curves = (1.8, 2.2, 2.6, 3.0), [], []
    for name, device in (("carriers", led_stack()), ("with ions", led_stack(ions=True))):
        found = []
        for one in (device, device.mirrored()):
            steps = Protocol([constant_voltage(v, 1e8) for v in voltages], points_per_decade=1)
            run = simulation.simulate(one, steps)
            ends = np.searchsorted(run.times, 1e8 * np.arange(1, 5)) - 1
            found.append(run.terminals["J"].values[ends])
        scale = np.maximum(found[0], LEAST)
        checks.append(worst(f"steady current of the mirrored stack, {name}", found[1], found[0], 1e-10, "A/m^2", scale))
        curves.append(Curve("", np.array(voltages), found[0], exact=True))
        curves.append(Curve(f"{name}: line as listed, marks mirrored", np.array(voltages), found[1]))
    panel = Panel("mirrored stack", "voltage [V]", "current [A/m²]", tuple(curves), yscale="log")
    return Outcome(tuple(checks), (panel,))
