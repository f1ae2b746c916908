"""The centre table: cells against hand-made results with known answers."""

from __future__ import annotations

import json

import factories
import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.findings import FINDINGS, findings_table, shown

TABLE = findings_table(factories.results())


def test_rows_cover_the_findings_of_the_target_study_and_columns_the_hypotheses():
    assert TABLE.columns == ("field_drift", "oxidised_halogen", "corrosion_couple", "sum")
    words = " ".join(row.name for row in FINDINGS).lower()
    for finding in (
        "strain",
        "pb clusters",
        "migration",
        "segregation",
        "pb-rich",
        "alcl₃",
        "light",
        "resistance",
        "interfaces",
    ):
        assert finding in words
    for row in FINDINGS:
        assert row.unit and row.definition and row.decides


@pytest.mark.parametrize("route", list(factories.ROUTES))
def test_film_lead_and_voltage_are_those_of_the_run(route):
    alcl3, _, lead, voltage, *_ = factories.ROUTES[route]
    assert_allclose(TABLE.value("alcl3", route), alcl3, rtol=1e-9)
    assert_allclose(TABLE.value("lead_made", route), 1e6 * lead, rtol=1e-9)
    # the reference lies at 1 s of 3600 s, the voltage grows in proportion to time
    assert_allclose(TABLE.value("voltage", route), voltage * (1 - 1 / 3600), atol=2e-3)


def test_selectivity_is_a_ratio_of_moles():
    films = factories.result("corrosion_couple").interfaces
    expected = float(films["film_AlCl3"][-1] / films["film_AlBr3"][-1])
    assert_allclose(TABLE.value("selectivity", "corrosion_couple"), expected, rtol=1e-12)
    assert np.isnan(TABLE.value("selectivity", "field_drift"))


def test_drift_makes_no_product():
    assert TABLE.value("alcl3", "field_drift") == 0.0
    assert TABLE.value("lead_made", "field_drift") == 0.0
    assert np.isnan(TABLE.value("interface", "field_drift"))


def test_chloride_that_left_for_the_film_counts_as_moved_to_the_cathode():
    """Left chloride moves to the anode while chloride in total moves to the cathode."""
    assert TABLE.value("chloride_moment", "corrosion_couple") < 0
    assert TABLE.value("chloride_total", "corrosion_couple") > 0


def test_uniform_lead_has_a_fifth_of_itself_in_the_interface_zones():
    run = factories.result("sum")
    inside = run.fields["layer"].values == "emitter"
    run.fields["Pb0"][-1, inside] = 1e25
    assert_allclose(findings_table({"u": run}).value("interface", "u"), 20.0, rtol=1e-9)


def test_rounding_is_not_a_finding():
    run = factories.result("field_drift")
    run.interfaces["film_AlCl3"][-1] = 1e-20
    run.interfaces["thickness_AlCl3"][-1] = 1e-24
    assert findings_table({"r": run}).value("alcl3", "r") == 0.0


def test_without_current_there_is_no_reference():
    dark = findings_table({"dark": factories.result("field_drift", current=0.0)})
    assert np.isnan(dark.value("light", "dark")) and np.isnan(dark.value("voltage", "dark"))


def test_text_and_json():
    text = TABLE.text()
    assert "corrosion_couple" in text and "(12)" in text
    rows = json.loads(json.dumps(TABLE.to_dict(), allow_nan=False))["rows"]
    assert rows[7]["values"][0] is None


def test_no_result_is_an_error():
    with pytest.raises(PerovsimError, match="at least one result"):
        findings_table({})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.nan, "–"),
        (0.0, "0"),
        (3e-14, "≈ 0"),
        (3600.0, "3600"),
        (1.2345, "1.23"),
        (2e-6, "2.00e-06"),
        (3.6e5, "3.60e+05"),
    ],
)
def test_numbers_in_the_table(value, text):
    assert shown(value) == text
