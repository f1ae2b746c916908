"""Coefficients of the coupled FiPy equation for the Newton corrections u:
    source u + div(flow u) - div(spread grad u) + div(flux) + rest = 0.

u : relative for densities and site fractions, in kT/q for psi, in kT for the drift potentials w of the bands, in the
units below for charge and feed. Every coefficient is the exact slope of the row in `equations` that it stands in.
"""

from __future__ import annotations

import numpy as np

from perovsim.fipy_device.equations import FIRST, VACANCY, Circuit, Equations, Evaluated, State
from perovsim.physics.lattice import composition

HELD = 1e60
"""Source coefficient beside which the rest of a row is nothing: FiPy's way to hold the value of a cell."""
CHARGE_UNIT = 1e22
"""Unit of the corrections of the charge [q m^-3]; that of the feed is CHARGE_UNIT/dt."""


class Linear:
    """Coefficients source (size, size, n + 2), flow and spread (size, size, n + 3) of one state and one step."""

    def __init__(self, equations: Equations, new: State, at: Evaluated, dt: float, circuit: Circuit):
        self.equations, self.dt = equations, dt
        size, n = equations.size, equations.stack.n
        self.source, self.flow, self.spread = (np.zeros((size, size, n + k)) for k in (2, 3, 3))
        self._potential()
        self._charge_and_circuit(circuit)
        self._densities(new, at)
        if equations.theta:
            self._halides(new, at)
        if equations.band:
            self._bands(new)

    def _potential(self) -> None:
        """div(-eps grad psi) - charge, the charge of the metals."""
        e = self.equations
        self.spread[e.psi, e.psi] = e.stack.permittance
        self.source[e.psi, e.charge] = -CHARGE_UNIT * e.stack.metal

    def _charge_and_circuit(self, circuit: Circuit) -> None:
        """d charge/dt - feed of the metals; a I + b v at the first, psi at the last, no feed elsewhere."""
        e, metal, unit = self.equations, self.equations.stack.metal, CHARGE_UNIT / self.dt
        self.source[e.charge, e.charge] = unit
        self.source[e.charge, e.feed] = -unit * metal
        self.source[e.feed, e.feed] = unit * ~metal
        self.source[e.feed, e.feed, 0] = circuit.a * e.stack.width[0] * unit
        self.source[e.feed, e.psi, [0, -1]] = circuit.b * e.stack.sign, 1.0

    def _densities(self, new: State, at: Evaluated) -> None:
        """d a/dt + div F + R, and z a in the charge; electrons and holes of the metals are held."""
        e = self.equations
        for k, row in enumerate(e.density):
            density, flux = new.density[k] * e.here[k], at.species[k]
            self.source[row, row] = np.where(e.here[k], density / self.dt, HELD)
            self.source[e.psi, row] = -e.charges[k] * density
            drift, slope = (e.band[k], 1.0) if k < 2 and e.band else (e.psi, e.charges[k])
            for balance, share in ((row, 1.0), (e.charge, e.charges[k])):
                self.flow[balance, row] += share * flux.net
                self.spread[balance, row] += share * flux.mean
                self.spread[balance, drift] -= share * slope * flux.by_w
                self.spread[balance, e.psi] -= share * flux.by_psi
        electron, hole = e.density[:2]
        for row in (electron, hole):
            self.source[row, electron] += at.rate.by_n
            self.source[row, hole] += at.rate.by_p
            for column in e.band:
                self.source[row, column] += at.rate.by_shift

    def _halides(self, new: State, at: Evaluated) -> None:
        """N d theta/dt and what jumps, a halide to the right over a vacancy to the left; the sum of the fractions."""
        e, lattice = self.equations, self.equations.stack.lattice
        vacancy, first, second = e.theta
        storage = lattice.sites * new.theta / self.dt
        self.source[vacancy, vacancy] = np.where(lattice.here, storage[VACANCY], HELD)
        self.source[first, first] = np.where(lattice.mixed, storage[FIRST], HELD)
        self.source[second, list(e.theta)] = new.theta * lattice.here
        self.source[second, second] += ~lattice.here
        self.source[e.psi, vacancy] = -lattice.sites * new.theta[VACANCY]
        jumps = [
            (vacancy, first, -1.0, 0),
            (vacancy, second, -1.0, 1),
            (first, first, 1.0, 0),
            (e.charge, first, -1.0, 0),
            (e.charge, second, -1.0, 1),
        ]
        for balance, halide, share, k in jumps:
            flux = at.halides[k]
            self.flow[balance, halide] += share * flux.net
            self.spread[balance, halide] += share * flux.mean
            self.flow[balance, vacancy] += share * flux.net
            self.spread[balance, vacancy] -= share * flux.mean
            self.spread[balance, e.psi] -= share * flux.by_psi

    def _bands(self, new: State) -> None:
        """w - z psi - slope x(theta)."""
        e = self.equations
        _, by_vacancy, by_first = composition(new.theta[FIRST], new.theta[VACANCY], e.stack.lattice.x_start)
        for k, row in enumerate(e.band):
            slope = e.species[k].slope
            self.source[row, row] = 1.0
            self.source[row, e.psi] = -e.charges[k]
            self.source[row, e.theta[VACANCY]] = -slope * by_vacancy * new.theta[VACANCY]
            self.source[row, e.theta[FIRST]] = -slope * by_first * new.theta[FIRST]
