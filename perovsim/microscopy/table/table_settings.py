"""What a crystal table holds: phase, beam, directions, thicknesses, compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim import units
from perovsim.errors import PerovsimError
from perovsim.microscopy.table.phase import Phase
from perovsim.microscopy.table.plane_waves import Band
from perovsim.microscopy.waves.multislice import FINE
from perovsim.microscopy.waves.optics import wavelength

COMPOSITIONS = (0.0, 0.15, 0.3, 0.45, 0.6)
ANGLE_STEP = 0.6e-3
"""Distance of the directions [rad]: intensities of a 40 nm crystal change over some 3 mrad."""
TILT_RANGE = 1e-3
"""Tilts of a table reach this far from its own, along x and y [rad]."""
EDGE_ROOM = 0.4e-3
"""Directions beyond the aperture that its edge and the camera's blur show [rad]."""
SAMPLING = 0.9e-11
"""Step of the grid whose band limit a table gets by itself [m]: 73 mrad at 300 kV. CsPbBr3 is then within 1 % of the
total of dense scattering matrices from 5 to 60 nm (benchmark `crystal`); in thermal motion, 0.125 angstrom with
potentials to twice its limit is off by 0.2 to 2.3 %."""
SPARE = 2
"""Nodes beyond what is used: the ends of a spline disturb their neighbours (0.27 per node)."""
MOST_STRAIN = 0.05
"""Strain for which beams at the border of the camera are kept."""


@dataclass(frozen=True)
class TableSettings:
    """What a table holds.

    max_angle : of the camera along x and y [rad]; semiangle [rad]; repeats : fewest and most cells
    tilt : centre of the directions (x, y) [rad], in the axes of the cell; tilt_range [rad]
    band : of waves and transmissions; potential : limit of the potentials [1/m]
    displacements : thermal, (element, [m]) pairs
    """

    phase: Phase
    energy: float
    semiangle: float
    max_angle: float
    repeats: tuple[int, int]
    compositions: tuple[float, ...]
    tilt: tuple[float, float]
    tilt_range: float
    band: Band
    potential: float
    displacements: tuple[tuple[str, float], ...]
    strained: bool = True
    angle_step: float = ANGLE_STEP


def settings_of(
    phase: Phase,
    microscope: Any,
    mode: str = "nanobeam",
    *,
    thicknesses: tuple[float | str, float | str],
    compositions: Sequence[float] | None = None,
    tilt: tuple[float, float] = (0.0, 0.0),
    tilt_range: float = TILT_RANGE,
    sampling: float | None = None,
    static: bool = False,
    strained: bool = True,
    angle_step: float = ANGLE_STEP,
) -> TableSettings:
    """Return what a table holds.

    thicknesses : least and largest [m] or text; compositions : of the cells computed, ascending
    tilt : direction of the beam relative to the zone axis, in the axes of the cell (x, y) [rad]
    tilt_range : how far tilts may lie from it along x and y [rad]
    sampling : step of a grid [m], for a table that equals the multislice on it: band limit of waves and transmissions,
    potentials to FINE times that. When None, a converged table: SAMPLING, or the mode's where that is finer, and
    potentials without limit
    static : without thermal motion; strained : False for disks that strain moves but does not change
    Raises PerovsimError for thicknesses that are no range, or a missing thermal displacement.
    """
    beam = microscope.mode(mode)
    if compositions is None:
        compositions = COMPOSITIONS if phase.alloy else (0.0,)
    thin, thick = (units.parse(t, "m") if isinstance(t, str) else float(t) for t in thicknesses)
    depth = phase.edges[2]
    if not 0 < thin <= thick:
        raise PerovsimError(f"thicknesses {thin * 1e9:g} to {thick * 1e9:g} nm: give two positive ones, ascending")
    elements = sorted({*phase.first, *phase.second})
    missing = [name for name in elements if name not in microscope.displacements]
    if missing and not static:
        raise PerovsimError(
            f"microscope '{microscope.name}' gives no thermal displacement of {', '.join(missing)}; add "
            f'{missing[0]} = "0.1 angstrom" to its table [displacements], or ask for static = True'
        )
    band = Band(min(float(beam.sampling), SAMPLING) if sampling is None else float(sampling))
    return TableSettings(
        phase,
        float(microscope.energy),
        float(beam.semiangle),
        float(beam.max_angle),
        (max(0, int(thin / depth) - SPARE), int(np.ceil(thick / depth)) + SPARE + 1),
        tuple(float(x) for x in compositions) if phase.alloy else (0.0,),
        (float(tilt[0]), float(tilt[1])),
        float(tilt_range),
        band,
        np.inf if sampling is None else FINE * band.end,
        tuple((name, 0.0 if static else float(microscope.displacements[name])) for name in elements),
        strained,
        float(angle_step),
    )


def beams_of(settings: TableSettings) -> np.ndarray:
    """Return (h, k) of the beams whose disks can touch the camera, (n, 2)."""
    reach = (settings.max_angle + settings.semiangle + EDGE_ROOM) * (1 + MOST_STRAIN) / wavelength(settings.energy)
    a, b, _ = settings.phase.edges
    h, k = (np.arange(-int(reach * edge), int(reach * edge) + 1) for edge in (a, b))
    return np.stack(np.meshgrid(h, k, indexing="ij"), -1).reshape(-1, 2)


def nodes_of(settings: TableSettings) -> np.ndarray:
    """Return the offsets of the directions from the table's tilt, along x and along y [rad]."""
    reach = settings.semiangle + EDGE_ROOM + settings.tilt_range
    count = int(np.ceil(reach / settings.angle_step)) + SPARE
    return np.arange(-count, count + 1) * settings.angle_step
