"""Films: columns and their ways, counts, resuming, audit, movie, and what is refused."""

import numpy as np
import pytest
from factories import result
from microscopy_synthetic import microscope
from numpy.testing import assert_allclose

from perovsim.errors import PerovsimError
from perovsim.microscopy.film import audit_film, open_film, record_film, strain_maps
from perovsim.microscopy.film.columns import columns_at
from perovsim.microscopy.film.frames import most_lead
from perovsim.microscopy.film.lamellae import piece
from perovsim.microscopy.film.mixture import WAYS, probe_profile, shares, ways
from perovsim.microscopy.film.sources import optics, symmetric

TOOL = microscope(nanobeam={"electrons_per_pattern": 2e4})
ASK = {"times": ["0 s", "1 h"], "region": ("66 nm", "74 nm"), "rows": "3 nm", "thickness": "2.4 nm"}
"""Across the interface of emitter (to 70 nm) and electron layer, thin and coarse."""


@pytest.fixture(scope="module", autouse=True)
def tables(tmp_path_factory):
    """Tables of these tests lie in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def film(tables, tmp_path_factory):
    return record_film(result(), TOOL, tmp_path_factory.mktemp("film") / "film.zarr", **ASK)


def test_each_column_goes_its_own_way(film):
    """Crystal table inside the lattice, windows where the probe meets both layers, a mean in the amorphous one."""
    way = np.array(film["way"][0])
    assert way.tolist() == sorted(way.tolist(), key=[0, 3, 1].index)
    assert {WAYS[k] for k in way} == {"table", "window", "mean"}
    assert "table" in film.shares() and film.complete


def test_shares_of_the_probe_sum_to_one_and_halve_at_an_interface():
    view = optics(result(), TOOL, "nanobeam", 2.4e-9)
    columns = columns_at(result(), 0.0, np.array([60e-9, 70e-9, 80e-9]))
    part = shares(columns, view)
    assert_allclose(part.sum(axis=1), 1.0)
    emitter = [layer.name for layer in columns.layers].index("emitter")
    assert_allclose(part[:, emitter], [1.0, 0.5, 0.0], atol=0.02)
    x, below = probe_profile(view)
    assert_allclose(np.interp(0.0, x, below), 0.5, atol=1e-3)


def test_lead_turns_table_columns_into_windows():
    columns = columns_at(result(), 3600.0, np.array([60e-9]))
    part = shares(columns, optics(result(), TOOL, "nanobeam", 2.4e-9))
    assert WAYS[ways(part, columns, columns.lead[0] + 0.01)[0]] == "table"
    assert WAYS[ways(part, columns, columns.lead[0] - 1e-6)[0]] == "window"


def test_counts_are_dose_times_what_is_not_lost(film):
    """Total = electrons x (1 - lost beyond the camera), within four standard deviations, at every column."""
    expected = 2e4 * np.array(film["expectation"][:], float).sum(axis=(2, 3))
    found = np.array(film["counts"][:], float).sum(axis=(3, 4))
    assert np.all(expected < 2e4) and np.all(expected > 0.6 * 2e4)
    assert np.abs(found - expected[:, None]).max() < 4.5 * np.sqrt(expected.max())
    variance = found.var(axis=1, ddof=1).mean() / expected.mean()
    assert_allclose(variance, 1.0, atol=4 * np.sqrt(2 / (found.size * 2 / 3)))


def test_rows_differ_by_counts_only_and_have_their_own_random_numbers(film):
    counts = np.array(film["counts"][0])
    assert not np.array_equal(counts[0], counts[1])
    assert np.array(film["haadf"][0]).mean() > 0


def test_the_crystal_scatters_more_than_the_amorphous_layer(film):
    for name in ("haadf", "dark_field"):
        values = np.array(film[name][:], float).mean(axis=(0, 1))
        assert values[0] > 2 * values[-1]


def test_columns_deep_in_the_cathode_have_a_lamella_that_reaches_the_layers():
    x = np.array([115e-9])
    made = piece(result(), optics(result(), TOOL, "nanobeam", 2.4e-9), columns_at(result(), 0.0, x), 0.0, x, 1)
    assert made.lamella.window[0] < 110e-9 and made.lamella.window[1] > 117e-9


def test_layers_in_front_of_the_metal_scatter_as_themselves():
    """Frames without atoms: the metal's windows are all 1, the lattice 0, amorphous layers 0.5."""
    from types import SimpleNamespace

    from perovsim.microscopy.film.frames import Frames

    view = optics(result(), TOOL, "nanobeam", 2.4e-9)
    frames = Frames(result(), view, SimpleNamespace(step=1e-9, error=0.15), None, 1)
    shape = view.camera.shape
    frames._windows = lambda columns, time, run: np.ones((len(run), *shape))
    frames._pure = lambda columns, layer, number: np.full(shape, 0.5)
    columns = columns_at(result(), 0.0, 1e-9 * np.arange(100.5, 120))
    values = frames.expectation(columns, 0.0)[:, 0, 0]
    assert_allclose(values[:7], 0.5, atol=0.01)
    assert_allclose(values[11:], 1.0, atol=0.01)


def test_a_killed_film_resumes_without_losing_a_row(film, tmp_path, monkeypatch):
    """Killed after four rows, the film goes on with the fifth and ends up equal to one that was never killed."""
    from perovsim.microscopy.film import record

    draw, drawn = record.poisson_counts, []

    def until_killed(expected, seed):
        if len(seed) == 3:
            if len(drawn) == 4:
                raise KeyboardInterrupt
            drawn.append(tuple(seed))
        return draw(expected, seed)

    monkeypatch.setattr(record, "poisson_counts", until_killed)
    path = tmp_path / "film.zarr"
    with pytest.raises(KeyboardInterrupt):
        record_film(result(), TOOL, path, workers=1, **ASK)
    part = open_film(path)
    assert np.array(part["finished"][:]).sum() == 4 and not part.complete
    kept = np.array(part["counts"][0])
    drawn[:] = [None] * 5
    monkeypatch.setattr(record, "poisson_counts", lambda e, seed: (drawn.append(tuple(seed)), draw(e, seed))[1])
    whole = record_film(result(), TOOL, path, workers=1, **ASK)
    assert len([one for one in drawn[5:] if len(one) == 3]) == np.array(whole["finished"][:]).size - 4
    assert np.array_equal(np.array(whole["counts"][0]), kept)
    assert np.array_equal(np.array(whole["counts"][:]), np.array(film["counts"][:]))


def test_a_finished_film_is_not_computed_again(film, monkeypatch):
    from perovsim.microscopy.film import record

    monkeypatch.setattr(record, "table_of", None)
    assert record_film(result(), TOOL, film.path, **ASK).complete


def test_the_audit_visits_every_way_and_is_written_down(film):
    audit = audit_film(film, result(), TOOL, 24, 1)
    assert set(audit.by_way()) == {"table", "window", "mean"} and len(audit.way) == 24
    assert np.all((audit.deviation > 0) & (audit.deviation < 0.2))
    assert open_film(film.path).attrs["audit_points"] == 24
    assert "audit of 24 points" in str(audit) and audit.ok


def test_strain_maps_and_movie(film, tmp_path):
    from PIL import Image

    from perovsim.plot.movie import save_movie

    maps = strain_maps(film, result())
    assert maps["strain"].shape == (2, 3, 8)
    crystal = np.array(film["way"][0]) == WAYS.index("table")
    found = maps["strain"].values[:, :, crystal]
    put_in = np.array(film["exx"][:])[:, None, crystal]
    good = np.isfinite(found)
    assert good.mean() > 0.5
    off = np.abs(found - put_in)[good] / maps["error"].values[:, :, crystal][good]
    assert np.median(off) < 2 and np.median(np.abs(found - put_in)[good]) < 0.01
    picture = save_movie(film, maps, tmp_path / "film.gif")
    assert Image.open(picture).n_frames == 2
    assert save_movie(film, maps, tmp_path / "film.mp4").stat().st_size > 10_000
    with pytest.raises(PerovsimError, match=r"ends in .mp4 or .gif"):
        save_movie(film, maps, tmp_path / "film.avi")


def test_symmetric_patterns_keep_their_sum():
    pattern = np.random.default_rng(1).random((5, 5))
    found = symmetric(pattern)
    assert_allclose(found.sum(), pattern.sum())
    assert_allclose(found, np.rot90(found)) and assert_allclose(found, found.T)


def test_a_dose_buys_as_many_scans_as_it_allows(tmp_path):
    """Per scan 2e4 electrons per nm^2, 200 per square angstrom: 650 buy three, from the first time to the last."""
    ask = {**ASK, "times": None, "dose": "650 electron/angstrom^2", "rows": "1 nm"}
    film = record_film(result(), TOOL, tmp_path / "film.zarr", **ask)
    times = np.array(film["time"][:])
    assert len(times) == 3 and times[0] == 0 and times[-1] == 3600


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": ["2 h"]}, "outside the result"),
        ({"times": None}, "either times or a dose"),
        ({"times": []}, "at least one time"),
        ({"dose": "10 electron/angstrom^2"}, "either times or a dose"),
        ({"times": None, "dose": "10 electron/angstrom^2"}, "less than one scan's"),
        ({"region": ("66 nm", "66.5 nm")}, "less than two columns"),
        ({"step": "0 nm"}, "must be positive"),
        ({"error": 1.5}, "between 0 and 1"),
        ({"mode": "haadf"}, "has no max_angle"),
    ],
)
def test_bad_requests_say_what_to_do(change, words, tmp_path):
    with pytest.raises(PerovsimError, match=words):
        record_film(result(), TOOL, tmp_path / "film.zarr", **{**ASK, **change})
    assert not (tmp_path / "film.zarr").exists()


def test_a_camera_that_saturates_is_refused_before_anything_is_computed(tmp_path):
    bright = microscope(nanobeam={"electrons_per_pattern": 1e8})
    with pytest.raises(PerovsimError, match=r"the camera saturates.*counts to 65535; give fewer"):
        record_film(result(), bright, tmp_path / "film.zarr", **ASK)


@pytest.mark.parametrize(
    ("part", "given"),
    [("bullseye", {"rings": 2}), ("precession", {"angle": "5 mrad"}), ("camera", {"psf": 0.5})],
)
def test_what_a_film_does_not_have_is_refused(part, given, tmp_path):
    with pytest.raises(PerovsimError, match=f"leave {part} out of the mode"):
        record_film(result(), microscope(nanobeam={part: given}), tmp_path / "film.zarr", **ASK)


def test_lead_up_to_which_the_table_keeps_the_promise():
    """sqrt(0.12^2 + 0.39^2 lead) = 0.15 at 5 % lead; no lead at all where the table alone is further off."""
    assert_allclose(np.sqrt(0.12**2 + 0.39**2 * most_lead(0.15)), 0.15)
    assert most_lead(0.1) == 0.0


def test_more_memory_than_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr("perovsim.memory.free_memory", lambda: 2**10)
    with pytest.raises(PerovsimError, match="of memory, this machine can give"):
        record_film(result(), TOOL, tmp_path / "film.zarr", **ASK)


def test_another_film_is_not_overwritten(film):
    with pytest.raises(PerovsimError, match="holds a film of another device"):
        record_film(result(), TOOL, film.path, **{**ASK, "seed": 7})
