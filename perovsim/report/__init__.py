"""One self-contained page on a study, for a physicist to read from top to bottom."""

from __future__ import annotations

from perovsim.report.page import write_report

__all__ = ["write_report"]
