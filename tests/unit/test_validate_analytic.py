"""Checks, cases and the table of exact limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perovsim.citation import bibliography
from perovsim.errors import ModelFileError, PerovsimError
from perovsim.validate import validation_directory
from perovsim.validate.analytic import Curve, Panel, analytic_table, limit_names
from perovsim.validate.analytic.cases import load_limit
from perovsim.validate.analytic.check import absolute, relative, worst


def test_a_check_fails_beyond_its_tolerance_and_on_nan() -> None:
    assert relative("x", 1.0009, 1.0, 1e-3).passes
    assert not relative("x", 1.0011, 1.0, 1e-3).passes
    assert not relative("x", math.nan, 1.0, 1e-3).passes
    assert absolute("x", 0.0, 0.0, 0.0).passes
    assert not absolute("x", 1e-300, 0.0, 0.0).passes


def test_worst_takes_the_point_that_is_farthest_off() -> None:
    check = worst("x", [1.0, 2.2, 3.1], [1.0, 2.0, 3.0], 1e-3)
    assert (check.solver, check.exact) == (2.2, 2.0)
    assert worst("x", [1.0, 2.2, 3.5], [1.0, 2.0, 3.0], 1e-3, scale=3.0).exact == 3.0
    assert not worst("x", [1.0, math.nan], [1.0, 2.0], 1.0).passes


def test_every_limit_has_its_folder_and_every_folder_its_limit() -> None:
    folders = {path.name for path in (validation_directory() / "analytic").iterdir() if path.is_dir()}
    assert folders == set(limit_names())
    for name in folders:
        assert set(load_limit(name).source) <= bibliography().keys()


def test_limits_are_chosen_by_name_and_number() -> None:
    table = analytic_table(["open_circuit"])
    assert [result.case.limit for result in table.results] == ["A5"]
    assert "1 of 1 checks within" in table.table()
    assert analytic_table(["a5"]).to_dict() == table.to_dict()
    with pytest.raises(PerovsimError, match="no limit 'sandd'; did you mean 'sand'"):
        analytic_table(["sandd"])


def test_a_missing_case_names_its_file() -> None:
    with pytest.raises(ModelFileError, match="nothing/case.toml: no such file"):
        load_limit("nothing")


def test_figure_has_a_panel_and_its_curves() -> None:
    from perovsim import plot

    result = analytic_table(["open_circuit"]).results[0]
    figure = plot.limit(result)
    lines = figure.axes[0].get_lines()
    assert len(lines) == len(result.outcome.panels[0].curves)
    assert np.array_equal(lines[1].get_ydata(), result.outcome.panels[0].curves[1].y)
    assert figure.axes[0].get_xscale() == "log"


def test_panels_are_plain_data() -> None:
    panel = Panel("t", "x", "y", (Curve("c", np.zeros(2), np.ones(2)),))
    assert panel.xscale == panel.yscale == "linear"
