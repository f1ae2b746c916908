"""A22: observed orders against exact solutions."""

from __future__ import annotations

from exact_limits import hold


def test_orders() -> None:
    hold("orders", {"cell size": 0.1, "order 1": 0.1, "order 2": 0.1})
