"""The assembled matrix against differences of the right-hand sides, with every kind of term switched on."""

from __future__ import annotations

import numpy as np
import pytest
from devices import bilayer, coarse_led, heterojunction, stressed_led
from film_losses import sublimation

from perovsim.device.kernels.assemble import assemble
from perovsim.device.kernels.tables import HOLE, PSI, SPECIES, Control
from perovsim.device.running.run import Runner
from perovsim.model import Beam, Collapse, Transformation
from perovsim.validate.analytic.beam import radiolysis
from perovsim.validate.analytic.stacks import crowded

CONTROL = Control(0.7, 1.3, 0.0, 0.0, 0.5, 1e22)
ALL = ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion")
TOLERANCE = 2e-4
"""Of an entry: what a central difference leaves of the curvature."""
ROUNDING = 20 * np.finfo(float).eps

LAWS = {
    "chlorination": {"growth_law": "linear_parabolic", "transition_thickness": "1 nm"},
    "bromination": {"growth_law": "parabolic", "transition_thickness": "1 nm"},
    "corrosion_Cl": {"growth_law": "cabrera_mott", "jump_distance": "0.5 nm"},
    "displacement_Cl": {"growth_law": "point_defect", "film_field": "1 MV/cm"},
}
"""One growth law each."""


def with_laws():
    """The LED with every reaction, its films grown by every law and lost to a vapour."""
    led = coarse_led((4, 6, 5), ALL, layer__htl__thickness="5 nm")
    processes = tuple(part.replace(**LAWS.get(part.name, {})) for part in led.processes)
    return led.replace(processes=(*processes, sublimation(contact="cathode", background_pressure=1e-3)))


def with_film(**changes):
    """The LED with every law, its film acting on the contact in another way."""
    led = with_laws()
    return led.replace(processes=tuple(x.replace(**changes) if x.name == "blocking" else x for x in led.processes))


LEAKY = {"conduction": "poole_frenkel", "conductivity": 1e-8, "permittivity": 4.0}


COLLAPSE = Collapse(kind="collapse", name="c", rate=1e5, critical_vacancies=1e-5, beam_dose=1e22)


PHASES = tuple(
    Transformation(
        kind="transformation", name=product, layer="emitter", product=product, rate=1e6, gibbs_energy=-0.1,
        avrami_exponent=exponent, vacancies=None if exponent == 1 else 1e-4,
    )
    for product, exponent in (("PbX2", 1.0), ("CsPb2X5", 1.5), ("Cs4PbX6", 3.0))
)  # fmt: skip


def under_a_beam():
    """The LED with every reaction, irradiated: few pairs, which are constants, and halides that leave lead behind."""
    led = coarse_led((4, 6, 5), ALL, layer__htl__thickness="5 nm")
    beam = Beam(kind="beam", name="beam", stopping_power="1 eV/m")
    return led.replace(processes=(*led.processes, beam, radiolysis("Cl"), radiolysis("Br"), COLLAPSE, *PHASES))


CASES = {
    "led with every reaction": lambda: coarse_led((4, 6, 5), ALL, layer__htl__thickness="5 nm"),
    "the same, mirrored": lambda: coarse_led((4, 6, 5), ALL, layer__htl__thickness="5 nm").mirrored(),
    "stress, mixing energy, feedbacks": stressed_led,
    "the same on a moving lattice": lambda: stressed_led(moving_lattice=True),
    "two lattices, open": lambda: bilayer(mixing_energy=0.05, stress_coupling=True, misfit_strain=0.01),
    "led with a law of growth for each film": with_laws,
    "led with rough patches": lambda: with_film(avrami_exponent=2 / 3),
    "led with a leaky film": lambda: with_film(**LEAKY),
    "the same, mirrored, leaky": lambda: with_film(**LEAKY).mirrored(),
    "led under a beam": under_a_beam,
    "heterojunction with ions": lambda: heterojunction(ions=True),
    "every statistics and trap": crowded,
    "the same, from the other side": lambda: crowded().mirrored(),
}


def dense(problem, m) -> np.ndarray:
    """The stored matrix as a dense one."""
    n, most = m.blocks.shape[:2]
    band, size, where = problem.band, problem.size, problem.tables.where
    found = np.zeros((size, size))
    for u in range(band):
        i, r = where[:, u]
        for j in range(max(i - 1, 0), min(i + 2, n)):
            columns = np.nonzero(where[0] == j)[0]
            found[u, columns] = m.blocks[i, r, (j - i + 1) * most + where[1, columns]]
        found[u, band:] = m.blocks[i, r, 3 * most : 3 * most + size - band]
    found[band:] = m.below[:, :size]
    return found


def state_of(problem, runner) -> np.ndarray:
    """A state away from equilibrium with films, lead and dissolved halogen that exist."""
    rng = np.random.default_rng(0)
    runner.record_start()
    runner.follow_current(100.0, 0.0, np.array([1e-4]), "test", [])
    y = runner.state.y.copy()
    y[problem.band + 1 :] = 0.5 * rng.random(problem.lumps - 1)
    for s, plan in enumerate(problem.plans):
        slots = problem.tables.slot[SPECIES + s]
        there = slots[slots >= 0]
        if s <= HOLE:  # below zero a carrier recombines with nothing: a kink that a difference must not step over
            y[there] = np.maximum(y[there], 1e-6)
        else:
            y[there] += (1e-5 if plan.formula == "Pb" else 1e-3) * rng.random(there.size)
    return y


@pytest.mark.parametrize("name", CASES)
def test_matrix_is_the_derivative(name: str) -> None:
    runner = Runner(CASES[name]())
    problem = runner.problem
    y, equations, size = state_of(problem, runner), runner.equations, problem.size
    f, m = np.zeros(size), equations.matrix
    assemble(problem.tables, CONTROL, 0.0, y, equations.state, f, m, True)
    matrix, ledger = dense(problem, m), m.ledger.copy()

    def sides(state):
        out = np.zeros(size)
        assemble(problem.tables, CONTROL, 0.0, state, equations.state, out, m, False)
        return np.concatenate((-out, equations.state.ledger[: ledger.shape[0]]))

    assembled = np.concatenate((matrix, ledger))
    # what the sum of a row is made of, constants included: its rounding limits a difference
    terms = np.abs(assembled) @ np.abs(y) + np.abs(sides(y))
    potentials = {*problem.tables.slot[PSI].tolist(), problem.band}
    for k in range(size):
        wrong = np.full(terms.size, np.inf)
        for relative in (1e-4, 1e-6):
            h = relative * (1.0 if k in potentials else max(abs(y[k]), 1e-3 if k < problem.band else 1e-2))
            up, down = y.copy(), y.copy()
            up[k] += h
            down[k] -= h
            column = (sides(up) - sides(down)) / (2 * h)
            allowed = TOLERANCE * np.abs(assembled[:, k]) + ROUNDING * terms / h
            wrong = np.minimum(wrong, np.abs(column - assembled[:, k]) / (allowed + 1e-300))
        row = int(np.argmax(wrong))
        assert wrong[row] <= 1.0, (problem.name_of(k), row, assembled[row, k], wrong[row])
