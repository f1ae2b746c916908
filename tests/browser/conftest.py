"""A headless Chromium of the system, and the lessons served to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

PATIENCE = 120.0
"""A page may take this long [s] on a busy machine; no test asserts a time."""


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Debian's Chromium, driven without any download."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("PEROVSIM_CI"):
            pytest.fail("chromium is not installed, and .ci/run should have installed it")
        pytest.skip("no chromium on this machine; install it (apt-get install chromium) to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def served(browser) -> Iterator[str]:
    """Address of `perovsim teach`, started as a user starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "perovsim", "teach", "--no-browser", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        said = []
        for line in server.stdout:
            said.append(line)
            if "lessons at" in line:
                break
        else:
            pytest.fail("the lessons did not start: " + "".join(said))
        yield f"http://127.0.0.1:{port}"
        server.kill()


@pytest.fixture
def page(browser) -> Iterator:
    """A page that collects what goes wrong on it: errors of scripts, failed requests, requests that leave."""
    context = browser.new_context(viewport={"width": 1100, "height": 1500})
    opened = context.new_page()
    opened.set_default_timeout(1e3 * PATIENCE)
    wrong: list[str] = []
    opened.wrong = wrong
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("response", lambda reply: wrong.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    opened.on("request", lambda request: wrong.append(f"leaves: {request.url}") if _leaves(request.url) else None)
    yield opened
    context.close()


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "file:"))
