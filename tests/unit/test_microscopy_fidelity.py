"""Ways to the same pattern: exact equals a script in plain abTEM, windows come close, audits say how close."""

from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context

import abtem
import numpy as np
import pytest
from microscopy_synthetic import microscope, pure_lamella, small_lamella, tall_lamella
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.microscopy import scan_4d, virtual_detector
from perovsim.microscopy.records.fidelity import choose
from perovsim.microscopy.signals.exact import ExactPatterns
from perovsim.microscopy.waves.plan import plan_scan
from perovsim.microscopy.waves.sample import sample_of
from perovsim.microscopy.waves.snapshots import Snapshots
from perovsim.microscopy.waves.work import Workers


def abtem_script(lamella, tool, plan):
    """Patterns as a user of abTEM writes it: atoms of the whole lamella, Potential, Probe, multislice, far field."""
    import abtem
    from abtem.transfer import BaseAperture
    from ase import Atoms

    sample = sample_of(lamella, plan.span, float(tool.slice_thickness))
    low, width = plan.low, plan.columns * plan.grid.step[0]
    places = np.column_stack([sample.xy - [low, 0.0], (sample.layer + 0.5) * sample.thickness]) * 1e10
    cell = np.array([width, lamella.height, sample.slices * sample.thickness]) * 1e10
    atoms = Atoms(sample.numbers, places % cell, cell=cell, pbc=True)
    edge = 1e3 * plan.lam / plan.grid.size[0]

    class Edge(BaseAperture):
        """Round aperture whose edge is one pixel of the pattern wide, not one of abTEM's grid."""

        def _evaluate_from_angular_grid(self, alpha, phi):
            return np.clip((self._semiangle_cutoff - 1e3 * alpha) / edge + 0.5, 0, 1)

    semiangle = 1e3 * float(tool.nanobeam.semiangle)
    tiles = plan.grid.shape[1] // plan.period
    with abtem.config.set({"diagnostics.progress_bar": None}):
        potential = abtem.Potential(
            atoms, gpts=(plan.columns, plan.period), slice_thickness=sample.thickness * 1e10
        ).build(lazy=False)
        potential = potential.tile((1, tiles, 1)) if tiles > 1 else potential
        probe = abtem.Probe(energy=300e3, aperture=Edge(semiangle), gpts=potential.gpts, extent=potential.extent)
        scan = abtem.CustomScan((plan.positions - [low, 0.0]) * 1e10)
        waves = probe.multislice(potential, scan=scan, lazy=False).array
    x, y = (step * np.arange(n) for step, n in zip(plan.grid.step, waves.shape[-2:], strict=True))
    to_x, to_y = (np.exp(-2j * np.pi / plan.lam * np.outer(plan.q, at)) for at in (x, y))
    middle = [np.rint(0.5 * n - (at - corner) / step).astype(int) for n, at, corner, step in zip(
        waves.shape[-2:], plan.positions.T, (low, 0.0), plan.grid.step, strict=True
    )]  # fmt: skip
    rolled = np.array([np.roll(wave, (i, j), (0, 1)) for wave, i, j in zip(waves, *middle, strict=True)])
    amplitude = to_x @ rolled.astype(complex) @ to_y.T
    share = np.prod(potential.extent) * 1e-20 / np.prod(plan.grid.size)
    return share * np.abs(amplitude.swapaxes(1, 2)) ** 2


def test_exact_equals_a_script_in_plain_abtem():
    """Potential, probe, propagation by abTEM, in double precision (its float32 is off by 1e-6 of the beam itself)."""
    import abtem

    lamella, tool = small_lamella(), microscope(static=True)
    x = lamella.interface - np.array([1e-9, 0.2e-9])
    with abtem.config.set({"precision": "float64"}):
        found = scan_4d(lamella, tool, positions=x, fidelity="exact", projection="abtem").expectation
        expected = abtem_script(lamella, tool, plan_scan(lamella, tool, tool.nanobeam, positions=x))
    assert found.shape == expected.shape
    assert np.abs(found - expected).sum(axis=(1, 2)).max() < 1e-6
    rounded = scan_4d(lamella, tool, positions=x, fidelity="exact", projection="abtem").expectation
    assert np.abs(rounded - expected).sum(axis=(1, 2)).max() < 3e-6


@pytest.fixture(scope="module")
def audited():
    lamella = small_lamella()
    return scan_4d(lamella, microscope(phonons=2), step="0.5 nm", seed=3, audit=2)


@pytest.mark.skipif(find_spec("cupy") is not None, reason="cupy is there")
def test_a_gpu_without_cupy_is_refused():
    with abtem.config.set({"device": "gpu"}), pytest.raises(PerovsimError, match="needs cupy; install it"):
        scan_4d(small_lamella(), microscope(phonons=1), step="1 nm", fidelity="exact")


def test_a_window_is_audited_against_the_whole_lamella(audited):
    """The same frozen phonons on both sides: what is left is the crop, which cuts 3.4 % of an Airy probe's tails."""
    assert audited.attrs["fidelity"] == "window" and audited.attrs["audit_points"] == 2
    assert 0 < audited.attrs["audit_difference"] < 0.03
    assert audited.attrs["audit_correlation"] > 0.999
    assert "audit of 2 positions" in audited.audit


def test_an_audit_changes_no_pattern(audited):
    plain = scan_4d(small_lamella(), microscope(phonons=2), step="0.5 nm", seed=3)
    assert np.array_equal(plain.expectation, audited.expectation)
    assert plain.audit == ""


def test_snapshots_computed_by_other_processes_are_the_same():
    """An executor gets one task per snapshot; dask's executor has the same form."""
    asked = {"step": "1 nm", "seed": 3}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        far = scan_4d(small_lamella(), microscope(phonons=2), **asked, executor=executor, workers=1)
    near = scan_4d(small_lamella(), microscope(phonons=2), **asked)
    assert np.array_equal(far.dataset["counts"], near.dataset["counts"])
    assert np.array_equal(far.expectation, near.expectation)


def test_windows_lower_than_the_lamella_are_crops_along_both_axes():
    """Annular sums of a crop of 2.5 nm against the exit waves of the whole lamella on its own, finer pixels."""
    lamella, beam = tall_lamella(), {"semiangle": "10 mrad", "max_angle": "26 mrad", "sampling": "0.24 angstrom"}
    tool = microscope(static=True, nanobeam=beam)
    x = [(lamella.interface - 1.5e-9, 0.9e-9), (lamella.interface - 1.1e-9, 3.4e-9)]
    found = scan_4d(lamella, tool, positions=x, window="2.5 nm", audit=2)
    assert found.attrs["cell_edge"] < lamella.height
    assert found.attrs["audit_correlation"] > 0.999 and found.attrs["audit_difference"] < 0.05
    plan = plan_scan(lamella, tool, tool.nanobeam, positions=x, edge="2.5 nm")
    snapshots = Snapshots(plan, lamella, tool, tool.nanobeam, 1)
    whole = ExactPatterns(plan, snapshots, tool, tool.nanobeam, "positions")
    with Workers(1) as pool:
        expected = whole.annular(0, 20e-3, 26e-3, pool)
    assert_allclose(virtual_detector(found, "20 mrad", "26 mrad", noiseless=True), expected, rtol=0.02)


def test_fidelity_by_the_error_that_is_tolerated():
    assert choose(None, None) == "window" and choose("exact", None) == "exact"
    assert choose(None, 0.0) == "exact" and choose(None, 0.05) == "window"
    assert choose(None, 0.2) == "crystal" and choose(None, 0.2, crystal=False) == "window"


def test_the_crystal_table_stands_for_a_perfect_crystal(tmp_path, monkeypatch):
    """Chosen by the error tolerated; against windows of the same crystal at rest."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lamella, tool = pure_lamella(strain=0.005, thickness="2.3 nm"), microscope(static=True)
    x = [0.5 * sum(lamella.window)]
    found = scan_4d(lamella, tool, positions=x, error=0.2)
    assert found.fidelity == "crystal"
    window = scan_4d(lamella, tool, positions=x)
    off = np.abs(found.expectation - window.expectation).sum() / window.expectation.sum()
    assert off < 0.05
    assert np.corrcoef(found.expectation.ravel(), window.expectation.ravel())[0, 1] > 0.999


def test_the_crystal_table_is_refused_where_the_probe_meets_something_else():
    with pytest.raises(PerovsimError, match="meets more than the perovskite"):
        scan_4d(small_lamella(), microscope(), step="1 nm", fidelity="crystal")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fidelity": "exakt"}, "did you mean 'exact'"),
        ({"fidelity": "exact", "error": 0.1}, "not both"),
        ({"error": -0.1}, "must be 0 or more"),
        ({"audit": -1}, "audit = -1 at least 0"),
        ({"window": "0.5 nm"}, r"0.96 nm wide.*larger than the edge of the window of a probe, 0.50 nm"),
        ({"projection": "finite"}, "must be 'positions' or 'abtem'"),
    ],
)
def test_bad_requests(change, words):
    with pytest.raises(PerovsimError, match=words):
        scan_4d(small_lamella(), microscope(), step="1 nm", **change)
