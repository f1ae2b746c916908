"""Figures of results: terminals, J-V-L, impedance, bands, profiles, films, halides, conservation; of limits,
peers and comparisons; of X-ray spectra and differential phase contrast.

Save a figure with ``figure.savefig("name.png", dpi=150)``; matplotlib is imported when the first
figure is made.
"""

from __future__ import annotations

from perovsim.plot.beside import beside
from perovsim.plot.compared import compared
from perovsim.plot.differential_phase import differential_phase
from perovsim.plot.electrical import current_voltage, impedance
from perovsim.plot.figures import (
    band_diagram,
    conservation,
    films,
    halides,
    profiles,
    terminals,
)
from perovsim.plot.limits import limit
from perovsim.plot.peers import peer_profiles, peers
from perovsim.plot.spectra import spectra

__all__ = [
    "band_diagram",
    "beside",
    "compared",
    "conservation",
    "current_voltage",
    "differential_phase",
    "films",
    "halides",
    "impedance",
    "limit",
    "peer_profiles",
    "peers",
    "profiles",
    "spectra",
    "terminals",
]
