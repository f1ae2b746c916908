"""`perovsim validate analytic`: table, figures, exit codes."""

from __future__ import annotations


def test_limits_and_their_figures(tmp_path, perovsim) -> None:
    done = perovsim("validate", "analytic", "A5", "--out", tmp_path / "figures")
    assert done.code == 0
    assert "open-circuit voltage" in done.out and "1 of 1 checks" in done.out
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"checks.json", "open_circuit.png"}


def test_a_failed_limit_is_an_error(perovsim, monkeypatch) -> None:
    from perovsim.validate.analytic import carriers

    monkeypatch.setattr(carriers, "V_T", 1.01 * carriers.V_T)
    done = perovsim("validate", "analytic", "open_circuit")
    assert done.code == 2 and "FAIL" in done.out
    assert "1 checks are beyond their tolerance (open_circuit)" in done.err


def test_bad_words_for_limits(tmp_path, perovsim) -> None:
    done = perovsim("validate", "analytic", "sandd")
    assert done.code == 2 and done.err.count("\n") == 1 and "'sand'" in done.err
    done = perovsim("validate", "--out", tmp_path)
    assert done.code == 2 and "belongs to: perovsim validate analytic" in done.err
