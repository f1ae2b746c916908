"""Lessons as single HTML files that need neither Python nor a network: every setting is computed beforehand."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from perovsim.errors import PerovsimError
from perovsim.teach import LESSONS, load_lesson
from perovsim.teach.lesson import Lesson, View

Share = Callable[[str, float], None]
"""Told the name of a lesson and the share of it that is done."""


def export(folder: str | Path, keys: Iterable[str] = LESSONS, share: Share | None = None) -> Iterator[Path]:
    """Write each lesson to folder/KEY.html, then index.html where all are written; gives each file when it is there.

    Raises PerovsimError for an unknown lesson or a folder that cannot be written.
    """
    chosen = [load_lesson(key) for key in keys]
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in chosen:
            target = folder / f"{one.key}.html"
            target.write_text(lesson_html(one, share), encoding="utf-8")
            yield target
        if {one.key for one in chosen} == set(LESSONS):
            yield _index(folder)
    except OSError as cause:
        raise PerovsimError(f"{folder}: cannot be written ({cause.strerror or cause}); choose another folder") from None


def lesson_html(one: Lesson, share: Share | None = None) -> str:
    """The page of a lesson with the views of all its settings inside."""
    from markdown import markdown

    from perovsim import __version__
    from perovsim.teach.theory import theory_html
    from perovsim.teach.web import fill, read

    grid = one.grid()
    views = []
    for number, settings in enumerate(grid):
        views.append(_plain(one.view(settings)))
        if share is not None:
            share(one.title, (number + 1) / len(grid))
    return fill(
        "lesson.html",
        lesson=one,
        story=markdown(one.story),
        limits=markdown(one.limits),
        theory=theory_html(one.theory),
        version=__version__,
        data=_data(one, views),
        script=read("lesson.js"),
    )


def _plain(view: View) -> dict:
    readings = [
        {"key": one.key, "name": one.name, "text": one.text, "note": one.note, "value": repr(one.value)}
        for one in view.readings
    ]
    return {"readings": readings, "sentence": view.sentence, "figure": view.figure}


def _data(one: Lesson, views: list[dict]) -> str:
    """JSON of words, answers, and the compressed views; compressed text holds no '<' that could end the script."""
    packed = gzip.compress(json.dumps(views, ensure_ascii=False).encode(), mtime=0)
    known = {
        "words": [[control.shown(value) for value in control.values] for control in one.controls],
        "answers": [{"feedback": option.feedback, "right": option.right} for option in one.check.options],
        "views": base64.b64encode(packed).decode(),
    }
    return json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")


def _index(folder: Path) -> Path:
    from perovsim.teach.server import index_html

    target = folder / "index.html"
    target.write_text(index_html("{key}.html"), encoding="utf-8")
    return target
