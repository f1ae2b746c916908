"""Templates, style and script of the offline pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def read(name: str) -> str:
    """The text of a file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def fill(name: str, **values: Any) -> str:
    """A template of this folder, filled; style is put in, so that the page needs no other file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, autoescape=False)
    return made.get_template(name).render(style=read("style.css"), **values)
