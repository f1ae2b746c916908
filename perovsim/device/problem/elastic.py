"""Strain and stress of the clamped halide lattices on the mesh, one line for halides, bands, outputs, diffraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import Q
from perovsim.device.kernels.tables import (
    BASE,
    EASE,
    ELECTRON,
    ETA,
    HOLE,
    IS_IDEAL,
    MISFIT,
    MIXING,
    MOVING,
    PASSES,
    SLOPE,
    STIFFNESS,
    STRAINED,
    SWELLING,
)
from perovsim.device.problem.mesh import Mesh
from perovsim.physics import lattice

HYDROSTATIC = 2.0 / 3.0
"""sigma_h of a film over its in-plane stress: two of three normal stresses."""


@dataclass(frozen=True)
class Film:
    """A lattice layer held in plane by what it stands on.

    inside : its cells (n,); base, eta, swelling : eps0 = base + eta x + swelling theta_V, against the cell of the
    reference composition; misfit : in-plane strain at which it is held, that of its interfaces included (cells,)
    modulus : E/(1 - nu) [Pa], 0 where not given; poisson : nu
    """

    inside: np.ndarray
    base: float
    eta: float
    swelling: float
    misfit: np.ndarray
    modulus: float
    poisson: float

    def free(self, x, vacancies):
        """Stress-free strain at a composition and a vacancy fraction."""
        return self.base + self.eta * x + self.swelling * vacancies

    def elastic(self, free):
        """Elastic strain out of plane."""
        return lattice.biaxial_elastic(self.misfit, free, self.poisson)

    def volume(self, free):
        """Trace of the elastic strain."""
        return lattice.volume_strain(self.misfit, free, self.poisson)

    @property
    def volume_by_free(self) -> float:
        """Slope of that trace by the stress-free strain."""
        return lattice.volume_strain(0.0, 1.0, self.poisson)

    def stress(self, free):
        """In-plane stress [Pa], tension positive."""
        return self.modulus * (self.misfit - free)


def films(device, mesh: Mesh) -> dict[int, Film]:
    """The lattices whose lattice parameters are known, by number of their layer."""
    return {
        k: _film(device, mesh, k)
        for k, layer in enumerate(device.layers)
        if layer.lattice is not None and layer.lattice.has_strain
    }


def _film(device, mesh: Mesh, k: int) -> Film:
    own, inside = device.layers[k].lattice, mesh.layer == k
    reference = float(own.x_Cl if device.x_reference is None else device.x_reference)
    ends = float(own.lattice_parameter_Br), float(own.lattice_parameter_Cl)
    base, whole = (lattice.vegard_strain(x, reference, *ends) for x in (0.0, 1.0))
    poisson = _or(own.poisson_ratio)
    misfit = np.full(int(inside.sum()), _or(own.misfit_strain))
    if _or(own.initial_interfacial_strain) != 0.0:
        faces = mesh.faces[:-1][inside][0], mesh.faces[1:][inside][-1]
        profile = float(own.initial_interfacial_strain), float(own.initial_strain_decay_length)
        elastic = lattice.interfacial_profile(mesh.centres[inside], *faces, *profile)
        misfit += lattice.clamped_strain(elastic, poisson)
    modulus = _or(own.youngs_modulus) / (1.0 - poisson)
    return Film(inside, base, whole - base, _or(own.vacancy_strain), misfit, modulus, poisson)


def lattice_rows(device, mesh: Mesh, vt: float) -> np.ndarray:
    """Rows of `Tables.lattice` (rows, n)."""
    rows, clamped = np.zeros((IS_IDEAL + 1, mesh.n)), films(device, mesh)
    rows[IS_IDEAL] = 1.0
    for k, layer in enumerate(device.layers):
        own, inside = layer.lattice, mesh.layer == k
        if own is None:
            continue
        mixing = _or(own.mixing_energy) if len(own.halides) == 2 else 0.0
        rows[MIXING, inside], rows[MOVING, inside] = mixing / vt, own.moving_lattice
        volume = _or(own.activation_volume)
        if own.stress_coupling or volume != 0.0:
            film = clamped[k]
            rows[MISFIT, inside], rows[BASE, inside], rows[SWELLING, inside] = film.misfit, film.base, film.swelling
            rows[ETA, inside] = film.eta if len(own.halides) == 2 else 0.0
            rows[BASE, inside] += 0.0 if len(own.halides) == 2 else film.eta * float(own.x_Cl)
            rows[STIFFNESS, inside] = own.stress_coupling * film.modulus / (float(own.site_density) * Q * vt)
            rows[EASE, inside] = HYDROSTATIC * film.modulus * volume / (Q * vt)
        rows[IS_IDEAL, inside] = mixing == 0.0 and not own.stress_coupling and volume == 0.0
    rows[PASSES, :-1] = _passes(device, mesh)
    return rows


def _passes(device, mesh: Mesh) -> np.ndarray:
    """Whether halides pass from each cell to the next: inside a lattice, and between two where it is open (n - 1,)."""
    layers, left, right = device.layers, mesh.layer[:-1], mesh.layer[1:]
    return np.array([a == b or _is_open(device, layers[a], layers[b]) for a, b in zip(left, right, strict=True)], float)


def _is_open(device, first, second) -> bool:
    junction = device.interface(first.name, second.name)
    return junction is not None and junction.halides == "open"


def add_strain_shifts(device, mesh: Mesh, vt: float, own: np.ndarray) -> None:
    """Let the elastic strain of the lattices move their bands: what stands at the start, and the share that follows
    the composition; that of vacancies is left out. own : `Tables.species_cell`, changed in place."""
    for k, film in films(device, mesh).items():
        of = device.layers[k].lattice
        start = film.volume(film.free(float(of.x_Cl), float(of.vacancy_density) / float(of.site_density)))
        by_x = film.eta * film.volume_by_free if len(of.halides) == 2 else 0.0
        slopes = -_or(of.affinity_strain_slope), _or(of.ionisation_strain_slope)
        for s, slope in zip((ELECTRON, HOLE), slopes, strict=True):
            own[STRAINED, s, film.inside] = slope * start / vt
            own[SLOPE, s, film.inside] += slope * by_x / vt


def _or(quantity, default: float = 0.0) -> float:
    return default if quantity is None else float(quantity)
