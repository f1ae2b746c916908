"""Errors fall with the mesh at second order and with the tolerance of the time integration in proportion to it."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, heterojunction

import perovsim as ps


def refined(stack, factor: int):
    """The same device with more cells in every layer."""
    return stack.replace(layers=tuple(part.replace(cells=factor * part.cells) for part in stack.layers))


def order(values: list[float]) -> float:
    """Observed order of three values, each with half the cell size of the one before."""
    return float(np.log2(abs(values[0] - values[1]) / abs(values[1] - values[2])))


@pytest.mark.parametrize("voltage", [2.2, 3.0])
def test_steady_current_is_second_order_in_the_cell_size(voltage: float) -> None:
    steps = ps.Protocol([ps.constant_voltage(voltage, "1 ms")])
    found = [
        float(ps.simulate(refined(heterojunction(), factor), steps, rtol=1e-8).terminals["J"].values[-1])
        for factor in (1, 2, 4)
    ]
    assert 1.85 <= order(found) <= 2.3, found


def test_screening_by_ions_is_second_order_in_the_cell_size() -> None:
    steps = ps.Protocol([ps.constant_current(10.0, "10 s")])
    found = [
        float(ps.simulate(refined(heterojunction(ions=True), factor), steps, rtol=1e-8).terminals["V"].values[-1])
        for factor in (1, 2, 4)
    ]
    assert 1.85 <= order(found) <= 2.3, found


def test_the_error_in_time_follows_the_tolerance() -> None:
    """An ageing hour, chemistry included: a hundred times smaller rtol, at least ten times smaller error, all times."""
    hour = ps.load_protocol("constant_current_1h")
    runs = {rtol: ps.simulate(coarse_led(), hour, rtol=rtol) for rtol in (1e-3, 1e-5, 1e-9)}
    exact = runs[1e-9].terminals["V"].values
    errors = [np.abs(runs[rtol].terminals["V"].values - exact).max() for rtol in (1e-3, 1e-5)]
    assert errors[0] < 5e-3 and errors[1] < 2e-4
    assert errors[1] < 0.1 * errors[0]
