"""A20: clusters of metallic lead on the running solver, nucleation from the overpotential that its fields show."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, N_A, Q
from perovsim.errors import ModelFileError
from perovsim.model import LeadClusters
from perovsim.physics.thermochemistry import load_table

RATE, SEEDS, SPREAD, GAMMA = 1e21, 1e24, 0.2, 0.5
"""Nuclei per volume and time without a barrier [m^-3 s^-1], clusters at the start [m^-3] and their spread, [J/m^2]."""
VOLUME = load_table().molar_volume("Pb") / N_A


def with_clusters(**values):
    """The LED whose lead reduction makes clusters."""
    led = coarse_led((4, 6, 4), ("oxidised_halogen",))
    usual = dict(rate=RATE, surface_energy=GAMMA, initial_density=SEEDS, initial_spread=SPREAD)
    own = dict(kind="lead_clusters", name="clusters", reaction="lead_reduction")
    return led.replace(processes=(*led.processes, LeadClusters(**(own | usual | values))))


@pytest.fixture(scope="module")
def run():
    """Ten minutes at 10 mA/cm^2."""
    return ps.simulate(with_clusters(), ps.Protocol([ps.constant_current(100.0, "10 min")], points_per_decade=20))


def inside(run, name: str) -> np.ndarray:
    """A field in the emitter (time, cells)."""
    return run.fields[name].values[:, np.isfinite(run.fields["theta_V"].values[0])]


def test_nuclei_follow_the_overpotential(run) -> None:
    """N = N_0 + int J dt to 1 %, J = J_0 exp[-B/(A^2 kT)], A/2 = E_Fn + phi - E_Pb + kT/2 ln a(Pb2+) of the fields."""
    device, thermal = run.device, K_B * float(run.device.temperature) / Q
    level = inside(run, "E_Fn") + inside(run, "potential") - float(device.electrochemistry.redox_level)
    drive = level + 0.5 * thermal * np.log(1.0 - inside(run, "f_Pb"))
    barrier = float(device.process("lead_reduction").nucleation_barrier)
    rate = RATE * np.exp(-barrier / ((2.0 * drive) ** 2 * thermal)) * (drive > 0.0)
    born = np.trapezoid(rate, run.times, axis=0)
    # nuclei are of new lead: as many as it is enough for
    radius = GAMMA * VOLUME / (drive[-1] * Q)
    enough = (inside(run, "Pb0")[-1] - inside(run, "Pb0")[0]) * VOLUME / (4.0 * np.pi / 3.0 * radius**3)
    free = born < 0.1 * enough
    found = inside(run, "pb_cluster_density")[-1] - SEEDS
    assert free.any() and found[free].max() > 1e-3 * SEEDS
    assert_allclose(found[free], born[free], rtol=1e-2)


def test_clusters_hold_the_lead_of_the_ledger(run) -> None:
    """Moments of some population whose volume is v c: M_0 M_2 >= M_1^2, M_1 M_3 >= M_2^2; at the start lognormal."""
    count, mean, spread = (inside(run, f"pb_cluster_{name}") for name in ("density", "mean_radius", "radius_spread"))
    third = 3.0 * VOLUME * inside(run, "Pb0") / (4.0 * np.pi)
    second = count * (mean**2 + spread**2)
    assert np.all(count * mean * third >= second**2 * (1.0 - 1e-9))
    assert_allclose(spread[0], SPREAD * mean[0], rtol=1e-6)
    assert_allclose(third[0], count[0] * mean[0] ** 3 * (1.0 + SPREAD**2) ** 3, rtol=1e-6)
    assert np.all(np.diff(count, axis=0) >= 0.0)


def test_clusters_are_observers(run) -> None:
    """Voltage, lead and elements are those of the device without them."""
    led = coarse_led((4, 6, 4), ("oxidised_halogen",))
    plain = ps.simulate(led, ps.Protocol([ps.constant_current(100.0, "10 min")], points_per_decade=20))
    assert np.array_equal(run.terminals["V"].values, plain.terminals["V"].values)
    for name in ("Cl", "Br", "Pb", "Al"):
        assert run.balance[f"element_{name}"].values.max() <= 1e-10


def test_a_reaction_that_makes_no_lead_is_refused() -> None:
    with pytest.raises(ModelFileError, match="no enabled reaction 'nothing' makes lead"):
        ps.simulate(with_clusters(reaction="nothing"), ps.Protocol([ps.rest("1 s")]))
