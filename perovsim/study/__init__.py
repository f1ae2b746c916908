"""A study: the whole chain from device physics to the report, or variants of one device, stage by stage."""

from __future__ import annotations

from perovsim.study.run import run_study
from perovsim.study.spec import Study, load_study
from perovsim.study.whatif import WhatIf

__all__ = ["Study", "WhatIf", "load_study", "run_study"]
