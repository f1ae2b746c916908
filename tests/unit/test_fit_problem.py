"""Fits without runs: exciton energies of the alloy, where every answer is known in closed form."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import perovsim as ps
from perovsim.errors import ModelFileError, PerovsimError
from perovsim.fit.emulator import Emulator
from perovsim.fit.identify import spectrum
from perovsim.fit.noise import poisson_residuals
from perovsim.fit.optimise import solve
from perovsim.fit.posterior import effective_size, split_rhat
from perovsim.fit.priors import LogUniform, Normal, Parameter, Uniform
from perovsim.fit.profile import profiles

X = np.array([0.0, 0.4, 0.5667, 1.0])
E = np.array([2.3990, 2.6071, 2.7096, 3.0228])
SIGMA = 0.005
FREE = {
    "layer.emitter.exciton_energy_Br": Uniform("2.2 eV", "2.6 eV"),
    "layer.emitter.exciton_energy_Cl": Uniform(2.8, 3.2),
    "layer.emitter.exciton_bowing": Uniform(-0.5, 1.0),
}


def energies(x=X, e=E, **more):
    table = {"x_Cl": x, "E": e}
    return ps.fit.DataSet(
        name="energies", observable="exciton_energy", table=table, noise=ps.fit.Noise(absolute="5 meV"), **more
    )


def problem(free=FREE, **more):
    return ps.fit.Problem(ps.load_device("nanoled_like"), data=[energies(**more)], free=free)


@pytest.fixture(scope="module")
def linear():
    return problem().least_squares(starts=2)


def exact() -> tuple[np.ndarray, np.ndarray]:
    """Best values and covariance of the linear problem, by the normal equations."""
    design = np.column_stack([1.0 - X, X, -X * (1.0 - X)]) / SIGMA
    covariance = np.linalg.inv(design.T @ design)
    return covariance @ design.T @ (E / SIGMA), covariance


def test_bowing_of_the_measured_alloy_and_its_error(linear) -> None:
    values, covariance = exact()
    np.testing.assert_allclose(list(linear.values.values()), values, rtol=1e-6)
    for k, sigma in enumerate(np.sqrt(np.diag(covariance))):
        low, high = linear.interval(k)
        np.testing.assert_allclose(high - low, 2.0 * sigma, rtol=1e-3)
    np.testing.assert_allclose(
        linear.correlation, covariance / np.sqrt(np.outer(*[np.diag(covariance)] * 2)), atol=1e-3
    )
    assert linear.sentences == () and linear.freedom == 1


def test_the_material_file_holds_what_this_fit_gives(linear) -> None:
    """The numbers of models/materials/cspbbrcl3.toml were fitted to the same four energies."""
    for path, value in linear.values.items():
        np.testing.assert_allclose(value, float(linear.problem.device.value(path)), atol=2e-4)


def test_profiles_of_a_linear_problem_are_parabolas(linear) -> None:
    for profile in profiles(linear):
        shift = (profile.u - linear.x[profile.parameter]) / linear.sigma[profile.parameter]
        np.testing.assert_allclose(profile.rise, shift**2, atol=1e-3)
        np.testing.assert_allclose(
            profile.interval(),
            linear.x[profile.parameter] + linear.sigma[profile.parameter] * np.array([-1, 1]),
            rtol=1e-3,
        )


def test_the_emulator_is_exact_for_a_quadratic(linear) -> None:
    emulator = Emulator(linear)
    emulator.learn(emulator.design(np.random.default_rng(1)))
    points = linear.x + linear.sigma * np.random.default_rng(2).standard_normal((5, 3))
    true = -0.5 * np.square(linear.problem.residuals(points)).sum(axis=1)
    np.testing.assert_allclose(emulator.log_likelihood(points), true, atol=1e-4)


def test_intervals_hold_what_they_promise(linear) -> None:
    """100 seeded draws of noise: the truth within one sigma in 68.3 % and within two in 95.4 %, each to 4 errors."""
    emulator = Emulator(linear)
    emulator.learn(emulator.design(np.random.default_rng(1)))
    z = []
    for seed in range(100):
        drawn = linear.problem.synthetic(linear.values, seed)
        found = solve(partial(emulator.residuals, drawn), linear.x, drawn.low, drawn.high, linear.settings)
        z.append(np.abs(found.x - linear.x) / linear.sigma)
    for share, sigmas in ((0.683, 1.0), (0.954, 2.0)):
        error = np.sqrt(share * (1.0 - share) / len(z))
        np.testing.assert_allclose((np.array(z) < sigmas).mean(axis=0), share, atol=4.0 * error)


def test_posterior_of_a_linear_problem_is_normal(linear, monkeypatch) -> None:
    monkeypatch.setattr("perovsim.fit.posterior.STEPS", 500)
    posterior = linear.problem.sample(linear, samples=2000)
    assert (posterior.rhat < 1.05).all() and (posterior.effective > 200).all()
    error = 4.0 * np.sqrt(1.0 / posterior.effective + 1.0 / len(posterior.samples))
    assert (np.abs(posterior.samples.mean(axis=0) - linear.x) / linear.sigma < error).all()
    np.testing.assert_allclose(posterior.samples.std(axis=0), linear.sigma, rtol=0.15)
    assert posterior.emulator_error < 1e-3


def test_only_the_sum_is_told() -> None:
    """At x = 1/2 alone: E = (E_Br + E_Cl)/2 - b/4, one combination of three."""
    fit = problem(x=np.full(5, 0.5), e=np.full(5, 2.67)).least_squares(starts=1)
    assert fit.spectrum.told == 1
    (sentence,) = fit.sentences
    assert sentence.startswith("not identifiable: layer.emitter.exciton_energy_Br, layer.emitter.exciton_energy_Cl")
    assert "; only " in sentence and sentence.endswith(" is")


def test_a_number_that_the_data_do_not_touch() -> None:
    free = {**FREE, "layer.emitter.linewidth": LogUniform("60 meV", "120 meV")}
    fit = problem(free).least_squares(starts=1)
    assert fit.sentences == ("not identifiable: layer.emitter.linewidth; the data say no more than the prior",)
    assert "no more than the prior" in fit.table()
    np.testing.assert_allclose(fit.sigma[3], np.log(2.0) / np.sqrt(12.0), rtol=1e-6)


SCALED = LogUniform(0.1, 10.0)


@pytest.mark.parametrize(
    "powers, said", [((1, 1), "only k·a is"), ((1, -1), "only k / a is"), ((2, 1), "k·a^(1/2) is")]
)
def test_products_in_words(powers, said) -> None:
    """A model k^p a^q: the Jacobian in ln k and ln a is of rank one."""
    pair = [Parameter(name, SCALED, "") for name in "ka"]
    slope = np.linspace(1.0, 2.0, 9)[:, None] * 50.0
    found = spectrum(slope * np.array(powers, float), np.array([p.spread for p in pair]), np.zeros(2, bool), 0.0)
    (sentence,) = found.sentences(pair, np.zeros(2))
    assert sentence.startswith("not identifiable: k, a; ") and sentence.endswith(said), sentence


def test_noise_of_the_derivatives_is_no_information() -> None:
    """A second direction of 1e-4 of the first is told if the derivatives are exact, not if they are that inexact."""
    jacobian = np.diag([1e6, 1e2])
    pair = np.ones(2), np.zeros(2, bool)
    assert spectrum(jacobian, *pair, 0.0).told == 2
    assert spectrum(jacobian, *pair, 1e3).told == 1


def test_a_normal_prior_adds_its_information() -> None:
    """Bowing 0.20 +- 0.01 beside the data: the mean of both, each with its weight."""
    values, covariance = exact()
    free = {**FREE, "layer.emitter.exciton_bowing": Normal("0.20 eV", "0.01 eV")}
    fit = problem(free).least_squares(starts=1)
    weight = 1.0 / covariance[2, 2], 1.0 / 0.01**2
    mean = (weight[0] * values[2] + weight[1] * 0.20) / sum(weight)
    np.testing.assert_allclose(fit.values["layer.emitter.exciton_bowing"], mean, rtol=1e-5)
    np.testing.assert_allclose(fit.sigma[2] * 0.01, sum(weight) ** -0.5, rtol=1e-3)


def test_nuisances_take_up_what_is_of_the_instrument() -> None:
    """Energies that are read 20 meV too high: with an offset known to 1 meV about that, the same values come back."""
    shifted = problem(e=E + 0.02, nuisance={"offset": Normal("20 meV", "1 meV")})
    fit = shifted.least_squares(starts=1)
    np.testing.assert_allclose(list(fit.values.values()), [*exact()[0], 0.02], rtol=1e-4)


def test_poisson_residuals_are_the_likelihood() -> None:
    """sum r^2 = -2 ln(L/L_max); zero counts and all. L by its definition, ln(e^-m m^k / k!)."""
    from scipy.stats import poisson

    counts, mean = np.array([0.0, 1.0, 5.0, 200.0]), np.array([0.5, 3.0, 4.0, 220.0])
    best = np.where(counts > 0, counts, 1e-300)
    ratio = poisson.logpmf(counts, mean) - poisson.logpmf(counts, best)
    np.testing.assert_allclose(np.square(poisson_residuals(mean, counts)), -2.0 * ratio, rtol=1e-9)
    assert (np.sign(poisson_residuals(mean, counts)) == np.sign(mean - counts)).all()


def test_measures_of_convergence() -> None:
    """Independent normal numbers: R-hat 1, effective size near all; one ensemble apart: R-hat far above 1."""
    chains = np.random.default_rng(1).standard_normal((4, 500, 10, 1))
    assert abs(split_rhat(chains)[0] - 1.0) < 2e-3
    np.testing.assert_allclose(effective_size(chains), chains[..., 0].size, rtol=0.2)
    chains[0] += 1.0
    assert split_rhat(chains)[0] > 1.05


WRONG = {
    "path": ({"layer.emitter.exciton_bowin": Uniform(0, 1)}, "did you mean"),
    "unit": ({"layer.emitter.exciton_bowing": Uniform("0 s", "1 s")}, "wrong dimension"),
    "order": ({"layer.emitter.exciton_bowing": Uniform(1, 0)}, "must be below"),
    "log of zero": ({"layer.emitter.exciton_bowing": LogUniform(0, 1)}, "above zero"),
    "no number": ({"layer.emitter.role": Uniform(0, 1)}, "no number with a unit"),
    "step": ({"protocol.step.1.current_density": Uniform(0, 1)}, "protocol.step.NUMBER.KEY"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_cannot_be_free(case) -> None:
    free, message = WRONG[case]
    with pytest.raises(ModelFileError, match=message):
        problem(free)


def test_a_run_needs_a_protocol() -> None:
    data = ps.fit.DataSet(
        name="v", observable="voltage", table={"t": [1.0], "V": [1.0]}, noise=ps.fit.Noise(absolute=0.01)
    )
    with pytest.raises(PerovsimError, match="give the problem a protocol"):
        ps.fit.Problem(ps.load_device("nanoled_like"), data=[data], free=FREE)
