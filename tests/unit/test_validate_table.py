"""The comparisons: numbers follow the model they are given, standing is kept, weak ones say so."""

from __future__ import annotations

import json
import math

import factories
import numpy as np
import pytest

from perovsim.errors import PerovsimError
from perovsim.findings import total_chloride_shift
from perovsim.physics.thermochemistry import PACKAGE_TABLE, load_table
from perovsim.validate import Shifts, halide_shifts, measured_table
from perovsim.validate.polarity import stand_in
from perovsim.validate.table import number_row, verdict

F = 96485.33212


@pytest.fixture(scope="module")
def table():
    return measured_table()


def row_of(table, words: str):
    found = [row for row in table.rows if words in row.quantity]
    assert len(found) == 1, [row.quantity for row in found]
    return found[0]


# -- exciton energies -----------------------------------------------------------------------------


def test_blind_peaks_agree_within_their_uncertainty(table) -> None:
    blind = [row for row in table.rows if row.unit == "eV" and row.standing == "blind"]
    assert {row.source for row in blind} == {("brennan2024",), ("zhang2023",)}
    assert len(blind) == 4  # peak and edge of each
    for row in blind:
        assert row.difference_value == row.model_value - row.measured_value
        assert abs(row.difference_value) < row.difference_uncertainty
        assert "assumed" in row.says  # most of the uncertainty is, and the row says so


def test_the_calibration_table_is_shown_and_is_no_evidence(table) -> None:
    fitted = [row for row in table.rows if row.source == ("ermolaev2023",)]
    assert len(fitted) == 4
    for row in fitted:
        assert row.standing == "calibrated" and "no evidence" in row.says
        assert math.isnan(row.difference_uncertainty)


def test_another_material_file_moves_the_model_values(tmp_path) -> None:
    from perovsim.model.library import models_directory

    text = (models_directory() / "materials" / "cspbbrcl3.toml").read_text()
    moved = tmp_path / "moved.toml"
    moved.write_text(text.replace("value = 2.3990", "value = 2.4490"))
    rows = [row for row in measured_table(material=moved).rows if row.source == ("brennan2024",)]
    assert rows[0].model_value == pytest.approx(2.4490)
    assert "times the uncertainty apart" in rows[0].says
    without = tmp_path / "without.toml"
    without.write_text("\n".join(line for line in text.splitlines() if not line.startswith("exciton_bowing")))
    with pytest.raises(PerovsimError, match="has no exciton_bowing; give them under"):
        measured_table(material=without)


# -- voltages -------------------------------------------------------------------------------------


def test_voltages_come_from_the_thermochemical_table(table, tmp_path) -> None:
    """-dGf/2F: 173.58 and 260.75 kJ/mol of NASA-9 give 0.8995 and 1.3512 V."""
    row = row_of(table, "halide segregation")
    assert row.model_value == pytest.approx(173.58e3 / (2 * F), rel=1e-6)
    assert (row.measured_value, row.measured_uncertainty) == (0.95, 0.05)
    pair = row_of(table, "oxidation of Br minus that of I")
    assert pair.model_value == pytest.approx((260.75e3 - 173.58e3) / (2 * F), rel=1e-6)
    assert pair.measured_value == pytest.approx(1.15 - 0.90)
    assert math.isnan(pair.difference_uncertainty) and "no uncertainty is given" in pair.says
    other = tmp_path / "thermochemistry.csv"
    other.write_text(PACKAGE_TABLE.read_text().replace("PbI2,-173.58", "PbI2,-183.58"))
    moved = row_of(measured_table(thermochemistry=other), "halide segregation")
    assert moved.model_value - row.model_value == pytest.approx(10e3 / (2 * F), rel=1e-6)


def test_all_three_thresholds_are_shown_and_the_misses_say_so(table) -> None:
    rows = [row for row in table.rows if row.source == ("xu2022",)]
    assert [row.measured_value for row in rows] == [0.70, 0.95, 1.15]
    assert [("within" in row.says.split(";")[0]) for row in rows] == [False, True, False]
    assert "chosen after the fact" in table.table().replace("\n    ", " ")


def test_verdict() -> None:
    assert verdict(0.01, 0.02, "blind") == "within the uncertainty"
    assert verdict(-0.06, 0.02, "blind") == "3.0 times the uncertainty apart"
    assert verdict(0.01, 0.0, "blind") == "apart"
    assert "no evidence" in verdict(0.0, 1.0, "calibrated")
    row = number_row("q", 1.0, 1.3, 0.3, 0.4, "V", standing="blind", source=("a",), says="x")
    assert row.difference_uncertainty == pytest.approx(0.5)
    assert row.difference == "-300 ± 500 mV"


# -- polarity -------------------------------------------------------------------------------------


def test_shifts_are_those_of_the_findings() -> None:
    for run in factories.results().values():
        assert 1e9 * halide_shifts(run).end["Cl"] == pytest.approx(total_chloride_shift(run), rel=1e-9, abs=1e-12)


def test_all_halides_move_against_the_vacancies() -> None:
    """Without films the shift of all halides times their number is that of the vacancies with the other sign."""
    run = factories.result("field_drift")
    inside = run.fields.isel(x=run.fields["layer"].values == "emitter")
    x, width = inside["x"].values, inside["cell_width"].values
    halides = (inside["theta_Cl"] + inside["theta_Br"]).values * width
    expected = (halides[-1] @ x) / halides[-1].sum() - (halides[0] @ x) / halides[0].sum()
    assert halide_shifts(run).end["halides"] == pytest.approx(expected, rel=1e-9)
    vacancies = inside["theta_V"].values * width
    assert np.sign(expected) == -np.sign((vacancies[-1] - vacancies[0]) @ (x - x.mean()))


def test_every_hypothesis_is_judged_by_its_own_sign() -> None:
    table = measured_table(
        {
            "drift": Shifts({"Cl": -1e-9, "Br": -1e-9, "halides": -1e-9}),
            "neutral": Shifts({"Cl": -1e-9, "Br": 2e-9, "halides": 1e-9}),
            "still": Shifts({"Cl": 1e-20, "Br": 0.0, "halides": 0.0}),
            "rest": Shifts({"Cl": 1e-9, "Br": 1e-9, "halides": 1e-9}, forward=False),
        }
    )

    def agrees(words: str):
        return {way.hypothesis: way.agrees for way in row_of(table, words).directions}

    assert agrees("Cl, sky-blue") == {"drift": False, "neutral": False, "still": False, "rest": None}
    assert agrees("I, mixed Br/I") == {"drift": False, "neutral": True, "still": False, "rest": None}  # Br answers
    assert agrees("Br, mixed Br/I") == {"drift": True, "neutral": True, "still": False, "rest": None}  # Cl answers
    assert agrees("I, MAPbI3") == {"drift": True, "neutral": False, "still": False, "rest": None}
    assert set(agrees("Cl, CsPb(Br,Cl)3").values()) == {None}  # no electrode named
    assert set(agrees("halides, PeLED").values()) == {None}  # no reference time
    assert row_of(table, "I, mixed Br/I").difference == "1 of 3 agree (by analogy)"
    assert row_of(table, "Cl, sky-blue").directions[2].goes_to == "no direction"


def test_the_outcome_follows_the_run_and_is_not_typed() -> None:
    """The same fields with their contacts exchanged send every halide to the other electrode."""
    run = factories.result("field_drift")
    before = halide_shifts(run).end
    run.device = run.device.replace(
        contacts=tuple(
            contact.replace(which={"anode": "cathode", "cathode": "anode"}[contact.which])
            for contact in run.device.contacts
        )
    )
    after = halide_shifts(run).end
    assert all(after[name] == pytest.approx(-before[name], rel=1e-6) for name in before)


def test_floor_is_the_imbalance_of_the_run() -> None:
    run = factories.result("sum")
    run.balance["element_Cl"] = run.balance["element_Cl"] + 1e-3
    assert halide_shifts(run).floor == pytest.approx(1e-3 * float(run.device.thickness), rel=1e-6)


def test_a_device_without_halides_is_refused() -> None:
    run = factories.result("field_drift")
    emitter = run.device.emitter
    run.device = run.device.replace(
        layers=tuple(
            layer.replace(lattice=None) if layer.name == emitter.name else layer for layer in run.device.layers
        ),
        processes=(),
    )
    with pytest.raises(PerovsimError, match="no halide lattice"):
        halide_shifts(run)


def test_stand_in_ranks_by_decomposition_voltage() -> None:
    thermo, device = load_table(), ("Cl", "Br")
    assert stand_in("I", ("I", "Br"), device, thermo) == "Br"
    assert stand_in("Br", ("Br", "I"), device, thermo) == "Cl"
    assert stand_in("Cl", ("Br", "Cl"), device, thermo) == "Cl"
    assert stand_in("I", ("I",), device, thermo) == "halides"
    assert stand_in("halides", (), device, thermo) == "halides"


# -- the table as text and data -------------------------------------------------------------------


def test_without_runs_the_polarity_is_shown_and_not_compared(table) -> None:
    polarity = table.sections[2]
    assert all(row.difference == "not compared" and row.directions == () for row in polarity.rows)
    assert "No run was given" in polarity.limits[0]
    assert {row.standing for row in polarity.rows} == {"known"}


def test_text_and_data() -> None:
    table = measured_table(factories.results())
    text = table.table()
    assert str(table) == text
    for row in table.rows:
        assert all(key in text for key in row.source)
    assert max(len(line) for line in text.splitlines()) <= 160
    data = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert [len(section["rows"]) for section in data["sections"]] == [8, 4, 7]
    assert data["sections"][2]["rows"][0]["model_value"] is None
