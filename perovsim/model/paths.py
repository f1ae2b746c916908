"""Paths to the numbers of a device: layer.emitter.D_vacancy, process.lead.enabled, …"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from perovsim.errors import ModelFileError
from perovsim.model.names import did_you_mean
from perovsim.model.quantity import Quantity

if TYPE_CHECKING:
    from perovsim.model.device import Device

Route = tuple[str | int, ...]
"""Attribute names and indices from the device to a field."""

_CIRCUIT = ("area", "series_resistance", "shunt_resistance", "parallel_capacitance")
_OWN = ("temperature", *_CIRCUIT, "thermal_resistance", "heat_capacity", "x_reference")
_NOT_VALUES = ("name", "kind", "ions", "traps", "lattice", "layers")


def routes(device: Device) -> dict[str, Route]:
    """Return every settable path of a device with the route to its field."""
    found: dict[str, Route] = {name: (name,) for name in _OWN}
    found |= _fields("emission", ("emission",), device.emission)
    if device.electrochemistry is not None:
        found |= _fields("electrochemistry", ("electrochemistry",), device.electrochemistry)
    for index, contact in enumerate(device.contacts):
        found |= _fields(f"contact.{contact.name}", ("contacts", index), contact)
    for index, layer in enumerate(device.layers):
        found |= _layer_routes(f"layer.{layer.name}", ("layers", index), layer)
    for index, interface in enumerate(device.interfaces):
        prefix, route = f"interface.{interface.between}", ("interfaces", index)
        found |= _fields(prefix, route, interface)
        for number, trap in enumerate(interface.traps):
            found |= _fields(f"{prefix}.{trap.name}", (*route, "traps", number), trap)
    for index, species in enumerate(device.species):
        prefix, route = f"species.{species.name}", ("species", index)
        found |= _fields(prefix, route, species)
        for name, inside in species.layers.items():
            found |= _fields(f"{prefix}.{name}", (*route, "layers", name), inside)
    for index, process in enumerate(device.processes):
        found |= _fields(f"process.{process.name}", ("processes", index), process)
    return found


def _layer_routes(prefix: str, route: Route, layer: Any) -> dict[str, Route]:
    found = _fields(prefix, route, layer)
    if layer.lattice is not None:
        found |= _fields(prefix, (*route, "lattice"), layer.lattice)
    for index, ion in enumerate(layer.ions):
        found |= _fields(f"{prefix}.{ion.name}", (*route, "ions", index), ion)
    for index, trap in enumerate(layer.traps):
        found |= _fields(f"{prefix}.{trap.name}", (*route, "traps", index), trap)
    return found


def _fields(prefix: str, route: Route, part: BaseModel) -> dict[str, Route]:
    names = (name for name in type(part).model_fields if name not in _NOT_VALUES)
    return {f"{prefix}.{name}": (*route, name) for name in names}


def parameters(device: Device) -> Iterator[tuple[str, Quantity]]:
    """Yield (path, Quantity) of every number that is given."""
    for path, route in routes(device).items():
        item = _follow(device, route)
        if isinstance(item, Quantity):
            yield path, item


def get_value(device: Device, path: str) -> Any:
    """Return what stands at a path."""
    return _follow(device, route_of(device, path))


def set_value(device: Device, path: str, value: Any) -> Device:
    """Return a copy of the device with one value changed."""
    route = route_of(device, path)
    try:
        return _put(device, route, value)
    except (ValidationError, ValueError) as error:
        reason = _first_reason(error)
        raise ModelFileError(None, None, f"{path} = {value!r}: {reason}") from None


def route_of(device: Device, path: str) -> Route:
    """Return the route of a path, or raise with the nearest known one."""
    known = routes(device)
    if path not in known:
        raise ModelFileError(None, None, f"'{path}' is not a parameter of {device.name}; {did_you_mean(path, known)}")
    return known[path]


def _first_reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors(include_url=False)[0]
        return str(detail.get("ctx", {}).get("error", detail["msg"]))
    return str(error)


def _follow(part: Any, route: Route) -> Any:
    for step in route:
        part = getattr(part, step) if isinstance(part, BaseModel) else part[step]
    return part


def _put(part: Any, route: Route, value: Any) -> Any:
    """Rebuild the objects along the route around the new value, each validated."""
    step, rest = route[0], route[1:]
    if isinstance(part, tuple):
        inner = _put(part[step], rest, value) if rest else value
        return (*part[:step], inner, *part[step + 1 :])
    if isinstance(part, dict):
        return {**part, step: _put(part[step], rest, value) if rest else value}
    inner = _put(getattr(part, step), rest, value) if rest else value
    return part.replace(**{step: inner})


def file_key(device: Device, path: str) -> Route:
    """Return the key of a path as a device file spells it (aliases instead of plurals)."""
    singular = {"layers": "layer", "contacts": "contact", "interfaces": "interface"}
    singular |= {"processes": "process", "ions": "ion", "traps": "trap"}
    route = routes(device).get(path)
    if route is None:
        return ()
    return tuple(singular.get(step, step) if n != 2 else step for n, step in enumerate(route))
