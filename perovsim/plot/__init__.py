"""Figures of results: terminals, bands, depth profiles, films, halides, conservation.

Save a figure with ``figure.savefig("name.png", dpi=150)``; matplotlib is imported when the first
figure is made.
"""

from __future__ import annotations

from perovsim.plot.beside import beside
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
    "beside",
    "conservation",
    "films",
    "halides",
    "profiles",
    "terminals",
]
