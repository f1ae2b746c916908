"""Equilibrium and the second law: no current at rest, one thermodynamics for all reactions, no negative dissipation."""

from __future__ import annotations

import numpy as np

from perovsim.constants import Q
from perovsim.device.kernels.tables import (
    BUILT_IN,
    DENSITY,
    DIFFUSIVITY,
    GROUP,
    HALIDE,
    HOLE,
    OCCUPIED,
    PER_SITE,
    PSI,
    SCALE,
    SPECIES,
    STATES,
    STATISTICS,
    VACANCY,
    WIDTH,
)
from perovsim.device.running.run import Runner
from perovsim.model import Protocol, load_device, rest, short_circuit
from perovsim.model.equation import parse_equation
from perovsim.physics.thermochemistry import emf, load_table
from perovsim.steps import run_steps
from perovsim.validate.analytic.check import Curve, Outcome, Panel, absolute
from perovsim.validate.analytic.dissipation import affinities, dissipation, exchange, rates
from perovsim.validate.analytic.stacks import crowded, halide_lattice, layer, stack

STATE_COUNT = 1000
HYPOTHESES = ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion")


def small_led(*hypotheses: str):
    """The shipped LED on a mesh of 15 cells."""
    led = load_device("nanoled_like")
    layers = tuple(part.replace(cells=n) for part, n in zip(led.layers, (4, 6, 5), strict=True))
    return led.replace(layers=layers).with_hypotheses(*hypotheses)


STRAINED = {"mixing_energy": 0.03, "stress_coupling": True, "vacancy_strain": 0.1, "activation_volume": 5e-30,
            "affinity_strain_slope": 2.0, "ionisation_strain_slope": -3.0, "D_ratio_Cl": 3.0}  # fmt: skip
"""Numbers of an emitter whose mixing and stress act on halides and bands."""


def strained_led(moving: bool):
    """The small LED with a lattice that feels mixing and stress, standing or moving."""
    values = {**STRAINED, "moving_lattice": moving}
    return small_led(*HYPOTHESES).with_values({f"layer.emitter.{name}": value for name, value in values.items()})


def random_stack(rng: np.random.Generator):
    """One to six layers of any gap, offset, mobility and density of states, ohmic contacts."""
    layers = []
    for k in range(rng.integers(1, 7)):
        affinity, states, mobility = rng.uniform(2.5, 4.5), 10 ** rng.uniform(22, 26), 10 ** rng.uniform(-11, -2)
        layers.append(
            layer(
                f"l{k}",
                rng.uniform(5e-9, 300e-9),
                30,
                permittivity=rng.uniform(3.0, 30.0),
                electron_affinity=affinity,
                ionisation_energy=affinity + rng.uniform(1.0, 3.5),
                N_c=states,
                N_v=states,
                mobility_electron=mobility,
                mobility_hole=mobility,
            )
        )
    return stack(layers, rng.uniform(2.8, 4.5), rng.uniform(4.6, 6.0), temperature=rng.uniform(250.0, 400.0))


def currents_at_rest(device) -> tuple[float, float]:
    """Largest carrier flux in equilibrium and the largest term g n B(-d) of which it is a difference [A/m^2]."""
    runner = Runner(device)
    runner.equations.evaluate(0.0, runner.state.y)
    state, t = runner.equations.state, runner.tables
    half = 2.0 * t.species_cell[DIFFUSIVITY, :2] / t.cell[WIDTH]
    ends = [t.number[BUILT_IN], *runner.state.y[t.slot[PSI]], 0.0]
    drop = np.maximum(np.abs(np.diff(ends))[:-1], np.abs(np.diff(ends))[1:])
    return Q * np.abs(state.flow[:2]).max(), Q * (half * state.density[:2] * (1.0 + drop)).max()


def zero_current() -> Outcome:
    """A1: at rest all levels are flat and no current flows; vacancies and halides share one potential M_X."""
    rng = np.random.default_rng(20)
    devices = [load_device("nanoled_like"), load_device("ion_benchmark"), *(random_stack(rng) for _ in range(30))]
    ratios = [flux / term for flux, term in map(currents_at_rest, devices)]
    checks = [absolute(f"current at rest of {len(devices)} stacks / its largest term", max(ratios), 0.0, 1e-12)]
    lattice = halide_lattice(1.5e28, 1.5e25, x_cl=0.3, diffusivity=1e-14, D_ratio_Cl=4.0)
    device = stack(
        [
            layer("left", 40e-9, 20, electron_affinity=3.0, ionisation_energy=6.4),
            layer("emitter", 60e-9, 40, lattice=lattice),
            layer("right", 40e-9, 20, electron_affinity=2.6, ionisation_energy=5.6),
        ],
        3.3,
        5.4,
    )
    runner = Runner(device, 1e-8)
    runner.equilibrate()
    y, t = runner.state.y, runner.tables
    inside = t.slot[HALIDE] >= 0
    psi, vacant, first = (y[t.slot[kind, inside]] for kind in (PSI, VACANCY, HALIDE))
    curves = []
    for name, own in (("Cl", first), ("Br", 1.0 - vacant - first)):
        level = np.log(own / vacant) - psi
        checks.append(absolute(f"spread of M_{name} in the built-in field", np.ptp(level), 0.0, 1e-12, "kT"))
        curves.append(Curve(f"M_{name}", runner.mesh.centres[inside] * 1e9, level - level[0]))
    spread = np.ptp(np.log(vacant))
    checks.append(absolute("vacancies did follow the field, e-fold or more", float(spread > 1.0), 1.0, 0.0))
    curves.append(Curve("ln θ_V", runner.mesh.centres[inside] * 1e9, np.log(vacant / vacant[0])))
    panel = Panel("halides at rest", "depth [nm]", "difference to the first cell [kT]", tuple(curves))
    return Outcome(tuple(checks), (panel,))


# -- the second law ---------------------------------------------------------------------------


def random_state(runner: Runner, rng: np.random.Generator) -> np.ndarray:
    """Unknowns far from equilibrium: potentials by some kT, densities by factors, films and lead of any amount."""
    problem, slot = runner.problem, runner.tables.slot
    y = runner.state.y.copy()
    psi = slot[PSI]
    y[psi] += rng.normal(0.0, 5.0, psi.size)
    y[problem.band] = rng.uniform(-80.0, 80.0)
    y[problem.band + 1 :] = 10.0 ** rng.uniform(-3.0, 2.0, problem.lumps - 1)
    for s, plan in enumerate(problem.plans):
        own = slot[SPECIES + s][slot[SPECIES + s] >= 0]
        if plan.traps is not None:
            y[own] = rng.uniform(0.02, 0.98, own.size) * _full(runner, s)[slot[SPECIES + s] >= 0]
            continue
        least = 1e-12 if plan.formula not in ("e-", "h+") else 0.0
        y[own] = (y[own] + least) * np.exp(rng.normal(0.0, 4.0, own.size))
        if s <= HOLE:
            states = runner.tables.species_cell[STATES, s][slot[SPECIES + s] >= 0] / plan.scale
            y[own] = np.where(runner.tables.species_cell[STATISTICS, s][slot[SPECIES + s] >= 0] >= 0.0,
                              np.minimum(y[own], MOST_FILLED * states), y[own])  # fmt: skip
        sharing = (runner.tables.species_cell[GROUP] == runner.tables.species_cell[GROUP, s]).sum(axis=0)
        per_site = (plan.scale * sharing * runner.tables.species_cell[PER_SITE, s])[slot[SPECIES + s] >= 0]
        if np.any(per_site > 0.0):
            y[own] = np.where(
                per_site > 0.0, rng.uniform(0.02, 0.98, own.size) / np.maximum(per_site, np.finfo(float).tiny), y[own]
            )
        if plan.formula == "Pb":
            y[own] = 10.0 ** rng.uniform(-6.0, -0.5, own.size)
    vacancy, halide = slot[VACANCY], slot[HALIDE]
    inside = vacancy >= 0
    y[vacancy[inside]] = 10.0 ** rng.uniform(-5.0, -0.5, inside.sum())
    mixed = halide >= 0
    y[halide[mixed]] = rng.uniform(0.02, 0.98, mixed.sum()) * (1.0 - y[vacancy[mixed]])
    return y


MOST_FILLED = 0.5
"""Share of the states that carriers of other statistics than Boltzmann's fill at the most: a band has a top."""


def _full(runner: Runner, s: int) -> np.ndarray:
    """The unknown of species s in each cell where all its traps hold an electron (n,)."""
    tables, scale = runner.tables, runner.tables.species[SCALE, s]
    for own in tables.trap:
        if own[OCCUPIED] == s:
            return np.full(tables.cell.shape[1], own[DENSITY] / scale)
    own = next(row for row in tables.junction if row[OCCUPIED] == s)
    return own[DENSITY] / (scale * tables.cell[WIDTH])


def second_law() -> Outcome:
    """A19: flux times force of carriers, ions, halides, recombination, traps and reactions at random states."""
    rng = np.random.default_rng(19)
    led, others = small_led(*HYPOTHESES), (load_device("ion_benchmark"), crowded())
    runners = [Runner(device) for device in (led, strained_led(False), strained_led(True), *others)]
    lowest: dict[str, float] = {}
    totals = []
    for number in range(STATE_COUNT):
        runner = runners[number % len(runners)]
        found = dissipation(runner, random_state(runner, rng))
        totals.append(found.terms.sum())
        for name in found.__dataclass_fields__:
            terms = getattr(found, name)
            if terms.size:
                share = min(terms.min() / max(np.abs(terms).max(), 1e-300), 0.0)
                lowest[name] = min(lowest.get(name, 0.0), share)
    checks = [
        absolute(f"{name}: most negative term of {STATE_COUNT} states / the largest", share, 0.0, 1e-12)
        for name, share in lowest.items()
    ]
    checks.append(absolute("states of negative total dissipation", float(np.sum(np.array(totals) < 0.0)), 0.0, 0.0))
    ordered = np.sort(totals)
    curves = (Curve("states", ordered, np.arange(1, ordered.size + 1) / ordered.size),)
    panel = Panel("dissipation of random states", "kT per m² and s", "share of states below", curves, xscale="log")
    return Outcome(tuple(checks), (panel,))


# -- detailed balance -------------------------------------------------------------------------


def closed_loops(runner: Runner, rng: np.random.Generator, states: int = 20) -> tuple[float, int]:
    """Largest |sum of affinities| round a closed loop of reactions [kT] over its largest term, and how many loops.

    A loop is a combination of rows that changes no unknown and passes no charge at a contact.
    """
    tables = runner.tables
    changes = np.zeros((tables.rate.shape[0], runner.problem.size + 2))
    for r, rows in enumerate(tables.row):
        changes[r, rows[rows >= 0]] += tables.change[r, rows >= 0]
        changes[r, -2:] = tables.rate[r, -2:]
    u, singular, _ = np.linalg.svd(changes)
    rank = int((singular > 1e-9 * singular.max()).sum())
    loops, worst = u[:, rank:].T, 0.0
    for _ in range(states):
        y = random_state(runner, rng)
        runner.equations.evaluate(0.0, y)
        terms = loops * affinities(tables, runner.equations.state.activity, y)
        worst = max(worst, float((np.abs(terms.sum(axis=1)) / np.abs(terms).max(axis=1)).max()))
    return worst, len(loops)


def corrosion_cell(halide: str):
    """The shipped cell Al | PbX2 | Pb, and its emf from the table [V]."""
    device = load_device({"Cl": "corrosion_couple", "Br": "corrosion_couple_br"}[halide]).with_hypotheses("cell")
    equation = parse_equation(f"2 Al + 3 Pb{halide}2 -> 2 Al{halide}3 + 3 Pb")
    return device, emf(equation, load_table(), 6)


def at_equilibrium(device, duration: str) -> tuple[float, float]:
    """Voltage [V] and largest net rate over exchange rate of a cell left alone after a film has grown."""
    runner = Runner(device, 1e-6)
    run_steps(runner, Protocol([short_circuit(duration), rest("1e7 s")], points_per_decade=1))
    y = runner.state.y
    rate, _ = rates(runner, y)
    return runner.voltage, float(np.abs(rate / exchange(runner.tables, runner.equations.state.activity)).max())


def detailed_balance() -> Outcome:
    """A19: closed loops of reactions, net rates at equilibrium, and the voltage where the corrosion couple turns."""
    worst, count = closed_loops(Runner(small_led(*HYPOTHESES)), np.random.default_rng(7))
    checks = [absolute(f"sum of affinities round {count} closed loops / largest term", worst, 0.0, 1e-12)]
    for halide, duration, published in (("Cl", "5 min", 0.549), ("Br", "40 min", 0.336)):
        device, voltage = corrosion_cell(halide)
        found, net = at_equilibrium(device, duration)
        checks += [
            absolute(f"Al | Pb{halide}2: open-circuit voltage against the table", found, voltage, 1e-6, "V"),
            absolute(f"Al | Pb{halide}2: open-circuit voltage as published", found, published, 1e-3, "V"),
            absolute(f"Al | Pb{halide}2: net rate / exchange rate at equilibrium", net, 0.0, 1e-12),
        ]
    return Outcome(tuple(checks))
