"""Thickness from position-averaged patterns: a table of a crystal, counts drawn between its rows, refusals."""

from functools import cache

import numpy as np
import pytest
from microscopy_synthetic import scan_of
from numpy.testing import assert_allclose
from scipy.interpolate import RegularGridInterpolator

from perovsim.errors import MeasurementError
from perovsim.microscopy import PacbedTable, pacbed_table, thickness_from_pacbed
from perovsim.microscopy.measured.srtio3 import DISPLACEMENTS, projected_cell
from perovsim.microscopy.table.crystal import crystal_cell

PIXEL, SIZE = 0.5e-3, 81


@cache
def table():
    """SrTiO3 [110], 8 to 20 nm in steps of 1.1 nm, 12 mrad; few beams: the table explains its own counts."""
    cell = crystal_cell(projected_cell(), 200e3, DISPLACEMENTS)
    return pacbed_table(cell, 12e-3, range(14, 38, 2), 20e-3, 24e-3, zones=(4, 6))


def drawn(low, share, dose, seed, turn=0.3, magnification=1.02, centre=(0.4e-3, -0.2e-3)):
    """Counts of a thickness between two rows of the table, turned, magnified and shifted."""
    known = table()
    pattern = (1 - share) * known.patterns[low] + share * known.patterns[low + 1]
    axis = (np.arange(SIZE) - 0.5 * (SIZE - 1)) * PIXEL
    angles = np.stack(np.meshgrid(axis, axis, indexing="xy"), axis=-1) - centre
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / magnification
    shape = RegularGridInterpolator(known.q, pattern, bounds_error=False, fill_value=0.0)(angles @ back.T)
    expected = shape * (PIXEL / magnification) ** 2 + 0.05 / SIZE**2
    return scan_of([np.random.default_rng(seed).poisson(dose * expected)], pixel=PIXEL)


def test_the_table_conserves_the_beam():
    """No more than the beam, and what is lost goes beyond 20 mrad, more with thickness."""
    known = table()
    cell = np.prod([axis[1] - axis[0] for axis in known.q])
    totals = known.patterns.sum(axis=(1, 2)) * cell
    assert np.all(totals < 1) and np.all(totals > 0.5)
    assert np.all(known.patterns >= 0) and totals[-1] < totals[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_thickness_and_nuisance_values_within_their_errors(seed):
    known = table()
    found = thickness_from_pacbed(drawn(5, 0.4, 1e5, seed), known)
    expected = known.thickness[5] + 0.4 * (known.thickness[6] - known.thickness[5])
    assert abs(found.thickness - expected) < 4 * found.error + 0.05e-9
    assert 0 < found.error < 0.5e-9
    assert_allclose(np.sin(found.rotation - 0.3), 0, atol=0.02)  # the zone is the same after half a turn
    assert_allclose(found.magnification, 1.02, atol=5e-3)
    assert found.deviance.min() < 1.3 * found.expected
    assert np.nanmax(found.model) > 0


def test_what_the_table_cannot_tell_is_refused():
    known = table()
    thick = PacbedTable(known.thickness[7:], known.q, known.patterns[7:])
    with pytest.raises(MeasurementError, match="thickness lies outside the table .15.5 to 19.9 nm"):
        thickness_from_pacbed(drawn(3, 0.0, 1e5, 1), thick)
    dark = scan_of(np.zeros((1, SIZE, SIZE)), pixel=PIXEL)
    with pytest.raises(MeasurementError, match="patterns have no counts within"):
        thickness_from_pacbed(dark, table())
