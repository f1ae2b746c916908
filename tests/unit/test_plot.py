"""Figures: every line holds the numbers of the result, axes carry units, PNGs are not empty."""

from __future__ import annotations

import io

import factories
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from perovsim import plot
from perovsim.emitter import emitter_cells, first_moment
from perovsim.errors import PerovsimError
from perovsim.plot.drawing import time_text
from perovsim.small_signal import columns


def figures():
    runs = factories.results()
    last = runs["sum"]
    return {
        "terminals": plot.terminals(*runs.values()),
        "bands": plot.band_diagram(last, "1 min"),
        "profiles": plot.profiles(last),
        "films": plot.films(*runs.values()),
        "halides": plot.halides(*runs.values()),
        "conservation": plot.conservation(last),
        "beside": plot.beside(*runs.values()),
    }


@pytest.mark.parametrize("name", ["terminals", "bands", "profiles", "films", "halides", "conservation", "beside"])
def test_every_axis_has_a_label_and_the_figure_renders(name):
    figure = figures()[name]
    for axes in figure.axes:
        assert axes.get_ylabel() and axes.get_title(loc="center")
    target = io.BytesIO()
    figure.savefig(target, dpi=50)
    assert target.tell() > 5000  # an empty page of this size is below 2 kB


def measured() -> xr.Dataset:
    """0.1 ohm m^2 before an RC element of 1 ohm m^2 and 1 mF/m^2."""
    f = np.geomspace(1.0, 1e6, 601)
    return columns(f, 0.1 + 1.0 / (1.0 + 2j * np.pi * f * 1e-3)).assign(V=2.5, J=1.0)


def test_impedance_draws_bode_nyquist_and_capacitance():
    figure = plot.impedance(measured())
    modulus, phase, nyquist, capacitance = (axes.get_lines()[0] for axes in figure.axes)
    assert_allclose(modulus.get_ydata()[[0, -1]], [1.1, 0.1], rtol=1e-4)
    assert_allclose(phase.get_ydata().min(), -np.degrees(np.arctan(0.5 / np.sqrt(0.1 * 1.1))), rtol=1e-3)
    assert_allclose(nyquist.get_ydata().max(), 0.5, rtol=1e-2)  # the top of the semicircle
    assert_allclose(capacitance.get_ydata()[0], 1e-3 / 1.1**2, rtol=1e-3)
    assert all(axes.get_ylabel() and axes.get_xlabel() and axes.get_title() for axes in figure.axes)
    with pytest.raises(PerovsimError, match="add a step of kind 'impedance'"):
        plot.impedance(factories.result("sum"))


def test_current_voltage_draws_the_terminals_over_the_voltage():
    run = factories.result("sum")
    panel = plot.current_voltage(run).axes[0]
    assert_allclose(panel.get_lines()[0].get_xdata(), run.terminals["V"].values[1:], rtol=1e-15)
    assert panel.get_yscale() == "log"


def test_terminals_draw_the_voltage_in_volts_against_logarithmic_time():
    run = factories.result("sum")
    axes = plot.terminals(run).axes[0]
    assert axes.get_xscale() == "log"
    assert_allclose(axes.get_lines()[0].get_ydata(), run.terminals["V"], rtol=1e-15)


def test_the_current_is_drawn_below_what_is_allowed_beyond_its_rounding_floor():
    run = factories.result("sum")
    run.balance["current_rounding_floor"][:] = 1e-6 * np.sqrt(1 + run.times)
    lines = {line.get_label(): line.get_ydata() for line in plot.conservation(run).axes[0].get_lines()}
    allowed = lines["allowed: current\n(1e-6 + rounding floor)"]
    assert_allclose(allowed, 1e-6 + run.balance["current_rounding_floor"], rtol=1e-15)
    assert_allclose(lines["allowed: charge"], 1e-8, rtol=1e-15)
    assert_allclose(lines["current uniformity"], run.balance["current_uniformity"], rtol=1e-15)


def test_the_reference_is_named_in_the_legend_and_not_over_the_lines():
    figure = plot.terminals(factories.result("sum"))
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "reference"
    assert all(len(axes.texts) == 0 for axes in figure.axes)


def test_results_side_by_side_hold_start_and_end_in_depth():
    """Two runs: two lines over time, and in depth each one's start and end, from the side of the anode."""
    runs = [factories.result("sum"), factories.result("field_drift")]
    figure = plot.beside(*runs, labels=["one", "other"])
    assert [len(axes.get_lines()) for axes in figure.axes[3:6]] == [4, 4, 4]
    cells, _, thickness = emitter_cells(runs[0])
    start, end = figure.axes[3].get_lines()[:2]
    assert_allclose(start.get_ydata(), cells["x_Cl"].values[0], rtol=1e-15)
    assert_allclose(end.get_ydata(), cells["x_Cl"].values[-1], rtol=1e-15)
    assert_allclose(np.diff(end.get_xdata()), np.diff(cells["x"].values) * 1e9, rtol=1e-9)
    assert 0.0 < end.get_xdata()[0] < end.get_xdata()[-1] < thickness * 1e9
    assert figure.axes[6].get_lines()[0].get_ydata()[-1] == pytest.approx(factories.ROUTES["sum"][0])


def test_films_are_drawn_in_nanometres():
    axes = plot.films(factories.result("sum")).axes[0]
    assert_allclose(axes.get_lines()[0].get_ydata()[-1], factories.ROUTES["sum"][0], rtol=1e-12)


def test_dark_device_has_no_light_line_below_zero():
    dark = factories.result("field_drift", current=0.0)
    assert dark.reference_time is None
    drawn = plot.terminals(dark).axes[1].get_lines()[0].get_ydata()
    assert np.all(np.isnan(drawn))


def test_first_moment_of_a_linear_profile():
    """w = 1 + a (x - c)/d has the moment a/12."""
    run = factories.result("corrosion_couple")
    cells, centre, thickness = emitter_cells(run)
    x, width = cells["x"].values, cells["cell_width"].values
    slope = 0.3
    assert_allclose(thickness, 50e-9, rtol=1e-12)
    weight = 1 + slope * (x - centre) / thickness
    run.fields["theta_V"][:, run.fields["layer"].values == "emitter"] = weight
    expected = slope * (width * (x - centre) ** 2).sum() / thickness**3
    assert_allclose(expected, slope / 12, rtol=1e-3)  # 40 cells: midpoint rule, error 1/40^2
    assert_allclose(first_moment(run, "theta_V"), expected, rtol=1e-10)


def test_moment_is_towards_the_cathode_whatever_the_order_of_layers():
    run = factories.result("corrosion_couple")
    moment = first_moment(run, "theta_Cl")[-1]
    run.device = run.device.mirrored()
    assert moment < 0
    assert_allclose(first_moment(run, "theta_Cl")[-1], -moment, rtol=1e-12)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "start"), (1e-9, "1 ns"), (2e-6, "2 µs"), (1, "1 s"), (90, "1.5 min"), (3600, "1 h")]
)
def test_times_in_words(seconds, text):
    assert time_text(seconds) == text
