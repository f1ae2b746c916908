"""Paths to what can be free: numbers of a device, and numbers of the steps of a protocol, `protocol.step.1.current`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perovsim.errors import ModelFileError
from perovsim.model import Device, Protocol
from perovsim.model.names import did_you_mean
from perovsim.model.paths import get_value
from perovsim.model.quantity import Quantity

_STEP = re.compile(r"protocol\.step\.(\d+)\.(\w+)")
PREFIX = "protocol."


def quantity_at(device: Device, protocol: Protocol | None, path: str) -> Quantity:
    """Return the number that stands at a path; ModelFileError where there is none that could be free."""
    found = _of_step(protocol, path) if path.startswith(PREFIX) else get_value(device, path)
    if not isinstance(found, Quantity):
        reason = "is not set; give it a value in the device first" if found is None else "is no number with a unit"
        raise ModelFileError(f"free '{path}': {reason}")
    return found


def with_free(
    device: Device, protocols: Mapping[str, Protocol], values: Mapping[str, float]
) -> tuple[Device, dict[str, Protocol]]:
    """Return the device and the protocols with these values [SI]; the paths of a protocol are those of the main one."""
    steps = {path: value for path, value in values.items() if path.startswith(PREFIX)}
    device = device.with_values({path: value for path, value in values.items() if path not in steps})
    changed = dict(protocols)
    for path, value in steps.items():
        changed[""] = _with_step(changed[""], path, value)
    return device, changed


def _of_step(protocol: Protocol | None, path: str) -> Any:
    number, key = _parts(protocol, path)
    step = protocol.steps[number]
    if key not in type(step).model_fields:
        hint = did_you_mean(key, type(step).model_fields)
        raise ModelFileError(f"free '{path}': a {step.kind} has no '{key}'; {hint}")
    return getattr(step, key)


def _with_step(protocol: Protocol, path: str, value: float) -> Protocol:
    number, key = _parts(protocol, path)
    steps = list(protocol.steps)
    steps[number] = steps[number].replace(**{key: value})
    return protocol.replace(steps=tuple(steps))


def _parts(protocol: Protocol | None, path: str) -> tuple[int, str]:
    match = _STEP.fullmatch(path)
    count = 0 if protocol is None else len(protocol.steps)
    if match is None or not 1 <= int(match[1]) <= count:
        raise ModelFileError(f"free '{path}': write protocol.step.NUMBER.KEY with a number from 1 to {count}")
    return int(match[1]) - 1, match[2]
