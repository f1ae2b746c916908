"""Small-signal impedance against closed forms, the steady J-V curve and the answer to a small step in time."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, device, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import EPS_0, K_B, Q

LENGTH, EPS, D, N = 100e-9, 20.0 * EPS_0, 1e-14, 1e24
"""Blocking cell: gap [m], permittivity [F/m], diffusivity [m^2/s], density of each ion [m^-3]."""
VT = K_B * 300.0 / Q
SETTLED = 300.0
"""Time [s] after which the ions of the heterojunction rest."""
FREQUENCIES = np.geomspace(1e-3, 1e6, 28)


def impedance(*args, **more) -> np.ndarray:
    found = ps.impedance(*args, **more)
    return found["Z_real"].values + 1j * found["Z_imag"].values


def blocking_cell(charges: tuple[int, ...], cells: int = 200, **circuit):
    """Ions on a neutralising background between metals of one work function, no electrons or holes."""
    ions = [
        {"name": f"ion{z:+d}".replace("+", "p").replace("-", "m"), "charge": z, "D": D, "density": N} for z in charges
    ]
    own = {"name": "salt", "thickness": LENGTH, "cells": cells, "permittivity": EPS / EPS_0, "transport": False}
    return device([own | ({"ion": ions} if ions else {})], cathode=4.0, anode=4.0, **circuit)


def debye(omega: np.ndarray, mobile: int) -> np.ndarray:
    """Z = L/(eps D s^2) + 2 kappa^2 tanh(s L/2)/(i omega eps s^3), s^2 = kappa^2 + i omega/D, kappa = 1/lambda_D.

    The linear Poisson-Nernst-Planck equations between blocking metals, one or two mobile ions of one D: Macdonald,
    Phys. Rev. 92, 4 (1953); the time lambda_D L/(2 D) of Bazant et al., PRE 70, 021506 (2004) is its limit.
    """
    kappa2 = mobile * N * Q / (EPS * VT)
    s = np.sqrt(kappa2 + 1j * omega / D)
    return LENGTH / (EPS * D * s**2) + 2.0 * kappa2 * np.tanh(s * LENGTH / 2.0) / (1j * omega * EPS * s**3)


@pytest.mark.parametrize("charges", [(1,), (-1,), (1, -1)])
def test_blocked_ions_have_the_impedance_of_debye_layers(charges: tuple[int, ...]) -> None:
    """From the charged double layers to the geometric capacitance; the mesh leaves 3e-4."""
    found = impedance(blocking_cell(charges), voltage=0.0, frequencies=FREQUENCIES, ions="equilibrated")
    exact = debye(2.0 * np.pi * FREQUENCIES, len(charges))
    assert_allclose(np.abs(found / exact - 1.0), 0.0, rtol=0, atol=1e-3)


def test_the_impedance_of_debye_layers_is_second_order_in_the_cell_size() -> None:
    exact, errors = debye(2.0 * np.pi * FREQUENCIES, 1), []
    for cells in (50, 100, 200):
        found = impedance(blocking_cell((1,), cells), voltage=0.0, frequencies=FREQUENCIES, ions="equilibrated")
        errors.append(np.abs(found / exact - 1.0).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 1.8) & (orders < 2.3)), errors


def test_a_dielectric_in_its_circuit_is_an_rc_network() -> None:
    """Z = R_s + 1/(1/R_sh + i omega (C_geo + C_par)); no physics but the geometric capacitance."""
    cell = blocking_cell(
        (), area="4 mm^2", series_resistance="25 ohm", shunt_resistance="2 Mohm", parallel_capacitance="1 nF"
    )
    area, c_geo = 4e-6, EPS / LENGTH
    omega = 2.0 * np.pi * FREQUENCIES
    exact = 25.0 * area + 1.0 / (1.0 / (2e6 * area) + 1j * omega * (c_geo + 1e-9 / area))
    found = ps.impedance(cell, voltage=1.0, frequencies=FREQUENCIES)
    assert_allclose(found["Z_real"] + 1j * found["Z_imag"].values, exact, rtol=1e-11)
    assert_allclose(found["V"], 1.0, rtol=1e-12)
    current = 1.0 / (25.0 * area + 2e6 * area)
    assert_allclose(found["J"], current, rtol=1e-13 / (25.0 * area * current))  # (V - v)/R_s: the digits that V leaves


@pytest.mark.parametrize("ions", ["uniform", "equilibrated"])
@pytest.mark.parametrize("make", [lambda: heterojunction(ions=True), lambda: coarse_led(series_resistance="0 ohm m^2")])
def test_the_low_frequency_limit_is_the_slope_of_the_steady_curve(make, ions: str) -> None:
    stack, step = make(), 1e-3
    low = impedance(stack, voltage=2.6, frequencies=[1e-7], ions=ions)[0]
    j = [float(ps.impedance(stack, voltage=2.6 + d, frequencies=[1.0], ions=ions)["J"]) for d in (-step, step)]
    assert_allclose(low.real, 2.0 * step / (j[1] - j[0]), rtol=1e-4)
    assert abs(low.imag) <= 1e-4 * low.real


def test_a_device_that_heats_itself_says_that_its_temperature_is_held() -> None:
    """Z is that of a device kept at the temperature of the bias, also where heating would follow: at 1e-7 Hz."""
    stack = heterojunction()
    hot = stack.replace(thermal_resistance=5e-2, heat_capacity=2.0)
    steps = [ps.constant_current(100.0, "10 min"), ps.measure_impedance("1e-4 Hz", "1 Hz", points=3)]
    run = ps.simulate(hot, ps.Protocol(steps))
    kept = stack.replace(temperature=float(run.terminals["temperature"].values[-1]))
    same = impedance(kept, current=100.0, frequencies=run.impedance["frequency"].values)
    assert float(kept.temperature) > 310.0
    assert_allclose(run.impedance["Z_real"].values[0], same.real, rtol=1e-5)
    assert "temperature held" in run.impedance["Z_real"].long_name
    assert "no thermal feedback" in run.summary()


def test_high_frequencies_see_the_geometric_capacitance() -> None:
    """C_geo = 1/sum(L/eps), at a bias where carriers flow, far above their dielectric relaxation of 1e9 1/s."""
    stack = heterojunction()
    c_geo = EPS_0 / sum(float(x.thickness) / float(x.permittivity) for x in stack.layers)
    found = ps.impedance(stack, current=30.0, frequencies=[1e14])
    assert_allclose(found["C"].values, c_geo, rtol=1e-4)
    assert_allclose(found["J"], 30.0, rtol=1e-9)


def test_bias_by_current_and_by_voltage_are_one() -> None:
    stack = heterojunction(ions=True)
    by_current = ps.impedance(stack, current=20.0, frequencies=FREQUENCIES, ions="equilibrated")
    volts = float(by_current["V"])
    by_voltage = ps.impedance(stack, voltage=volts, frequencies=FREQUENCIES, ions="equilibrated")
    assert_allclose(by_voltage["Z_real"], by_current["Z_real"], rtol=1e-5)
    assert_allclose(by_voltage["Z_imag"], by_current["Z_imag"], rtol=1e-4, atol=1e-9)


def test_the_answer_to_a_small_step_of_current_has_the_same_impedance() -> None:
    """Z(omega) = v(inf)/dJ + i omega int (v - v(inf))/dJ exp(-i omega t) dt of v(t) after J + dJ, ions moving.

    The difference of steps up and down is odd in dJ: its error is of third order.
    """
    stack, current, step = heterojunction(ions=True), 20.0, 2e-2
    traces = []
    for sign in (1.0, -1.0):
        steps = [ps.constant_current(current, SETTLED), ps.constant_current(current + sign * step, 1e6)]
        run = ps.simulate(stack, ps.Protocol(steps, points_per_decade=60, first_output="1 ns"), rtol=1e-9)
        later = run.times >= SETTLED
        traces.append(run.terminals["V"].values[later])
        times = run.times[later] - SETTLED
    v = (traces[0] - traces[1]) / (2.0 * step)
    v[0] = 0.0
    omega = 2.0 * np.pi * np.geomspace(1e-2, 1e5, 15)
    exact = impedance(stack, current=current, frequencies=omega / (2.0 * np.pi), ions="equilibrated")
    found = np.array([v[-1] + 1j * w * _fourier(times, v - v[-1], w) for w in omega])
    assert_allclose(np.abs(found / exact - 1.0), 0.0, rtol=0, atol=3e-3)


def _fourier(t: np.ndarray, v: np.ndarray, w: float) -> complex:
    """Integral of v exp(-i w t) with v linear between its points, by parts."""
    slope = np.diff(v) / np.diff(t)
    wave = np.exp(-1j * w * t)
    return complex((v[0] * wave[0] - v[-1] * wave[-1]) / (1j * w) - (slope * np.diff(wave)).sum() / (1j * w) ** 2)
