"""Transformations of the perovskite on the running solver: Avrami (A20), Cs and Pb kept, equilibrium, Arrhenius."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from exact_limits import hold
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.errors import ModelFileError
from perovsim.model import Transformation

RATE, GIBBS, BARRIER = 1e-3, -0.05, 0.7
"""[1/s], [eV] and [eV]."""


def turns(product: str, exponent: float, **values) -> Transformation:
    """A transformation of the emitter."""
    usual = {"rate": RATE, "gibbs_energy": GIBBS, "activation_energy": BARRIER}
    return Transformation(
        kind="transformation", name=product, layer="emitter", product=product, avrami_exponent=exponent,
        **(usual | values),
    )  # fmt: skip


def aged(*processes, hypotheses=("field_drift",), step=None, temperature: float = 298.15):
    """The LED with transformations, after an hour of rest or another step."""
    led = coarse_led((4, 8, 4), hypotheses, temperature=temperature)
    steps = ps.Protocol([step or ps.rest("1 h")], points_per_decade=20)
    return ps.simulate(led.replace(processes=(*led.processes, *processes)), steps, rtol=1e-7)


def inside(run, name: str) -> np.ndarray:
    """A field in the emitter (time, cells)."""
    return run.fields[name].values[:, np.isfinite(run.fields["theta_V"].values[0])]


def converted(run, name: str) -> np.ndarray:
    """Share of what was perovskite at the start, beside the lead that stands at the faces (time, cells)."""
    return inside(run, name) / (1.0 - inside(run, "f_Pb")[0])


def test_avrami() -> None:
    hold("avrami", {"exponent of Avrami": 1e-2, "rate constant": 1e-2, "converted share": 1e-4})


def test_caesium_lead_and_halide_stay() -> None:
    """Three transformations beside the reduction of lead: Cs and Pb of every cell as at the start, to rounding, and
    the halide that the phases hold is that of the lattice where nothing drifts apart: 3 - 2 f_Pb per lead."""
    run = aged(
        turns("PbX2", 1.0), turns("CsPb2X5", 2.0), turns("Cs4PbX6", 1.5),
        hypotheses=("oxidised_halogen",), step=ps.constant_current(100.0, "10 min"),
    )  # fmt: skip
    f = {name: inside(run, f"f_{name}") for name in ("Pb", "PbX2", "CsPb2X5", "Cs4PbX6", "CsX", "CsPbX3")}
    assert all(share[-1].max() > 1e-3 for name, share in f.items() if name != "Pb") and f["Pb"][-1].max() > 0.0
    lead = f["Pb"] + f["PbX2"] + f["CsPb2X5"] + f["Cs4PbX6"] + f["CsPbX3"]
    caesium = f["CsX"] + 0.5 * f["CsPb2X5"] + 4.0 * f["Cs4PbX6"] + f["CsPbX3"]
    halide = 3.0 * f["CsPbX3"] + 2.0 * f["PbX2"] + 2.5 * f["CsPb2X5"] + 6.0 * f["Cs4PbX6"] + f["CsX"]
    assert_allclose(lead, 1.0, rtol=1e-12)
    assert_allclose(caesium, 1.0, rtol=1e-12)
    assert_allclose(halide, 3.0 - 2.0 * f["Pb"], rtol=1e-12)


def test_nothing_turns_at_equilibrium_or_uphill() -> None:
    """dG = 0 or above: no product; a little below: in proportion to -dG/kT."""
    for gibbs in (0.0, 0.05):
        assert np.all(inside(aged(turns("PbX2", 1.0, gibbs_energy=gibbs)), "f_PbX2") == 0.0)
    small = [inside(aged(turns("PbX2", 1.0, gibbs_energy=-g)), "f_PbX2")[-1, 0] for g in (1e-5, 2e-5)]
    assert_allclose(small[1] / small[0], 2.0, rtol=2e-3)


def test_transformations_follow_arrhenius() -> None:
    """-ln(1 - X) = k t at two temperatures: exp(-E/k d(1/T)) times the drives."""
    exponents = [
        -np.log1p(-converted(aged(turns("PbX2", 1.0), step=ps.rest("10 min"), temperature=t), "f_PbX2")[-1, 0])
        for t in (298.15, 308.15)
    ]
    drives = [-np.expm1(GIBBS * Q / (K_B * t)) for t in (298.15, 308.15)]
    ratio = np.exp(BARRIER * Q / K_B * (1.0 / 298.15 - 1.0 / 308.15)) * drives[1] / drives[0]
    assert_allclose(exponents[1] / exponents[0], ratio, rtol=1e-5)


def test_vacancies_set_the_pace_where_asked() -> None:
    """k in proportion to theta_V: -ln(1 - X) is k times the time integral of theta_V over its reference."""
    run = aged(turns("PbX2", 1.0, vacancies=1e-4), step=ps.constant_current(100.0, "1 h"))
    theta, share = inside(run, "theta_V"), converted(run, "f_PbX2")[-1]
    passed = np.trapezoid(theta, run.times, axis=0) / 1e-4
    k = RATE * -np.expm1(GIBBS / (K_B * 298.15 / Q))
    assert passed.max() > 1.2 * passed.min()
    assert_allclose(-np.log1p(-share), k * passed, rtol=5e-3)


def test_only_a_lattice_transforms() -> None:
    led = coarse_led()
    with pytest.raises(Exception, match="no halide lattice") as caught:
        led.replace(processes=(*led.processes, turns("PbX2", 1.0).replace(layer="etl")))
    assert isinstance(caught.value, (ModelFileError, ValueError))
