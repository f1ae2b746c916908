"""Quantities whose crossing of a level ends a segment, read from the interpolant of the last step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perovsim.constants import Q
from perovsim.device.integrator.bdf import Integrator
from perovsim.device.kernels.tables import FILM_SCALE, GAP, PARALLEL, PSI, QUADRATURES, SIGN
from perovsim.device.problem.build import Problem
from perovsim.steps import Watch

FALLS = ("light", "light_share")
"""What has to rise before it can fall: watched once it has been beyond its level, and at the end of a segment."""


class Reading:
    """Values of one problem inside the last step of its integrator.

    reference : light at the reference [m^-2 s^-1]; photon_energy : mean of the photons of the last stored state [J]
    """

    def __init__(self, problem: Problem, integrator: Integrator):
        self.problem, self.run = problem, integrator
        self.reference: float | None = None
        self.photon_energy = 0.0
        self.values = {
            "voltage": self.voltage,
            "film": self.film,
            "light": self.light,
            "light_share": self.light_share,
            "current": self.current,
        }

    def voltage(self, time: float) -> float:
        """Voltage of the stack [V]."""
        return self.run.value(self.problem.band, time) * self.problem.vt

    def film(self, time: float) -> float:
        """Mean thickness of all films [m]."""
        volume, first = self.problem.products.volume, self.problem.band + 1
        amounts = [self.run.value(first + k, time) for k in range(volume.size)]
        return float(FILM_SCALE * np.dot(volume, amounts))

    def light(self, time: float) -> float:
        """Photons that leave [m^-2 s^-1]."""
        ledger = self.run.equations.evaluate(time, self.run.interpolated(time)[0])
        outcoupling = float(self.problem.device.emission.outcoupling)
        return outcoupling * max(float(ledger[QUADRATURES.index("radiative")]), 0.0)

    def light_share(self, time: float) -> float:
        """Photons that leave over those at the reference; infinite before it."""
        return np.inf if self.reference is None else self.light(time) / self.reference

    def current(self, time: float) -> float:
        """|J| of the terminals [A/m^2]."""
        return abs(self.terminals(time)[1])

    def power(self, time: float) -> float:
        """J V less the power of the photons that leave [W/m^2]."""
        voltage, current = self.terminals(time)
        return voltage * current - self.light(time) * self.photon_energy

    def terminals(self, time: float) -> tuple[float, float]:
        """Terminal voltage [V] and current [A/m^2]: conduction at the first contact, its displacement, the circuit."""
        y, slope, slope_z = self.run.interpolated(time)
        t, band, circuit = self.problem.tables, self.problem.band, self.problem.device.circuit
        s, vt = t.number[SIGN], self.problem.vt
        inner = slope_z[QUADRATURES.index("current_first")]
        inner += t.face[GAP, 0] * (s * slope[band] - slope[t.slot[PSI, 0]]) + t.number[PARALLEL] * slope[band]
        current = s * Q * inner + circuit.shunt * vt * y[band]
        return vt * y[band] + current * circuit.series, current


class Watching:
    """The watches of one segment."""

    def __init__(self, reading: Reading, watches: Sequence[Watch]):
        self.reading, self.watches = reading, watches
        self.armed = [watch.quantity not in FALLS for watch in watches]

    def first_crossing(self) -> tuple[float, int | None]:
        """Earliest time in the last step at which a watch is met, else the end of the step."""
        run, met = self.reading.run, []
        for number, watch in enumerate(self.watches):
            value = self.reading.values[watch.quantity]
            now = value(run.time)
            beyond = watch.direction * (now - watch.level) > 0.0
            if beyond and self.armed[number]:
                met.append((run.crossing(value, watch.level), number))
            elif not beyond:
                self.armed[number] = np.isfinite(now)
        return min(met, default=(run.time, None))

    def beyond_at(self, time: float) -> int | None:
        """The first watch that is met at the end of a segment, armed or not."""
        for number, watch in enumerate(self.watches):
            if watch.direction * (self.reading.values[watch.quantity](time) - watch.level) > 0.0:
                return number
        return None
