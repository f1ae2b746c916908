"""Result: reference times, T50 and dV by hand, times outside, the file and its way back."""

from __future__ import annotations

import factories
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.errors import PerovsimError
from perovsim.result import FORMAT, GROUPS, load_result

ROUNDING = 9e-12
"""Current [A/m^2] that the solver leaves at rest."""


def traced(time, current, voltage, light):
    """A result with these traces and nothing else changed."""
    run = factories.result("field_drift")
    columns = {
        "V": (voltage, "V"),
        "J": (current, "A m^-2"),
        "photon_flux": (light, "m^-2 s^-1"),
        "luminance": (light, "cd m^-2"),
        "charge_passed": (0 * time, "C m^-2"),
    }
    run.terminals = factories.columns_of(columns, {"time": ("time", time, {"units": "s"})})
    return run


def fading(delay=0.0):
    """100 A/m^2 from `delay` on; light 2 - t/1000 s, voltage 3 + t/1000 s of that time."""
    on = np.array([1e-3, 0.5, 1.0, 10.0, 100.0, 400.0, 1200.0, 1600.0])
    before = np.linspace(0.0, delay, 5) if delay else np.array([0.0])
    time = np.concatenate([before, delay + on])
    dark = np.zeros(before.size)
    return traced(
        time,
        np.concatenate([dark + ROUNDING, np.full(on.size, 100.0)]),
        np.concatenate([dark, 3 + on / 1000]),
        np.concatenate([dark, 2 - on / 1000]),
    )


# -- reference, T50, dV --------------------------------------------------------------------------


def test_T50_and_delta_V_of_a_straight_line():
    """Half of 1.999 is reached at t = 2000 - 999.5 = 1000.5 s; dV = (1600 - 1)/1000 V."""
    run = fading()
    assert_allclose(run.reference_time, 1.0, rtol=1e-12)
    assert_allclose(run.T50, 1000.5 - 1.0, rtol=1e-12)
    assert_allclose(run.delta_V, 1.599, rtol=1e-12)


def test_a_rest_before_the_current_moves_the_reference_and_nothing_else():
    """The rounding of the solver at rest is no current rise."""
    run = fading(delay=600.0)
    assert_allclose(run.reference_time, 601.0, rtol=1e-12)
    assert_allclose(run.T50, fading().T50, rtol=1e-12)
    assert_allclose(run.delta_V, fading().delta_V, rtol=1e-12)


def test_a_dark_pause_and_the_restart_after_it_are_no_loss_of_light():
    time = np.array([0.0, 0.5, 2.0, 10.0, 10.1, 20.0, 20.1, 20.5, 22.0, 30.0])
    driven = np.array([0, 1, 1, 1, 0, 0, 1, 1, 1, 1])
    light = np.array([0, 1, 1, 1, 0, 0, 1e-6, 0.4, 1, 0.9])
    run = traced(time, 100.0 * driven + ROUNDING, 2.6 + 0.1 * driven, light)
    assert run.reference_time == 1.0
    assert list(run.settled) == [False, False, True, True, False, False, False, False, True, True]
    assert run.T50 is None
    assert_allclose(run.delta_V, 0.0, atol=1e-12)


def test_dV_is_not_read_at_rest():
    time = np.array([0.0, 0.5, 2.0, 10.0, 10.1, 20.0])
    driven = np.array([0, 1, 1, 1, 0, 0])
    run = traced(time, 100.0 * driven, np.array([0, 3.0, 3.0, 3.2, 2.0, 0.1]), 1.0 * driven)
    assert_allclose(run.delta_V, 0.2, rtol=1e-12)
    assert run.light_left == 1.0


def test_a_pulse_shorter_than_the_delay_has_no_reference():
    time = np.array([0.0, 0.2, 0.5, 0.8, 1.6, 5.0])
    run = traced(time, np.array([0, 100.0, 100.0, 0, 100.0, 100.0]), 0 * time, 1 + 0 * time)
    assert run.reference_time is None and run.T50 is None and run.delta_V is None and run.light_left is None
    assert "no reference" in run.summary()


@pytest.mark.parametrize("low, high, dark", [("0 A/m^2", "100 A/m^2", 0.0), ("2 V", "3 V", -5.0)])
def test_pulses_have_the_T50_of_the_light_at_their_ends(low, high, dark):
    """Pulses of 0.3 s every 0.5 s, light 2 - t/10 s at the end of each, less before: from 1.3 s on half at 11.3 s."""
    begin = 0.5 * np.arange(40)
    time = np.concatenate(([0.0], (begin[:, None] + [0.01, 0.15, 0.3, 0.31, 0.5]).ravel()))
    on = np.concatenate(([0], np.tile([1, 1, 1, 0, 0], begin.size)))
    rising = np.concatenate(([0], np.tile([0.1, 0.7, 1.0, 0.0, 0.0], begin.size)))
    current = np.where(on, 100.0, dark) if low.endswith("m^2") else np.where(on, 100.0 - time, dark)
    run = traced(time, current, 2.0 + on, rising * (2.0 - 0.1 * time))
    run.protocol = ps.Protocol([ps.pulse_train(low, high, "0.5 s", 0.6, begin.size)])
    assert_allclose(run.reference_time, 1.3, rtol=1e-12)
    assert_allclose(run.times[run.pulse_ends][:3], [0.3, 0.8, 1.3], rtol=1e-12)
    assert_allclose(run.T50, (2.0 - 0.5 * (2.0 - 0.13)) / 0.1 - 1.3, rtol=1e-12)
    assert run.delta_V == 0.0
    # the run ends in the dark; the light that is left is that of the last pulse, at 19.8 s
    assert run.terminals["photon_flux"].values[-1] == 0.0
    assert_allclose(run.light_left, (2.0 - 1.98) / (2.0 - 0.13), rtol=1e-12)


def test_light_that_lasts_has_no_T50():
    run = factories.result("field_drift")
    assert run.T50 is None and "not reached" in run.summary()


# -- summary -------------------------------------------------------------------------------------


def test_faradaic_share_is_undefined_at_rest():
    dark = factories.result("corrosion_couple", current=0.0)
    dark.terminals["J"][:] = ROUNDING
    dark.terminals["charge_passed"][-1] = ROUNDING * factories.END
    assert dark.faradaic_share is None
    assert "undefined at rest" in dark.summary()


def test_faradaic_share_of_a_film():
    """1.10 nm AlCl3: 6 F n of the factory over 100 A/m^2 for 1 h."""
    film = 1.10e-9 / factories.ALCL3_VOLUME
    charge = 6 * 96485.33212 * film
    assert_allclose(factories.result("corrosion_couple").faradaic_share, charge / (100.0 * 3600.0), rtol=1e-9)


def test_summary_names_every_headline_number():
    text = factories.result("sum").summary()
    for words in (
        "AlCl3",
        "Pb0",
        "maximum",
        "faradaic share",
        "element_Cl",
        "charge",
        "corrosion_couple",
        "oxidised_halogen",
        "T50",
        "dV",
    ):
        assert words in text


# -- times ---------------------------------------------------------------------------------------


def test_fields_between_stored_times_are_linear():
    run = factories.result("sum")
    first, second = run.times[-2:]
    between = run.at(0.5 * (first + second))
    expected = 0.5 * (run.fields["x_Cl"].values[-2] + run.fields["x_Cl"].values[-1])
    assert_allclose(between["x_Cl"].values, expected, rtol=1e-12)
    assert list(between["layer"].values) == list(run.fields["layer"].values)


def test_a_time_as_text():
    run = factories.result("sum")
    assert run.seconds("30 min") == 1800.0
    xr.testing.assert_allclose(run.at("1 h"), run.fields.isel(time=-1))


@pytest.mark.parametrize("time", ["2 h", -1.0, float("nan")])
def test_a_time_outside_the_result_names_the_range(time):
    with pytest.raises(PerovsimError, match="outside the result.*allowed: 0 to 3600 s"):
        factories.result("sum").at(time)


def test_a_time_in_kilograms_is_one_message():
    with pytest.raises(PerovsimError, match="wrong dimension"):
        factories.result("sum").at("2 kg")


# -- the file ------------------------------------------------------------------------------------


def test_a_saved_result_comes_back_identical(tmp_path):
    run = factories.result("corrosion_couple")
    back = load_result(run.save(tmp_path / "new" / "run.nc"))
    for group in GROUPS:
        xr.testing.assert_identical(getattr(back, group), getattr(run, group))
    assert back.attrs["format"] == FORMAT and back.attrs["rtol"] == run.attrs["rtol"]
    assert back.summary() == run.summary()
    assert not list(tmp_path.glob("**/*.part"))


def test_the_device_comes_back_with_its_changes(tmp_path):
    run = factories.result("corrosion_couple")
    run.device = run.device.with_values({"layer.emitter.thickness": "40 nm"})
    back = load_result(run.save(tmp_path / "run.nc"))
    assert_allclose(float(back.device.layer("emitter").thickness), 40e-9, rtol=1e-12)
    assert [p.name for p in back.device.enabled_processes] == [p.name for p in run.device.enabled_processes]
    assert back.hypotheses == ("corrosion_couple",)
    assert_allclose(back.protocol.duration, run.protocol.duration)


def test_every_variable_in_the_file_has_a_unit(tmp_path):
    path = factories.result("sum").save(tmp_path / "run.nc")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        for group in ("fields", "terminals", "interfaces", "balance"):
            for name, variable in tree[group].data_vars.items():
                assert "units" in variable.attrs, f"{group}/{name}"


def test_numbers_of_numpy_in_the_attributes_can_be_saved(tmp_path):
    run = factories.result("sum")
    run.attrs |= {"steps": np.int64(7), "rtol": np.float64(1e-5), "ended": np.bool_(True)}
    back = load_result(run.save(tmp_path / "run.nc"))
    assert back.attrs["steps"] == 7 and back.attrs["rtol"] == 1e-5


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 700, b"format = 1\n"])
def test_a_file_that_is_no_result_is_one_message(tmp_path, content):
    path = tmp_path / "bad.nc"
    path.write_bytes(content)
    with pytest.raises(PerovsimError, match="bad.nc: not a readable NetCDF-4 file"):
        load_result(path)


def test_half_a_file_and_a_missing_file_are_one_message(tmp_path):
    path = factories.result("sum").save(tmp_path / "run.nc")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(PerovsimError, match="not a readable"):
        load_result(path)
    with pytest.raises(PerovsimError, match="no such result file.*perovsim simulate"):
        load_result(tmp_path / "none.nc")


def test_another_netcdf_file_and_an_incomplete_one_are_one_message(tmp_path):
    other, part = tmp_path / "other.nc", tmp_path / "part.nc"
    xr.Dataset({"a": 1}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(PerovsimError, match=f"expected '{FORMAT}'"):
        load_result(other)
    xr.Dataset(attrs={"format": FORMAT}).to_netcdf(part, engine="h5netcdf")
    with pytest.raises(PerovsimError, match="incomplete, without fields.*device_text"):
        load_result(part)


def test_a_path_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(PerovsimError, match="cannot be written"):
        factories.result("sum").save(tmp_path / "taken" / "run.nc")
