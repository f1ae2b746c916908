"""Reactions written as chemistry."""

from __future__ import annotations

import pytest

from perovsim.model.equation import composition, parse_equation


@pytest.mark.parametrize(
    ("word", "atoms", "charge"),
    [
        ("AlCl3", {"Al": 1, "Cl": 3}, 0),
        ("Pb2+", {"Pb": 1}, 2),
        ("Cl-", {"Cl": 1}, -1),
        ("Br2", {"Br": 2}, 0),
        ("e-", {}, -1),
        ("h+", {}, 1),
        ("CsPb2Br5", {"Cs": 1, "Pb": 2, "Br": 5}, 0),
    ],
)
def test_composition(word: str, atoms: dict[str, int], charge: int) -> None:
    assert composition(word) == (atoms, charge)


def test_stoichiometry_is_net_with_products_positive() -> None:
    equation = parse_equation("2 Al + 3 PbCl2 -> 2 AlCl3 + 3 Pb")
    assert equation.stoichiometry == {"Al": -2, "PbCl2": -3, "AlCl3": 2, "Pb": 3}
    assert equation.species == ("Al", "PbCl2", "AlCl3", "Pb")


def test_electrons_given_off() -> None:
    assert parse_equation("Al + 3 Cl- -> AlCl3 + 3 e-").electrons == 3
    assert parse_equation("Pb2+ + 2 e- -> Pb").electrons == -2
    assert parse_equation("Cl- + h+ -> Cl").electrons == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Al + 3 Cl -> AlCl2", "Cl -1"),
        ("Al + 3 Cl- -> AlCl3 + 2 e-", r"charge \+1"),
        ("Al + 3 Cl = AlCl3", "is not a reaction"),
        ("Al + -> AlCl3", "is not a species|is not a reaction"),
        ("2 al + 3 PbCl2 -> 2 AlCl3 + 3 Pb", "'2 al'"),
    ],
)
def test_what_does_not_balance_or_parse_says_so(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_equation(text)
