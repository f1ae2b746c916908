"""Pairs that an illumination generates in every cell, as exact means over the cells."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.tables import GENERATION
from perovsim.device.problem.build import Problem
from perovsim.errors import SimulationError
from perovsim.model.names import did_you_mean


def generation(problem: Problem, illumination) -> np.ndarray:
    """Mean generation of every cell under light of one [m^-3 s^-1] (n,); without illumination that of the layers."""
    if illumination is None:
        return problem.tables.cell[GENERATION]
    names = [layer.name for layer in problem.device.layers]
    for name in illumination.layers:
        if name not in names:
            raise SimulationError(f"the illumination names '{name}', which is no layer; {did_you_mean(name, names)}")
    faces, widths = problem.mesh.faces, problem.mesh.widths
    is_first = problem.device.contacts[0].which == illumination.side
    depth = faces if is_first else (faces[-1] - faces)[::-1]
    layer = problem.mesh.layer if is_first else problem.mesh.layer[::-1]
    made = (
        _absorbed(depth, layer, names, illumination)
        if illumination.absorption
        else _given(depth, layer, names, illumination.profile)
    )
    return (made if is_first else made[::-1]) / widths


def _absorbed(depth, layer, names, illumination) -> np.ndarray:
    """Photons absorbed between two faces, Phi (exp(-tau_i) - exp(-tau_{i+1})) [m^-2 s^-1]; tau the optical depth."""
    alpha = np.array([float(illumination.absorption.get(name, 0.0)) for name in names])[layer]
    own = alpha * np.diff(depth)
    before = np.concatenate(([0.0], np.cumsum(own)[:-1]))
    return float(illumination.photon_flux) * np.exp(-before) * -np.expm1(-own)


def _given(depth, layer, names, profiles) -> np.ndarray:
    """Integral of the profiles between two faces [m^-2 s^-1]."""
    made = np.zeros(layer.size)
    for name, profile in profiles.items():
        own = np.nonzero(layer == names.index(name))[0]
        at, rate = (np.array([float(x) for x in part]) for part in (profile.depth, profile.generation))
        faces = depth[own[0] : own[-1] + 2] - depth[own[0]]
        made[own] = np.diff(_integral(at, rate, faces))
    return made


def _integral(at: np.ndarray, rate: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Integral from 0 to x of a rate that is linear between its points and constant beyond them."""
    knots = np.unique(np.concatenate((np.clip(at, 0.0, None), x, [0.0])))
    values = np.interp(knots, at, rate)
    total = np.concatenate(([0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(knots))))
    return np.interp(x, knots, total)
