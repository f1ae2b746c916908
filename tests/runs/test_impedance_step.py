"""The step `impedance` of a protocol: where it stands in the result, what it sees, how it is kept."""

from __future__ import annotations

import numpy as np
from devices import coarse_led, heterojunction
from numpy.testing import assert_allclose

import perovsim as ps

HOLD = ps.constant_current(20.0, "1e4 s")


def test_a_spectrum_at_the_end_is_that_of_the_steady_state() -> None:
    stack = heterojunction(ions=True)
    steps = [HOLD, ps.measure_impedance("1 mHz", "1 MHz", points=10)]
    found = ps.simulate(stack, ps.Protocol(steps)).impedance.isel(spectrum=0)
    same = ps.impedance(stack, current=20.0, frequencies=found["frequency"].values, ions="equilibrated")
    assert_allclose(found["frequency"], np.geomspace(1e-3, 1e6, 10), rtol=1e-12)
    for name in ("Z_real", "Z_imag", "C", "G"):
        assert_allclose(found[name], same[name], rtol=1e-4, atol=1e-5 * np.abs(same[name]).max())
    assert_allclose([found["V"], found["J"]], [same["V"], same["J"]], rtol=1e-7)


def test_several_spectra_stand_side_by_side_and_are_kept(tmp_path) -> None:
    """Ageing between two spectra of other frequencies: the shared axis has NaN where one has no value."""
    steps = [
        ps.constant_current(100.0, "1 s"),
        ps.measure_impedance("1 Hz", "1 kHz", points=4),
        ps.constant_current(100.0, "10 min"),
        ps.measure_impedance("1 Hz", "100 Hz", points=2),
    ]
    run = ps.simulate(coarse_led(), ps.Protocol(steps))
    data = run.impedance
    assert data["step"].values.tolist() == ["step 2 (impedance)", "step 4 (impedance)"]
    assert_allclose(data["time"], [1.0, 601.0], rtol=1e-12)
    assert_allclose(data["V"], np.interp([1.0, 601.0], run.times, run.terminals["V"].values), rtol=1e-12)
    assert np.isnan(data["Z_real"]).values.tolist() == [[False] * 4, [False, True, False, True]]
    change = float(data["Z_real"][1, 0] / data["Z_real"][0, 0] - 1.0)
    assert abs(change) > 1e-2  # the device has aged
    assert data["Z_real"].attrs["units"] == "ohm m^2"
    lines = [line for line in run.summary().splitlines() if line.startswith("  impedance")]
    assert len(lines) == 2 and "1 to 1e+03 Hz at 2.7" in lines[0] and "1 to 100 Hz" in lines[1]
    kept = ps.load_result(run.save(tmp_path / "run.nc"))
    assert kept.impedance.identical(data)


def test_without_a_spectrum_the_group_is_empty(tmp_path) -> None:
    run = ps.simulate(heterojunction(), ps.Protocol([ps.rest("1 s")]))
    assert not run.impedance.sizes
    assert not ps.load_result(run.save(tmp_path / "run.nc")).impedance.sizes
