"""`perovsim validate`: prints the tables from any folder, with or without results."""

from __future__ import annotations

import factories


def test_tables_from_an_empty_folder(tmp_path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    done = perovsim("validate")
    assert (done.code, done.err) == (0, "")
    for words in ("exciton peak", "brennan2024", "calibrated", "halide segregation", "nanoled2026", "No run was given"):
        assert words in done.out


def test_results_answer_for_the_polarity(tmp_path, perovsim) -> None:
    files = [factories.result(name).save(tmp_path / f"{name}.nc") for name in ("field_drift", "corrosion_couple")]
    done = perovsim("validate", *files)
    assert done.code == 0
    assert "field drift: anode" in done.out and "corrosion couple: cathode" in done.out
    assert "1 of 2 agree" in done.out and "No run was given" not in done.out


def test_bad_input_is_one_line(tmp_path, perovsim) -> None:
    done = perovsim("validate", tmp_path / "none.nc")
    assert done.code == 2 and done.err.count("\n") == 1 and "none.nc" in done.err
    done = perovsim("validate", "a/x.nc", "b/x.nc")
    assert done.code == 2 and "two results are called 'x'" in done.err


def test_peers_print_a_table_and_draw(tmp_path, monkeypatch, perovsim) -> None:
    monkeypatch.chdir(tmp_path)
    done = perovsim("validate", "peers", "01", "--out", "drawn")
    assert done.code == 0
    for words in ("01_mott_gurney", "J_extrapolated_A_m2", "0.1 % of each value", "yes", "1 of 1 within the tolerance"):
        assert words in done.out
    assert (tmp_path / "drawn" / "01_mott_gurney.png").stat().st_size > 10_000


def test_peers_bad_input_is_one_line(perovsim) -> None:
    done = perovsim("validate", "peers", "99")
    assert done.code == 2 and "99: no such case of peers; known: 01_mott_gurney" in done.err
    done = perovsim("validate", "--out", "drawn")
    assert done.code == 2 and done.err.count("\n") == 1 and "perovsim validate peers" in done.err
