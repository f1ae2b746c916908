"""The measured files against what is known of their samples, and bad words and files on the command line."""

import os

import pytest

from perovsim.errors import ModelFileError
from perovsim.microscopy.measured.datasets import DATASETS, VARIABLE
from perovsim.validate.microscopy import microscopy_names, microscopy_table
from perovsim.validate.microscopy.cases import load_microscopy_case

needs_files = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no folder")


def test_every_case_names_a_known_file_and_says_why_its_ranges_are_so():
    for name in microscopy_names():
        case = load_microscopy_case(name)
        assert case.dataset in DATASETS and case.says
        assert all(len(expected.why) > 10 for expected in case.expect)
    with pytest.raises(ModelFileError, match="no such file"):
        load_microscopy_case("nothing")


@needs_files
@pytest.mark.slow
def test_cdte_boundary_has_two_grains_and_dumbbells_of_a_quarter_cell():
    """Bars: two grains; 1.62 A within 2 % after calibration on the lower grain."""
    table = microscopy_table(["cdte_boundary"])
    assert not table.failed
    text = table.table()
    for words in ("misorientation", "dumbbells", "strain against the lower grain", "±", "values within their range"):
        assert words in text
    found = table.results[0].findings
    assert len(found.figure().get_axes()) >= 6
    assert 80 < abs(found.angle[0]) * 57.2958 < 83 and found.angle[1] < 1e-3


@needs_files
@pytest.mark.slow
def test_precession_patterns_are_one_crystal():
    table = microscopy_table(["precession"])
    assert not table.failed
    assert table.to_dict()["precession"]["patterns with a lattice"]["value"] == 6
    assert "higher Laue zone" in table.table()
    assert len(table.results[0].findings.figure().get_axes()) >= 10


def test_bad_words_and_missing_files_are_one_line(perovsim, monkeypatch, tmp_path):
    done = perovsim("validate", "microscopy", "cdte_boundry")
    assert done.code == 2 and "did you mean 'cdte_boundary'" in done.err and len(done.err.splitlines()) == 1
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    done = perovsim("validate", "microscopy", "precession")
    assert done.code == 2 and "is not here: download https://" in done.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("empty.dm3", b"", "is empty"), ("noise.hspy", b"\x89HDF no", "cannot be read"), ("a.txt", b"x", "no format")],
)
def test_unreadable_files_end_a_comparison_with_one_line(perovsim, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    done = perovsim("compare", tmp_path / name, tmp_path / name)
    assert done.code == 2 and words in done.err and len(done.err.splitlines()) == 1
