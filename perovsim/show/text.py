"""A device in words: stack, reactions with their voltages, parameters and how they stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from perovsim.model import Contact, Device, Layer, Quantity
from perovsim.model.films import FILM_HALIDE
from perovsim.model.quantity import STATUSES
from perovsim.show.equations import equations
from perovsim.show.reactions import Voltage, corrosion_couples, voltage

NONE = "–"
LEGEND = """\
  dG per mole of the reaction as written; V = -dG/(n F), n electrons or halides moved.
  * ions and electrons against Pb | lead halide of the same crystal; neutral halogen atoms as
    the element, at their reference density."""


def show_device(device: Device) -> str:
    """Return the whole device as text, one section per subject."""
    parts = _head, _stack, equations, _reactions, _others, _values
    return "\n\n".join(text for text in (part(device) for part in parts) if text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return left-aligned columns with a line under the head."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    texts.insert(1, "  " + "  ".join("-" * width for width in widths))
    return "\n".join(text.rstrip() for text in texts)


def _head(device: Device) -> str:
    lines = [device.name, device.description, f"file: {device.source_path or 'made in Python'}"]
    lines.append(f"hypotheses in the file: {', '.join(device.hypotheses) or 'none'}")
    return "\n".join(line for line in lines if line)


def _stack(device: Device) -> str:
    first, last = device.contacts
    rows = [_contact(first), *(_layer(layer) for layer in device.layers), _contact(last)]
    total = f"{device.thickness * 1e9:g} nm between the contacts"
    head = ("part", "role", "material", "thickness", "E_c / eV", "E_v / eV")
    return f"Stack from x = 0, {total}, {device.temperature}\n{table(head, rows)}"


def _contact(contact: Contact) -> tuple[str, ...]:
    level = f"{-contact.work_function.si:.2f}"
    bare = contact.bare.si
    note = "" if bare == contact.work_function.si else f" (metal {-bare:.2f})"
    return (contact.name, contact.which, contact.material or NONE, "contact", "E_F", level + note)


def _layer(layer: Layer) -> tuple[str, ...]:
    levels = [
        NONE if energy is None or not layer.transport else f"{-energy.si:.2f}"
        for energy in (layer.electron_affinity, layer.ionisation_energy)
    ]
    named = (layer.name, layer.role or NONE, layer.material or NONE)
    return (*named, str(layer.thickness), *levels)


def _reactions(device: Device) -> str:
    reactions = [process for process in device.processes if process.kind == "reaction"]
    if not reactions:
        return ""
    couples = [
        f"  {couple.equation}: dG = {couple.gibbs:.2f} kJ/mol, emf = {couple.volt:.4f} V"
        for couple in corrosion_couples(device)
    ]
    head = "Reactions (standard values of the table, 298 K)"
    lines = [head, table(*_reaction_table(device, reactions)), LEGEND]
    if couples:
        lines += ["", "Corrosion couple: aluminium against the lead halide", *couples]
    return "\n".join(lines)


def _reaction_table(device: Device, reactions: list[Any]) -> tuple[tuple, list[tuple]]:
    head = ("process", "on", "reaction", "site", "dG / kJ/mol", "V", "rate law", "hypothesis")
    rows = []
    for process in reactions:
        known = voltage(device, process.equation)
        gibbs, volt = _numbers(known)
        on = "yes" if process.enabled else "no"
        shown = (process.name, on, str(process.equation), process.site)
        makes_film = any(word in FILM_HALIDE for word in process.equation.species)
        law = process.drive if process.drive != "affinity" else process.growth_law if makes_film else NONE
        rows.append((*shown, gibbs, volt, law, process.hypothesis))
    return head, rows


def _numbers(known: Voltage | None) -> tuple[str, str]:
    if known is None:
        return NONE, NONE
    mark = "*" if known.relative else ""
    return f"{known.gibbs:.2f}{mark}", f"{known.volt:.4f}{mark}"


def _others(device: Device) -> str:
    others = [process for process in device.processes if process.kind != "reaction"]
    if not others:
        return ""
    temperature = float(device.temperature)
    rows = [(item.name, "yes" if item.enabled else "no", item.kind, item.told(temperature)) for item in others]
    return f"Other processes\n{table(('process', 'on', 'kind', 'what it does'), rows)}"


def _values(device: Device) -> str:
    found = list(device.parameters())
    counts = Counter(quantity.status for _, quantity in found)
    standing = ", ".join(f"{counts.get(status, 0)} {status}" for status in STATUSES)
    head = ("parameter", "value", "status", "range", "source")
    rows = [(path, str(q), q.status, _range(q), q.source) for path, q in found]
    return (
        f"Parameters\n{table(head, rows)}\n\n"
        f"Standing: {len(found)} numbers: {standing}\n"
        "Names above are paths for --set and Device.with_values."
    )


def _range(quantity: Quantity) -> str:
    """Return the plausible range in the unit of the value, else one standard deviation."""
    plain = 0 < abs(quantity.value) < math.inf and quantity.unit != "degC"
    unit = quantity.unit if plain else quantity.si_unit
    factor = quantity.value / quantity.si if plain else 1.0
    if quantity.range is not None:
        low, high = (bound * factor for bound in quantity.range)
        return f"{low:g} to {high:g} {unit}".rstrip()
    if quantity.sigma is not None:
        return f"± {quantity.sigma * factor:g} {unit}".rstrip()
    return NONE
