"""Charts of the lessons: places on the axes, round numbers, valid SVG with its description."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.teach.chart import Axis, Band, Line, Panel, Picture, Rule, Word, chart
from perovsim.teach.equations import equation

SVG = "{http://www.w3.org/2000/svg}"


def panel(*parts, x=None, **more) -> Panel:
    return Panel("title", x or Axis("x", 0.0, 10.0), Axis("y <nm>", -1.0, 1.0), parts, **more)


def test_places_on_a_linear_and_a_logarithmic_axis() -> None:
    assert_allclose(Axis("", 2.0, 4.0).share([2.0, 3.0, 4.0]), [0.0, 0.5, 1.0])
    assert_allclose(Axis("", 1e-3, 1e3, log=True).share([1e-3, 1.0, 1e3]), [0.0, 0.5, 1.0])


def test_numbers_of_axes_are_round() -> None:
    assert [word for _, word in Axis("", -0.21, 0.43).marks()] == ["−0.2", "0", "0.2", "0.4"]
    assert [word for _, word in Axis("", 1e-9, 1e4, log=True).marks()] == ["10⁻⁹", "10⁻⁶", "10⁻³", "1", "10³"]


def test_chart_is_valid_svg_and_says_what_it_shows() -> None:
    x = np.linspace(0.0, 10.0, 20)
    parts = (
        Band(0.0, 5.0, "#eee", "layer & more"),
        Line(x, np.sin(x), "line", dash="4 2"),
        Line(x[:2], x[:2], dots=True),
        Rule(x=3.0, label="now"),
        Rule(y=0.0),
        Word(0.1, 0.1, "< here"),
    )
    drawn = ElementTree.fromstring(chart([panel(*parts), panel(Picture(np.eye(4)), square=True)], 'a "figure"'))
    assert drawn.get("aria-label") == 'a "figure"' and drawn.get("role") == "img"
    words = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"title", "y <nm>", "layer & more", "< here", "line", "now"} <= set(words)
    points = next(drawn.iter(f"{SVG}polyline")).get("points").split()
    assert len(points) == 20
    assert len(list(drawn.iter(f"{SVG}image"))) == 1


def test_points_that_are_not_finite_are_left_out() -> None:
    drawn = ElementTree.fromstring(chart([panel(Line(np.arange(4.0), np.array([0.0, np.nan, np.inf, 0.5])))], ""))
    assert len(next(drawn.iter(f"{SVG}polyline")).get("points").split()) == 2


def test_equation_is_set_or_says_what_is_wrong() -> None:
    drawn = ElementTree.fromstring(equation(r"\frac{a}{b} < c"))
    assert drawn.get("aria-label") == r"\frac{a}{b} < c"
    with pytest.raises(ps.PerovsimError, match="cannot be set.*rewrite it"):
        equation(r"\unknown{a}")
