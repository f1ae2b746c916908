"""Studies: the file, stages that run once and again only when an input changed, the whole run."""

from __future__ import annotations

from functools import partial

import pytest
from studies import PROTOCOL, small_study, study_text

from perovsim.errors import ModelFileError, PerovsimError
from perovsim.model import check_file
from perovsim.study import load_study, run_study
from perovsim.study.chain import chain
from perovsim.study.stages import Ledger, Stage, run_stages

SMALL = study_text(field_drift="field_drift")


@pytest.fixture
def small(tmp_path):
    """A study of one short run on a coarse mesh."""
    return small_study(tmp_path, "10 us", 2, field_drift="field_drift")


def write(folder, log, name, tell):
    log.append(name)
    tell(0.5)
    (folder / name).write_text(name)


def stages(folder, log, first="a"):
    one = Stage("one", "first", ("1",), partial(write, folder, log, "1"), first, ())
    two = Stage("two", "second", ("2",), partial(write, folder, log, "2"), "b", (), (one,))
    other = Stage("other", "third", ("3",), partial(write, folder, log, "3"), "c", ())
    return [one, two, other]


def quiet(text, share=None):
    pass


# -- stages -------------------------------------------------------------------------------------


def test_finished_stages_do_not_run_again(tmp_path):
    log = []
    assert run_stages(stages(tmp_path, log), tmp_path, quiet) == 3
    assert run_stages(stages(tmp_path, log), tmp_path, quiet) == 0
    assert log == ["1", "2", "3"]


def test_a_changed_input_runs_what_depends_on_it_and_nothing_else(tmp_path):
    log = []
    run_stages(stages(tmp_path, log), tmp_path, quiet)
    log.clear()
    run_stages(stages(tmp_path, log, first="changed"), tmp_path, quiet)
    assert log == ["1", "2"]


def test_a_lost_file_is_made_again(tmp_path):
    log = []
    run_stages(stages(tmp_path, log), tmp_path, quiet)
    (tmp_path / "2").unlink()
    log.clear()
    run_stages(stages(tmp_path, log), tmp_path, quiet)
    assert log == ["2"]


def test_an_interrupt_keeps_finished_stages(tmp_path):
    log = []
    made = stages(tmp_path, log)

    def interrupt(tell):
        raise KeyboardInterrupt

    stopped = Stage("two", "second", ("2",), interrupt, "b", (), (made[0],))
    with pytest.raises(KeyboardInterrupt):
        run_stages([made[0], stopped, made[2]], tmp_path, quiet)
    run_stages(made, tmp_path, quiet)
    assert log == ["1", "2", "3"]  # "1" only once


def test_a_stage_that_breaks_off_is_not_done_although_its_old_file_lies_there(tmp_path):
    log = []
    made = stages(tmp_path, log)
    run_stages(made, tmp_path, quiet)

    def fail(tell):
        raise PerovsimError("broken")

    with pytest.raises(PerovsimError):
        run_stages([Stage("one", "first", ("1",), fail, "new", ())], tmp_path, quiet)
    assert not Ledger(tmp_path).done(made[0])


def test_a_broken_ledger_means_that_nothing_is_done(tmp_path):
    (tmp_path / "stages.json").write_text("{broken")
    assert Ledger(tmp_path).keys == {}


def test_a_stage_must_write_what_it_promises(tmp_path):
    with pytest.raises(PerovsimError, match="did not write missing"):
        run_stages([Stage("x", "x", ("missing",), quiet, "", ())], tmp_path, quiet)


# -- the study file -----------------------------------------------------------------------------


def test_the_shipped_study_is_the_one_of_the_main_job(tmp_path):
    study = load_study("nanoled_like")
    assert [part.name for part in study.hypotheses] == ["field_drift", "oxidised_halogen", "corrosion_couple", "sum"]
    assert {window.around for window in study.windows} == {"emitter|etl", "etl|cathode"}
    patterns = sum(float(w.width) for w in study.windows) / float(study.scan.step)
    assert patterns >= 20
    assert all(float(window.thickness) >= 10e-9 for window in study.windows)
    assert float(study.image.field) >= 2e-9
    assert min(study.scan.phonons, study.image.phonons) >= 4
    names = [stage.name for stage in chain(study, tmp_path)]
    assert names[-2:] == ["picture", "report"] and len(set(names)) == len(names)


def test_check_file_reads_studies(root):
    report = check_file(root / "models/studies/nanoled_like.toml")
    assert report.kind == "study" and report.content.shown == "sum"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('shown = "field_drift"', 'shown = "drift"', "no hypothesis"),
        ('processes = ["field_drift"]', 'processes = ["magic"]', "no hypothesis 'magic'"),
        ('device = "device.toml"', 'device = "missing.toml"', "no such file"),
        ('name = "small"', 'nome = "small"', "unknown key 'nome'"),
        ("perovsim-study/1", "perovsim-device/1", "this is a device file"),
        ("[[hypothesis]]", '[scan]\nstep = "1 s"\n[[hypothesis]]', "step"),
    ],
)
def test_a_wrong_study_names_file_and_remedy(small, old, new, message):
    small.write_text(SMALL.replace(old, new))
    with pytest.raises(ModelFileError, match=message) as caught:
        chain(load_study(small), small.parent)
    assert ".toml" in str(caught.value)


def test_a_missing_study_is_one_message():
    with pytest.raises(ModelFileError, match="no such file"):
        load_study("models/studies/nanoled_lik.toml")


# -- the whole run ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_study_runs_once_and_then_says_that_nothing_is_to_do(small, tmp_path, monkeypatch):
    monkeypatch.delenv("PEROVSIM_DATA", raising=False)
    out, said = tmp_path / "out", []
    report = run_study(small, out, lambda *words: said.append(words[0]))
    page = report.read_text(encoding="utf-8")
    assert "Field drift alone" not in page and "field drift" in page and "set PEROVSIM_DATA" in page
    assert (out / "field_drift.nc").is_file() and (out / "figures" / "terminals.png").is_file()
    made = report.stat().st_mtime_ns
    said.clear()
    run_study(small, out, lambda *words: said.append(words[0]))
    assert said == [f"nothing to do: {report} is up to date"]
    assert report.stat().st_mtime_ns == made
    (small.parent / "protocol.toml").write_text(PROTOCOL.format(2, "20 us"))
    ledger, again = Ledger(out), chain(load_study(small), out)
    assert not any(ledger.done(stage) for stage in again if stage.name in ("run_field_drift", "report"))


def test_an_output_folder_that_is_a_file_is_one_message(small, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(PerovsimError, match="cannot be made a folder"):
        run_study(small, tmp_path / "taken")
