"""Ageing by the electrochemical route does not depend on the mesh: what stands at the junction of emitter and ETL.

There halogen takes up electrons, and the field holds the anions against the junction. Those that cannot pass it stand
opposite the vacancies that they left, in a double layer of volts; how thick it is has to be said by the model (sites),
not by the mesh.
"""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led

import perovsim as ps

HOUR = ps.load_protocol("constant_current_1h")
ROUTE = ("oxidised_halogen", "electrochemical_corrosion")
MESHES = ((10, 20, 14), (20, 40, 28), (40, 80, 56))


def aged(cells, transfer: bool = True):
    """An hour of the shipped LED; its junction lets the anions back onto the lattice or not."""
    led = coarse_led(cells, ROUTE)
    kept = tuple(x for x in led.processes if transfer or not x.name.startswith("transfer"))
    return ps.simulate(led.replace(processes=kept), HOUR)


def test_the_voltage_of_the_electrochemical_route_converges() -> None:
    """44, 88 and 176 cells: at every time within 5 mV, and nearer with every step."""
    runs = [aged(cells) for cells in MESHES]
    volts = [np.interp(runs[-1].times, run.times, run.terminals["V"].values) for run in runs]
    settled = runs[-1].times >= 1.0
    steps = [np.abs(fine - coarse)[settled].max() for coarse, fine in zip(volts, volts[1:], strict=False)]
    assert steps[0] < 5e-3 and steps[1] < 0.6 * steps[0], steps


@pytest.mark.parametrize("limited", [True, False])
def test_a_blocked_junction_is_resolved_where_sites_are_limited(limited: bool) -> None:
    """With a limit of sites the time to 8 V is one of the device, to 1 %; without one the run says what is missing."""
    if limited:
        ends = [float(aged(cells, transfer=False).times[-1]) for cells in MESHES[1:]]
        assert ends[0] < 3600.0
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-2)
        return
    led = coarse_led(MESHES[0], ROUTE)
    species = tuple(
        x.replace(layers={name: own.replace(site_density=None) for name, own in x.layers.items()}) for x in led.species
    )
    kept = tuple(x for x in led.processes if not x.name.startswith("transfer"))
    run = ps.simulate(led.replace(species=species, processes=kept), HOUR)
    said = [str(word) for word in run.events["detail"].values]
    assert any("thinner than the cell" in word and "'etl'" in word for word in said), said
