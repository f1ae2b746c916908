"""Strain, stress and failure criteria of a result, and what a lamella keeps of them."""

from __future__ import annotations

import numpy as np
import pytest
from devices import coarse_led, device, perovskite
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.atoms import build_lamella
from perovsim.device.problem.elastic import films
from perovsim.device.problem.mesh import Mesh
from perovsim.device.problem.strains import failure_criteria, strain_fields
from perovsim.errors import ModelFileError

MODULUS = 15.8e9 / 0.7


def columns(function, own, x, vacancies=0.0, lead=0.0):
    """Strain columns of a device at uniform composition, vacancies and lead."""
    mesh = Mesh([float(part.thickness) for part in own.layers], [part.cells for part in own.layers])
    uniform = (np.full((1, mesh.n), value) for value in (x, vacancies, lead))
    return {name: values for name, (values, _, _) in function(own, mesh, *uniform).items()}


def test_stress_free_strain_is_a_sum() -> None:
    """eps0 = a(x)/a(x_ref) - 1 + eps_V theta_V + eps_Pb f_Pb; its elastic answer and stress at zero misfit."""
    own = device([perovskite("film", 50, 10, 0.3, vacancy_strain=0.1, lead_strain=-0.2)], 4.3, 4.3)
    found = columns(strain_fields, own, 0.5, 0.02, 0.01)
    a, reference = (5.84 * (1 - x) + 5.605 * x for x in (0.5, 0.3))
    free = a / reference - 1.0 + 0.1 * 0.02 - 0.2 * 0.01
    assert_allclose(found["strain_stress_free"], free, rtol=1e-12)
    assert_allclose(found["stress_biaxial"], -MODULUS * free, rtol=1e-12)
    assert_allclose(found["strain_elastic"], 2.0 * 0.3 / 0.7 * free, rtol=1e-12)
    assert_allclose(found["strain_lattice"], (1.0 + 0.6 / 0.7) * free, rtol=1e-12)


def test_interfacial_strain_is_a_stress() -> None:
    """Elastic strain out of plane as given at the faces, and the stress in plane that makes it: tension thins."""
    own = device([perovskite("film", 50, 50, 0.3, initial_interfacial_strain=0.01,
                             initial_strain_decay_length=3e-9)], 4.3, 4.3)  # fmt: skip
    found = columns(strain_fields, own, 0.3)
    mesh = Mesh([50e-9], [50])
    expected = 0.01 * (np.exp(-mesh.centres / 3e-9) + np.exp(-(50e-9 - mesh.centres) / 3e-9))
    assert_allclose(found["strain_elastic"][0], expected, rtol=0, atol=1e-14)
    assert_allclose(found["stress_biaxial"][0], -MODULUS * 0.7 / 0.6 * expected, rtol=0, atol=1e-14 * MODULUS)


def test_griffith_thickness() -> None:
    """h_c = 443.038 nm at 1 % and 1 J/m^2: the film gives off just that."""
    own = device([perovskite("film", 443.038, 40, 0.3, misfit_strain=0.01)], 4.3, 4.3)
    found = columns(failure_criteria, own, 0.3)
    assert_allclose(found["energy_release_film"], 1.0, rtol=5e-6)
    assert_allclose(found["largest_strain_film"], 0.01, rtol=1e-12)


@pytest.mark.parametrize(("critical", "verdict"), [(0.02, "holds"), (0.005, "fails")])
def test_summary_says_how_criteria_stand(critical: float, verdict: str) -> None:
    """The critical values of the file stand beside the numbers, with their standing."""
    led = coarse_led((4, 8, 4), ("field_drift",), layer__emitter__critical_strain=critical,
                     layer__emitter__fracture_energy=0.5)  # fmt: skip
    text = ps.simulate(led, ps.Protocol([ps.short_circuit("1 ms")])).summary()
    assert f"of {100 * critical:.3g} % (assumed): {verdict}" in text
    assert "of 0.5 J/m^2 (assumed): holds" in text


def test_a_lamella_relaxes_its_elastic_strain() -> None:
    """relaxation = 0 keeps eps0 + eps_el, 1 leaves eps0, between them linear: what thin films lose at free faces."""
    run = ps.simulate(coarse_led((10, 30, 10), ("field_drift",)), ps.Protocol([ps.short_circuit("1 ms")]))
    cut = dict(time="0 s", around="emitter|etl", width="6 nm", height="2 nm", thickness="5 nm", seed=1)
    whole, half, relaxed = (build_lamella(run, **cut, relaxation=r).truth["strain_xx"].values for r in (0.0, 0.5, 1.0))
    assert np.abs(whole).max() > 5e-3
    assert_allclose(half, 0.5 * (whole + relaxed), rtol=0, atol=1e-12)
    assert np.abs(relaxed).max() <= 1e-9  # as grown there is no other strain


@pytest.mark.parametrize("use", ["stress_coupling", "activation_volume", "fracture_energy"])
def test_what_needs_elastic_constants_says_so(use: str) -> None:
    value = True if use == "stress_coupling" else 1.0 if use == "fracture_energy" else 1e-30
    with pytest.raises(ModelFileError, match="youngs_modulus"):
        device([perovskite("film", 50, 10, youngs_modulus=None, **{use: value})])


def test_out_of_plane_strain_needs_a_poisson_ratio() -> None:
    with pytest.raises(ModelFileError, match="misfit_strain"):
        device([perovskite("film", 50, 10, poisson_ratio=0.0, initial_interfacial_strain=0.01,
                           initial_strain_decay_length=1e-9)])  # fmt: skip


def test_open_junctions_need_two_like_lattices() -> None:
    parts = [perovskite("first", 20, 5), perovskite("second", 20, 5, halides=("Br",), x_Cl=0.0)]
    with pytest.raises(ModelFileError, match="differ in halides"):
        device(parts, interface=[{"between": "first|second", "halides": "open"}])


def test_films_follow_the_mesh_of_their_layer() -> None:
    own = device([perovskite("first", 20, 5, misfit_strain=0.01), perovskite("second", 20, 7)])
    mesh = Mesh([20e-9, 20e-9], [5, 7])
    found = films(own, mesh)
    assert [film.misfit.size for film in found.values()] == [int(film.inside.sum()) for film in found.values()]
