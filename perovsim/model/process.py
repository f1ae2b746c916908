"""What every process that a device file can switch has in common."""

from __future__ import annotations

from perovsim.model.base import ModelData
from perovsim.model.names import Name

ALWAYS = "always"
"""Hypothesis key of a process that belongs to every hypothesis (films block, lead traps)."""


class ProcessData(ModelData):
    """What every process has: a name, a switch and the hypothesis that it belongs to."""

    name: Name
    enabled: bool = True
    hypothesis: str = ALWAYS
    description: str = ""

    @property
    def answers_beam(self) -> bool:
        """Whether an electron beam has a part in it."""
        return False

    def told(self, temperature: float) -> str:
        """What it does, in a few words, at a temperature [K]."""
        return self.description
