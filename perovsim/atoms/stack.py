"""Where things are: interfaces by name, and the regions of the stack inside a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perovsim.atoms.amorphous import recipe
from perovsim.atoms.crystals import crystals
from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean

CONTACT_DEPTH = 1e-7
"""Depth of a contact that a window may reach [m]; electrodes of 80 to 120 nm are usual."""
HALIDES_PER_LEAD = 3
_METALS = {"al": "Al", "aluminium": "Al", "aluminum": "Al", "pb": "Pb", "lead": "Pb"}


@dataclass(frozen=True)
class Region:
    """A layer or contact between x0 and x1 [m] on the device's axis.

    kind : "lattice" (halide perovskite), "metal" or "amorphous"
    material : crystal or recipe name
    contact : None, or -1 / +1 for the contact at low / high x
    """

    name: str
    kind: str
    material: str
    x0: float
    x1: float
    layer: Any = None
    contact: int | None = None


def regions(device: Any) -> list[Region]:
    """Return contact, layers, contact in the order of the stack."""
    first, last = device.contacts
    edges = [0.0]
    for layer in device.layers:
        edges.append(edges[-1] + float(layer.thickness))
    found = [_contact(first, -CONTACT_DEPTH, 0.0, -1)]
    found += [_layer(layer, low, high) for layer, low, high in zip(device.layers, edges[:-1], edges[1:], strict=True)]
    return [*found, _contact(last, edges[-1], edges[-1] + CONTACT_DEPTH, 1)]


def interface_position(stack: list[Region], device: Any, around: str) -> float:
    """Return x [m] of the interface named "a|b"; either order, contacts by name or polarity."""
    names = [
        {region.name, getattr(part, "which", region.name)}
        for region, part in zip(stack, (device.contacts[0], *device.layers, device.contacts[1]), strict=True)
    ]
    parts = [part.strip() for part in around.split("|")]
    for left, right, region in zip(names, names[1:], stack, strict=False):
        if len(parts) == 2 and ((parts[0] in left and parts[1] in right) or (parts[1] in left and parts[0] in right)):
            return region.x1
    known = [f"{a}|{b}" for left, right in zip(names, names[1:], strict=False) for a in left for b in right]
    raise PerovsimError(f"no interface '{around}' in device '{device.name}'; {did_you_mean(around, known)}")


def check_window(stack: list[Region], window: tuple[float, float], device: Any) -> None:
    """Raise unless the window lies in the stack (contacts included) and meets its layers."""
    x0, x1 = window
    low, high = stack[0].x1, stack[-1].x0
    if x1 <= x0 or x1 <= low or x0 >= high or x0 < stack[0].x0 or x1 > stack[-1].x1:
        raise PerovsimError(
            f"window {x0 * 1e9:.2f} to {x1 * 1e9:.2f} nm is outside the stack of "
            f"'{device.name}', whose layers lie between {low * 1e9:g} and {high * 1e9:g} nm "
            f"(contacts reach {CONTACT_DEPTH * 1e9:g} nm further); move or narrow the window"
        )


def _layer(layer: Any, low: float, high: float) -> Region:
    lattice = getattr(layer, "lattice", None)
    if lattice is not None:
        if not set(lattice.halides) <= {"Cl", "Br"}:
            raise PerovsimError(
                f"layer '{layer.name}': halides {', '.join(lattice.halides)} have no crystal; "
                "a lamella can be built of Cl and Br perovskites"
            )
        _check_perovskite(layer)
        return Region(layer.name, "lattice", "CsPb(Br,Cl)3", low, high, layer)
    return Region(layer.name, "amorphous", layer.material or layer.name, low, high, layer)


def _check_perovskite(layer: Any) -> None:
    """Raise when a halide lattice does not have three sites per lead, as the perovskite has."""
    sites, lead = layer.lattice.site_density, layer.lattice.lead_density
    if sites is None or lead is None:
        return
    ratio = float(sites) / float(lead)
    if abs(ratio - HALIDES_PER_LEAD) > 0.1 * HALIDES_PER_LEAD:
        raise PerovsimError(
            f"layer '{layer.name}' has {ratio:.2g} halide sites per lead; a lamella can be built "
            f"of the perovskite CsPb(Br,Cl)3, which has {HALIDES_PER_LEAD}"
        )


def _contact(contact: Any, low: float, high: float, side: int) -> Region:
    material = getattr(contact, "material", "") or contact.name
    metal = _METALS.get(material.lower(), material)
    kind = "metal" if metal in crystals() else "amorphous"
    return Region(contact.name, kind, metal, low, high, contact=side)


def needs(region: Region) -> None:
    """Raise early when a region inside the window has no atomic structure."""
    if region.kind == "amorphous":
        recipe(region.material)
