"""Figures of results: terminals, J-V-L, impedance, bands, depth profiles, films, halides, conservation.

Save a figure with ``figure.savefig("name.png", dpi=150)``; matplotlib is imported when the first
figure is made.
"""

from __future__ import annotations

from perovsim.plot.electrical import current_voltage, impedance
from perovsim.plot.figures import (
    band_diagram,
    conservation,
    films,
    halides,
    profiles,
    terminals,
)

__all__ = [
    "band_diagram",
    "conservation",
    "current_voltage",
    "films",
    "halides",
    "impedance",
    "profiles",
    "terminals",
]
