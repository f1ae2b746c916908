"""Mixing free energy of the halides: growth and decay of composition waves, binodal, uniform equilibrium."""

from __future__ import annotations

import numpy as np
import pytest
from devices import device, perovskite
from lattices import Couple, modes
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from perovsim.constants import K_B, Q
from perovsim.physics.interdiffusion import interdiffusivity, thermodynamic_factor

KT = K_B * 300.0 / Q
D, SITES = 1e-14, 1.57e28


def film(nanometres: float = 50, cells: int = 60, x: float = 0.5, vacancies: float = 1e26, **lattice):
    """A film between equal metals: no field at zero bias."""
    return device([perovskite("film", nanometres, cells, x, vacancies, **lattice)], 4.3, 4.3)


def sliced(cells: int, **lattice):
    """The same film as layers of one cell each, open to one another: a uniform mesh."""
    parts = [perovskite(f"part_{k}", 50 / cells, 1, **lattice) for k in range(cells)]
    junctions = [{"between": f"part_{k}|part_{k + 1}", "halides": "open"} for k in range(cells - 1)]
    return device(parts, 4.3, 4.3, interface=junctions)


def rate_of_wave(own, mode, w, ratio=1.0, x=0.5, moving=False, ends=(0.5, 1.5)) -> tuple[float, float]:
    """Rate of decay [1/s] of one diffusion mode of the mesh, and that mode's D~ k^2 of equations (8) and (9).

    ends : when its amplitude is read, in units of 1/rate
    """
    values, shapes = modes(own)
    shape = shapes[:, mode] / np.abs(shapes[:, mode]).max()
    factor = thermodynamic_factor(x, w / KT)
    expected = values[mode] * interdiffusivity(x, 1e26 / SITES, factor, D * ratio, D, moving)
    times = np.array(ends) / abs(expected)
    run = Couple(own, times, lambda _: x + 2e-3 * shape, rtol=1e-9)
    weight = run.width * shape
    first, second = (run.composition[1:] - x) @ weight
    return -np.log(second / first) / (times[1] - times[0]), expected


@pytest.mark.parametrize(("w", "ratio", "x", "moving"), [
    (0.0, 1.0, 0.5, False), (1.5 * KT, 1.0, 0.5, False), (1.5 * KT, 5.0, 0.3, False), (-2.0 * KT, 5.0, 0.3, False),
    (1.5 * KT, 5.0, 0.3, True), (0.0, 5.0, 0.5, True),
])  # fmt: skip
def test_a_wave_decays_with_the_interdiffusivity(w, ratio, x, moving) -> None:
    """Below the spinodal: exp(-D~ k^2 t), D~ of (8) and, on a moving lattice, of (9)."""
    own = film(x=x, mixing_energy=w, D_ratio_Cl=ratio, moving_lattice=moving)
    found, expected = rate_of_wave(own, 2, w, ratio, x, moving)
    assert_allclose(found, expected, rtol=0.01)


def test_a_wave_grows_beyond_the_spinodal() -> None:
    """w > 2 kT at x = 0.5: Phi < 0. Without gradient energy the shortest wave of the mesh grows fastest."""
    for mode in (1, 2):
        found, expected = rate_of_wave(sliced(8, mixing_energy=2.5 * KT), mode, 2.5 * KT, ends=(0.1, 0.3))
        assert expected < 0.0
        assert_allclose(found, expected, rtol=0.01)


def binodal(w: float) -> float:
    """The smaller composition of the two that coexist: ln(x/(1 - x)) + (w/kT)(1 - 2x) = 0."""
    return brentq(lambda x: np.log(x / (1.0 - x)) + w / KT * (1.0 - 2.0 * x), 1e-9, 0.5 - 1e-3)


def test_coexisting_compositions_stay() -> None:
    """Two layers on the two arms of the binodal, open to one another: nothing moves."""
    w = 3.0 * KT
    low = binodal(w)
    parts = [perovskite("poor", 20, 20, low, mixing_energy=w), perovskite("rich", 20, 20, 1.0 - low, mixing_energy=w)]
    own = device(parts, 4.3, 4.3, interface=[{"between": "poor|rich", "halides": "open"}])
    run = Couple(own, [1e3])
    assert_allclose(run.composition[-1], run.composition[0], rtol=0, atol=1e-8)


def test_other_compositions_end_on_the_binodal() -> None:
    """Layers beside the binodal exchange until both are on it; the sum of each halide stays."""
    w = 3.0 * KT
    low = binodal(w)
    parts = [perovskite("poor", 20, 20, low + 0.03, mixing_energy=w),
             perovskite("rich", 20, 20, 0.97 - low, mixing_energy=w)]  # fmt: skip
    own = device(parts, 4.3, 4.3, interface=[{"between": "poor|rich", "halides": "open"}])
    run = Couple(own, [1e5])
    ends = run.composition[-1][[0, -1]]
    assert_allclose(ends, [low, 1.0 - low], rtol=1e-4)


def test_a_noisy_mixture_segregates() -> None:
    """From noise at x = 0.5 the cells end on the two arms of the binodal."""
    w, rng = 3.0 * KT, np.random.default_rng(4)
    own = film(20, 12, mixing_energy=w)
    run = Couple(own, [1e6], lambda x: 0.5 + 1e-3 * rng.standard_normal(x.size))
    low, last = binodal(w), run.composition[-1]
    assert (last < 0.5).any() and (last > 0.5).any()
    distance = np.minimum(np.abs(last - low), np.abs(last - 1.0 + low))
    assert np.median(distance) <= 0.02


def test_mixtures_below_the_limit_are_uniform() -> None:
    """w = 1.9 kT: whatever the start, the end is uniform."""
    run = Couple(film(mixing_energy=1.9 * KT), [1e6], lambda x: 0.5 + 0.4 * np.sign(x - x.mean()))
    assert np.ptp(run.composition[-1]) <= 1e-6
