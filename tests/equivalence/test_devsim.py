"""devsim, run in this process, on the faces of the same mesh: both of second order, one limit."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.devsim import CASE, LEAST, devsim_curve, halved, perovsim_curve, voltages
from perovsim.model import load_device
from perovsim.validate.peers import load_peer_case

pytestmark = pytest.mark.skipif(find_spec("devsim") is None, reason="devsim is in the extras 'dev' and 'bench'")


@pytest.fixture(scope="module")
def curves():
    """J [A/m^2] of (devsim, perovsim) on 100, 200 and 400 cells, at LEAST and above."""
    fine = load_device(CASE / "device.toml")
    devices = [halved(halved(fine)), halved(fine), fine]
    high = voltages() >= LEAST
    return np.array([[curve(device)[high] for device in devices] for curve in (devsim_curve, perovsim_curve)])


def test_both_converge_with_the_square_of_the_mesh(curves):
    coarse, middle, fine = curves.transpose(1, 0, 2)
    # where the error of perovsim changes its sign, at 1.07 V, a ratio of two differences says nothing
    first, second = (middle - coarse) / fine, (fine - middle) / fine
    told = np.abs(second) > 1e-5
    assert told.sum(axis=1).min() > 0.8 * told.shape[1]
    np.testing.assert_allclose(np.log2((first / second)[told]), 2.0, atol=0.1)


def test_their_limits_are_one(curves):
    theirs, ours = curves[:, 2] + (curves[:, 2] - curves[:, 1]) / 3.0
    np.testing.assert_allclose(ours, theirs, rtol=2e-7)
    # and on a mesh they differ by a hundred times more: the two schemes are not the same
    assert np.abs(curves[1, 2] / curves[0, 2] - 1.0).max() > 1e-5


def test_the_stored_curve_is_that_of_devsim(curves):
    data = load_peer_case("devsim_heterojunction").data
    stored = data["V_V"] >= LEAST - 1e-9
    np.testing.assert_allclose(curves[0, 2], data["J_half_grid_A_m2"][stored], rtol=1e-8)
