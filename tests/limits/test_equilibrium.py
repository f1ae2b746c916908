"""A1 and A19: no current and no reaction where every potential is the same."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, heterojunction, layer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q
from perovsim.device.run import Runner
from perovsim.device.tables import BUILT_IN, DIFFUSIVITY, PSI, WIDTH
from perovsim.model import load_device

SHIPPED = ("nanoled_like", "ion_benchmark")


def currents_at_rest(device) -> tuple[float, float]:
    """Largest carrier flux in equilibrium and the largest term g n B(-d) of which it is a difference [A/m^2]."""
    runner = Runner(device)
    runner.equations.evaluate(0.0, runner.state.y)
    state, t = runner.equations.state, runner.tables
    half = 2.0 * t.species_cell[DIFFUSIVITY, :2] / t.cell[WIDTH]
    ends = [t.number[BUILT_IN], *runner.state.y[t.slot[PSI]], 0.0]
    drop = np.maximum(np.abs(np.diff(ends))[:-1], np.abs(np.diff(ends))[1:])
    return Q * np.abs(state.flow[:2]).max(), Q * (half * state.density[:2] * (1.0 + drop)).max()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_devices_carry_no_current(name: str) -> None:
    flux, term = currents_at_rest(load_device(name))
    assert flux <= 1e-12 * term


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(5, 300), st.floats(2.5, 4.5), st.floats(1.0, 3.5), st.floats(3, 30),
                       st.floats(-11, -2), st.floats(22, 26)), min_size=1, max_size=6),
    st.floats(2.8, 4.5), st.floats(4.6, 6.0), st.floats(250, 400), st.booleans(),
)  # fmt: skip
def test_random_stacks_carry_no_current(parts, cathode, anode, temperature, mirrored) -> None:
    """Any stack of heterojunctions: the flux is rounding of its single terms (thermodynamic consistency)."""
    layers = [layer(f"l{k}", nm, 30, electron_affinity=chi, ionisation_energy=chi + gap, permittivity=eps,
                    mobility_electron=10**mu, mobility_hole=10**mu, N_c=10**states, N_v=10**states)
              for k, (nm, chi, gap, eps, mu, states) in enumerate(parts)]  # fmt: skip
    stack = device(layers, cathode, anode, temperature)
    flux, term = currents_at_rest(stack.mirrored() if mirrored else stack)
    assert flux <= 1e-12 * max(term, 1e-300)


def test_equilibrated_ions_rest() -> None:
    """Ions equilibrated at zero bias: held there for a day, nothing moves."""
    run = ps.simulate(heterojunction(ions=True), ps.Protocol([ps.short_circuit("1 day")], ions="equilibrated"))
    assert np.abs(run.terminals["J"].values).max() <= 1e-6
    c, psi = run.fields["c_V"].values, run.fields["potential"].values
    inside = np.isfinite(c[0])
    kt = 8.617333262e-5 * 300.0
    level = np.log(c[-1, inside]) + psi[-1, inside] / kt
    assert np.ptp(level) <= 1e-8
    assert_allclose(c[-1, inside], c[0, inside], rtol=1e-6)


def test_fermi_levels_are_flat_in_equilibrium() -> None:
    run = ps.simulate(heterojunction(), ps.Protocol([ps.short_circuit("1 ms")]))
    for name in ("E_Fn", "E_Fp"):
        assert np.ptp(run.fields[name].values[0]) <= 1e-11
