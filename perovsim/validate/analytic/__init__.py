"""The running solver against limits that physics knows exactly: numbers, tolerances, curves."""

from __future__ import annotations

from perovsim.validate.analytic.check import Check, Curve, Outcome, Panel
from perovsim.validate.analytic.table import AnalyticTable, LimitResult, analytic_table, limit_names

__all__ = ["AnalyticTable", "Check", "Curve", "LimitResult", "Outcome", "Panel", "analytic_table", "limit_names"]
