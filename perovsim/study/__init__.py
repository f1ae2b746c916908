"""A study: the whole chain from device physics to the report, stage by stage."""

from __future__ import annotations

from perovsim.study.run import run_study
from perovsim.study.spec import Study, load_study

__all__ = ["Study", "load_study", "run_study"]
