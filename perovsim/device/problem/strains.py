"""Strain, stress and failure criteria of the halide lattices as columns of a result."""

from __future__ import annotations

import numpy as np

from perovsim.device.problem.elastic import Film, films
from perovsim.device.problem.mesh import Mesh
from perovsim.physics import lattice

Columns = dict[str, tuple[np.ndarray, str, str]]


def strain_fields(device, mesh: Mesh, x: np.ndarray, vacancies: np.ndarray, lead: np.ndarray) -> Columns:
    """Stress-free, elastic and lattice strain out of plane and the stress in plane, over (time, cell).

    x, vacancies, lead : composition, vacancy fraction and share of the lead that is metal; strain counts from the cell
    of the reference composition. Lead clusters strain the layer here but do not act back on the halides.
    """
    found = films(device, mesh)
    if not found:
        return {}
    free, elastic, stress = (np.full(x.shape, np.nan) for _ in range(3))
    for k, film in found.items():
        own = _free(device, k, film, x, vacancies, lead)
        free[:, film.inside], elastic[:, film.inside] = own, film.elastic(own)
        stress[:, film.inside] = film.stress(own)
    return {
        "strain_stress_free": (free, "1", "stress-free strain of composition, vacancies and lead"),
        "strain_elastic": (elastic, "1", "elastic strain, out of plane"),
        "strain_lattice": (free + elastic, "1", "lattice strain that diffraction measures, out of plane"),
        "stress_biaxial": (stress, "Pa", "stress in plane, tension positive"),
    }


def failure_criteria(device, mesh: Mesh, x: np.ndarray, vacancies: np.ndarray, lead: np.ndarray) -> Columns:
    """Largest elastic strain in plane and Griffith's energy release rate of each lattice over time.

    G = sum of E/(1 - nu) eps^2 dx: all the elastic energy that the layer would give off by cracking or peeling.
    """
    out: Columns = {}
    for k, film in films(device, mesh).items():
        layer = device.layers[k]
        strain = film.misfit - _free(device, k, film, x, vacancies, lead)
        modulus, poisson = layer.lattice.youngs_modulus, film.poisson
        largest = np.abs(strain).max(axis=1)
        out[f"largest_strain_{layer.name}"] = (largest, "1", f"largest elastic strain in plane of '{layer.name}'")
        if modulus is not None:
            width = mesh.widths[film.inside]
            energy = lattice.strain_energy_release(strain, float(modulus), poisson, width).sum(axis=1)
            out[f"energy_release_{layer.name}"] = (energy, "J m^-2", f"elastic energy of '{layer.name}' (Griffith's G)")
    return out


def gap_shift(device, mesh: Mesh, k: int, x: np.ndarray) -> np.ndarray | float:
    """Change of the gap of layer k with its elastic strain [eV], x (time, cells of the layer)."""
    film, own = films(device, mesh).get(k), device.layers[k].lattice
    slopes = [0.0 if q is None else float(q) for q in (own.ionisation_strain_slope, own.affinity_strain_slope)]
    if film is None or slopes == [0.0, 0.0]:
        return 0.0
    return (slopes[0] - slopes[1]) * film.volume(film.free(x, float(own.vacancy_density) / float(own.site_density)))


def _free(device, k: int, film: Film, x: np.ndarray, vacancies: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Stress-free strain of a layer (time, cells of the layer)."""
    swelling = device.layers[k].lattice.lead_strain
    of_lead = 0.0 if swelling is None else float(swelling) * lead[:, film.inside]
    return film.free(x[:, film.inside], vacancies[:, film.inside]) + of_lead
