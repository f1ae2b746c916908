"""Progress on a terminal: one line that is rewritten; one line per step elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Self, TextIO

BAR_WIDTH = 24
CLEAR = "\r\033[K"
PAUSE = 0.1
"""Least time between two drawings of the same line [s]."""
FIRST_MOMENT = 1e-12
"""Start of a logarithmic time axis [s]."""


class Progress:
    """Called with a text and, where known, the share done of the present step (0 to 1)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.terminal = self.stream.isatty()
        self.start = self.drawn = time.monotonic()
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.terminal and self.text:
            self._write("\n")

    def __call__(self, text: str, share: float | None = None) -> None:
        if self.terminal and text == self.text and time.monotonic() - self.drawn < PAUSE:
            return
        if self.terminal:
            self.drawn = time.monotonic()
            if self.text and text != self.text:
                self._write(f"{CLEAR}{self._stamp()} {self.text}\n")
            self._write(f"{CLEAR}{self._stamp()} {text}{bar(share)}")
        elif text != self.text:
            self._write(f"{self._stamp()} {text}\n")
        self.text = text

    def _stamp(self) -> str:
        return f"[{time.monotonic() - self.start:6.1f} s]"

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def bar(share: float | None) -> str:
    """Return a bar for the share done (0 to 1), or nothing if it is not known."""
    if share is None:
        return ""
    done = min(max(share, 0.0), 1.0)
    filled = round(done * BAR_WIDTH)
    return f"  {'█' * filled}{'·' * (BAR_WIDTH - filled)} {done:4.0%}"


def decades_done(seconds: float, duration: float) -> float:
    """Return the share of the decades from FIRST_MOMENT to `duration` [s] that are done."""
    return math.log10(max(seconds, FIRST_MOMENT) / FIRST_MOMENT) / math.log10(duration / FIRST_MOMENT)
