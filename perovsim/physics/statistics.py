"""Statistics of electrons and holes: the excess chemical potential nu(u) = eta - ln u of a relative density u = n/N.

u = F(eta), eta the distance of the quasi-Fermi level from the band edge [kT]: Boltzmann F = exp(eta), so nu = 0;
Fermi-Dirac F_1/2 of a parabolic band; Blakemore F = 1/(exp(-eta) + gamma); Gauss-Fermi, a Gaussian density of states
of width sigma around the edge. The excess enters every flux, rate and reaction as a change of the band energy would
(Yu & Dutton, SEDAN III, Stanford 1988; Farrell et al., WIAS Preprint 2331, 2017), so all of them vanish at one Fermi
level whatever the statistics. Kernels read it from a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba.extending import register_jitable as jitable

NAMES = ("boltzmann", "fermi_dirac", "blakemore", "gauss_fermi")
BLAKEMORE_GAMMA = 0.27
"""Blakemore, Solid-State Electron. 25, 1067 (1982): within 3 % of F_1/2 up to eta = 1.3."""
POINTS, COARSE = 2801, 401
LINEAR = 1e-7
"""Slope of nu by ln u below which its tangent in u serves."""
FREE, BOUNDED = (-24.0, 5.5), (-90.0, 30.0)
"""Ranges of the variable of the table, ln u where u has no bound, else ln(s/(1 - s)), s = u/u_max."""
STEP = 0.4
"""Step of the trapezoidal rule over a Fermi edge [kT], whose error exp(-2 pi^2/step) is below rounding."""
SPREAD = 10.0
"""Half width of a Gaussian density of states that is integrated, in widths."""
POLISH = 2
"""Newton steps from an interpolated inverse, good to 1e-6, to rounding."""
DEGENERATE = 50.0
"""Fermi level above the band edge at the end of the range of a band without bound [kT]."""
FULL = 1.0 - 1e-12
"""Share of the states that can be filled; beyond it the excess goes on along its tangent."""
LEAST = 1e-280


@dataclass(frozen=True)
class Statistics:
    """One kind of statistics at one temperature.

    width : sigma/kT of a Gaussian density of states; gamma : of Blakemore
    """

    name: str
    width: float = 0.0
    gamma: float = BLAKEMORE_GAMMA

    @property
    def most(self) -> float:
        """Largest relative density, n/N."""
        return {"blakemore": 1.0 / self.gamma, "gauss_fermi": 1.0}.get(self.name, math.inf)

    def density(self, eta):
        """F(eta) and its derivative, arrays."""
        eta = np.asarray(eta, float)
        if self.name == "boltzmann":
            return np.exp(eta), np.exp(eta)
        if self.name == "blakemore":
            value = 1.0 / (np.exp(-eta) + self.gamma)
            return value, value * (1.0 - self.gamma * value)
        return _gauss_fermi(eta, self.width) if self.name == "gauss_fermi" else _fermi_dirac(eta)

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """nu and its slope on a uniform grid of the variable t (2, POINTS), and (u_max, first t, step of t).

        Begins where nu is so nearly linear in u that its tangent serves below.
        """
        first, last = BOUNDED if math.isfinite(self.most) else FREE
        t = np.linspace(first, last, COARSE)
        t = np.linspace(t[np.argmax(self._excess(t)[1] > LINEAR)], last, POINTS)
        return np.array(self._excess(t)), np.array([self.most, t[0], t[1] - t[0]])

    def _excess(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """nu and its slope by the variable t of the table."""
        bounded = math.isfinite(self.most)
        log_u = math.log(self.most) - np.logaddexp(0.0, -t) if bounded else t
        eta = self._inverse(t)
        return eta - log_u, 1.0 / self._variable(eta)[1] - (occupied(-t) if bounded else 1.0)

    def _inverse(self, t: np.ndarray) -> np.ndarray:
        """eta where the variable of the table is t: from values and slopes on a grid of eta, then Newton's method."""
        reach = 0.5 * self.width**2 + math.log(max(self.most, 1.0)) if math.isfinite(self.most) else DEGENERATE
        grid = np.linspace(t[0] - reach * math.isfinite(self.most) - 1.0, t[-1] + reach + 1.0, POINTS)
        value, slope = self._variable(grid)
        from scipy.interpolate import CubicHermiteSpline  # 30 MB that Boltzmann statistics do without

        eta = CubicHermiteSpline(value, grid, 1.0 / slope)(t)
        for _ in range(POLISH):
            value, slope = self._variable(eta)
            eta = eta - (value - t) / slope
        return eta

    def _variable(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """t(eta) and its slope, from the filled and, where bounded, the empty share of the states."""
        if self.name == "blakemore":
            return eta + math.log(self.gamma), np.ones_like(eta)
        value, slope = self.density(eta)
        if not math.isfinite(self.most):
            return np.log(value), slope / value
        empty = _gauss_fermi(-eta, self.width)[0]
        return np.log(value / empty), slope / value + slope / empty


def occupied(x):
    """1/(1 + e^-x), the share of states filled that lie x [kT] below the Fermi level."""
    fall = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, fall) / (1.0 + fall)


def _fermi_dirac(eta) -> tuple[np.ndarray, np.ndarray]:
    """F_1/2(eta) = (2/sqrt(pi)) int sqrt(x)/(1 + e^{x - eta}) dx and F_-1/2, by trapezoids in s, x = e^{s - e^-s}."""
    s = np.arange(-4.5, math.log(2.2 * DEGENERATE), STEP / DEGENERATE)
    x = np.exp(s - np.exp(-s))
    weight = x * (1.0 + np.exp(-s)) * (s[1] - s[0]) * np.sqrt(x) * 2.0 / math.sqrt(math.pi)
    filled = occupied(eta[..., None] - x)
    return filled @ weight, (filled * (1.0 - filled)) @ weight


def _gauss_fermi(eta, width: float) -> tuple[np.ndarray, np.ndarray]:
    """int g(x)/(1 + e^{x - eta}) dx and its derivative, g the normal density of standard deviation `width`."""
    low = np.minimum(-SPREAD * width - width**2, 0.0)
    x = np.arange(low, SPREAD * width, min(STEP, 0.2 * width))
    weight = np.exp(-0.5 * np.square(x / width)) * (x[1] - x[0]) / (width * math.sqrt(2.0 * math.pi))
    filled = occupied(eta[..., None] - x)
    return filled @ weight, (filled * occupied(x - eta[..., None])) @ weight


@jitable
def excess(table, number, u):
    """nu(u) and dnu/du from a table (2, points) with number = (u_max, first t, step of t); cubic Hermite."""
    most, first, step = number
    bounded = not math.isinf(most)
    share = max(u / most if bounded else u, LEAST)
    inside = min(share, FULL) if bounded else share
    t = math.log(inside / (1.0 - inside)) if bounded else math.log(inside)
    by_u = 1.0 / (inside * (1.0 - inside) * most) if bounded else 1.0 / inside
    place = (t - first) / step
    if place <= 0.0:
        start = math.exp(first)
        least = start / (1.0 + start) * most if bounded else start
        slope = table[1, 0] / (least * (1.0 - least / most)) if bounded else table[1, 0] / least
        return table[0, 0] + slope * (u - least), slope
    last = table.shape[1] - 1
    if place >= last:
        return table[0, last] + table[1, last] * (place - last) * step, table[1, last] * by_u
    k = min(int(place), last - 1)
    a = place - k
    b = 1.0 - a
    left, right = table[0, k], table[0, k + 1]
    d_left, d_right = table[1, k] * step, table[1, k + 1] * step
    value = b * b * (1.0 + 2.0 * a) * left + a * a * (1.0 + 2.0 * b) * right + a * b * (b * d_left - a * d_right)
    slope = 6.0 * a * b * (right - left) + b * (1.0 - 3.0 * a) * d_left + a * (3.0 * a - 2.0) * d_right
    slope = slope / step * by_u
    return value + slope * most * (share - inside) if bounded else value, slope


@jitable
def density_at(table, number, states, energy):
    """Density n [m^-3] of ln n + nu(n/states) = energy, with states [m^-3]: Newton's method in ln n."""
    log_n = min(energy - excess(table, number, 0.0)[0], math.log(states) + 1.0)
    if not math.isinf(number[0]):
        log_n = min(log_n, math.log(states * number[0] * 0.5))
    for _ in range(200):
        n = math.exp(log_n)
        nu, slope = excess(table, number, n / states)
        change = (energy - log_n - nu) / (1.0 + slope * n / states)
        log_n += min(max(change, -1.0), 1.0)
        if not math.isinf(number[0]):
            log_n = min(log_n, math.log(states * number[0]))
        if abs(change) < 1e-14 * max(abs(log_n), 1.0):
            break
    return math.exp(log_n)
