"""Every shipped case against its peer at the tolerance of the case; where a stated cause lies beyond, that it does."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from perovsim.errors import ModelFileError
from perovsim.validate.peers import load_peer_case, peer_names, run_case
from perovsim.validate.peers.compare import compare, own_steps

EXPLAINED = {
    ("05_pin_ions_steady", "J", "J_extrapolated_A_m2", "own"): 1,
    ("06_pin_two_ions_steady", "J", "J_extrapolated_A_m2", "own"): 1,
    ("09_voltage_step", "J", "J_A_m2", "own"): 5,
    ("10_voc_transient", "V", "V_V", "own"): 3,
}
"""Comparisons with points beyond the tolerance, and how many: errors of the peer, by the note of each. The same curve
without that error (its limit, or its own time steps in both programs) must be within the tolerance."""


LEAST_POINTS = 3
"""Points of a profile that are compared at the least: densities above a thousandth of the largest."""


def place(row):
    """What a profile is of, and where it was taken."""
    one = row.comparison
    return one.quantity, one.at_voltage, one.at_time, one.light


@pytest.mark.parametrize("name", peer_names())
def test_case_is_within_its_tolerance(name):
    """Profiles as stored carry the grid of the peer: where a note says so, its limit (`_limit`) has to pass instead."""
    run = run_case(name)
    limits = {place(row) for row in run.deviations if "_limit" in row.comparison.column and row.passes}
    for row in (x for x in run.deviations if x.comparison.along == "depth"):
        assert row.x.size >= LEAST_POINTS
        assert row.passes or (row.comparison.note and place(row) in limits), (place(row), row.maximum, row.worst)
    for row in (x for x in run.deviations if x.comparison.along != "depth"):
        one = row.comparison
        allowed = EXPLAINED.get((name, one.quantity, one.column, one.time_steps), 0)
        assert row.beyond == 0 or (one.note and row.beyond <= allowed), (
            f"{one.quantity} with {one.column}, time steps {one.time_steps}: {row.beyond} of {row.x.size} points "
            f"beyond {one.tolerance}, worst {row.maximum:.3g} at {row.worst:.3g}"
        )
    for _, quantity, column, _ in (key for key in EXPLAINED if key[0] == name):
        without = [row for row in run.deviations if row.comparison.quantity == quantity and row.passes]
        assert without, f"no comparison of {quantity} shows what {column} owes to the peer"


def test_a_case_fails_where_a_number_of_the_device_is_off():
    """One per cent of thickness is seen at every point: the comparison can fail."""
    loaded = load_peer_case("01_mott_gurney")
    thicker = loaded.device.with_values({"layer.layer.thickness": 1.01 * loaded.device.thickness})
    row = compare(loaded, loaded.case.comparisons[0], own_steps(thicker, loaded.protocol))
    assert row.beyond == row.x.size
    assert row.maximum == pytest.approx(0.03, rel=0.1)  # J goes with L^-3 where space charge limits it


def test_the_deviation_from_the_first_case_falls_with_the_square_of_the_mesh():
    at_1_volt = 8
    runs = [run_case("01_mott_gurney", cells=(cells,)).deviations[0] for cells in (100, 200, 400)]
    assert runs[0].x[at_1_volt] == pytest.approx(1.0)
    errors = [run.deviation[at_1_volt] for run in runs]
    first, second = np.diff(errors)
    assert np.log2(first / second) == pytest.approx(2.0, abs=0.05)
    # what is left in the limit is the peer's: halving its grid still changes J by 4e-5
    assert abs(errors[-1] + second / 3.0) < 1e-4


def test_a_broken_case_is_named_with_its_line(tmp_path):
    folder = tmp_path / "01_mott_gurney"
    shutil.copytree(load_peer_case("01").folder, folder)
    case, data = folder / "case.toml", folder / "data.csv"
    case.write_text(case.read_text().replace('column = "J_extrapolated_A_m2"', 'column = "J_A_cm2"'))
    with pytest.raises(ModelFileError, match=r"case\.toml:\d+: no column 'J_A_cm2' in data\.csv; V_V, light, J_A_m2"):
        load_peer_case(folder)
    data.write_text(data.read_text().replace("0.2,0,", "0.2,dark,"))
    with pytest.raises(ModelFileError, match=r"data\.csv:3: could not convert string to float: 'dark'"):
        load_peer_case(folder)
