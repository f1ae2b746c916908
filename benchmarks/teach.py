"""Lessons in headless Chromium: how long a page takes to load, and a slider to change the number it governs.

`answer_seconds` is the median over the controls of the device lessons, each moved to a value that was not computed
before; loads are of a server that has prepared its first views, as `perovsim teach` does before it opens the browser.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from statistics import median
from typing import Any

BAR_LOAD_S, BAR_ANSWER_S = 5.0, 0.5
WATCHED = {"moving_ions": "half_time", "halides": "chloride", "corrosion": "film", "microscope": "strain"}
DEVICE_LESSONS = ("moving_ions", "halides", "corrosion")
CHANGES = """
([key, old]) => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const table = all(document).find((e) => e.id === key)?.closest('table');
  return table && table.innerText !== old;
}
"""
"""Whether any number of the table of readings has changed."""


def run() -> dict[str, Any]:
    """Return the times of each page."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "perovsim", "teach", "--no-browser", "--port", str(port)]
    loads, answers = {}, {}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as driver:
        try:
            began = time.perf_counter()
            next(line for line in server.stdout if "lessons at" in line)
            ready = time.perf_counter() - began
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page()
            for key, watched in WATCHED.items():
                began = time.perf_counter()
                page.goto(f"http://127.0.0.1:{port}/lesson/{key}/")
                page.wait_for_selector(f"#{watched}")
                loads[key] = round(time.perf_counter() - began, 2)
                answers[key] = _answers(page, watched)
            browser.close()
        finally:
            server.kill()
    device = median(seconds for key in DEVICE_LESSONS for seconds in answers[key])
    return {
        "ready_seconds": round(ready, 1),
        "load_seconds": loads,
        "answers_seconds": answers,
        "answer_seconds": round(device, 3),
        "bar_load_seconds": BAR_LOAD_S,
        "bar_answer_seconds": BAR_ANSWER_S,
        "held": max(loads.values()) <= BAR_LOAD_S and device <= BAR_ANSWER_S,
    }


def _answers(page: Any, watched: str) -> list[float]:
    """Seconds from the key to the new number, for each slider one step and for each switch."""
    seconds = []
    controls = [(one, _away_from_the_end(one)) for one in page.get_by_role("slider").all()]
    controls += [(one, "Space") for one in page.get_by_role("switch").all()]
    for control, stroke in controls:
        before = page.locator("table", has=page.locator(f"#{watched}")).first.inner_text()
        control.focus()
        began = time.perf_counter()
        page.keyboard.press(stroke)
        page.wait_for_function(CHANGES, arg=[watched, before], polling=10)
        seconds.append(round(time.perf_counter() - began, 3))
    return seconds


def _away_from_the_end(slider: Any) -> str:
    """The key that moves a slider: down, or up where it stands at its lower end."""
    low, now = (slider.get_attribute(f"aria-value{which}") for which in ("min", "now"))
    return "ArrowRight" if low == now else "ArrowLeft"
