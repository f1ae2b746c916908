"""Lessons in headless Chromium: they load, answer to the keyboard with the numbers of the model, and say why.

Numbers on the page are compared with the lesson's own function here; tests/unit/test_teach_lessons.py compares that
function with `perovsim.simulate` on the shipped mesh.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from perovsim.teach import LESSONS, load_lesson
from perovsim.teach.export import lesson_html

FIRST = {"moving_ions": "half_time", "halides": "chloride", "corrosion": "film", "microscope": "strain"}
"""A number of each lesson that the first control changes."""
CLOSE = pytest.approx


def number(page, key: str) -> float:
    return float(page.locator(f"#{key}").get_attribute("data-value"))


def wait_for(page, key: str, value: float) -> None:
    """Until the page shows another number than `value`."""
    page.wait_for_function(
        "([key, old]) => { const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => "
        "e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]); const at = all(document).find((e) => e.id === key); "
        "return at && Number(at.dataset.value) !== old; }",
        arg=[key, value],
    )


def test_index_links_to_every_lesson_and_theory_page(page, served) -> None:
    page.goto(served)
    links = page.get_by_role("link").all()
    assert [link.get_attribute("href") for link in links] == [f"/lesson/{key}/" for key in LESSONS]
    for key in LESSONS:
        page.goto(f"{served}/theory/{load_lesson(key).theory}")
        assert page.locator("h1").count() == 1 and page.locator("svg").count() > 1
    assert page.wrong == []


@pytest.mark.parametrize("key", LESSONS)
def test_first_slider_changes_a_physical_number(page, served, key: str) -> None:
    lesson, shown = load_lesson(key), FIRST[key]
    page.goto(f"{served}/lesson/{key}/")
    page.wait_for_selector(f"#{shown}")
    before = number(page, shown)
    assert before == CLOSE(lesson.view(lesson.start).value(shown), rel=1e-6)
    slider, control = page.get_by_role("slider").first, lesson.controls[0]
    slider.focus()
    page.keyboard.press("ArrowLeft")
    wait_for(page, shown, before)
    lower = control.values[control.values.index(control.start) - 1]
    expected = lesson.view(lesson.settings(**{control.key: lower})).value(shown)
    assert number(page, shown) == CLOSE(expected, rel=1e-6)
    assert expected != before
    assert page.wrong == []


def test_lessons_share_scripts_that_a_browser_may_keep(page, served) -> None:
    """The second lesson asks for no script that the first one has not brought."""
    scripts: list = []
    page.on("response", lambda reply: scripts.append(reply) if reply.url.endswith(".js") else None)
    page.goto(f"{served}/lesson/microscope/")
    page.wait_for_selector("#strain")
    first = {reply.url for reply in scripts}
    assert len(first) > 10 and all("immutable" in reply.headers["cache-control"] for reply in scripts)
    scripts.clear()
    page.goto(f"{served}/lesson/corrosion/")
    page.wait_for_selector("#film")
    assert {reply.url for reply in scripts} <= first


def test_slider_keeps_the_focus_of_the_keyboard(page, served) -> None:
    """Two strokes, with the answer to the first between them, are two steps."""
    lesson = load_lesson("microscope")
    page.goto(f"{served}/lesson/microscope/")
    page.wait_for_selector("#truth")
    page.get_by_role("slider").nth(1).focus()
    for strain in (-1.0, -2.0):
        before = number(page, "truth")
        page.keyboard.press("ArrowLeft")
        wait_for(page, "truth", before)
        assert number(page, "truth") == CLOSE(lesson.view(lesson.settings(strain=strain)).value("truth"), rel=1e-6)


def test_place_of_the_keyboard_is_seen(page, served) -> None:
    """Tab goes through link, slider and switches; each draws the outline of the lessons (3 px)."""
    page.goto(f"{served}/lesson/halides/")
    page.wait_for_selector("#chloride")
    for role in ("slider", "switch"):
        page.get_by_role(role).first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.get_by_role(role).first.evaluate("(e) => getComputedStyle(e).outlineWidth") == "3px"


def test_hypothesis_switch_turns_the_direction_of_chloride(page, served) -> None:
    page.goto(f"{served}/lesson/halides/")
    page.wait_for_selector("#chloride")
    before = number(page, "chloride")
    assert before < 0.0
    page.get_by_role("switch").first.focus()
    page.keyboard.press("Space")
    wait_for(page, "chloride", before)
    assert number(page, "chloride") > 0.0
    assert page.wrong == []


def test_check_of_understanding_answers(page, served) -> None:
    check = load_lesson("corrosion").check
    page.goto(f"{served}/lesson/corrosion/")
    for option in check.options:
        page.get_by_text(option.text).click()
        page.get_by_text(option.feedback[:40]).wait_for()
    assert page.wrong == []


def test_exported_lesson_works_without_a_network(page, tmp_path) -> None:
    whole = load_lesson("halides")
    small = replace(whole.controls[0], values=(0.0, 10.0), start=10.0), *whole.controls[1:2], *whole.controls[3:]
    lesson = replace(whole, controls=small, view=lambda settings: whole.view({"couple": False, **settings}))
    file = tmp_path / "halides.html"
    file.write_text(lesson_html(lesson), encoding="utf-8")
    page.context.set_offline(True)
    page.goto(file.as_uri())
    page.wait_for_selector("#chloride")
    assert number(page, "chloride") == CLOSE(lesson.view(lesson.start).value("chloride"), rel=1e-9)
    page.get_by_label("current density").focus()
    page.keyboard.press("ArrowLeft")
    assert number(page, "chloride") == CLOSE(lesson.view({**lesson.start, "current": 0.0}).value("chloride"), rel=1e-9)
    assert page.locator("figure svg").count() >= 1
    page.get_by_label("oxidised halogen").focus()
    page.keyboard.press("Space")
    both = {**lesson.start, "current": 0.0, "oxidised": True}
    assert number(page, "chloride") == CLOSE(lesson.view(both).value("chloride"), rel=1e-9)
    right = next(option for option in lesson.check.options if option.right)
    page.get_by_text(right.text).click()
    assert page.locator("#feedback").inner_text() == right.feedback
    page.get_by_role("link", name="theory").click()
    assert page.url.endswith("#theory") and page.locator("#theory svg").count() > 1
    assert page.wrong == []
