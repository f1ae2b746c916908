"""Make the small table behind the lesson on the microscope: ``python -m perovsim.teach.microscope_grid``.

For a few compositions of the shipped emitter it holds one cell of a HAADF image (multislice, frozen phonons, the
cells of an alloy averaged) and the inside of every nanobeam disk (plane waves on one unit cell). Strain then moves
the disks, dose draws the counts, both when a slider moves. It takes a few minutes on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("microscope.npz")
COMPOSITIONS = (0.0, 0.2, 0.4, 0.6)
"""x_Cl of the slider; between them everything is smooth."""
CELL_PIXELS = 24
"""Pixels of a HAADF cell along each edge: 0.24 angstrom, below the Nyquist step lambda/(4 alpha) of the probe."""
IMAGE_CELLS = 3
"""Cells along each edge of the image that are averaged into one."""
THICKNESS_CELLS = 18
"""Cells along the beam: 10.4 nm, thin enough for strain at low dose (microscopy of the shipped study)."""
ZONES = 16
"""Plane waves along each edge of the Brillouin zone: 0.21 mrad apart, as a detector pixel."""
DETECTED, KEPT = 11e-3, 34e-3
"""Disks to this angle are shown, beams to this angle scatter [rad]; three times the angle is enough for 1 %."""


def main() -> None:
    """Compute the table and write it beside this file."""
    from perovsim.model import load_microscope

    microscope = load_microscope("stem_300kv")
    columns = [_column(x, microscope) for x in COMPOSITIONS]
    orders = columns[0]["orders"]
    np.savez_compressed(
        FILE,
        x_cl=np.array(COMPOSITIONS),
        cell=np.array([one["cell"] for one in columns]),
        haadf=np.array([one["haadf"] for one in columns], np.float32),
        orders=orders,
        disks=np.array([one["disks"] for one in columns], np.float32),
        energy=float(microscope.energy),
        thickness=THICKNESS_CELLS * np.array([one["cell"] for one in columns]),
    )
    print(f"written: {FILE} ({FILE.stat().st_size / 1024:.0f} KiB)")


def cell_edge(x_cl: float) -> float:
    """Pseudo-cubic cell edge [m] of the shipped emitter at a composition (Vegard)."""
    from perovsim.model import load_device

    lattice = load_device("nanoled_like").emitter.lattice
    bromide, chloride = float(lattice.lattice_parameter_Br), float(lattice.lattice_parameter_Cl)
    return bromide + x_cl * (chloride - bromide)


def _column(x_cl: float, microscope: Any) -> dict[str, Any]:
    print(f"x_Cl = {x_cl:g}: patterns")
    orders, disks = _disks(x_cl, microscope)
    print(f"x_Cl = {x_cl:g}: image")
    return {"cell": cell_edge(x_cl), "haadf": _haadf(x_cl, microscope), "orders": orders, "disks": disks}


def _disks(x_cl: float, microscope: Any) -> tuple[np.ndarray, np.ndarray]:
    """Orders (h, k), and |amplitude|^2 of each over the wave vectors of the Brillouin zone (order, y, x)."""
    from perovsim.microscopy.table.crystal import CrystalTable

    table = CrystalTable(_virtual_cell(x_cl, microscope), DETECTED, KEPT, (THICKNESS_CELLS,), zones=(ZONES, ZONES))
    reach = int(DETECTED / table.lam * table.cell.size[0])
    orders = [(h, k) for h in range(-reach, reach + 1) for k in range(-reach, reach + 1)]
    found = np.zeros((len(orders), ZONES, ZONES))
    for number, zone in enumerate(table.zones):
        column = int(np.flatnonzero(~zone.index.any(axis=1))[0])
        strength = np.abs(zone.amplitude[THICKNESS_CELLS][:, column]) ** 2
        for (h, k), value in zip(zone.index, strength, strict=True):
            if (h, k) in orders:
                found[orders.index((int(h), int(k))), number % ZONES, number // ZONES] = value
    return np.array(orders), found


def _virtual_cell(x_cl: float, microscope: Any) -> Any:
    """One cell whose halide sites transmit as the mean of Br and Cl; atoms overlap little in projection."""
    from dataclasses import replace

    from ase import Atoms

    from perovsim.microscopy.table.crystal import crystal_cell

    edge = 1e10 * cell_edge(x_cl)
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0, 0.5, 0.5), (0.5, 0, 0.5)]
    pure = []
    for halide in ("Br", "Cl"):
        atoms = Atoms(["Cs", "Pb", halide, halide, halide], scaled_positions=places, cell=[edge] * 3, pbc=True)
        spread = {name: float(value) for name, value in microscope.displacements.items()}
        pure.append(crystal_cell(atoms, float(microscope.energy), spread))
    return replace(pure[0], layers=(1 - x_cl) * pure[0].layers + x_cl * pure[1].layers)


def _haadf(x_cl: float, microscope: Any) -> np.ndarray:
    """One cell (y, x) of the image [fraction of the beam], the lead column in its middle."""
    from perovsim.microscopy.signals.haadf import haadf_image

    lamella = _lamella(x_cl)
    edge, size = cell_edge(x_cl), (IMAGE_CELLS + 1) * cell_edge(x_cl)
    middle = (0.5 * sum(lamella.window), 0.5 * lamella.height)
    image = haadf_image(lamella, microscope, field=(size, size), centre=middle, phonons=2, waves=24)
    return _fold(image.expectation, image.x, image.y, edge)


def _lamella(x_cl: float) -> Any:
    """The middle of the shipped emitter at a composition, before any current."""
    from perovsim.atoms import build_lamella
    from perovsim.model import Protocol, load_device, rest
    from perovsim.simulation import simulate

    device = load_device("nanoled_like").with_hypotheses("field_drift").with_values({"layer.emitter.x_Cl": x_cl})
    run = simulate(device, Protocol([rest("1 ns")]))
    edge = cell_edge(x_cl)
    centre = float(device.layers[0].thickness) + 0.5 * float(device.emitter.thickness)
    half = 0.5 * (IMAGE_CELLS + 3) * edge
    return build_lamella(
        run,
        time=0.0,
        window=(centre - half, centre + half),
        height=(IMAGE_CELLS + 3) * edge,
        thickness=THICKNESS_CELLS * edge,
    )


def _fold(image: np.ndarray, x: np.ndarray, y: np.ndarray, edge: float) -> np.ndarray:
    """Mean cell of an image, rolled so that its brightest column is in the middle."""
    from scipy.ndimage import map_coordinates

    steps = (np.arange(CELL_PIXELS) + 0.5) / CELL_PIXELS * edge
    total = np.zeros((CELL_PIXELS, CELL_PIXELS))
    for row in range(IMAGE_CELLS):
        for column in range(IMAGE_CELLS):
            at_y = (steps + row * edge) / (y[1] - y[0])
            at_x = (steps + column * edge) / (x[1] - x[0])
            total += map_coordinates(image, np.meshgrid(at_y, at_x, indexing="ij"), order=3, mode="nearest")
    mean = total / IMAGE_CELLS**2
    peak = np.unravel_index(np.argmax(mean), mean.shape)
    return np.roll(mean, [CELL_PIXELS // 2 - p for p in peak], axis=(0, 1))


if __name__ == "__main__":
    main()
