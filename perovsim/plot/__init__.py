"""Figures of results: terminals, bands, depth profiles, films, halides, conservation, exact limits.

Save a figure with ``figure.savefig("name.png", dpi=150)``; matplotlib is imported when the first
figure is made.
"""

from __future__ import annotations

from perovsim.plot.figures import (
    band_diagram,
    conservation,
    films,
    halides,
    profiles,
    terminals,
)
from perovsim.plot.limits import limit

__all__ = [
    "band_diagram",
    "conservation",
    "films",
    "halides",
    "limit",
    "profiles",
    "terminals",
]
