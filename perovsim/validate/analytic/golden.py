"""Golden values: numbers worked out once from formula and inputs, against the functions of the package."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator

import numpy as np

from perovsim.constants import EPS_0, K_B, N_A, F, Q, R
from perovsim.device.problem.build import build
from perovsim.errors import ModelFileError
from perovsim.model.equation import parse_equation
from perovsim.physics.lattice import biaxial_stress, lattice_parameter, strain_energy_release, vegard_strain
from perovsim.physics.thermochemistry import decomposition_voltage, emf, load_table, reaction_gibbs
from perovsim.validate.analytic.cases import ANALYTIC
from perovsim.validate.analytic.check import Outcome, relative
from perovsim.validate.analytic.stacks import insulator, stack
from perovsim.validate.cases import DATA_FILE, validation_directory

DIGITS = 5e-6
"""Relative tolerance of numbers written to six digits."""
ROOM = 298.15
A_BR, A_CL = 5.876e-10, 5.606e-10
"""Cubic cells [m] of the values."""
NANO, CENTI, MILLI, MEGA, ANGSTROM = 1e-9, 1e-2, 1e-3, 1e6, 1e-10
EMITTER, EPSILON, D = 50e-9, 20.0, 1e-15
YOUNG, POISSON, STRAIN = 15.8e9, 0.3, 0.01


def golden_values() -> Outcome:
    """Every golden value by the package's own functions."""
    file = validation_directory() / ANALYTIC / "golden_values" / DATA_FILE
    with file.open(newline="", encoding="utf-8") as opened:
        rows = {row["quantity"]: row for row in csv.DictReader(opened)}
    own = dict(_thermodynamic()) | dict(_lattice()) | dict(_ionic()) | dict(_electronic())
    if set(rows) != set(own):
        odd = ", ".join(sorted(set(rows) ^ set(own)))
        raise ModelFileError(file, None, f"{odd}: in the file or in the package, not in both; restore the file")
    checks = [relative(name, own[name](), float(row["value"]), DIGITS, row["unit"]) for name, row in rows.items()]
    return Outcome(tuple(checks))


Values = Iterator[tuple[str, Callable[[], float]]]


def thermal_voltage() -> float:
    """kT/q at 298.15 K [V] of a compiled device."""
    return build(stack([insulator("layer", EMITTER, 2)], temperature=ROOM)).vt


def chloride_density(x: float) -> float:
    """Chloride sites of CsPb(Br1-xClx)3 [m^-3]."""
    return 3.0 * x / lattice_parameter(x, A_BR, A_CL) ** 3


def _thermodynamic() -> Values:
    table = load_table()
    per_charge = table.molar_volume("AlCl3") / (3.0 * F)
    yield "thermal_voltage", thermal_voltage
    yield "faraday_thickness_AlCl3", lambda: per_charge / NANO / CENTI**2
    yield "charge_per_nm_AlCl3", lambda: CENTI**2 * NANO / per_charge
    yield "charge_per_nm_Pb", lambda: CENTI**2 * NANO * 2.0 * F / table.molar_volume("Pb")
    yield "pilling_bedworth_AlCl3_Al", lambda: table.molar_volume("AlCl3") / table.molar_volume("Al")
    for formula, electrons in (("AlCl3", 3), ("AlBr3", 3), ("PbCl2", 2), ("PbBr2", 2)):
        yield f"decomposition_voltage_{formula}", lambda f=formula, n=electrons: decomposition_voltage(f, n, table)
    for halide in ("Cl", "Br"):
        couple = parse_equation(f"2 Al + 3 Pb{halide}2 -> 2 Al{halide}3 + 3 Pb")
        yield f"galvanic_emf_Al_Pb{halide}2", lambda own=couple: emf(own, table, 6)
    exchange = parse_equation("2 AlBr3 + 3 PbCl2 -> 2 AlCl3 + 3 PbBr2")
    energy = -reaction_gibbs(exchange, table) / 6.0
    yield "Cl_over_Br_fixation_free_energy", lambda: MILLI * energy
    yield "Cl_over_Br_equilibrium_factor", lambda: float(np.exp(energy / (R * ROOM)))


def _lattice() -> Values:
    for x in (0.2, 0.3, 0.4):
        yield f"Cl_site_density_x{x}", lambda x=x: chloride_density(x)
        volume = load_table().molar_volume("AlCl3")
        yield (
            f"max_AlCl3_thickness_from_50nm_emitter_x{x}",
            lambda x=x, v=volume: chloride_density(x) * EMITTER * v / (3.0 * N_A) / NANO,
        )
    difference = (A_BR**3 - A_CL**3) / 3.0
    yield "vegard_linear_strain_x0to1", lambda: vegard_strain(1.0, 0.0, A_BR, A_CL)
    yield "partial_volume_difference_Br_minus_Cl", lambda: difference / ANGSTROM**3
    yield "stress_shift_per_100MPa", lambda: difference * 100.0 * MEGA / Q / MILLI
    yield "biaxial_stress_1pct", lambda: biaxial_stress(STRAIN, 0.0, YOUNG, POISSON) / MEGA
    yield (
        "griffith_critical_thickness_1pct",
        lambda: 1.0 / strain_energy_release(STRAIN, YOUNG, POISSON, 1.0) / NANO,
    )


def debye_at_room(density: float) -> float:
    """lambda_D [m] of one mobile species at 298.15 K."""
    return float(np.sqrt(EPSILON * EPS_0 * K_B * ROOM / density)) / Q


def _ionic() -> Values:
    for density in (1e22, 1e23, 1e24, 1e25):
        yield f"ion_debye_length_N{density:.0e}", lambda n=density: debye_at_room(n) / NANO
    for density in (1e24, 1e25):
        for speed in (1e-16, 1e-15, 1e-14):
            yield (
                f"polarisation_time_L50nm_N{density:.0e}_D{speed:.0e}",
                lambda n=density, d=speed: debye_at_room(n) * EMITTER / (2.0 * d),
            )
    c = chloride_density(0.3)
    for current in ("0.001", "0.01", "0.1", "1", "10"):
        yield f"sand_time_Cl_j{current}A/m2", lambda j=float(current): np.pi * D * (Q * c / (2.0 * j)) ** 2
    yield "cottrell_j_1s", lambda: Q * c * float(np.sqrt(D / np.pi))


def _electronic() -> Values:
    thin = dict(eps=3.0 * EPS_0, mu=1e-9, length=40e-9)
    yield "mott_gurney_J", lambda: 9.0 / 8.0 * thin["eps"] * thin["mu"] / thin["length"] ** 3
    yield "langevin_k_ETL", lambda: Q * 2e-9 / (3.0 * EPS_0)
    yield "langevin_k_perovskite", lambda: Q * 2e-4 / (20.0 * EPS_0)
