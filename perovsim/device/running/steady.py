"""Steady states under a voltage: by Newton's iteration where it converges, by following time where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perovsim.device.integrator import differences
from perovsim.device.integrator.bdf import Polished, Stalled
from perovsim.device.outputs.outputs import dissipated
from perovsim.device.outputs.trace import Trace
from perovsim.errors import SimulationError
from perovsim.steps import JUMP_TIME

MOST_HALVINGS = 4
"""Halvings of a step of voltage for whose end no steady state is found, before time is followed instead."""
MOST_GROWTH = 20.0
"""Most by which the exponent of a density is extrapolated along a staircase."""
HEAT_TRIES = 40
"""Tries to find a steady temperature."""


class SteadyState:
    """Takes the state of a runner from one steady state to the next; remembers the last two to look ahead."""

    def __init__(self, runner):
        self.runner = runner
        self.before: tuple[float, np.ndarray] | None = None

    def forget(self) -> None:
        """Look ahead from nothing: the equations are others."""
        self.before = None

    def settle(self, before: float, after: float, duration: float, light: float, label: str) -> None:
        """Leave the steady state at the terminal voltage `after` [V] in the runner; it counts `duration` [s].

        Raises SimulationError where none is found.
        """
        runner, left, start = self.runner, duration, before
        for _ in range(HEAT_TRIES):
            left *= 0.5
            runner.state = self._steady(start, after, left, light, label)
            if not self._heats_through():
                break
            start = after
        else:
            raise SimulationError(
                f"{label}: no steady temperature at {after:g} V, now {runner.heat.temperature:.0f} K: thermal runaway; "
                "lower the voltage or thermal_resistance"
            )
        try:  # again, so that nothing charges the stack any more
            runner.state = runner.integrator.settled(runner.state, runner.state.y, left, nearly=True)
        except Stalled:
            runner.wait(after, left, light, label)
        runner.state = replace(runner.state, time=duration)

    def _steady(self, before, after, duration, light, label, depth=0) -> Polished:
        """Steady state at the voltage `after`, by Newton's iteration, by halves of the step, else by following time."""
        runner, start = self.runner, self.runner.state
        runner.equations.control = runner.voltage_control(after, 0.0, light)
        for guess in self._guesses(before, after):
            try:
                found = runner.integrator.settled(start, guess, duration)
            except Stalled:
                continue
            self.before = (before, start.y)
            return found
        if depth < MOST_HALVINGS and before != after:
            middle, half = 0.5 * (before + after), 0.5 * duration
            runner.state = self._steady(before, middle, half, light, label, depth + 1)
            found = self._steady(middle, after, half, light, label, depth + 1)
            return replace(found, time=duration)
        runner.jump(before, after, JUMP_TIME, light, label)
        runner.wait(after, duration - JUMP_TIME, light, label)
        return replace(runner.state, time=duration)

    def _guesses(self, before: float, after: float) -> Sequence[np.ndarray]:
        """Where to begin the search of a steady state: extrapolated from the two before it, then the last one."""
        y = self.runner.state.y
        if self.before is None or self.before[0] == before:
            return (y,)
        ratio, old = (after - before) / (before - self.before[0]), self.before[1]
        guess = y + ratio * (y - old)
        positive = (y > 0.0) & (old > 0.0) & (self.runner.integrator.tolerance[differences.THIN_VALUE] > 0.0)
        growth = np.clip(ratio * np.log(y[positive] / old[positive]), -MOST_GROWTH, MOST_GROWTH)
        guess[positive] = y[positive] * np.exp(growth)
        return guess, y

    def _heats_through(self) -> bool:
        """Take the steady temperature of the present state; whether that needs other tables, which are then made."""
        runner, heat = self.runner, self.runner.heat
        if not heat.is_on:
            return False
        here = Trace()
        here.add(runner.state, runner.equations.control, runner.equations.tables, runner.problem, heat.temperature)
        heat.temperature = heat.ambient + heat.resistance * dissipated(here)
        if heat.has_left_tables:
            runner.renew_tables()
            return True
        return False
