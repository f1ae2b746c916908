"""Small-signal impedance of the shipped LED at 2.7 V, 50 frequencies from 1 mHz to 1 MHz, ions moving [s]."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._timing import best_of, peak_memory_mb

FREQUENCIES, BAR_S = np.geomspace(1e-3, 1e6, 50), 0.5


def spectrum() -> Any:
    """One spectrum, the way to the bias included."""
    import perovsim as ps

    device = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    return ps.impedance(device, voltage="2.7 V", frequencies=FREQUENCIES, ions="equilibrated")


def run() -> dict[str, Any]:
    """Return the seconds of a spectrum in a warm process."""
    first, seconds, found = best_of(spectrum)
    return {
        "frequencies": int(found.sizes["frequency"]),
        "C_low_F_m2": float(found["C"].values[0]),
        "C_high_F_m2": float(found["C"].values[-1]),
        "first_run_s": first,
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(),
        "bar_s": BAR_S,
        "held": seconds <= BAR_S,
    }
