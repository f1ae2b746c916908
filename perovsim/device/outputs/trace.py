"""What a run stores: polished states with everything that held at their times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from perovsim.device.integrator.bdf import Polished
from perovsim.device.kernels.tables import Control, Tables
from perovsim.device.problem.build import Problem


@dataclass
class Trace:
    """Polished states of a run; c0 of a control is that of the time.

    problems : the device at the temperature of the tables; temperatures : of the device [K]
    clusters : moments of the lead clusters (3, n), None where no process asks for them
    since : time since the control was set [s], of which the clock loses digits in a long run
    """

    states: list[Polished] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    tables: list[Tables] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    clusters: list[np.ndarray | None] = field(default_factory=list)
    since: list[float] = field(default_factory=list)

    def add(
        self, state: Polished, control: Control, tables: Tables, problem: Problem, temperature: float,
        clusters: np.ndarray | None = None, since: float = 0.0,
    ) -> None:  # fmt: skip
        """Store one state."""
        for own, item in zip(self._lists, (state, control, tables, problem, temperature, clusters, since), strict=True):
            own.append(item)

    def parts(self) -> Iterator[Trace]:
        """The trace in stretches of one problem each."""
        for _, numbers in groupby(range(len(self.states)), key=lambda k: id(self.problems[k])):
            chosen = list(numbers)
            yield Trace(*(own[chosen[0] : chosen[-1] + 1] for own in self._lists))

    @property
    def last(self) -> Trace:
        """The last state alone."""
        return Trace(*(own[-1:] for own in self._lists))

    @property
    def _lists(self) -> tuple[list, ...]:
        return self.states, self.controls, self.tables, self.problems, self.temperatures, self.clusters, self.since
