"""A device in words and as an energy diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perovsim.show.text import show_device

if TYPE_CHECKING:
    from perovsim.model import Device

__all__ = ["draw_device", "show_device"]


def draw_device(device: Device) -> Any:
    """Return a matplotlib Figure: flat-band energies of the stack against vacuum [eV]."""
    from perovsim.show.diagram import draw_device as draw

    return draw(device)
