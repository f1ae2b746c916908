"""What the lessons say is what the model says: their numbers, their checks of understanding, their limits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.emitter import mean_distance
from perovsim.teach import LESSONS, load_lesson
from perovsim.teach.lesson import short
from perovsim.teach.subjects import corrosion, microscope, moving_ions


def value(key: str, reading: str, **settings) -> float:
    lesson = load_lesson(key)
    return lesson.view(lesson.settings(**settings)).value(reading)


@pytest.mark.parametrize("key", LESSONS)
def test_lesson_is_complete(key: str) -> None:
    lesson = load_lesson(key)
    assert sum(option.right for option in lesson.check.options) == 1
    assert all(option.feedback for option in lesson.check.options)
    assert all(control.start in control.values for control in lesson.controls)
    view = lesson.view(lesson.start)
    assert view.figure.startswith("<svg") and 'role="img"' in view.figure and view.sentence in view.figure
    assert len({reading.key for reading in view.readings}) == len(view.readings)


def test_unknown_lesson_and_value_name_what_is_known() -> None:
    with pytest.raises(ps.PerovsimError, match="did you mean 'halides'"):
        load_lesson("halide")
    with pytest.raises(ps.PerovsimError, match="current = 7 is not offered; allowed: 0.0, 0.1"):
        load_lesson("halides").settings(current=7)


@pytest.mark.parametrize(
    "number, text",
    [(0.0, "0"), (1e-11, "10⁻¹¹"), (-3.174e-4, "−3.17 × 10⁻⁴"), (24000.0, "24000"), (2.5, "2.5"), (np.nan, "–")],
)
def test_numbers_are_written_as_people_do(number: float, text: str) -> None:
    assert short(number) == text


# -- 1: moving ions -----------------------------------------------------------------------------


def test_half_time_is_that_of_the_shipped_mesh() -> None:
    """A third of the mesh and ten times the tolerance change the time by less than 5 %."""
    device = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    step = ps.Protocol([ps.constant_voltage(2.5, 1e4)], ions="equilibrated", points_per_decade=4)
    expected = moving_ions.half_time(*moving_ions.middle_field(ps.simulate(device, step)))
    assert_allclose(value("moving_ions", "half_time"), expected, rtol=0.05)


def test_ten_times_slower_vacancies_take_ten_times_longer() -> None:
    """The right answer of the check: only D t enters once carriers are in balance (theory/drift_diffusion).

    4 points per decade, read linearly in log t: 3 %.
    """
    fast, slow = (value("moving_ions", "half_time", diffusivity=d) for d in (1e-11, 1e-12))
    assert_allclose(slow / fast, 10.0, rtol=0.03)


def test_debye_length_of_the_golden_table() -> None:
    """5.59 nm: sqrt(22 eps0 kT/(q^2 1e24 m^-3)) at 298.15 K, by hand."""
    lesson = load_lesson("moving_ions")
    result = moving_ions._run(lesson.start)
    assert_allclose(moving_ions.debye_length(result), 5.588e-9, rtol=1e-3)


# -- 2: where halides go ------------------------------------------------------------------------


def test_direction_of_drift_turns_with_the_bias() -> None:
    """Below the built-in voltage to the cathode, above it to the anode (physics of A27), for both halides alike."""
    for halide in ("chloride", "bromide"):
        assert value("halides", halide, current=0.0) > 0.0
        for current in (0.1, 1.0, 10.0, 100.0):
            assert value("halides", halide, current=current) < 0.0
    assert_allclose(value("halides", "chloride"), value("halides", "bromide"), rtol=1e-3)


def test_oxidised_halogen_needs_current_and_the_couple_does_not() -> None:
    assert value("halides", "chloride", oxidised=True, current=10.0) > 0.0
    assert value("halides", "chloride", oxidised=True, current=0.1) < 0.0
    rest, driven = (value("halides", "film", couple=True, current=current) for current in (0.0, 10.0))
    assert rest > 0.05
    assert_allclose(driven, rest, rtol=1e-3)


def test_shift_is_that_of_the_shipped_mesh() -> None:
    device = ps.load_device("nanoled_like").with_hypotheses("field_drift")
    run = ps.simulate(device, ps.Protocol([ps.constant_current("10 mA/cm^2", "10 min")], points_per_decade=4))
    place = mean_distance(run, "Cl")
    assert_allclose(value("halides", "chloride"), (place[-1] - place[0]) / 1e-12, rtol=0.02)
    assert_allclose(value("halides", "voltage"), run.terminals["V"].values[-1], atol=0.01)


# -- 3: corrosion -------------------------------------------------------------------------------


def test_ceiling_by_hand() -> None:
    """53.77 cm^3/mol x 0.3 x 1.57365e28 m^-3 x 50 nm/(3 N_A) = 7.02 nm."""
    assert_allclose(value("corrosion", "ceiling"), 53.77e-6 * 0.3 * 1.57365e28 * 50 / (3 * 6.02214e23), rtol=1e-4)


def test_film_grows_towards_its_ceiling_and_never_above() -> None:
    shares = [value("corrosion", "share", contact=10.0, time=time) for time in corrosion.TIMES]
    assert np.all(np.diff(shares) > 0.0)
    assert 90.0 < shares[-1] <= 100.0


def test_film_needs_no_current() -> None:
    on, off = (value("corrosion", "film", current=current) for current in (True, False))
    assert_allclose(off, on, rtol=2e-3)


def test_film_is_that_of_the_shipped_mesh() -> None:
    device = ps.load_device("nanoled_like").with_hypotheses("corrosion_couple")
    device = device.with_values(corrosion.composition(device, 0.3))
    run = ps.simulate(device, ps.Protocol([ps.rest("1 h")], ions="uniform", points_per_decade=4))
    expected = float(run.interfaces["thickness_AlCl3"].values[-1]) / 1e-9
    assert_allclose(value("corrosion", "film", current=False), expected, rtol=0.01)


# -- 4: the microscope --------------------------------------------------------------------------


@pytest.mark.parametrize("x_cl, elastic", [(0.0, 0.01), (0.2, 0.0), (0.4, -0.02), (0.6, 0.0)])
def test_measured_strain_is_what_was_put_in(x_cl: float, elastic: float) -> None:
    """At 1e7 electrons within 4e-4, the scale error that the strain method states for one pattern."""
    counts = np.round(1e7 * microscope.pattern_expectation(x_cl, elastic))
    assert_allclose(microscope.measured_strain(counts)[0], microscope.lattice_strain(x_cl, elastic), atol=4e-4)


def test_composition_alone_gives_the_strain_of_the_check() -> None:
    """Vegard between 5.840 and 5.605 angstrom: 0.2 (5.605 - 5.840)/5.840 = -0.805 %."""
    assert_allclose(100.0 * microscope.lattice_strain(0.2, 0.0), -0.8048, atol=1e-3)


def test_chloride_darkens_the_halide_columns() -> None:
    """Noiseless cells: each step darker; x = 0.6 against 0 above 0.4 + 0.6 (17/35)^1.7 = 0.576 of bare Z^1.7 columns,
    since the tails of lead and caesium that lie under them do not change."""
    cells = microscope.table().haadf
    ratios = [microscope.column_ratio(np.tile(1e6 * cell, (microscope.TILES,) * 2))[0] for cell in cells]
    assert np.all(np.diff(ratios) < 0.0)
    assert 0.576 < ratios[-1] / ratios[0] < 0.8


def test_error_of_strain_falls_as_one_over_root_dose() -> None:
    low, high = (microscope.measured_strain(microscope.pattern_counts(0.0, 0.0, dose))[1] for dose in (100.0, 1000.0))
    assert 2.0 < np.sqrt(low**2 - 4e-4**2) / np.sqrt(high**2 - 4e-4**2) < 5.0  # sqrt(10) = 3.2


def test_pattern_holds_no_more_than_the_beam() -> None:
    for x_cl in microscope.table().x_cl:
        assert 0.7 < microscope.pattern_expectation(float(x_cl), 0.0).sum() < 1.0
