"""A16, A18, A26 and the golden values: identities of whole runs."""

from __future__ import annotations

import pytest
from exact_limits import hold

LIMITS = {
    "mass_balance": {"imbalance of Cl": 1e-10, "imbalance of Pb": 1e-10, "imbalance of Al": 1e-10, "beyond": 0.0},
    "galvanostat": {"any face": 1e-6, "dV/dt": 1e-3, "replay": 1e-4},
    "mirror": {"carriers": 1e-10, "with ions": 1e-10},
    "golden_values": {"": 5e-6},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    hold(name, LIMITS[name])
