"""What tables hold of electrons and holes beyond levels and mobilities: statistics of the bands, traps."""

from __future__ import annotations

import numpy as np

from perovsim.constants import EPS_0, Q
from perovsim.device.kernels.tables import (
    CAPTURE,
    DENSITY,
    FIRST_CELL,
    JUNCTION_COLUMNS,
    LEVELS,
    OCCUPIED,
    TRAP_COLUMNS,
)
from perovsim.device.problem.species import SpeciesPlan, trap_levels
from perovsim.physics.statistics import POINTS, Statistics


def statistics_of(layer, vt: float) -> tuple[Statistics | None, Statistics | None]:
    """Statistics of electrons and holes in a layer, None for Boltzmann's."""
    if layer.statistics == "boltzmann" or not layer.transport:
        return None, None
    if layer.statistics != "gauss_fermi":
        return (Statistics(layer.statistics),) * 2
    return tuple(Statistics("gauss_fermi", float(s) / vt) for s in (layer.disorder_electron, layer.disorder_hole))


def statistics_tables(layers, vt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of the statistics of electrons and holes in each layer (2, layers), and the tables of all kinds met."""
    kinds: dict[Statistics, int] = {}
    number = np.full((2, len(layers)), -1.0)
    for k, layer in enumerate(layers):
        for s, kind in enumerate(statistics_of(layer, vt)):
            if kind is not None:
                number[s, k] = kinds.setdefault(kind, len(kinds))
    tables = [kind.table() for kind in kinds]
    if not tables:
        return number, np.zeros((0, 2, POINTS)), np.zeros((0, 3))
    return number, np.array([x for x, _ in tables]), np.array([x for _, x in tables])


def trap_tables(device, mesh, plans: list[SpeciesPlan], vt: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of Tables.trap and Tables.junction."""
    traps, junctions = np.zeros((0, TRAP_COLUMNS)), np.zeros((0, JUNCTION_COLUMNS))
    for level in trap_levels(device):
        row = np.zeros(JUNCTION_COLUMNS)
        row[DENSITY], row[CAPTURE : CAPTURE + 2] = level.density, _capture(level.kind)
        row[OCCUPIED] = next((s for s, plan in enumerate(plans) if plan.traps == level), -1)
        if level.junction is None:
            cells = mesh.cells_of(device, level.layer)
            row[FIRST_CELL : FIRST_CELL + 2] = cells[0], cells[-1]
            row[LEVELS : LEVELS + 2] = _at_level(device.layer(level.layer), level.energy, vt)
            traps = np.vstack((traps, row[:TRAP_COLUMNS]))
            continue
        left, right = (device.layer(name) for name in level.junction)
        cell = mesh.cells_of(device, left.name)[-1]
        row[FIRST_CELL : FIRST_CELL + 2] = cell, cell + 1
        row[LEVELS : LEVELS + 2] = _at_level(left, level.energy, vt)
        row[OCCUPIED + 1 :] = _at_level(right, level.energy, vt)
        junctions = np.vstack((junctions, row))
    return traps, junctions


def fixed_charge(device, mesh) -> np.ndarray:
    """Charge of the traps without their electrons [q m^-3] (n,): donors."""
    charge = np.zeros(mesh.n)
    for level in trap_levels(device):
        if level.junction is None:
            charge[mesh.cells_of(device, level.layer)] += level.charge_empty * level.density
        else:
            cell = mesh.cells_of(device, level.junction[0])[-1]
            charge[cell] += level.charge_empty * level.density / mesh.widths[cell]
    return charge


def image_factor(permittivity: float, vt: float) -> float:
    """sqrt(q V_t/(4 pi eps))/V_t [m^1/2]: Schottky lowering [kT] over the root of the field [kT/q per m]."""
    return float(np.sqrt(Q * vt / (4.0 * np.pi * permittivity * EPS_0)) / vt)


def _capture(kind) -> tuple[float, float]:
    return float(kind.capture_electron), float(kind.capture_hole)


def _at_level(layer, energy: float, vt: float) -> tuple[float, float]:
    """n_1 = N_c e^{(chi - E_t)/kT} and p_1 = N_v e^{(E_t - I)/kT} [m^-3]; zero in a layer without carriers."""
    if not layer.transport:
        return 0.0, 0.0
    chi, ionisation = float(layer.electron_affinity), float(layer.ionisation_energy)
    return float(layer.N_c) * np.exp((chi - energy) / vt), float(layer.N_v) * np.exp((energy - ionisation) / vt)
