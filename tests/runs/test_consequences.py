"""What products do to the device: blocking raises the voltage, lead takes the light; the light in its units."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import Q

HOUR = ps.load_protocol("constant_current_1h")


def aged(without: str = ""):
    """The shipped LED after an hour, one process off if asked."""
    changes = {f"process__{without}__enabled": False} if without else {}
    return ps.simulate(coarse_led(**changes), HOUR)


def test_a_blocking_film_raises_the_voltage_and_only_then() -> None:
    with_film, without = aged(), aged("blocking")
    assert with_film.interfaces["blocked_fraction"].values[-1] > 0.1
    assert without.interfaces["blocked_fraction"].values.max() == 0.0
    gap = with_film.terminals["V"].values - without.terminals["V"].values
    assert abs(gap[1]) < 1e-4
    assert gap[-1] > 0.01 and np.all(np.diff(gap[with_film.times > 10.0]) > 0.0)


def test_blocked_area_follows_the_amount() -> None:
    """1 - exp(-amount/coverage amount), amounts of both halides together."""
    run = aged()
    amount = sum(run.interfaces[f"film_{name}"].values for name in ("AlCl3", "AlBr3"))
    cover = float(next(p for p in run.device.processes if p.name == "blocking").coverage_amount)
    assert_allclose(run.interfaces["blocked_fraction"].values, -np.expm1(-amount / cover), rtol=1e-12)


def test_lead_takes_the_light() -> None:
    dimmed, bright = aged(), aged("lead_traps")
    left = [run.terminals["photon_flux"].values[-1] for run in (dimmed, bright)]
    assert left[0] < 0.5 * left[1]


def test_light_adds_up() -> None:
    """Photons = outcoupling x radiative recombination; EQE = q flux/J; the lumen of a blue spectrum."""
    run = aged()
    light, cells = run.terminals.isel(time=slice(1, None)), run.fields.isel(time=slice(1, None))
    radiative = np.nansum(cells["R_radiative"].values * cells["cell_width"].values, axis=1)
    outcoupling = float(run.device.emission.outcoupling)
    assert_allclose(light["photon_flux"].values, outcoupling * radiative, rtol=1e-9)
    assert_allclose(light["EQE"].values, Q * light["photon_flux"].values / light["J"].values, rtol=1e-12)
    peak = light["peak_wavelength"].values
    assert np.all((peak > 440e-9) & (peak < 500e-9))
    energy = 6.62607015e-34 * 299792458.0 / peak
    assert_allclose(light["radiance_power"].values, light["photon_flux"].values * energy, rtol=0.01)
    per_watt = np.pi * light["luminance"].values / light["radiance_power"].values
    assert np.all((per_watt > 30.0) & (per_watt < 250.0))  # 683 lm/W V(475 nm) = 77 lm/W


def test_T50_and_rise_refer_to_one_second_after_the_current() -> None:
    run = aged()
    assert_allclose(run.reference_time, 1.0, rtol=1e-6)
    flux = run.terminals["photon_flux"].values
    start = np.interp(run.reference_time, run.times, flux)
    half = np.interp(run.reference_time + run.T50, run.times, flux)
    assert_allclose(half, 0.5 * start, rtol=1e-6)


def test_phase_fraction_of_lead() -> None:
    """f_Pb is Pb0 over the lead sites, and the metal keeps the charge: two vacancies per atom where nothing drifts."""
    run = aged()
    cells = run.fields.isel(time=-1)
    inside = np.isfinite(cells["f_Pb"].values)
    sites = float(run.device.emitter.lattice.lead_density)
    assert_allclose(cells["f_Pb"].values[inside] * sites, cells["Pb0"].values[inside], rtol=1e-12)
    assert 0.0 <= cells["f_Pb"].values[inside].min() and cells["f_Pb"].values[inside].max() <= 1.0


@pytest.mark.parametrize("current", ["1 mA/cm^2", "10 mA/cm^2"])
def test_strain_follows_the_composition(current: str) -> None:
    """Chloride that leaves expands the lattice by (a_Br - a_Cl)/a per unit of x, times 1 + 2 nu/(1 - nu)."""
    run = ps.simulate(coarse_led(), ps.Protocol([ps.constant_current(current, "1 h")]))
    own = run.device.emitter.lattice
    first, last = run.fields.isel(time=0), run.fields.isel(time=-1)
    inside = np.isfinite(first["x_Cl"].values)
    change = (last["x_Cl"].values - first["x_Cl"].values)[inside]
    a = float(own.lattice_parameter_Br), float(own.lattice_parameter_Cl)
    mean = a[0] + (a[1] - a[0]) * float(own.x_Cl)
    nu = float(own.poisson_ratio)
    expected = change * (a[1] - a[0]) / mean * (1 + 2 * nu / (1 - nu))
    found = (last["strain_lattice"].values - first["strain_lattice"].values)[inside]
    assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert np.abs(change).max() > 1e-4
