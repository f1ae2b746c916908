"""Free energies of formation at 298.15 K and what follows from them: reaction energies, potentials, halide levels.

Values: NASA-9 coefficients (McBride, Zehe, Gordon, NASA/TP-2002-211556); molar volumes: CRC Handbook densities.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from perovsim.constants import N_A, F, Q
from perovsim.errors import PerovsimError

PACKAGE_TABLE = Path(__file__).resolve().parents[1] / "data" / "thermochemistry.csv"
CUBIC_CENTIMETRE = 1e-6
KILO = 1e3


@dataclass(frozen=True)
class Thermochemistry:
    """One table: rows by formula, with the standing and source of each."""

    path: Path
    rows: dict[str, dict[str, str]]

    def row(self, formula: str) -> dict[str, str]:
        """The row of a formula; PerovsimError where the table has none."""
        if formula not in self.rows:
            known = ", ".join(sorted(self.rows))
            raise PerovsimError(f"{self.path}: no entry for '{formula}'; known: {known}; add a row with its source")
        return self.rows[formula]

    def gibbs(self, formula: str) -> float:
        """Free energy of formation dGf(298.15 K) [J/mol]; elements are zero."""
        return KILO * self._number(formula, "dGf_kJ_mol")

    def molar_volume(self, formula: str) -> float:
        """Molar volume [m^3/mol]."""
        return CUBIC_CENTIMETRE * self._number(formula, "molar_volume_cm3_mol")

    def source(self, formula: str) -> str:
        """Key of the source in sources.bib."""
        return self.row(formula)["source"]

    def status(self, formula: str) -> str:
        """measured, cited, derived or assumed."""
        return self.row(formula)["status"]

    def _number(self, formula: str, column: str) -> float:
        text = self.row(formula).get(column, "")
        try:
            return float(text)
        except ValueError:
            raise PerovsimError(
                f"{self.path}: '{formula}' has no number in column {column} ({text!r}); give one with its source"
            ) from None


@lru_cache
def load_table(path: str | Path | None = None) -> Thermochemistry:
    """Read a table; None is the one of the package."""
    path = PACKAGE_TABLE if path is None else Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row["formula"]: row for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError) as cause:
        raise PerovsimError(
            f"{path}: not a thermochemistry table ({cause}); columns: formula, dGf_kJ_mol, "
            "molar_volume_cm3_mol, status, source"
        ) from cause
    return Thermochemistry(path, rows)


def reaction_gibbs(equation, table: Thermochemistry) -> float:
    """dG = sum nu dGf of a reaction among compounds and elements [J per mole of reaction as written]."""
    return sum(nu * table.gibbs(word) for word, nu in equation.stoichiometry.items())


def emf(equation, table: Thermochemistry, electrons: float) -> float:
    """Potential -dG/(n F) [V] of a reaction that moves n electrons as written."""
    return -reaction_gibbs(equation, table) / (electrons * F)


def decomposition_voltage(formula: str, electrons: float, table: Thermochemistry) -> float:
    """-dGf/(n F) [V]: below it the compound is stable against its elements."""
    return -table.gibbs(formula) / (electrons * F)


def lead_level(redox_level: float) -> float:
    """Standard electrochemical potential of lattice Pb2+ [eV]: Pb2+ + 2 e- = Pb at E_F = redox_level."""
    return -2.0 * redox_level


def halide_level(halide: str, redox_level: float, table: Thermochemistry) -> float:
    """Standard electrochemical potential of X- in the perovskite [eV against vacuum].

    mu(Pb2+) + 2 mu(X-) = dGf(PbX2), with mu(Pb2+) from E(Pb/PbBr2) = redox_level: it equals the level of X2/X-.
    """
    return 0.5 * (table.gibbs(f"Pb{halide}2") / (N_A * Q) - lead_level(redox_level))
