"""Lumped Joule heating: one temperature for the whole stack, C dT/dt = P - (T - T_0)/R_th.

P = J V - photon power that leaves, J V at the terminals. The temperature moves with every time step; the tables of the
device stand for a temperature that follows it in steps of `TABLE_STEP`, and to the digit where it comes to rest.
"""

from __future__ import annotations

import math

from perovsim.device.problem.build import Problem, build
from perovsim.errors import SimulationError

TABLE_STEP = 0.25
"""Largest difference [K] of the temperature and that of the tables: 0.7 % of a rate with 0.6 eV."""
AT_REST = 1e-7
"""The same where the temperature rests: 3e-9 of that rate."""
RESTING = 1e-2
"""The temperature rests where it moves in a step by less than this share of its distance to that of the tables."""
HOTTEST = 1000.0
"""Temperature [K] above which no layer of such a device exists."""


class Heat:
    """Temperature [K] of a device; `resistance` [K m^2/W], `capacity` [J/m^2/K], `ambient` [K]."""

    def __init__(self, device):
        self.is_on = device.thermal_resistance is not None
        self.resistance = float(device.thermal_resistance) if self.is_on else 0.0
        self.capacity = float(device.heat_capacity) if self.is_on else 0.0
        self.ambient = self.temperature = self.of_tables = float(device.temperature)
        self._step: tuple[float, float, float, float] | None = None

    def step(self, duration: float, first: float, last: float) -> None:
        """Move on by a time [s] in which the power goes evenly from `first` to `last` [W/m^2]."""
        self._step = duration, self.temperature, first, last
        self.temperature = self.inside(duration)

    def inside(self, elapsed: float) -> float:
        """Temperature at a time since the begin of the last step [s], exact for its power [K]."""
        if self._step is None:
            return self.temperature
        duration, begin, first, last = self._step
        tau, slope = self.resistance * self.capacity, self.resistance * (last - first) / duration
        lag = slope * tau
        left = begin - self.ambient - self.resistance * first + lag
        return self.ambient + self.resistance * first + slope * elapsed - lag + left * math.exp(-elapsed / tau)

    def stop(self, elapsed: float) -> None:
        """Go back to a time inside the last step."""
        self.temperature, self._step = self.inside(elapsed), None

    @property
    def has_left_tables(self) -> bool:
        """Whether the tables stand for another temperature than they should: TABLE_STEP off, or off while it rests."""
        off = abs(self.temperature - self.of_tables)
        if off > TABLE_STEP:
            return True
        return self._step is not None and off > max(AT_REST, abs(self.temperature - self._step[1]) / RESTING)

    def follow(self, run, reading) -> None:
        """Move on by the last step of an integrator, whose power is read from it."""
        if self.is_on:
            self.step(run.last_step, reading.power(run.time - run.last_step), reading.power(run.time))

    def problem(self, device) -> Problem:
        """The device at the present temperature, which its tables now stand for. SimulationError where it runs away."""
        if self.temperature > HOTTEST:
            raise SimulationError(
                f"thermal runaway: {self.temperature:.0f} K, more than {HOTTEST:.0f} K; lower the current or the "
                "voltage, or thermal_resistance"
            )
        self.of_tables = self.temperature
        return build(device.replace(temperature=self.temperature))
