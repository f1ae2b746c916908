"""Model objects back to TOML: self-contained files that load to the same object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from perovsim.model.base import ModelData
from perovsim.model.material import ELECTRONIC_KEYS
from perovsim.model.quantity import Quantity, as_table

if TYPE_CHECKING:
    from perovsim.model.device import Device
    from perovsim.model.protocol import Protocol


def device_toml(device: Device) -> str:
    """Write a device with every value of its materials resolved."""
    lines = ['format = "perovsim-device/1"', "resolved = true", *_own(device)]
    for contact in device.contacts:
        lines += ["", "[[contact]]", *_own(contact)]
    for layer in device.layers:
        lines += _layer(layer)
    for interface in device.interfaces:
        lines += ["", "[[interface]]", *_own(interface)]
        for trap in interface.traps:
            lines += ["[[interface.trap]]", *_own(trap)]
    lines += ["", "[emission]", *_own(device.emission)]
    if device.electrochemistry is not None:
        lines += ["", "[electrochemistry]", *_own(device.electrochemistry)]
    for species in device.species:
        lines += ["", "[[species]]", *_own(species)]
        for name, inside in species.layers.items():
            lines += [f"[species.layers.{name}]", *_own(inside)]
    for process in device.processes:
        lines += ["", "[[process]]", *_own(process)]
    return "\n".join(lines) + "\n"


def protocol_toml(protocol: Protocol) -> str:
    """Write a protocol."""
    lines = ['format = "perovsim-protocol/1"', *_own(protocol)]
    for step in protocol.steps:
        lines += ["", "[[step]]", *_own(step)]
    return "\n".join(lines) + "\n"


def _layer(layer: Any) -> list[str]:
    lines = ["", "[[layer]]", *_own(layer, leave_out=ELECTRONIC_KEYS)]
    lines.append("[layer.values]")
    lines += [f"{name} = {_value(q)}" for name, q in layer.quantities() if name in ELECTRONIC_KEYS]
    if layer.lattice is not None:
        lines += _own(layer.lattice)
    for ion in layer.ions:
        lines += ["[[layer.ion]]", *_own(ion)]
    for trap in layer.traps:
        lines += ["[[layer.trap]]", *_own(trap)]
    return lines


def _own(part: ModelData, leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the lines of a table: plain values and numbers, no tables below it."""
    for name in type(part).model_fields:
        item = getattr(part, name)
        if name in leave_out or item is None or item == "" or _is_nested(item):
            continue
        yield f"{name} = {_value(item)}"


def _is_nested(item: Any) -> bool:
    if isinstance(item, tuple):
        return not item or isinstance(item[0], ModelData)
    return isinstance(item, Mapping | ModelData) and not getattr(item, "inline", False)


def _value(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int | float):
        return _number(item)
    if isinstance(item, str):
        return _text(item)
    if isinstance(item, Quantity):
        return _inline(as_table(item))
    if isinstance(item, ModelData):
        return _inline({name: one for name, one in item if one not in (None, {}, ())})
    if isinstance(item, Mapping):
        return _inline(item)
    return "[" + ", ".join(_value(one) for one in item) + "]"


def _inline(table: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in table.items()) + " }"


def _number(number: float) -> str:
    if isinstance(number, float) and math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return repr(number)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for letter, code in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        escaped = escaped.replace(letter, code)
    return f'"{escaped}"'
