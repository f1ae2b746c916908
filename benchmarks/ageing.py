"""One ageing run of the shipped LED, 1e-9 to 1e5 s at 10 mA/cm^2: carriers and two halides, then all processes.

`seconds` is the run with carriers and halides on 301 nodes; `all_processes_s` the hour of the shipped protocol with
every reaction.
"""

from __future__ import annotations

from typing import Any

from benchmarks._timing import best_of, measure

CELLS = (90, 121, 90)
BAR_S, BAR_ALL_S = 0.3, 1.0


def case() -> tuple[Any, Any]:
    """The LED without reactions on 301 cells, and its protocol."""
    import perovsim as ps

    led = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    layers = tuple(layer.replace(cells=n) for layer, n in zip(led.layers, CELLS, strict=True))
    return led.replace(layers=layers), ps.Protocol([ps.constant_current("10 mA/cm^2", duration="1e5 s")])


def run() -> dict[str, Any]:
    """Return both times."""
    import perovsim as ps

    found = measure("benchmarks.ageing", *case(), BAR_S)
    device, protocol = ps.load_device("nanoled_like"), ps.load_protocol("constant_current_1h")
    hour, _ = best_of(lambda: ps.simulate(device, protocol))
    held = found["held"] and hour <= BAR_ALL_S
    return {**found, "all_processes_s": round(hour, 4), "bar_all_processes_s": BAR_ALL_S, "held": held}
