"""Where a process happens: "layer:NAME", "contact:NAME", "contact:NAME|layer:NAME" or "interface:A|B"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from perovsim.device.problem.mesh import Mesh
from perovsim.errors import ModelFileError


@dataclass(frozen=True)
class Site:
    """A parsed site: kind "layer", "contact", "zone" or "interface", the contact, the layers."""

    kind: str
    contact: str = ""
    layers: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def split_site(text: str) -> Site:
    """Parse the site of a process (the model has checked its form)."""
    what, _, rest = text.partition(":")
    if what == "layer":
        return Site("layer", layers=(rest,))
    if what == "interface":
        return Site("interface", layers=tuple(rest.split("|")))
    contact, _, layer = rest.partition("|layer:")
    return Site("zone", contact, (layer,)) if layer else Site("contact", contact)


def side_of(device, name: str) -> int:
    """0 for the first contact of the stack, 1 for the last, -1 for no contact of this name."""
    return next((side for side, own in enumerate(device.contacts) if name in (own.name, own.which)), -1)


def contact_side(device, process) -> int:
    """0 for the first contact of the stack, 1 for the last."""
    side = side_of(device, split_site(process.site).contact)
    if side >= 0:
        return side
    known = " or ".join(contact.name for contact in device.contacts)
    raise ModelFileError(f"process '{process.name}': site '{process.site}' names no contact; use contact:{known}")


@dataclass(frozen=True)
class Spot:
    """One place of a reaction: cells of lattice, dissolved species and carriers, the metal, weight of the rate."""

    lattice: int = -1
    dissolved: int = -1
    carrier: int = -1
    metal: int = -1
    weight: float = 1.0


def spots(device, mesh: Mesh, has_lattice: np.ndarray, reaction) -> Iterator[Spot]:
    """Places of a reaction, with their share of its rate; has_lattice tells the cells that hold halide sites (n,)."""
    site = split_site(reaction.site)
    share = 1.0 if reaction.area_fraction is None else float(reaction.area_fraction)
    if site.kind == "layer":
        for i in mesh.cells_of(device, site.layers[0]):
            yield Spot(i, i, i, -1, mesh.widths[i])
    elif site.kind == "interface":
        yield _junction(device, mesh, has_lattice, site.layers, share)
    elif site.kind == "contact":
        side = contact_side(device, reaction)
        cell = 0 if side == 0 else mesh.n - 1
        yield Spot(cell if has_lattice[cell] else -1, cell, cell, side, share)
    else:
        yield from _zone(mesh, mesh.cells_of(device, site.layers[0]), contact_side(device, reaction), share, reaction)


def _junction(device, mesh: Mesh, has_lattice: np.ndarray, names: tuple[str, ...], share: float) -> Spot:
    """Cells on the two sides of a junction: the lattice in one of them, dissolved species in the other."""
    first, second = (mesh.cells_of(device, name) for name in names)
    pair = (first[-1], second[0]) if first[-1] < second[0] else (first[0], second[-1])
    lattice = next((i for i in pair if has_lattice[i]), -1)
    other = next((i for i in pair if i != lattice), -1)
    return Spot(lattice, other, lattice if lattice >= 0 else other, -1, share)


def _zone(mesh: Mesh, cells: np.ndarray, side: int, share: float, reaction) -> Iterator[Spot]:
    """Cells of a layer that a contact reaches through pinholes, with weights that fall off over zone_depth."""
    if reaction.zone_depth is None:
        raise ModelFileError(
            f"process '{reaction.name}': site '{reaction.site}' needs zone_depth, how far the contact reaches in"
        )
    edge = mesh.faces[cells[0]] if side == 0 else mesh.faces[cells[-1] + 1]
    weight = np.exp(-np.abs(mesh.centres[cells] - edge) / float(reaction.zone_depth)) * mesh.widths[cells]
    for i, w in zip(cells, weight * share / weight.sum(), strict=True):
        yield Spot(i, i, i, side, w)
