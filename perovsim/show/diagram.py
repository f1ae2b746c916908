"""Energy diagram of a stack before contact: flat bands against the vacuum level.

Boxes reach from E_v to E_c of each layer, bars are the contacts' work functions, broken lines the
redox levels of lead and of the halogens. Colours: Okabe and Ito, safe for colour-blind readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from perovsim.model import Device
from perovsim.show.reactions import redox_levels

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
FILLS = {"htl": "#F3C9A5", "emitter": "#A8DCC8", "etl": "#A9CDE8"}
OTHER_FILL = "#DDDDDD"
NO_CARRIERS = "#EEEEEE"
LINES = {"Pb": (GREEN, "--"), "Al": (GREY, (0, (1, 1))), "halogen": (PURPLE, (0, (4, 1, 1, 1)))}
CONTACT_SHARE = 0.16
"""Drawn width of a contact as a share of the stack."""
LEAST_SHARE = 0.12
"""Drawn width of the thinnest layer as a share of the stack."""


@dataclass(frozen=True)
class Part:
    """One part of the stack on the paper: left edge and width in arbitrary units."""

    item: Any
    left: float
    width: float

    @property
    def centre(self) -> float:
        """Middle of the part."""
        return self.left + 0.5 * self.width


def draw_device(device: Device) -> Figure:
    """Return the figure; energies in eV against vacuum, widths of layers to scale if possible."""
    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    axes = figure.add_subplot()
    parts = _place(device)
    for part in parts[1:-1]:
        _draw_layer(axes, part)
    for part in (parts[0], parts[-1]):
        _draw_contact(axes, part)
    _draw_redox(axes, device, parts)
    _finish(axes, device, parts)
    return figure


def number(energy: float) -> str:
    """Return an energy with two decimals and a true minus sign."""
    return f"{energy:.2f}".replace("-", "\N{MINUS SIGN}")


def _place(device: Device) -> list[Part]:
    """Put the parts side by side; a very thin layer is widened to stay readable."""
    total = device.thickness
    widths = [max(layer.thickness.si / total, LEAST_SHARE) for layer in device.layers]
    parts, left = [], 0.0
    items = (device.contacts[0], *device.layers, device.contacts[1])
    for item, width in zip(items, (CONTACT_SHARE, *widths, CONTACT_SHARE), strict=True):
        parts.append(Part(item, left, width))
        left += width
    return parts


def _draw_layer(axes: Any, part: Part) -> None:
    layer = part.item
    lines = dict.fromkeys((layer.name, layer.material or layer.role, str(layer.thickness)))
    title = "\n".join(line for line in lines if line)
    chi, ionisation = layer.electron_affinity, layer.ionisation_energy
    if not layer.transport or chi is None or ionisation is None:
        axes.axvspan(part.left, part.left + part.width, facecolor=NO_CARRIERS)
        axes.text(
            part.centre,
            0.97,
            f"{title}\nno electrons or holes",
            ha="center",
            va="top",
            transform=axes.get_xaxis_transform(),
            fontsize=9,
        )
        return
    top, bottom = -chi.si, -ionisation.si
    fill = FILLS.get(layer.role, OTHER_FILL)
    axes.bar(part.centre, top - bottom, part.width, bottom, edgecolor="none", color=fill)
    _bar(axes, part, top, color=BLUE, linewidth=2.2)
    _bar(axes, part, bottom, color=VERMILLION, linewidth=2.2)
    _note(axes, part, top + 0.06, f"$E_c$ {number(top)}", "bottom", color=BLUE)
    _note(axes, part, bottom - 0.06, f"$E_v$ {number(bottom)}", "top", color=VERMILLION)
    _note(axes, part, top - 0.12, title, "top", fill, fontsize=9)


def _draw_contact(axes: Any, part: Part) -> None:
    contact = part.item
    level, bare = -contact.work_function.si, -contact.bare.si
    _bar(axes, part, level, color="black", linewidth=3.5)
    _note(axes, part, level + 0.07, f"{contact.name}\n{number(level)}", "bottom", fontsize=9)
    if bare != level:
        _bar(axes, part, bare, color="black", linewidth=1.4, linestyle="dotted")
        _note(axes, part, bare + 0.05, f"bare metal\n{number(bare)}", "bottom", fontsize=8)


def _bar(axes: Any, part: Part, level: float, **style: Any) -> None:
    axes.plot([part.left, part.left + part.width], [level, level], solid_capstyle="butt", **style)


def _note(axes: Any, part: Part, height: float, text: str, side: str, back: str = "white", **style: Any) -> None:
    """Write centred text on a patch, so that lines behind it do not cross it."""
    patch = {"facecolor": back, "edgecolor": "none", "pad": 1.0}
    axes.text(part.centre, height, text, ha="center", va=side, bbox=patch, zorder=5, **style)


def _draw_redox(axes: Any, device: Device, parts: list[Part]) -> None:
    """Draw each level in the layers with a halide lattice, with a faint line to its name."""
    levels = redox_levels(device)
    holders = [part for part in parts if getattr(part.item, "lattice", None) is not None]
    end = parts[-1].left + parts[-1].width
    heights = _spread([level.energy for level in levels])
    for level, height in zip(levels, heights, strict=True):
        colour, style = LINES[level.family]
        for part in holders:
            _bar(axes, part, level.energy, color=colour, linestyle=style, linewidth=1.8)
        axes.plot(
            [holders[-1].left, end, end + 0.06],
            [level.energy, level.energy, height],
            color=colour,
            linewidth=0.6,
            alpha=0.7,
        )
        text = f"{level.name}  {number(level.energy)}"
        axes.text(end + 0.07, height, text, va="center", fontsize=9)


def _spread(energies: list[float], gap: float = 0.2) -> list[float]:
    """Return label heights at least `gap` [eV] apart, in the order of the energies."""
    order = sorted(range(len(energies)), key=energies.__getitem__)
    heights = list(energies)
    for before, after in zip(order, order[1:], strict=False):
        heights[after] = max(heights[after], heights[before] + gap)
    return heights


def _finish(axes: Any, device: Device, parts: list[Part]) -> None:
    end = parts[-1].left + parts[-1].width
    levels = redox_levels(device)
    axes.set_xlim(-0.02, end + (0.42 if levels else 0.02))
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.35, high + 0.45)
    axes.set_xticks([])
    axes.set_ylabel("energy against vacuum (eV)")
    axes.set_title(f"{device.name}: energies before contact, flat bands", fontsize=11)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    notes = [
        f"x from {device.contacts[0].name} to {device.contacts[1].name}; contacts and very thin layers not to scale"
    ]
    sigma = device.electrochemistry.redox_level.sigma if levels else None
    if sigma:
        notes.append(f"redox levels share one uncertainty: \N{PLUS-MINUS SIGN} {sigma:g} eV")
    axes.set_xlabel("\n".join(notes), fontsize=9)
