"""A19: no negative dissipation, closed loops of reactions, equilibrium where the table says."""

from __future__ import annotations

import numpy as np
import pytest
from exact_limits import hold

from perovsim.device.kernels.tables import ELECTRON, ENERGY, INTRINSIC, SPECIES
from perovsim.device.running.run import Runner
from perovsim.validate.analytic.dissipation import dissipation
from perovsim.validate.analytic.equilibrium import HYPOTHESES, closed_loops, random_state, small_led

KINDS = ("transport", "contacts", "halides", "recombination", "reactions")


def test_no_state_dissipates_less_than_nothing() -> None:
    hold("second_law", {**dict.fromkeys(KINDS, 1e-12), "negative total": 0.0})


def test_detailed_balance() -> None:
    hold("detailed_balance", {"loops": 1e-12, "against the table": 1e-6, "net rate": 1e-12})


@pytest.fixture
def led() -> Runner:
    """The shipped LED with every reaction, on few cells."""
    return Runner(small_led(*HYPOTHESES))


def test_every_kind_of_term_is_there(led: Runner) -> None:
    found = dissipation(led, random_state(led, np.random.default_rng(0)))
    for name in KINDS:
        assert np.count_nonzero(getattr(found, name)) > 1, name


def test_a_wrong_intrinsic_density_breaks_the_second_law(led: Runner) -> None:
    """Recombination that vanishes elsewhere than at equal levels runs against its force between the two."""
    slot = led.tables.slot[SPECIES + ELECTRON]
    y = led.state.y.copy()
    y[slot[slot >= 0]] *= 1.05
    assert dissipation(led, y).recombination.min() >= 0.0
    led.tables.cell[INTRINSIC] *= 1.1
    assert dissipation(led, y).recombination.min() < 0.0


def test_a_wrong_potential_opens_the_loops(led: Runner) -> None:
    led.tables.rate[3, ENERGY] += 1e-6
    worst, _ = closed_loops(led, np.random.default_rng(0))
    assert worst > 1e-12
