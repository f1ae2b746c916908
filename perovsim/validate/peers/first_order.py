"""Backward Euler on given times: the steps of a peer that does not control its error in time.

The difference to the solver's own steps is the peer's error of first order in time, on the same equations and mesh.
"""

from __future__ import annotations

import numpy as np

from perovsim.device.integrator import differences
from perovsim.device.integrator.bdf import Integrator, Stalled
from perovsim.device.running.run import Runner

ROUNDS = 12
"""Newton iterations of limited length that one step may take: a peer's steps are longer than the solver's own."""
SAME_TIME = 1e-9
"""Times closer than this share are one."""


class FixedSteps(Integrator):
    """An integrator of first order whose steps are as long as they are asked for, whatever their error."""

    def step(self) -> None:
        """Take the step that was begun; raises Stalled."""
        differences.scale_errors(self.h, self.tolerance, self.rtol)
        differences.predict(self.h)
        if not any(self.equations.newton(self.h, self.rtol) for _ in range(ROUNDS)):
            raise Stalled("backward Euler does not converge at this step", self._worst())
        differences.judge(self.h)
        differences.accept(self.h, self.equations.integrands, False, False)
        self.steps += 1


class FirstOrderRunner(Runner):
    """A Runner that goes from each of `times` [s] to the next by one step of backward Euler; before them by its own."""

    def __init__(self, device, times: np.ndarray):
        super().__init__(device)
        self.given = np.asarray(times, float)
        self.fixed = FixedSteps(self.equations, self.integrator.tolerance, self.rtol)

    def _integrate(self, make, times, first_step, watches=(), store=True, label="") -> tuple[float, int | None]:
        local, end = self.given - self.clock, float(times[-1])
        inside = local[(local > 0.0) & (local < end * (1.0 - SAME_TIME))]
        if not store or inside.size == 0 or self.clock < self.given[0] * (1.0 - SAME_TIME):
            return super()._integrate(make, times, first_step, watches, store, label)
        own, self.integrator, self.equations.control = self.integrator, self.fixed, make()
        before = 0.0
        try:
            for time in (*inside, end):
                self.fixed.begin(self.state.y, self.state.z, before, time - before)
                self.fixed.step()
                self.state = self.fixed.polished(time)
                self._store(self.state)
                before = time
        except Stalled as stop:
            raise self.failure(stop, label) from None
        finally:
            self.integrator = own
        return end, None
