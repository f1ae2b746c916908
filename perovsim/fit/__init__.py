"""Fits: numbers of a device become priors, measured tables say which values meet them, with honest uncertainty."""

from __future__ import annotations

from perovsim.fit.data import DataSet
from perovsim.fit.noise import Noise
from perovsim.fit.priors import LogUniform, Normal, Uniform
from perovsim.fit.problem import Problem

__all__ = ["DataSet", "LogUniform", "Noise", "Normal", "Problem", "Uniform"]
