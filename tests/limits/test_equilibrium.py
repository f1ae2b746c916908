"""A1 and A19: no current and no reaction where every potential is the same."""

from __future__ import annotations

import numpy as np
from devices import device, heterojunction, layer
from exact_limits import hold
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.device.kernels.tables import DIFFUSIVITY, HALIDE, PSI, VACANCY, WIDTH
from perovsim.device.running.run import Runner
from perovsim.validate.analytic.equilibrium import currents_at_rest
from perovsim.validate.analytic.stacks import halide_lattice


def test_nothing_flows_at_rest() -> None:
    """Shipped devices and random stacks; halides in the built-in field share one potential each."""
    hold("zero_current", {"current at rest": 1e-12, "spread of M_Cl": 1e-12, "spread of M_Br": 1e-12})


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


@settings(max_examples=15, deadline=None)
@given(
    st.floats(10, 200), st.floats(20, 27), st.floats(-4, -0.8), st.floats(0.05, 0.95), st.floats(0.1, 10.0),
    st.floats(2.9, 4.2), st.floats(4.8, 5.8),
)  # fmt: skip
def test_random_lattices_come_to_one_potential(nm, sites, vacant, x_cl, ratio, cathode, anode) -> None:
    """Any lattice between two transport layers, ions equilibrated: M_X = ln(theta_X/theta_V) - psi of both halides is
    flat to 1e-12 of the sites, and no current flows."""
    lattice = halide_lattice(10**sites, 10 ** (sites + vacant), x_cl, D_ratio_Cl=ratio)
    stack = device([layer("etl", 30, 12, electron_affinity=3.0, ionisation_energy=6.2),
                    layer("emitter", nm, 24, lattice=lattice),
                    layer("htl", 30, 12, electron_affinity=2.6, ionisation_energy=5.5)], cathode, anode)  # fmt: skip
    runner = Runner(stack, 1e-6)
    runner.equilibrate()
    y, t = runner.state.y, runner.tables
    inside = t.slot[HALIDE] >= 0
    psi, free, first = (y[t.slot[kind, inside]] for kind in (PSI, VACANCY, HALIDE))
    fullest = np.argmax(free)
    for own in (first, 1.0 - free - first):
        at_equal_level = own * np.exp(psi[fullest] - psi) * free[fullest] / own[fullest]
        assert_allclose(free, at_equal_level, rtol=0, atol=1e-12)
    runner.equations.evaluate(0.0, y)
    flow, density = runner.equations.state.flow[:2], runner.equations.state.density[:2]
    half = 2.0 * t.species_cell[DIFFUSIVITY, :2] / t.cell[WIDTH]
    assert np.abs(flow).max() <= 1e-12 * (half * density * (1.0 + np.abs(psi).max())).max()


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
