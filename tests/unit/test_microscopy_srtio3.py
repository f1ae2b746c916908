"""The measured SrTiO3 micrograph: distortion, nuisance values, correlation on pixels not fitted."""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError
from perovsim.microscopy import srtio3_comparison
from perovsim.microscopy.images.abf_fit import Measured, match
from perovsim.microscopy.images.columns import fit_columns
from perovsim.microscopy.measured.datasets import VARIABLE
from perovsim.microscopy.measured.srtio3 import COLUMNS

needs_file = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no folder")
CELL = 3.905e-10, 5.5225e-10


def harmonics():
    index = np.array([(gx, gy) for gx in range(0, 5) for gy in range(-6, 7, 2) if (gx, gy) > (0, 0)])
    return index, np.hypot(index[:, 0] / CELL[0], index[:, 1] / CELL[1])


def test_match_finds_scale_shift_and_source():
    index, g = harmonics()
    simulated = np.exp(-((g * 0.7e-10) ** 2)) * (1 + 0.3j * np.sin(index[:, 0]))
    shift, source = np.array([0.21, 0.07]), 0.31e-10
    made = 850 * simulated * np.exp(2j * np.pi * index @ shift - 2 * np.pi**2 * source**2 * g**2)
    found = match(Measured(index, g, made), simulated, shift + [0.03, -0.02], 0.45e-10)
    assert found.misfit < 1e-8
    assert_allclose(found.shift, shift, atol=1e-5)
    assert_allclose([found.scale, found.source], [850, source], rtol=1e-3)


def test_gaussian_columns_find_what_was_drawn():
    index, g = harmonics()
    columns = {name: np.array(at) for name, at in COLUMNS.items()}
    depth, width = {"SrO": 9.0, "Ti": 5.0, "O": 2.0}, {"SrO": 0.5e-10, "Ti": 0.55e-10, "O": 0.4e-10}
    made = -sum(
        depth[name] * np.exp(-2 * np.pi**2 * width[name] ** 2 * g**2) * np.exp(-2j * np.pi * index @ at.T).sum(axis=1)
        for name, at in columns.items()
    )
    made = made / (CELL[0] * CELL[1]) * np.exp(2j * np.pi * index @ [0.1, 0.2])
    found = fit_columns(Measured(index, g, made), columns, CELL[0] * CELL[1], np.array([0.12, 0.19]))
    assert found.misfit < 1e-6
    for name in columns:
        assert_allclose([found.depths[name], found.widths[name]], [depth[name], width[name]], rtol=1e-2)


def test_missing_file_says_where_to_get_it(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(MeasurementError, match="is not here: download"):
        srtio3_comparison()


@needs_file
@pytest.mark.slow
def test_simulation_beats_gaussian_columns_on_the_half_that_it_has_not_seen():
    """Bars: correlation >= 0.95 and above the Gaussian columns; 0.5 % between the axes of the scan."""
    found = srtio3_comparison()
    assert found.scores["simulation"] >= 0.95
    assert found.scores["simulation"] > found.scores["Gaussian columns"]
    assert_allclose(found.distortion.between_axes, 0.0055, atol=0.001)
    # by Fourier peaks in an independent reading: d(110) 2.754, d(002) 1.958 angstrom
    assert_allclose(found.spacings["110"][0], 2.754e-10, rtol=1e-3)
    assert_allclose(found.spacings["001"][0], 2 * 1.958e-10, rtol=1e-3)
    # the same code finds the distortion that a simulated image was made with
    assert_allclose(found.check.between_axes, found.put_in.between_axes, atol=4 * found.check.between_axes_error)
    solution = found.solution
    assert 10e-9 < solution.thickness < 60e-9 and 0 < solution.errors["thickness"] < 5e-9
    assert 0.1e-10 < solution.match.source < 0.6e-10
    table = found.table()
    for words in ("thickness", "defocus", "source size", "Gaussian columns", "not seen", "±"):
        assert words in table
    assert len(found.figure().get_axes()) >= 7
