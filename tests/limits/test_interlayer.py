"""Lithium fluoride between metal and film: used up by 3 LiF + AlCl3 -> 3 LiCl + AlF3, no further; dissolved X2."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.errors import ModelFileError
from perovsim.model import Reaction, Species, load_device
from perovsim.model.equation import parse_equation
from perovsim.physics.thermochemistry import load_table, reaction_gibbs
from perovsim.validate.analytic.beam import radiolysis
from perovsim.validate.analytic.growth import DRIVE, cell, grown, speed

EQUATION = "3 LiF + AlCl3 -> 3 LiCl + AlF3"
AMOUNT = 1.02e-4
"""One nanometre of LiF [mol/m^2]."""
GROWTH = 10e-9 / 3600.0


def consuming(**values) -> Reaction:
    """The exchange on the contact of the film."""
    usual = {"rate": 1e-12, "elementary_steps": 3, "site": "contact:al"}
    return Reaction(kind="reaction", name="exchange", reaction=EQUATION, **(usual | values))


def with_fluoride(amount: float | None, **values):
    """The growing film on a contact with LiF."""
    plain = cell(GROWTH / speed(1.0, DRIVE), [consuming(**values)])
    contacts = tuple(x.replace(lithium_fluoride=amount) if x.name == "al" else x for x in plain.contacts)
    return plain.replace(contacts=contacts)


def test_energy_of_the_exchange() -> None:
    """-188 kJ/mol from the table: LiF does not stay beside AlCl3."""
    assert_allclose(reaction_gibbs(parse_equation(EQUATION), load_table()) / 1e3, -188.3, atol=0.2)


def test_the_fluoride_is_used_up_and_no_more() -> None:
    """A third of the LiF in AlF3, that much AlCl3 missing in the film, Li and F kept; then the film goes on alone."""
    run, plain = grown(with_fluoride(AMOUNT)), grown(cell(GROWTH / speed(1.0, DRIVE)))
    end = {name: run.interfaces[f"deposit_{name}_al"].values[-1] for name in ("LiF", "LiCl", "AlF3")}
    assert_allclose(end["LiF"], -AMOUNT, rtol=1e-2)
    assert end["LiF"] >= -AMOUNT * (1.0 + 1e-9)
    assert_allclose(end["LiCl"], -end["LiF"], rtol=1e-9)
    assert_allclose(end["AlF3"], -end["LiF"] / 3.0, rtol=1e-9)
    lost = plain.interfaces["film_AlCl3"].values[-1] - run.interfaces["film_AlCl3"].values[-1]
    assert_allclose(lost, end["AlF3"], rtol=1e-5)
    for name in ("Li", "F", "Al", "Cl"):
        assert run.balance[f"element_{name}"].values.max() <= 1e-10, name


def test_one_nanometre_consumes_1_8_of_the_film() -> None:
    """1 nm of LiF, 9.8 cm^3/mol, takes 1.8 nm of AlCl3, 53.77 cm^3/mol."""
    run = grown(with_fluoride(AMOUNT))
    assert_allclose(run.interfaces["deposit_AlF3_al"].values[-1] * 53.766e-6 * 1e9, 1.83, rtol=0.02)


def test_without_fluoride_nothing_happens() -> None:
    run = grown(with_fluoride(None))
    assert abs(run.interfaces["extent_exchange"].values[-1]) < 1e-15


def test_fluoride_stands_on_a_contact() -> None:
    device = with_fluoride(AMOUNT, site="contact:al|layer:salt", zone_depth="5 nm")
    with pytest.raises(ModelFileError, match="stands on a contact"):
        grown(device)


def test_halogen_atoms_pair_to_dissolved_molecules() -> None:
    """2 Cl -> Cl2, both dissolved: atoms of the beam become half as many molecules, at equilibrium c_2 = K c_1^2."""
    level = -0.1
    layers = {"salt": {"diffusivity": 0.0, "solvation_energy": 0.0}}
    paired = {"salt": {"diffusivity": 0.0, "solvation_energy": level}}
    species = (
        Species(name="atom", formula="Cl", reference_density=1e26, layers=layers),
        Species(name="pair", formula="Cl2", reference_density=1e26, layers=paired),
    )
    pairing = Reaction(kind="reaction", name="pairing", reaction="2 Cl -> Cl2", site="layer:salt", rate="1e6 mol/m^3/s")
    device = load_device("corrosion_couple").with_values({"layer.salt.D_vacancy": 0.0})
    device = device.replace(species=species, processes=(radiolysis("Cl", "salt"), pairing))
    run = ps.simulate(device, ps.Protocol([ps.rest("10 s", beam=10.0), ps.rest("1e6 s")]), rtol=1e-8)
    atoms, molecules = (run.fields[f"c_{name}"].values[-1] / 1e26 for name in ("atom", "pair"))
    thermal = 298.15 * 8.617333262e-5
    assert_allclose(molecules, atoms**2 * np.exp(-level / thermal), rtol=1e-5)
    freed = 2.0 * run.fields["Pb0"].values[-1] / 1e26
    assert_allclose(atoms + 2.0 * molecules, freed, rtol=1e-8)
