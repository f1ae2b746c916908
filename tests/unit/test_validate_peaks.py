"""The peak search: exact on a parabola, converging on a line shape, and the shipped tables of k."""

from __future__ import annotations

import numpy as np
import pytest

from perovsim.constants import C_LIGHT, H, Q
from perovsim.errors import ModelFileError, PerovsimError
from perovsim.model import load_material
from perovsim.validate import exciton_peak, load_case, steepest_edge, validation_directory
from perovsim.validate.optics import model_energy
from perovsim.validate.peaks import photon_energy, sampling_uncertainty

NM = 1e-9
MEV = 1e-3
CENTRE = 482.3
"""Wavelength of the synthetic exciton [nm], between two samples."""


def gaussian_line(step: float, width: float = 6.0):
    wavelength = np.arange(460.0, 510.0, step) * NM
    return wavelength, 0.1 + 0.4 * np.exp(-0.5 * ((wavelength / NM - CENTRE) / width) ** 2)


def test_photon_energy_is_hc_over_lambda() -> None:
    assert photon_energy(500.0 * NM) == pytest.approx(H * C_LIGHT / Q / 500e-9, rel=1e-15)
    assert photon_energy(500.0 * NM) == pytest.approx(2.479684, rel=1e-6)  # 1239.84198 eV nm / 500 nm


def test_a_parabola_is_found_exactly_even_with_uneven_steps() -> None:
    wavelength = np.array([470.0, 476.0, 481.0, 484.0, 490.0, 499.0]) * NM
    k = 0.5 - 1e-4 * (wavelength / NM - CENTRE) ** 2
    assert exciton_peak(wavelength, k) == pytest.approx(photon_energy(CENTRE * NM), rel=1e-12)
    assert exciton_peak(wavelength[::-1], k[::-1]) == exciton_peak(wavelength, k)


def test_a_gaussian_line_converges_with_the_step() -> None:
    errors = []
    for step in (2.0, 1.0, 0.5):
        wavelength, k = gaussian_line(step)
        errors.append(abs(exciton_peak(wavelength, k) - photon_energy(CENTRE * NM)))
        assert errors[-1] <= sampling_uncertainty(exciton_peak, wavelength, k)
    assert errors[1] < 0.1 * MEV
    assert errors[2] < errors[1] < errors[0]


def test_the_edge_of_a_gaussian_is_one_sigma_below_its_peak() -> None:
    """Central differences: second order in the step."""
    errors = []
    for points in (141, 281):  # steps of 2.5 and 1.25 meV
        energy = np.linspace(2.4, 2.75, points)
        k = np.exp(-0.5 * ((energy - 2.6) / 0.03) ** 2)
        wavelength = H * C_LIGHT / (Q * energy)
        assert exciton_peak(wavelength, k) == pytest.approx(2.6, abs=0.01 * MEV)
        errors.append(abs(steepest_edge(wavelength, k) - (2.6 - 0.03)))
    assert errors[0] < 0.1 * MEV
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


def test_a_table_without_the_exciton_is_refused() -> None:
    wavelength, k = gaussian_line(1.0)
    outside = wavelength > 490.0 * NM
    with pytest.raises(PerovsimError, match="end of the table.*encloses the exciton"):
        exciton_peak(wavelength[outside], k[outside])
    with pytest.raises(PerovsimError, match="one material at a time"):
        exciton_peak(np.concatenate([wavelength, wavelength]), np.concatenate([k, k]))


# Peaks and steepest samples [eV] as derived from the source tables before this code existed.
DERIVED = {
    "exciton_ermolaev2023": {
        0.0: (2.3990, 2.3752),
        0.4: (2.6071, 2.5776),
        0.5667: (2.7096, 2.6953),
        1.0: (3.0228, 3.0020),
    },
    "exciton_brennan2024": {0.0: (2.4002, None)},
    "exciton_zhang2023": {1.0: (3.0251, None)},
}


def tables(name: str):
    records = load_case(validation_directory() / "measured" / name).records
    for x_cl in sorted({record.number("x_Cl") for record in records}):
        rows = [
            (record.number("wavelength_nm"), record.number("k")) for record in records if record.number("x_Cl") == x_cl
        ]
        wavelength, k = np.array(rows).T
        yield x_cl, wavelength * NM, k


@pytest.mark.parametrize("name", DERIVED)
def test_shipped_tables_hold_the_derived_energies(name: str) -> None:
    found = {x_cl: (wavelength, k) for x_cl, wavelength, k in tables(name)}
    assert found.keys() == DERIVED[name].keys()
    for x_cl, (peak, edge) in DERIVED[name].items():
        wavelength, k = found[x_cl]
        assert exciton_peak(wavelength, k) == pytest.approx(peak, abs=0.06 * MEV)
        if edge is not None:  # steepest sample there, refined here: one sampling step apart at most
            step = abs(photon_energy(wavelength[0]) - photon_energy(wavelength[1]))
            assert steepest_edge(wavelength, k) == pytest.approx(edge, abs=step)


def test_the_material_file_holds_the_fit_to_the_calibration_table() -> None:
    """Four points, three parameters: the largest residual is 0.3 meV."""
    lattice = load_material("cspbbrcl3").lattice
    residuals = [
        model_energy(lattice, x_cl) - exciton_peak(wavelength, k)
        for x_cl, wavelength, k in tables("exciton_ermolaev2023")
    ]
    assert max(abs(residual) for residual in residuals) < 0.3 * MEV


def test_the_message_names_the_table_without_a_peak(tmp_path) -> None:
    from perovsim.validate import measured_table

    shipped = validation_directory() / "measured" / "exciton_brennan2024"
    folder = tmp_path / "exciton_brennan2024"
    folder.mkdir()
    (folder / "case.toml").write_text((shipped / "case.toml").read_text())
    lines = (shipped / "data.csv").read_text().splitlines()
    (folder / "data.csv").write_text("\n".join([lines[0], *lines[-10:]]) + "\n")
    with pytest.raises(ModelFileError, match="data.csv: CsPbBr3: the maximum of k is at the end"):
        measured_table(folder=tmp_path)
