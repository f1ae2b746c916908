"""Numbers with units and standing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from perovsim import constants, units
from perovsim.errors import UnitError
from perovsim.model.quantity import Dimension, as_table


@pytest.mark.parametrize(
    ("text", "si_unit", "expected"),
    [
        ("10 mA/cm^2", "A/m^2", 100.0),
        ("50 nm", "m", 50e-9),
        ("1e-13 cm^2/s", "m^2/s", 1e-17),
        ("1 h", "s", 3600.0),
        ("25 degC", "K", 298.15),
        ("10 ohm cm^2", "ohm m^2", 1e-3),
        ("1.5 mrad", "rad", 1.5e-3),
        ("2 electron/angstrom^2", "m^-2", 2e20),
        ("25 meV", "eV", 0.025),
        ("5e-10 cm^3/s", "m^3/s", 5e-16),
        ("2e-29 cm^6/s", "m^6/s", 2e-41),
        ("6 1/nm", "1/m", 6e9),
        ("0.36", "", 0.36),
        ("inf m/s", "m/s", math.inf),
    ],
)
def test_text_becomes_si(text: str, si_unit: str, expected: float) -> None:
    # expected: definitions of the units
    assert_allclose(units.parse(text, si_unit), expected, rtol=1e-14)


def test_a_number_is_si() -> None:
    assert units.parse(3, "m") == 3.0


@pytest.mark.parametrize("text", ["50", "50 s", "50 nmm", "nm", "", "ten nm"])
def test_unusable_text_raises(text: str) -> None:
    with pytest.raises(UnitError):
        units.parse(text, "m")


def test_constants_of_codata_2018() -> None:
    # CODATA 2018 recommended values, printed to the digits given here
    assert_allclose(constants.F, 96485.33212, rtol=1e-10)
    assert_allclose(constants.R, 8.314462618, rtol=1e-10)


def test_sigma_and_range_are_si() -> None:
    table = {"value": 50, "unit": "nm", "sigma": 2, "range": [40, 60], "status": "cited"}
    quantity = Dimension(("m",)).read(table)
    assert_allclose([quantity.sigma, *quantity.range], [2e-9, 40e-9, 60e-9], rtol=1e-14)
    assert quantity.status == "cited"
    assert float(quantity) == quantity.si


def test_range_follows_the_offset_of_degc() -> None:
    quantity = Dimension(("K",)).read({"value": 25, "unit": "degC", "sigma": 1, "range": [20, 30]})
    assert_allclose([*quantity.range, quantity.sigma], [293.15, 303.15, 1.0], rtol=1e-12)


def test_infinity_only_where_it_has_a_meaning() -> None:
    assert Dimension(("m/s",), infinite=True).read("inf m/s").si == math.inf
    with pytest.raises(UnitError, match="out of range"):
        Dimension(("m",)).read("inf m")


@given(st.floats(1e-3, 1e3), st.sampled_from(["nm", "angstrom", "um", "m"]))
def test_table_of_a_quantity_reads_back(value: float, unit: str) -> None:
    dimension = Dimension(("m",))
    quantity = dimension.read({"value": value, "unit": unit, "sigma": value / 10})
    again = dimension.read(as_table(quantity))
    assert (again.si, again.unit) == (quantity.si, unit)
    assert_allclose(again.sigma, quantity.sigma, rtol=1e-14)
