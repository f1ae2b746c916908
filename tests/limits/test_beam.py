"""A24: what an electron beam does on the running solver, and the control without it."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from exact_limits import hold
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import N_A, Q
from perovsim.errors import ModelFileError, SimulationError
from perovsim.model import Beam, Reaction
from perovsim.validate.analytic.beam import CROSS_SECTION, CURRENT, STOPPING, irradiated, pairs, radiolysis, salt


def test_pairs_radiolysis_and_order() -> None:
    hold("electron_beam", {"radiolysis": 1e-6, "order": 1e-6, "n of": 1e-6, "p of": 1e-6, "dose": 1e-12})


@pytest.mark.parametrize("rtol", [1e-8, 1e-9])
def test_radiolysis_is_exponential_in_the_dose(rtol: float) -> None:
    """In every cell, at tolerances near the rounding of potentials; half an atom of lead per halide."""
    rate = CROSS_SECTION * CURRENT / Q
    run = irradiated(salt(radiolysis("Cl", "salt")), 2.0 / rate, rtol)
    theta = run.fields["theta_Cl"].values
    assert theta[-1].max() < 0.15
    assert_allclose(theta, theta[0] * np.exp(-rate * run.times)[:, None], rtol=100.0 * rtol)
    freed = (theta[0] - theta) * float(run.device.layers[0].lattice.site_density)
    assert_allclose(run.fields["c_Cl_neutral"].values[1:], freed[1:], rtol=1e-8, atol=1e15)
    assert_allclose(run.fields["Pb0"].values[1:], 0.5 * freed[1:], rtol=1e-8, atol=1e15)


def test_radiolysis_ends_where_the_lead_does() -> None:
    """Two halides per lead, two sites per lead: a dose of 30/sigma frees all of both and no more."""
    run = irradiated(salt(radiolysis("Cl", "salt")), 30.0 * Q / (CROSS_SECTION * CURRENT), 1e-5)
    lead = run.fields["f_Pb"].values[-1]
    assert np.all((lead > 0.999) & (lead <= 1.0 + 1e-9))
    assert run.balance["element_Cl"].values.max() <= 1e-10


def beamed(**values):
    """The LED without reactions, with pairs of a beam; no recombination where asked."""
    led = coarse_led(hypotheses=("field_drift",), **values)
    return led.replace(processes=(*led.processes, Beam(kind="beam", name="beam", stopping_power=STOPPING)))


def test_a_beam_is_a_light_of_the_same_pairs() -> None:
    """With recombination: every terminal number equals that of a generation G given by hand."""
    device = beamed()
    gap = float(device.emitter.ionisation_energy) - float(device.emitter.electron_affinity)
    lit = device.with_values({"layer.emitter.generation": pairs(gap)})
    runs = [
        ps.simulate(device, ps.Protocol([ps.rest("1 ms", beam=CURRENT)])),
        ps.simulate(lit, ps.Protocol([ps.rest("1 ms", light=1.0)])),
    ]
    volts = [run.terminals["V"].values for run in runs]
    assert volts[0][-1] > 1.0
    assert_allclose(volts[0], volts[1], rtol=1e-6, atol=1e-9)


def test_beam_off_is_the_control_run() -> None:
    """A step without a beam changes nothing that the processes of the beam could; on and off are steps."""
    led = coarse_led(hypotheses=("oxidised_halogen",))
    with_beam = led.replace(
        processes=(*led.processes, radiolysis("Cl"), Beam(kind="beam", name="b", stopping_power=STOPPING))
    )
    off = ps.simulate(with_beam, ps.Protocol([ps.constant_current(100.0, "1 s")]))
    plain = ps.simulate(led, ps.Protocol([ps.constant_current(100.0, "1 s")]))
    assert_allclose(off.terminals["V"].values, plain.terminals["V"].values, rtol=1e-9)
    assert off.interfaces["extent_radiolysis_Cl"].values[-1] == 0.0
    steps = [ps.rest("1 s"), ps.rest("1 s", beam=CURRENT), ps.rest("1 s")]
    run = ps.simulate(with_beam, ps.Protocol(steps))
    extent = run.interfaces["extent_radiolysis_Cl"].values
    at = [float(np.interp(t, run.times, extent)) for t in (1.0, 2.0, 3.0)]
    assert at[0] == 0.0 and at[1] > 0.0 and at[2] == at[1]
    cells = run.fields.isel(time=0)
    chloride = np.nansum(cells["theta_Cl"].values * cells["cell_width"].values)
    lost = chloride * float(run.device.emitter.lattice.site_density) / N_A * -np.expm1(-CROSS_SECTION * CURRENT / Q)
    assert_allclose(2.0 * at[1], lost, rtol=1e-3)
    for name in ("Cl", "Br", "Pb"):
        assert run.balance[f"element_{name}"].values.max() <= 1e-10


def test_a_beam_on_a_device_that_knows_none_says_so() -> None:
    with pytest.raises(SimulationError, match='kind = "beam"'):
        ps.simulate(coarse_led(hypotheses=("field_drift",)), ps.Protocol([ps.rest("1 s", beam=1.0)]))


def test_what_the_beam_drives_takes_one_halide() -> None:
    led = coarse_led()
    both = Reaction(
        kind="reaction", name="both", reaction="Cl- + Br- -> Cl + Br + 2 e-", site="layer:emitter", drive="beam",
        rate="1e-24 m^2",
    )  # fmt: skip
    with pytest.raises(ModelFileError, match="one for each halide"):
        ps.simulate(led.replace(processes=(*led.processes, both)), ps.Protocol([ps.rest("1 s")]))
