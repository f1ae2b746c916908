"""Protocols and microscopes."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from perovsim.errors import ModelFileError
from perovsim.model import (
    LamellaSpec,
    Protocol,
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


@pytest.mark.parametrize("name", ["constant_current_1h", "jv_sweep", "rest"])
def test_a_protocol_writes_a_file_that_loads_to_the_same(name: str) -> None:
    protocol = load_protocol(name)
    assert protocol_from_text(protocol.source_text) == protocol


def test_errors_name_the_step() -> None:
    with pytest.raises(ModelFileError, match="Protocol: steps"):
        Protocol([])
    with pytest.raises(ModelFileError, match=r"ConstantCurrent: duration: .* converts to s"):
        constant_current("10 mA/cm^2", duration="1 m")


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
