"""Lessons in headless Chromium: how long a page takes to load, and a control to change the number it governs.

A server is started as `perovsim teach` starts it; one browser with an empty cache opens the list of lessons, where it
rests until the network does, and then the lessons in their order. `answer_seconds` is the median over sliders and
switches of the lessons of device models, each moved by its key to a value that was not computed before, from the
stroke to the new number on the page, by the clock of the page. `recomputation_cpu_seconds` is the model's own part of
that; `load_average` is that of the machine before, above the number of its cores the other times say little.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

BAR_LOAD_S, BAR_ANSWER_S = 5.0, 0.5
PATIENCE_MS = 60_000.0
"""After this the page is taken to be broken."""
DEVICE_LESSONS = ("moving_ions", "halides", "corrosion")
TAKEN = ("aria-valuenow", "aria-checked")
"""Attributes that tell whether a control took a stroke."""
WATCH = """
() => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const home = all(document).find((e) => e.matches('td[data-value]')).getRootNode();
  const numbers = () => [...home.querySelectorAll('td[data-value]')].map((e) => e.dataset.value).join(' ');
  const before = numbers();
  window.answered = null;
  const stroke = () => {
    const began = performance.now();
    const look = () => {
      const now = numbers();
      if (now !== '' && now !== before) window.answered = (performance.now() - began) / 1000;
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  };
  document.addEventListener('keydown', stroke, {capture: true, once: true});
}
"""
"""Take the time from the next stroke to the frame that shows other numbers."""


def run() -> dict[str, Any]:
    """Return the times of each page, of each control, and what went wrong on the consoles."""
    from perovsim.teach import LESSONS, load_lesson

    loads, answers, wrong, busy = {}, {}, [], os.getloadavg()[0]
    with _served() as (address, ready), _browser() as page:
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        loads["list"] = _load(page, address, ".lessons")
        page.wait_for_load_state("networkidle")
        for key in LESSONS:
            loads[key] = _load(page, f"{address}/lesson/{key}/", "td[data-value]")
            answers[key] = _answers(page)
    device = {key: median(answers[key]) for key in DEVICE_LESSONS}
    slowest = max(device.values())
    return {
        "ready_seconds": round(ready, 1),
        "load_seconds": loads,
        "answers_seconds": answers,
        "answer_seconds": {key: round(seconds, 3) for key, seconds in device.items()},
        "recomputation_cpu_seconds": {key: _recomputation(load_lesson(key)) for key in LESSONS},
        "console_errors": wrong,
        "load_average": round(busy, 1),
        "bar_load_seconds": BAR_LOAD_S,
        "bar_answer_seconds": BAR_ANSWER_S,
        "held": max(loads.values()) <= BAR_LOAD_S and slowest <= BAR_ANSWER_S and not wrong,
    }


@contextmanager
def _served() -> Iterator[tuple[str, float]]:
    """Address of the lessons and the time [s] until they were ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "perovsim", "teach", "--no-browser", "--port", str(port)]
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            if not any("lessons at" in line for line in server.stdout):
                raise RuntimeError("the server of the lessons ended before it was ready")
            yield f"http://127.0.0.1:{port}", time.perf_counter() - began
        finally:
            server.kill()


@contextmanager
def _browser() -> Iterator[Any]:
    """A page of the system's Chromium with an empty cache."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise RuntimeError("no chromium on this machine; install it (apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def _load(page: Any, address: str, shown: str) -> float:
    """Seconds until a page shows an element."""
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(shown)
    return round(time.perf_counter() - began, 2)


def _answers(page: Any) -> list[float]:
    """Seconds from the key to the new numbers: each slider one step, each switch."""
    sliders, switches = (page.get_by_role(role).all() for role in ("slider", "switch"))
    moved = [_answer(page, one, ("ArrowLeft", "ArrowRight")) for one in sliders]
    return moved + [_answer(page, one, ("Space",)) for one in switches]


def _answer(page: Any, control: Any, strokes: tuple[str, ...]) -> float:
    """Seconds from the first stroke that the control takes (at its end a slider takes only one) to new numbers."""
    control.focus()
    for stroke in strokes:
        stood = [control.get_attribute(name) for name in TAKEN]
        page.evaluate(WATCH)
        page.keyboard.press(stroke)
        if [control.get_attribute(name) for name in TAKEN] != stood:
            break
    page.wait_for_function("window.answered !== null")
    return round(page.evaluate("window.answered"), 3)


def _recomputation(lesson: Any) -> float:
    """Median CPU time [s] of the view of a lesson that was not computed before, over its controls."""
    lesson.view(lesson.start)
    taken = []
    for control in lesson.controls:
        place = control.values.index(control.start)
        settings = lesson.settings(**{control.key: control.values[place - 1 if place else 1]})
        began = time.process_time()
        lesson.view(settings)
        taken.append(time.process_time() - began)
    return round(median(taken), 3)
