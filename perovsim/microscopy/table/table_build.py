"""Building a crystal table: plane waves through every cell of the expansion, as spline coefficients, and the halo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import spline_filter1d

from perovsim.memory import require_memory
from perovsim.microscopy.table.crystal import CrystalCell, crystal_cell
from perovsim.microscopy.table.expansion import Expansion
from perovsim.microscopy.table.halo import halo_ends, halo_profile
from perovsim.microscopy.table.plane_waves import PlaneWaves
from perovsim.microscopy.table.table_settings import TableSettings, beams_of, nodes_of
from perovsim.microscopy.waves.work import Workers


def compute_table(
    settings: TableSettings, progress: Callable[[float], None] | None = None, workers: int | None = None
) -> dict[str, np.ndarray]:
    """Run every cell of the expansion; return the spline coefficients and the halo."""
    expansion = Expansion(settings.compositions, settings.strained)
    beams, nodes = beams_of(settings), nodes_of(settings)
    directions = np.stack(np.meshgrid(nodes, nodes, indexing="xy"), -1).reshape(-1, 2) + settings.tilt
    count = settings.repeats[1] - settings.repeats[0] + 1
    size = 4 * count * len(expansion.configurations) * len(directions) * len(beams)
    require_memory(3 * size, "the crystal table", "give a smaller range of thicknesses or tilts")

    def run(config: Any) -> np.ndarray:
        waves = PlaneWaves(_cell(settings, *config), settings.band)
        intensity = waves.intensities(directions, beams, settings.repeats)
        return intensity.transpose(0, 2, 1).reshape(count, len(nodes), len(nodes), -1)

    runs = [partial(halo_profile, settings, end) for end in halo_ends(settings)]
    ends = len(runs)
    runs += [partial(run, config) for config in expansion.configurations]
    found: list[np.ndarray] = []
    with Workers(workers) as pool:
        for part in pool.ahead(lambda do: do(), runs):
            found.append(part)
            if progress is not None:
                progress(len(found) / len(runs))
    data = expansion.coefficients(found[ends:])
    for axis in (1, 2, 3):
        data = spline_filter1d(data, axis=axis, output=np.float32)
    data = np.ascontiguousarray(data.transpose(2, 3, 1, 0, 4))
    return {"data": data, "halo": np.array(found[:ends]) if ends else np.zeros((1, 1, 1))}


def _cell(settings: TableSettings, composition: float, strain: tuple[float, float, float]) -> CrystalCell:
    phase = settings.phase
    return crystal_cell(
        phase.atoms(strain),
        settings.energy,
        dict(settings.displacements),
        phase.occupants(composition),
        settings.potential,
    )
