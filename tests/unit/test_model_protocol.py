"""Protocols and microscopes."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

import perovsim as ps
from perovsim.errors import ModelFileError
from perovsim.model import (
    LamellaSpec,
    Protocol,
    StopCondition,
    constant_current,
    constant_voltage,
    load_microscope,
    load_protocol,
    protocol_from_text,
    rest,
    short_circuit,
    sweep,
    voltage_above,
)
from perovsim.model.library import models_directory


def test_protocol_in_python_equals_the_file() -> None:
    made = constant_current("10 mA/cm^2", duration="1 h", stop=voltage_above("8 V"), compliance="12 V")
    assert load_protocol("constant_current_1h").steps == (made,)


def test_numbers_are_si() -> None:
    step = constant_current(100.0, duration=60)
    assert (step.current_density.si, step.duration.si) == (100.0, 60.0)


def test_sweep_lasts_span_over_rate() -> None:
    assert_allclose(sweep("1.2 V", "0 V", "100 mV/s").duration.si, 12.0, rtol=1e-14)


def test_rest_and_short_circuit() -> None:
    protocol = Protocol([rest("1 h"), short_circuit("10 s"), constant_voltage(1.0, 5)])
    assert protocol.steps[0].drive.si == 0.0
    assert protocol.steps[1].voltage.si == 0.0
    assert_allclose(protocol.duration, 3615.0, rtol=1e-14)


SHIPPED = sorted(path.stem for path in (models_directory() / "protocols").glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_protocol_writes_a_file_that_loads_to_the_same(name: str) -> None:
    protocol = load_protocol(name)
    assert protocol_from_text(protocol.source_text) == protocol


def test_errors_name_the_step() -> None:
    with pytest.raises(ModelFileError, match="Protocol: steps"):
        Protocol([])
    with pytest.raises(ModelFileError, match=r"ConstantCurrent: duration: .* converts to s"):
        constant_current("10 mA/cm^2", duration="1 m")


def test_every_kind_of_step_is_shipped_as_an_example() -> None:
    kinds = {step.kind for name in SHIPPED for step in load_protocol(name).steps}
    assert kinds == {
        "constant_current", "constant_voltage", "rest", "sweep", "staircase", "pulse_train", "impedance",
    }  # fmt: skip


def test_durations_of_ramps_and_trains() -> None:
    assert_allclose(sweep(0.0, 2.0, 0.5, back=True).duration.si, 8.0, rtol=1e-14)
    assert_allclose(ps.staircase(0.0, 2.0, points=3, dwell="2 s", back=True).duration.si, 10.0, rtol=1e-14)
    assert_allclose(ps.staircase(0.0, 2.0, points=3, ions="frozen").duration.si, 3e6, rtol=1e-14)
    assert_allclose(ps.pulse_train(0.0, 1.0, "2 ms", 0.5, 7).duration.si, 14e-3, rtol=1e-14)
    assert ps.measure_impedance(1.0, 1e6).duration.si == 0.0


def test_text_in_amperes_is_a_current_of_the_whole_device() -> None:
    step = constant_current("10 mA", 1.0)
    assert step.current_density is None
    assert_allclose(step.drive.si, 0.01, rtol=1e-14)


def test_an_illumination_shines_once_unless_told_otherwise() -> None:
    light = ps.beer_lambert(1e21, {"emitter": 1e7}, "anode")
    assert float(rest(1.0, illumination=light).light) == 1.0
    assert float(rest(1.0, illumination=light, light=0.2).light) == 0.2
    assert float(rest(1.0).light) == 0.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ps.light_below(1.5), "share of the light at the reference; allowed: below 1"),
        (lambda: StopCondition(), "no condition is given; use voltage_above, .*film_thickness_above"),
        (lambda: constant_voltage(1, 1, stop=voltage_above(2)), "voltage_above has no meaning where the voltage is"),
        (lambda: constant_current(1, 1, stop=ps.current_below(2)), "current_below has no meaning where the current is"),
        (lambda: ps.staircase(0, 1), 'moving ions need a dwell; give one, or ions = "equilibrated" or "frozen"'),
        (lambda: ps.staircase(0, 1, dwell=1, ions="equilibrated"), "remove dwell"),
        (lambda: ps.staircase(1, 1, ions="frozen"), "a staircase needs a span"),
        (lambda: ps.pulse_train("0 V", "1 A/m^2", 1, 0.5, 1), "must have one unit: V, A/m.2 or A"),
        (lambda: ps.pulse_train(0, 1, 1, 1.0, 1), "duty: 1 is out of range"),
        (lambda: ps.measure_impedance("1 MHz", "1 Hz"), "lowest 1 MHz is above highest 1 Hz"),
        (lambda: ps.measure_impedance("0 Hz", "1 Hz"), "lowest: 0 Hz is out of range; allowed: above 0 Hz"),
    ],
)
def test_steps_without_sense_name_the_remedy(make, words: str) -> None:
    with pytest.raises(ModelFileError, match=words):
        make()


def test_microscope_modes() -> None:
    microscope = load_microscope("stem_300kv")
    assert_allclose(microscope.energy.si, 300e3, rtol=1e-12)
    assert_allclose(microscope.haadf.semiangle.si, 25e-3, rtol=1e-12)
    assert_allclose(microscope.haadf.detector_inner.si, 60e-3, rtol=1e-12)
    assert_allclose(microscope.nanobeam.semiangle.si, 1.5e-3, rtol=1e-12)
    with pytest.raises(ModelFileError, match="did you mean 'haadf'"):
        microscope.mode("haddf")


def test_lamella() -> None:
    spec = LamellaSpec(around="etl|cathode", time="30 min", width="20 nm", thickness="40 nm")
    assert_allclose([spec.time.si, spec.width.si], [1800.0, 20e-9], rtol=1e-14)
    with pytest.raises(ModelFileError, match="does not name an interface"):
        LamellaSpec(around="etl", time=0, width="20 nm", thickness="40 nm")
