"""Lessons: a page on this computer whose sliders run the model, and the same lessons as offline HTML files.

`LESSONS` names them in their order; `serve` and `export` show them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean

if TYPE_CHECKING:
    from perovsim.teach.lesson import Lesson

LESSONS = ("moving_ions", "halides", "corrosion", "microscope")
"""Keys of the lessons; each is a module of `subjects` (its physics) and of `lessons` (its marimo page)."""

__all__ = ["LESSONS", "load_lesson"]


def load_lesson(key: str) -> Lesson:
    """The lesson of a key; PerovsimError where there is none."""
    if key not in LESSONS:
        raise PerovsimError(f"there is no lesson '{key}'; {did_you_mean(key, LESSONS)}")
    return import_module(f"perovsim.teach.subjects.{key}").LESSON
