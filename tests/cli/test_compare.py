"""``perovsim compare``: two results as a table and side by side."""

from __future__ import annotations

import factories
import pytest


@pytest.fixture
def pair(tmp_path):
    """Two results of the documented form on disk."""
    files = tmp_path / "first.nc", tmp_path / "second.nc"
    for file, route in zip(files, ("sum", "field_drift"), strict=True):
        factories.result(route).save(file)
    return files


def test_two_results_are_drawn_side_by_side(pair, tmp_path, perovsim) -> None:
    done = perovsim("compare", *pair, "--out", tmp_path / "beside.png")
    assert done.code == 0
    assert "AlCl3" in done.out and "written" in done.out
    assert (tmp_path / "beside.png").stat().st_size > 20_000


def test_a_wrong_ending_is_refused_before_anything_is_done(pair, tmp_path, perovsim) -> None:
    done = perovsim("compare", *pair, "--out", tmp_path / "beside.gif")
    assert done.code == 2
    assert ".png" in done.err and not done.out


def test_a_series_that_holds_no_simulated_image_or_scan_is_refused(pair, perovsim) -> None:
    done = perovsim("compare", *pair, "--series", pair[0])
    assert done.code == 2
    assert "give simulations" in done.err and len(done.err.splitlines()) == 1
