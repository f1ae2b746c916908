"""The balance equations of the stack, row by row: what is missing in each of them for a step of backward Euler.

    potential   0 = div(eps grad psi) + charge                     metals included: their charge is an unknown
    densities   d a/dt = -div F + G - R                            electrons, holes, ions
    halides     N d theta_V/dt = div(F_Cl + F_Br),  N d theta_Cl/dt = -div F_Cl,  theta_V + theta_Cl + theta_Br = 1
    charge      d charge/dt = -div(sum of z F) + circuit           that of a metal is where displacement current ends
    circuit     a I + b v = c at the first metal, psi = 0 at the last
    bands       w = z psi + slope x(theta)                         drift potentials of electrons and holes
Every line is div(flux) + rest = 0, a row of the coupled FiPy equation of `newton`; `linear` has its coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.fipy_device.fluxes import Flux, HalideFlux, SpeciesFlux
from perovsim.fipy_device.recombination import Rate, Recombination
from perovsim.fipy_device.stack import Stack
from perovsim.physics.lattice import composition

VACANCY, FIRST, SECOND = 0, 1, 2
"""Rows of `State.theta`."""


@dataclass(frozen=True)
class State:
    """Values over the cells, metals included (n + 2,).

    psi [kT/q]; density of electrons, holes and ions [m^-3] (s, n + 2); theta: site fractions of the vacancies, the
    first and the second halide (3, n + 2); charge [q m^-3]; feed: what the circuit feeds to the metals [q m^-3 s^-1]
    """

    psi: np.ndarray
    density: np.ndarray
    theta: np.ndarray
    charge: np.ndarray
    feed: np.ndarray


@dataclass(frozen=True)
class Circuit:
    """a I + b v = c: I charges [m^-2 s^-1] that enter the first metal, v voltage of the stack [kT/q]; and the light."""

    a: float
    b: float
    c: float
    light: float = 0.0


@dataclass(frozen=True)
class Evaluated:
    """What a state determines: fluxes of the species and of the halides, recombination, shifts of the bands [kT]."""

    species: list[Flux]
    halides: list[Flux]
    rate: Rate
    shift: np.ndarray


class Equations:
    """The balances of one stack; rows are numbered by `psi`, `charge`, `feed`, `density`, `theta` and `band`."""

    def __init__(self, stack: Stack):
        self.stack, lattice = stack, stack.lattice
        self.species = [stack.electron, stack.hole, *stack.ions]
        self.charges = np.array([s.charge for s in self.species], float)
        self.here = np.array([s.here for s in self.species])
        self.flux = [SpeciesFlux(stack, s, stack.emission(k) if k < 2 else None) for k, s in enumerate(self.species)]
        there = (lattice.mixed, lattice.here) if lattice.here.any() else ()
        self.halide_flux = [HalideFlux(stack, *pair) for pair in zip(lattice.jump, there, strict=False)]
        self.recombination = Recombination(stack)
        self.generation = stack.given("generation") * stack.transport
        self._number_rows()

    def _number_rows(self) -> None:
        """Rows of the coupled equation, each with an unknown of the same number; no lattice or shift, no such rows."""
        last = 3 + len(self.species)
        self.psi, self.charge, self.feed, self.density = 0, 1, 2, range(3, last)
        self.theta = range(last, last + (3 if self.halide_flux else 0))
        shifting = any((s.slope != 0.0).any() for s in self.species)
        self.band = range(self.theta.stop, self.theta.stop + (2 if shifting else 0))
        self.size = self.band.stop

    # -- values of a state ----------------------------------------------------------------------

    def composition(self, state: State) -> np.ndarray:
        """x = theta_first/(1 - theta_V) as the bands feel it; at the start where there is one halide (n + 2,)."""
        start = self.stack.lattice.x_start
        x, _, _ = composition(state.theta[FIRST], state.theta[VACANCY], start)
        return np.where(self.stack.lattice.mixed, x, start)

    def evaluate(self, state: State) -> Evaluated:
        """Every flux and rate."""
        moved = self.composition(state) - self.stack.lattice.x_start
        shift = np.array([s.slope * moved for s in self.species])
        return Evaluated(
            [flux(density, state.psi, own) for flux, density, own in zip(self.flux, state.density, shift, strict=True)],
            [flux(state.theta[k], state.theta[VACANCY], state.psi) for k, flux in enumerate(self.halide_flux, FIRST)],
            self.recombination(*state.density[:2], shift[0] + shift[1]),
            shift,
        )

    def space_charge(self, state: State) -> np.ndarray:
        """sum of z a + N theta_V + fixed charge in the layers, 0 in the metals [q m^-3] (n + 2,)."""
        own = self.charges @ (state.density * self.here) + self.stack.lattice.sites * state.theta[VACANCY]
        return np.where(self.stack.metal, 0.0, own + self.stack.fixed)

    def polarisation(self, psi: np.ndarray) -> np.ndarray:
        """-eps grad psi through the faces [q m^-2] (n + 3,)."""
        field = np.zeros(self.stack.n + 3)
        field[1:-1] = -self.stack.permittance[1:-1] * np.diff(psi)
        return field

    def voltage(self, state: State) -> float:
        """Voltage of the stack [kT/q]."""
        return float(self.stack.sign * (state.psi[0] - self.stack.built_in))

    # -- what is missing in the balances --------------------------------------------------------

    def imbalance(
        self, new: State, old: State, at: Evaluated, dt: float, circuit: Circuit
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fluxes (size, n + 3) and the other terms (size, n + 2) of every row for a backward Euler step of dt [s]."""
        stack, metal = self.stack, self.stack.metal
        flux, rest = np.zeros((self.size, stack.n + 3)), np.zeros((self.size, stack.n + 2))
        flux[self.psi] = self.polarisation(new.psi)
        rest[self.psi] = -np.where(metal, new.charge, self.space_charge(new))
        flux[self.charge] = self.ionic_and_carrier_current(at)
        rest[self.charge] = (new.charge - old.charge) / dt - new.feed * metal
        rest[self.feed] = self._circuit(new, circuit)
        for k, row in enumerate(self.density):
            net = at.rate.net - circuit.light * self.generation if k < 2 else 0.0
            flux[row] = at.species[k].net
            rest[row] = ((new.density[k] - old.density[k]) / dt + net) * self.here[k]
        if self.theta:
            vacancy, first, second = self.theta
            jumped = [one.net for one in at.halides]
            change = stack.lattice.sites * (new.theta - old.theta) / dt
            flux[vacancy], rest[vacancy] = -sum(jumped), change[VACANCY]
            flux[first], rest[first] = jumped[0], change[FIRST]
            rest[second] = stack.lattice.here * (new.theta.sum(axis=0) - 1.0)
        return flux, rest

    def ionic_and_carrier_current(self, at: Evaluated) -> np.ndarray:
        """sum of z F through the faces [q m^-2 s^-1] (n + 3,)."""
        moved = self.charges @ np.array([flux.net for flux in at.species])
        return moved - sum(flux.net for flux in at.halides)

    def _circuit(self, state: State, circuit: Circuit) -> np.ndarray:
        row = np.where(self.stack.metal, 0.0, state.feed)
        row[0] = circuit.a * self.stack.width[0] * state.feed[0] + circuit.b * self.voltage(state) - circuit.c
        row[-1] = state.psi[-1]
        return row
