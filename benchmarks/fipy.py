"""The FiPy backend against the solver on one transient that both finish within 1e-3 of a converged reference.

A three-layer stack with mobile vacancies under 100 A/m^2 for 1 ms, 64 cells; the error is that of the voltage, the
reference a run at rtol 1e-9 on the same mesh, which both share. FiPy takes as many implicit Euler steps as it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._timing import best_of

END, ALLOWED, STEPS, BAR = "1 ms", 1e-3, (1, 2, 4, 8, 16, 32, 64, 128), 100.0


def stack() -> Any:
    """ETL | emitter with vacancies | HTL."""
    import perovsim as ps

    def layer(name: str, nm: float, cells: int, eps: float, chi: float, ion: float, states: float, mu: tuple, **more):
        return {
            "name": name, "thickness": nm * 1e-9, "cells": cells, "permittivity": eps, "electron_affinity": chi,
            "ionisation_energy": ion, "N_c": states, "N_v": states, "mobility_electron": mu[0], "mobility_hole": mu[1],
            **more,
        }  # fmt: skip

    vacancies = [{"name": "V", "charge": 1, "D": 1e-14, "density": 1e24}]
    layers = [
        layer("etl", 40, 16, 3.5, 3.0, 6.4, 1e26, (2e-9, 1e-10)),
        layer("emitter", 50, 32, 16.0, 3.2, 5.8, 2e24, (1e-4, 1e-4), k_radiative=1e-16, ion=vacancies),
        layer("htl", 40, 16, 3.0, 2.2, 5.6, 1e26, (1e-10, 2e-9)),
    ]
    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": 3.15},
        {"which": "anode", "name": "anode", "work_function": 5.45},
    ]
    return ps.Device(name="fipy", temperature=300.0, contact=contacts, layer=layers)


def run() -> dict[str, Any]:
    """Return the seconds and the errors of both, and their ratio."""
    import perovsim as ps

    device = stack()
    protocol = ps.Protocol([ps.constant_current("100 A/m^2", END)], points_per_decade=5)
    exact = ps.simulate(device, protocol, rtol=1e-9).terminals["V"].values
    late = ps.simulate(device, protocol).times > 1e-8

    def error(result: Any) -> float:
        return float(np.abs(result.terminals["V"].values - exact)[late].max() / exact.max())

    _, ours, result = best_of(lambda: ps.simulate(device, protocol))
    for steps in STEPS:
        _, theirs, reference = best_of(
            lambda n=steps: ps.simulate(device, protocol, solver="fipy", steps_per_output=n), 1
        )
        if error(reference) <= ALLOWED:
            break
    return {
        "seconds": ours,
        "error": error(result),
        "fipy_seconds": theirs,
        "fipy_error": error(reference),
        "fipy_steps_per_output": steps,
        "ratio": round(theirs / ours, 1),
        "both_within": max(error(result), error(reference)) <= ALLOWED,
        "bar_ratio": BAR,
        "held": theirs / ours >= BAR and max(error(result), error(reference)) <= ALLOWED,
    }
