"""Fits of runs on a coarse mesh: synthetic truth comes back, products are told as such, runs are kept and reused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import perovsim as ps
from perovsim.errors import PerovsimError
from perovsim.fit.data import measure
from perovsim.fit.improve import gains
from perovsim.fit.record import Record
from perovsim.fit.runs import Failure, Runs

RATE, COVERED = "process.displacement_Cl.rate", "process.blocking.coverage_amount"
AREA = "process.displacement_Cl.area_fraction"
TIMES = np.geomspace(1.0, 100.0, 12)
FREE = {RATE: ps.fit.LogUniform(1e-11, 1e-8), COVERED: ps.fit.LogUniform(1e-7, 1e-4)}


@pytest.fixture(scope="module")
def device():
    """The LED on a coarse mesh, with a fast corrosion couple only: a film of nanometres within 100 s."""
    coarse = {f"layer.{name}.cells": 10 for name in ("htl", "emitter", "etl")}
    led = ps.load_device("nanoled_like").with_hypotheses("corrosion_couple").with_values(coarse)
    return led.with_processes({"displacement_Br": False, "exchange": False, "lead_traps": False}).with_values(
        {RATE: 1e-9, COVERED: 1e-6}
    )


@pytest.fixture(scope="module")
def protocol():
    return ps.Protocol([ps.constant_current("10 mA/cm^2", duration="100 s")], points_per_decade=5, first_output="10 us")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Runs that the tests of this module share."""
    return tmp_path_factory.mktemp("runs")


def data(film=True, voltage=True) -> list[ps.fit.DataSet]:
    sets = [
        ps.fit.DataSet(
            name="film",
            observable="film_thickness",
            film="AlCl3",
            table={"t": TIMES[-3:], "d": np.full(3, 1e-9)},
            noise=ps.fit.Noise(relative=0.05),
        ),
        ps.fit.DataSet(
            name="voltage",
            observable="voltage",
            table={"t": TIMES, "V": np.full(TIMES.size, 2.7)},
            noise=ps.fit.Noise(absolute="2 mV"),
        ),
    ]
    return [one for one, wanted in zip(sets, (film, voltage), strict=True) if wanted]


def drawn(device, protocol, folder, free=FREE, seed=1, workers=1, **which) -> ps.fit.Problem:
    """The problem with data drawn from the model at the values of the device."""
    problem = ps.fit.Problem(device, protocol, data=data(**which), free=free, folder=folder, workers=workers)
    return problem.synthetic({path: float(device.value(path)) for path in free}, seed)


def test_synthetic_truth_comes_back(device, protocol, folder) -> None:
    """Two numbers, each within 3 sigma of its truth, chi-square as the noise says; a repeat needs no run."""
    problem = drawn(device, protocol, folder, workers=2)
    fit = problem.least_squares(starts=1)
    z = (fit.x - problem.coordinates({path: float(device.value(path)) for path in FREE})) / fit.sigma
    assert (np.abs(z) < 3.0).all() and fit.p_value > 1e-3 and fit.sentences == ()
    assert (fit.sigma < 0.2 * problem.spread).all() and np.sqrt(np.mean(fit.numerical**2)) < 0.05
    listed = gains(fit)
    assert all((one.ratios <= 1.0 + 1e-6).all() for one in listed) and listed
    problem.close()
    again = drawn(device, protocol, folder)
    repeated = again.least_squares(starts=1)
    again.close()
    assert again.runs.computed == 0 and again.runs.reused > 0
    np.testing.assert_array_equal(repeated.x, fit.x)


def test_only_the_product_is_told(device, protocol, folder) -> None:
    """The film grows by rate times area: the data tell k·a, the sentence says so, and sigma is that of the priors."""
    free = {RATE: FREE[RATE], AREA: ps.fit.LogUniform(1e-3, 1e-1)}
    problem = drawn(device, protocol, folder, free, voltage=False)
    fit = problem.least_squares(starts=1)
    problem.close()
    assert fit.sentences == (f"not identifiable: {RATE}, {AREA}; only {RATE}·{AREA} is",)
    assert (fit.sigma > 0.3).all() and fit.spectrum.told == 1


def test_failed_runs_are_data(device, protocol, folder) -> None:
    """A current that the device cannot carry: no record but a reason, kept, counted, and penalised."""
    stopped = ps.Protocol(
        [ps.constant_current("10 mA/cm^2", duration="100 s", compliance="0.5 V")], points_per_decade=5
    )
    runs = Runs(folder, 1, ())
    (found,) = runs.get([(device, stopped, 1e-5)])
    assert isinstance(found, Failure) and "compliance" in found.reason and len(runs.failures) == 1
    runs.close()
    later = Runs(folder, 1, ())
    assert later.get([(device, stopped, 1e-5)]) == [found] and later.computed == 0
    problem = ps.fit.Problem(device, stopped, data=data(), free=FREE, folder=folder, workers=1)
    assert np.isnan(problem.residuals(0.5 * (problem.low + problem.high)[None])).all()
    with pytest.raises(PerovsimError, match="every one of 4 runs of the screening failed"):
        problem.least_squares(starts=1)
    problem.close()


def test_every_observable_of_a_run(device) -> None:
    """One run with everything: what is read off it is what the result holds."""
    protocol = ps.Protocol(
        [
            ps.constant_current("10 mA/cm^2", duration="10 s"),
            ps.sweep("2 V", "2.6 V", rate="0.5 V/s", points=13, back=True),
        ],
        points_per_decade=5,
        first_output="10 us",
    )
    result = ps.simulate(device, protocol)
    record = Record.of(result, ("x_Cl", "theta_Cl", "theta_Br"))
    at = result.times[(result.times > 0.1) & (result.times < 10.0)][::4]
    inside = result.fields["x"].values[result.fields["layer"].values == "emitter"][2:-2]
    found = {
        "voltage": (at, result.terminals["V"]),
        "current": (at, result.terminals["J"]),
        "light": (at, result.terminals["photon_flux"]),
        "luminance": (at, result.terminals["luminance"]),
        "peak_wavelength": (at, result.terminals["peak_wavelength"]),
        "film_thickness": (at, result.interfaces["thickness_AlCl3"] + result.interfaces["thickness_AlBr3"]),
    }
    for name, (times, column) in found.items():
        assert_read(name, record, device, protocol, {"t": times}, np.interp(times, result.times, column.values))
    volts = np.array([2.1, 2.3, 2.5])
    for name, column in (("current_voltage", "J"), ("luminance_voltage", "luminance")):
        way = (result.times > 10.0) & (result.times <= 11.2 + 1e-9)
        curve = result.terminals[column].values[way]
        expected = np.exp(np.interp(volts, result.terminals["V"].values[way], np.log(curve)))
        assert_read(name, record, device, protocol, {"V": volts}, expected, rtol=0.05)
    profile = result.at(5.0)["x_Cl"].sel(x=inside).values
    depth = {"x": inside, "t": np.full(inside.size, 5.0)}
    assert_read("profile", record, device, protocol, depth, profile, field="x_Cl", rtol=1e-4)


def assert_read(name, record, device, protocol, x, expected, rtol=1e-6, **options) -> None:
    """The observable at x, as the fit reads it, is what is expected."""
    expected = np.atleast_2d(expected.T).T
    kind = ps.fit.DataSet(name="x", observable=name, table={}, noise=ps.fit.Noise(relative=1.0), **options)
    columns = {**x, **{key: expected[:, k] for k, key in enumerate(kind.y_units)}}
    spec = ps.fit.DataSet(name="x", observable=name, table=columns, noise=ps.fit.Noise(absolute=1.0), **options)
    data = measure(spec, device, protocol)
    np.testing.assert_allclose(spec.kind.predict(record, device, data, data.x, 0.0), expected, rtol=rtol)


def test_impedance_is_read_with_its_series_resistance(device) -> None:
    """Of the second of two spectra, at its own frequencies; a series resistance adds to the real part alone."""
    protocol = ps.Protocol([ps.measure_impedance("1 Hz", "1 kHz", points=4)] * 2)
    frequency = np.logspace(0, 3, 4)
    real, imaginary = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]]), -np.ones((2, 4))
    arrays = {"impedance/frequency": frequency, "impedance/Z_real": real, "impedance/Z_imag": imaginary}
    pair = np.array([real[1], imaginary[1]]).T
    assert_read("impedance", Record(arrays), device, protocol, {"f": frequency}, pair, spectrum=2)
    spec = ps.fit.DataSet(
        name="z",
        observable="impedance",
        table={"f": frequency, "Z_real": real[1], "Z_imag": imaginary[1]},
        noise=ps.fit.Noise(absolute=1.0),
        spectrum=2,
    )
    found = measure(spec, device, protocol)
    more = spec.kind.predict(Record(arrays), device, found, found.x, 0.5)
    np.testing.assert_allclose(more, pair + [0.5, 0.0], rtol=1e-12)


def test_haadf_follows_the_composition(device) -> None:
    """A uniform emitter is flat, and its intensity is that of its atoms; bromine counts more than chlorine."""
    from perovsim.fit.observables import ATOMIC_NUMBER, Z_EXPONENT, z_contrast

    x = np.full((1, 2), 0.0)
    record = Record(
        {
            "fields/layer": np.array(["emitter", "etl"]),
            "fields/theta_Cl": x + 0.25,
            "fields/theta_Br": x + 0.75,
        }
    )
    lattice = device.emitter.lattice
    weight = {name: number**Z_EXPONENT for name, number in ATOMIC_NUMBER.items()}
    cations = float(lattice.lead_density) * (weight["Cs"] + weight["Pb"])
    expected = cations + float(lattice.site_density) * (0.25 * weight["Cl"] + 0.75 * weight["Br"])
    found = z_contrast(record, device, None)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-12)
    assert np.isnan(found[0, 1])


def test_a_series_resistance_adds_its_voltage(device, protocol, folder) -> None:
    """Volt = simulated + R J: 10 mV through 1e-4 ohm m^2 at 100 A/m^2 is told by the first volts alone."""
    spec = data(film=False)[0].replace(nuisance={"series_resistance": ps.fit.Uniform(0.0, 1e-3)})
    problem = ps.fit.Problem(device, protocol, data=[spec], free={RATE: FREE[RATE]}, folder=folder, workers=1)
    u = problem.coordinates({RATE: 1e-9, "voltage: series_resistance": 0.0})
    more = problem.coordinates({RATE: 1e-9, "voltage: series_resistance": 1e-4})
    np.testing.assert_allclose(problem.at(more)[0] - problem.at(u)[0], 0.01, rtol=1e-6)
    problem.close()


def test_a_protocol_can_be_free(device, protocol, folder) -> None:
    path = "protocol.step.1.current_density"
    free = {path: ps.fit.Uniform("5 mA/cm^2", "15 mA/cm^2")}
    problem = ps.fit.Problem(device, protocol, data=data(film=False), free=free, folder=folder, workers=1)
    low, high = problem.at(np.array([0.0])), problem.at(problem.high)
    problem.close()
    assert (high[0] > low[0]).all() and problem.parameters[0].unit == "A/m^2"
