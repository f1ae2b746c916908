"""Rows of the tables of the report, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.conservation import FLOOR, bar
from perovsim.findings import shown
from perovsim.model.quantity import STATUSES

if TYPE_CHECKING:
    from perovsim.model import Device, Protocol
    from perovsim.result import Result

NAMES = {
    "current_uniformity": "current, from face to face",
    "charge": "charge: electrons, holes, ions",
    "current_rounding_floor": "rounding floor of the current",
}
BEYOND = {"current_uniformity": " + rounding floor"}
"""What is allowed besides the bar."""

STEP_WORDS = (
    *("current_density", "current", "voltage", "low", "high", "period", "duty", "count", "start", "stop", "rate"),
    *("dwell", "ions", "lowest", "highest", "compliance"),
)
"""What is told of a step, where it has it."""


def outcome(result: Result) -> dict[str, str]:
    """Headline numbers of one run."""
    last = result.terminals.isel(time=-1)
    t50 = "not reached" if result.T50 is None else f"{shown(result.T50)} s"
    if result.reference_time is None:
        t50 = "no reference"
    charge = float(last["charge_passed"])
    share = "undefined"
    if charge > 0 and "faradaic_charge" in result.interfaces:
        share = shown(float(result.interfaces["faradaic_charge"].values[-1]) / charge)
    return {
        "duration": f"{shown(float(result.times[-1]))} s",
        "voltage at the end": f"{float(last['V']):.3f} V",
        "ΔV": "–" if result.delta_V is None else f"{result.delta_V:+.4f} V",
        "luminance at the end": f"{shown(float(last['luminance']))} cd/m²",
        "largest luminance": f"{shown(float(result.terminals['luminance'].max()))} cd/m²",
        "T50": t50,
        "charge passed": f"{shown(charge)} C/m²",
        "faradaic share": share,
        "ended by": ended(result),
        "computing time": f"{float(result.attrs.get('wall_seconds', float('nan'))):.2f} s",
    }


def ended(result: Result) -> str:
    """Say how the run ended: the last event, or the end of the protocol."""
    events = result.events
    if "detail" not in events or events.sizes.get("event", 0) == 0:
        return "the end of the protocol"
    return f"{events['kind'].values[-1]}: {events['detail'].values[-1]}"


def steps(protocol: Protocol) -> list[str]:
    """Steps of the protocol in words."""
    lines = []
    for step in protocol.steps:
        words = [step.kind.replace("_", " ")]
        for name in STEP_WORDS:
            value = getattr(step, name, None)
            if value is not None:
                words.append(f"{name.replace('_', ' ')} {value}")
        if step.duration.si > 0.0:
            words.append(f"for {step.duration}")
        if getattr(step, "light", None) is not None and step.light.si > 0.0:
            words.append(f"light {step.light}")
        lines.append(", ".join(words))
    return lines


def conservation(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Largest imbalance of every ledger in every run beside what is allowed."""
    names = dict.fromkeys(name for result in results.values() for name in result.balance)
    rows = []
    for name in names:
        values = [
            float(np.nanmax(np.abs(result.balance[name].values))) if name in result.balance else float("nan")
            for result in results.values()
        ]
        label = NAMES.get(name, name.replace("element_", "element "))
        rows.append(
            {
                "name": label,
                "bar": "–" if name == FLOOR else f"{bar(name):.0e}" + BEYOND.get(name, ""),
                "values": [f"{value:.1e}" if np.isfinite(value) else "–" for value in values],
            }
        )
    return rows


def reactions(result: Result) -> list[dict[str, str]]:
    """Reactions of a run with their extent at the end."""
    rows = []
    for process in result.device.enabled_processes:
        if process.kind != "reaction":
            continue
        name = f"extent_{process.name}"
        extent = float(result.interfaces[name].values[-1]) if name in result.interfaces else np.nan
        rows.append(
            {
                "name": process.name.replace("_", " "),
                "equation": str(process.reaction),
                "site": process.site,
                "hypothesis": process.hypothesis.replace("_", " "),
                "rate": str(process.rate),
                "extent": f"{1e6 * extent:.3g}",
            }
        )
    return rows


def standing(device: Device) -> dict[str, int]:
    """Number of parameters per status."""
    found = Counter(quantity.status for _, quantity in device.parameters())
    return {status: found.get(status, 0) for status in STATUSES}


def parameters(device: Device) -> dict[str, list[dict[str, str]]]:
    """Status -> its parameters: path, value, range, source, note."""
    rows: dict[str, list[dict[str, str]]] = {status: [] for status in STATUSES}
    for path, quantity in device.parameters():
        span = quantity.range
        unit = quantity.si_unit
        wide = "" if span is None else f"{span[0]:.3g} to {span[1]:.3g} {unit}".rstrip()
        if quantity.sigma is not None:
            wide = f"σ {quantity.sigma:.3g} {unit}".rstrip() + (f"; {wide}" if wide else "")
        rows[quantity.status].append(
            {"path": path, "value": str(quantity), "range": wide, "source": quantity.source, "note": quantity.note}
        )
    return rows
