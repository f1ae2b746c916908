"""The bare Al | lead halide couple: its voltage from the table, its zero, and corrosion without current."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.constants import N_A, F
from perovsim.model import load_device
from perovsim.model.equation import parse_equation
from perovsim.physics.thermochemistry import emf, load_table

COUPLES = {"corrosion_couple": ("Cl", 0.549), "corrosion_couple_br": ("Br", 0.336)}
THICK = {"Cl": ps.short_circuit("5 min"), "Br": ps.short_circuit("40 min")}
"""Grows a film many layers thick, whose activity is one, and leaves most of the salt."""


def potential(halide: str) -> float:
    """emf of 2 Al + 3 PbX2 -> 2 AlX3 + 3 Pb from the package's table [V]."""
    return emf(parse_equation(f"2 Al + 3 Pb{halide}2 -> 2 Al{halide}3 + 3 Pb"), load_table(), 6)


@pytest.mark.parametrize("name", COUPLES)
def test_open_circuit_voltage_is_the_emf(name: str) -> None:
    halide, published = COUPLES[name]
    run = ps.simulate(load_device(name).with_hypotheses("cell"), ps.Protocol([THICK[halide], ps.rest("1e6 s")]))
    assert_allclose(potential(halide), published, atol=1e-3)
    assert_allclose(run.terminals["V"].values[-1], potential(halide), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", COUPLES)
def test_rate_changes_sign_at_the_emf(name: str) -> None:
    """One microvolt below the emf aluminium dissolves, one above it is deposited."""
    halide, _ = COUPLES[name]
    rates = []
    for offset in (-1e-6, 1e-6):
        steps = ps.Protocol([THICK[halide], ps.constant_voltage(potential(halide) + offset, "1e6 s")])
        run = ps.simulate(load_device(name).with_hypotheses("cell"), steps)
        extent = run.interfaces["extent_al_oxidation"].values
        rates.append((extent[-1] - extent[-2]) / (run.times[-1] - run.times[-2]))
    assert rates[0] > 0.0 > rates[1]
    assert_allclose(rates[0], -rates[1], rtol=1e-3)


def test_a_moved_table_moves_the_running_couple(tmp_path) -> None:
    """dGf of AlCl3 up by 10 kJ/mol: the open-circuit voltage falls by 2 x 10 kJ/mol / 6 F = 34.55 mV."""
    from perovsim.model.library import models_directory
    from perovsim.physics.thermochemistry import PACKAGE_TABLE

    table = PACKAGE_TABLE.read_text().replace("AlCl3,-630.02", "AlCl3,-620.02")
    assert table != PACKAGE_TABLE.read_text()
    (tmp_path / "moved.csv").write_text(table)
    text = (models_directory() / "devices/corrosion_couple.toml").read_text()
    (tmp_path / "couple.toml").write_text(text.replace("thermochemistry.csv", "moved.csv"))
    steps = ps.Protocol([THICK["Cl"], ps.rest("1e6 s")])
    run = ps.simulate(load_device(tmp_path / "couple.toml").with_hypotheses("cell"), steps)
    assert_allclose(run.terminals["V"].values[-1], potential("Cl") - 20e3 / (6 * F), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", COUPLES)
def test_aluminium_corrodes_without_current(name: str) -> None:
    """Local cell at rest: a film grows, as much lead is deposited on the spot, and no charge passes the wire."""
    halide, _ = COUPLES[name]
    run = ps.simulate(load_device(name), ps.Protocol([ps.rest("1 h")]))
    film = run.interfaces[f"film_Al{halide}3"].values
    assert film[-1] > 1e-6 and np.all(np.diff(film) >= 0)
    lead = run.interfaces["deposit_Pb_al"].values[-1] + run.interfaces["deposit_Pb_pb"].values[-1]
    assert_allclose(3.0 * film[-1] - 2.0 * lead, vacancies_gained(run), rtol=1e-6)
    assert abs(run.terminals["charge_passed"].values[-1]) <= 1e-9
    mixed = run.terminals["V"].values[-1]
    assert 0.0 < mixed < potential(halide) + 0.03


def vacancies_gained(run) -> float:
    """Charge that the vacancies of the salt took up since the start [mol/m^2]."""
    cells = run.fields.isel(time=[0, -1])
    amounts = (cells["theta_V"] * cells["cell_width"]).sum("x").values
    return float(amounts[1] - amounts[0]) * float(run.device.layers[0].lattice.site_density) / N_A


def test_faraday() -> None:
    """A13: charge through the wire = 2 F per mole of lead = 3 F per mole of AlCl3 less what the salt keeps.

    1 nm of AlCl3 (53.766 cm^3/mol) is 0.538 mC/cm^2.
    """
    run = ps.simulate(load_device("corrosion_couple").with_hypotheses("cell"), ps.Protocol([ps.short_circuit("1 min")]))
    film, lead = run.interfaces["film_AlCl3"].values[-1], run.interfaces["deposit_Pb_pb"].values[-1]
    assert_allclose(3.0 * film - 2.0 * lead, vacancies_gained(run), rtol=1e-6)
    double_layer = 0.3  # C/m^2, a surface charge of 2 e/nm^2
    assert_allclose(-run.terminals["charge_passed"].values[-1], 2.0 * F * lead, rtol=0, atol=double_layer)
    assert_allclose(run.interfaces["faradaic_charge_al_oxidation"].values[-1], 3.0 * F * film, rtol=1e-12)
    thickness = run.interfaces["thickness_AlCl3"].values[-1]
    assert_allclose(3.0 * F * film / thickness, 0.538e-3 * 1e4 / 1e-9, rtol=1e-3)
    assert_allclose(film, thickness / 53.766e-6, rtol=1e-12)
