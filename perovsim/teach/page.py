"""The marimo face of a lesson: what each cell of `notebook` shows."""

from __future__ import annotations

from html import escape
from typing import Any

from perovsim.teach import load_lesson
from perovsim.teach.lesson import Control, Lesson, Option, Settings, View


class Page:
    """Parts of the page of one lesson; the cells of `notebook` put them in their order."""

    def __init__(self, key: str) -> None:
        self.lesson: Lesson = load_lesson(key)

    def head(self) -> Any:
        """Title, question and story."""
        import marimo as mo

        one = self.lesson
        return mo.md(f"[All lessons](/)\n\n# {one.title}\n\n**{one.question}**\n\n{one.story}")

    def controls(self) -> Any:
        """Sliders and switches; their value is the settings."""
        import marimo as mo

        return mo.ui.dictionary({control.key: _widget(control) for control in self.lesson.controls})

    def layout(self, controls: Any) -> Any:
        """The controls below each other; a cell that also read their values would lose the focus of the keyboard."""
        import marimo as mo

        return mo.vstack([controls.elements[control.key] for control in self.lesson.controls])

    def view(self, settings: Settings) -> Any:
        """Settings in words, figure and numbers."""
        import marimo as mo

        shown = self.lesson.view(settings)
        words = [f"{one.label} **{one.shown(settings[one.key])}**" for one in self.lesson.controls]
        return mo.vstack([mo.md("; ".join(words)), mo.Html(shown.figure), mo.Html(readings_table(shown))])

    def tries(self) -> Any:
        """What to try."""
        import marimo as mo

        return mo.md("## Try\n\n" + "\n".join(f"1. {text}" for text in self.lesson.tries))

    def question(self) -> Any:
        """The check of understanding."""
        import marimo as mo

        check = self.lesson.check
        return mo.ui.radio({option.text: number for number, option in enumerate(check.options)}, label=check.question)

    def feedback(self, answer: int | None) -> Any:
        """What is said about the picked answer."""
        import marimo as mo

        if answer is None:
            return mo.md("*Pick an answer.*")
        option: Option = self.lesson.check.options[answer]
        return mo.callout(mo.md(option.feedback), kind="success" if option.right else "warn")

    def foot(self) -> Any:
        """What the lesson leaves out, and the theory behind it."""
        import marimo as mo

        one = self.lesson
        return mo.md(f"## What is left out\n\n{one.limits}\n\n[The theory of this lesson](/theory/{one.theory})")


def readings_table(view: View) -> str:
    """Numbers of a view as an HTML table, each with its key as id, and the sentence, announced when it changes."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal;padding-right:1.5em">{escape(one.name)}</th>'
        f'<td id="{one.key}" data-value="{one.value!r}" style="white-space:nowrap;padding-right:1.5em">'
        f"<b>{escape(one.text)}</b></td><td>{escape(one.note)}</td></tr>"
        for one in view.readings
    )
    return f'<table>{rows}</table><p role="status" aria-live="polite">{escape(view.sentence)}</p>'


def _widget(control: Control) -> Any:
    import marimo as mo

    if control.is_switch:
        return mo.ui.switch(value=bool(control.start), label=control.title)
    return mo.ui.slider(steps=list(control.values), value=control.start, label=control.title, debounce=True)
