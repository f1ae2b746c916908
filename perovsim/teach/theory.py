"""The theory pages of the documentation as HTML, for lessons without a network and without Sphinx."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from pathlib import Path

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean
from perovsim.teach.equations import equation

_BLOCK = re.compile(r"^\$\$\s*$\n(.*?)\n^\$\$\s*$|\$\$(.+?)\$\$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\$([^$\n]+)\$")
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)")
_FIGURE = re.compile(r"^```\{figure\}.*?^```\s*$", re.MULTILINE | re.DOTALL)
_DRAWN = re.compile(r"^```\{verification\}.*?^```\s*$", re.MULTILINE | re.DOTALL)
ELSEWHERE = "*The figures of these checks are in the documentation.*\n"
"""In place of figures, which take half a minute of runs to draw."""
_BIBLIOGRAPHY = re.compile(r"^```\{bibliography\}.*?^```\s*$", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE)


def pages_directory() -> Path:
    """Where the theory pages lie: in the installed package, or docs/understand of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "understand"
    return installed if installed.is_dir() else package.parent / "docs" / "understand"


def page_names() -> list[str]:
    """Names of the theory pages."""
    return sorted(file.stem for file in pages_directory().glob("*.md") if file.stem != "index")


@lru_cache
def theory_html(name: str) -> str:
    """The body of a theory page: equations as SVG, citations as keys, no links to pages that are not here.

    Raises PerovsimError where there is no such page.
    """
    from markdown import markdown

    if name not in page_names():
        raise PerovsimError(f"there is no theory page '{name}'; {did_you_mean(name, page_names())}")
    text = (pages_directory() / f"{name}.md").read_text(encoding="utf-8")
    for unwanted in (_FIGURE, _BIBLIOGRAPHY, _LABEL):
        text = unwanted.sub("", text)
    text = _DRAWN.sub(ELSEWHERE, text)
    text = _LINK.sub(r"\1", _CITE.sub(lambda found: f"[{found.group(1)}]", text))
    drawn: list[str] = []

    def keep(html: str) -> str:
        drawn.append(html)
        return f"EQUATION{len(drawn) - 1}X"

    text = _BLOCK.sub(lambda f: f"\n\n{keep(display(f.group(1) or f.group(2)))}\n\n", text)
    text = _INLINE.sub(lambda f: keep(equation(f.group(1))), text)
    html = markdown(text, extensions=["tables", "fenced_code"])
    return re.sub(r"EQUATION(\d+)X", lambda found: drawn[int(found.group(1))], html)


def display(tex: str) -> str:
    """An equation on a line of its own."""
    drawn = equation(" ".join(tex.split()).replace(r"\frac", r"\dfrac"))
    return f'<span style="display:block;margin:0.8em 0 0.8em 2em">{drawn}</span>'


def theory_title(name: str) -> str:
    """First heading of a theory page."""
    text = (pages_directory() / f"{name}.md").read_text(encoding="utf-8")
    return escape(next(line[2:] for line in text.splitlines() if line.startswith("# ")))
