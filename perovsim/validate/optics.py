"""Exciton energies of the model against tables of optical constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from perovsim.errors import ModelFileError, PerovsimError
from perovsim.model.material import HalideLattice, Material
from perovsim.physics.emission import exciton_energy
from perovsim.validate.cases import CASE_FILE, DATA_FILE, LoadedCase
from perovsim.validate.peaks import Search, exciton_peak, sampling_uncertainty, steepest_edge
from perovsim.validate.table import MILLI, Row, Section, number_row

TITLE = "Exciton energies: k(λ) of measured crystals and films, one peak search for all"
NANO = 1e-9
NEEDED = ("exciton_energy_Br", "exciton_energy_Cl", "exciton_bowing")
END_MEMBERS = (0.0, 1.0)


@dataclass(frozen=True)
class Curve:
    """k of one material: wavelength [m], k; x_Cl is its nominal composition."""

    case: LoadedCase
    material: str
    x_Cl: float
    wavelength: np.ndarray
    k: np.ndarray

    def found(self, search: Search) -> float:
        """Energy [eV] that `search` finds; ModelFileError with the file where it finds none."""
        return self._placed(lambda: search(self.wavelength, self.k))

    def sampling(self, search: Search) -> float:
        """Bound [eV] on the error from the step of the table."""
        return self._placed(lambda: sampling_uncertainty(search, self.wavelength, self.k))

    def uncertainty(self, search: Search) -> float:
        """Sampling and what case.toml adds, in quadrature [eV]."""
        return math.hypot(self.sampling(search), self.case.case.spread("measured"))

    def _placed(self, find: Callable[[], float]) -> float:
        try:
            return find()
        except PerovsimError as cause:
            raise ModelFileError(self.case.folder / DATA_FILE, None, f"{self.material}: {cause}") from None


def optics_section(cases: tuple[LoadedCase, ...], material: Material) -> Section:
    """Rows: peaks of all tables (calibrated ones first), then edges of the blind ones.

    ModelFileError where a case is called blind although the exciton energies rest on its source
    """
    lattice = _lattice(material)
    used = {getattr(lattice, name).source for name in NEEDED}
    for case in cases:
        _check_standing(case, used, material.name)
    curves = sorted(
        (curve for case in cases for curve in _curves(case)),
        key=lambda curve: (curve.case.case.standing != "calibrated", curve.x_Cl),
    )
    calibrated = {curve.x_Cl: curve for curve in curves if curve.case.case.standing == "calibrated"}
    rows = [_peak_row(curve, lattice) for curve in curves]
    rows += [
        _edge_row(curve, calibrated[curve.x_Cl])
        for curve in curves
        if curve.case.case.standing != "calibrated" and curve.x_Cl in calibrated
    ]
    limits = [f"{case.case.name}: {sentence}" for case in cases for sentence in case.case.says]
    return Section(TITLE, tuple(rows), (*_untested(curves, lattice), *limits))


def model_energy(lattice: HalideLattice, x_cl: float) -> float:
    """Exciton energy of the model at x_Cl [eV]."""
    return float(exciton_energy(x_cl, *(float(getattr(lattice, name)) for name in NEEDED)))


def model_uncertainty(lattice: HalideLattice, x_cl: float) -> float:
    """Sigma of the model value [eV]: those of the end members, taken as fully correlated."""
    ends = ((1.0 - x_cl, lattice.exciton_energy_Br), (x_cl, lattice.exciton_energy_Cl))
    return sum(share * (energy.sigma or 0.0) for share, energy in ends)


def _lattice(material: Material) -> HalideLattice:
    lattice = material.lattice
    missing = [name for name in NEEDED if lattice is None or getattr(lattice, name) is None]
    if missing:
        raise ModelFileError(
            None,
            None,
            f"material '{material.name}' has no {', '.join(missing)}; "
            "give them under [lattice] to compare exciton energies",
        )
    return lattice


def _check_standing(case: LoadedCase, used: set[str], material: str) -> None:
    shared = used & set(case.case.source)
    if shared and case.case.standing != "calibrated":
        raise ModelFileError(
            case.folder / CASE_FILE,
            None,
            f"standing = '{case.case.standing}', but the exciton energies of {material} rest on "
            f"'{', '.join(sorted(shared))}'; write standing = \"calibrated\"",
        )


def _curves(case: LoadedCase) -> Iterator[Curve]:
    compositions: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for record in case.records:
        key = (record.text("material"), record.number("x_Cl"))
        if not 0.0 <= key[1] <= 1.0:
            raise ModelFileError(record.file, record.line, f"x_Cl = {key[1]:g} is out of range; allowed: 0 to 1")
        compositions.setdefault(key, []).append((NANO * record.number("wavelength_nm"), record.number("k")))
    for (material, x_cl), points in compositions.items():
        wavelength, k = np.array(points).T
        yield Curve(case, material, x_cl, wavelength, k)


def _peak_row(curve: Curve, lattice: HalideLattice) -> Row:
    return number_row(
        f"exciton peak, {curve.material}, x_Cl = {curve.x_Cl:g}",
        model_energy(lattice, curve.x_Cl),
        curve.found(exciton_peak),
        curve.uncertainty(exciton_peak),
        model_uncertainty(lattice, curve.x_Cl),
        "eV",
        standing=curve.case.case.standing,
        source=curve.case.case.source,
        says=_contributions(curve, exciton_peak, model_uncertainty(lattice, curve.x_Cl)),
    )


def _edge_row(curve: Curve, reference: Curve) -> Row:
    return number_row(
        f"steepest edge of k, {curve.material}",
        reference.found(steepest_edge),
        curve.found(steepest_edge),
        curve.uncertainty(steepest_edge),
        reference.uncertainty(steepest_edge),
        "eV",
        model_note="of the calibration table",
        standing=curve.case.case.standing,
        source=curve.case.case.source,
        says="second measure of the same curves; the model holds no edge, so table stands against table; "
        + _contributions(curve, steepest_edge, reference.uncertainty(steepest_edge)),
    )


def _contributions(curve: Curve, search: Search, model: float) -> str:
    parts = [f"sampling ≤ {curve.sampling(search) / MILLI:.1f} (computed)"]
    parts += [
        f"{part.what} {float(part.value) / MILLI:.3g} ({part.value.status})"
        for part in curve.case.case.uncertainties
        if part.side == "measured"
    ]
    return f"± in meV: {', '.join(parts)}, model side {model / MILLI:.1f}"


def _untested(curves: list[Curve], lattice: HalideLattice) -> tuple[str, ...]:
    """Say that no blind table has a mixed composition, and what rests on the calibration there."""
    blind = [curve for curve in curves if curve.case.case.standing != "calibrated"]
    if any(curve.x_Cl not in END_MEMBERS for curve in blind) or lattice.x_Cl is None:
        return ()
    x_cl = float(lattice.x_Cl)
    straight = float(exciton_energy(x_cl, float(lattice.exciton_energy_Br), float(lattice.exciton_energy_Cl), 0.0))
    bend = (model_energy(lattice, x_cl) - straight) / MILLI
    return (
        f"Every blind table is of an end member. At x_Cl = {x_cl:g} of the shipped device the bowing term "
        f"({bend:+.0f} meV) rests on the calibration alone; Stokes shift and line width are assumed and untested.",
    )
