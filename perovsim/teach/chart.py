"""Charts of the lessons, written as SVG in about a millisecond.

A figure by matplotlib takes 0.3 to 0.7 s of one core, longer than a slider may take to answer; reports and studies
keep to it (`perovsim.plot`), lessons draw lines and pictures here with the same colours. Text stays text, so that it
is sharp at every size and a screen reader reads it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import numpy as np

from perovsim.plot.drawing import BLACK, BLUE, GREY
from perovsim.teach.lesson import power, short

PANEL_WIDTH, PANEL_HEIGHT = 420.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 24.0, 62.0, 46.0
"""Room for axis numbers, title with legend, and axis label [px]."""
FONT, SMALL_FONT = 13.0, 11.5
LETTER = 0.53
"""Mean width of a letter of a sans-serif face [font size]."""
TICKS = 5
"""About so many numbers on an axis."""
STEPS = (1.0, 2.0, 5.0, 10.0)
PLAIN = range(-1, 3)
"""Powers of ten that are written out, 0.1 to 100."""
DECIMALS = 2
"""Coordinates of lines are written to a hundredth of a pixel."""


@dataclass(frozen=True)
class Axis:
    """Label and range of an axis; log : logarithmic; ticks : value -> word, in place of numbers."""

    label: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None

    def share(self, values: np.ndarray | float) -> np.ndarray:
        """Place along the axis, 0 to 1 within the range."""
        low, high = (np.log10(self.low), np.log10(self.high)) if self.log else (self.low, self.high)
        given = np.asarray(values, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.log10(given) if self.log else given
        return (at - low) / (high - low)

    def marks(self) -> tuple[tuple[float, str], ...]:
        """Numbers of the axis with their words."""
        if self.ticks is not None:
            return self.ticks
        return _decades(self.low, self.high) if self.log else _steps(self.low, self.high)


@dataclass(frozen=True)
class Line:
    """Points joined by a line, or marked by dots where `dots`."""

    x: np.ndarray
    y: np.ndarray
    label: str = ""
    colour: str = BLUE
    dash: str = ""
    dots: bool = False


@dataclass(frozen=True)
class Rule:
    """A line across the panel at x, or at y."""

    x: float | None = None
    y: float | None = None
    label: str = ""
    colour: str = GREY
    dash: str = "4 3"


@dataclass(frozen=True)
class Band:
    """A shaded range of x with a word at its top."""

    low: float
    high: float
    colour: str
    word: str = ""


@dataclass(frozen=True)
class Word:
    """A word at a place of the panel, both shares 0 to 1 from its lower left corner; anchor as in SVG."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Picture:
    """Grey levels (rows from the top down, 0 to 1) that fill the panel."""

    levels: np.ndarray


Part = Line | Rule | Band | Word | Picture


@dataclass(frozen=True)
class Panel:
    """One pair of axes; square : as wide as high, for pictures."""

    title: str
    x: Axis
    y: Axis
    parts: tuple[Part, ...]
    square: bool = False


def chart(panels: Iterable[Panel], alt: str) -> str:
    """Panels side by side as one SVG element that fills its width; `alt` describes it."""
    parts = list(panels)
    width = PANEL_WIDTH * len(parts)
    height = TOP + BOTTOM + max(_size(panel)[1] for panel in parts)
    body = "".join(_panel(panel, PANEL_WIDTH * number) for number, panel in enumerate(parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="100%" role="img" '
        f'aria-label="{escape(alt, quote=True)}" font-family="sans-serif" font-size="{SMALL_FONT:g}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>'
    )


def _size(panel: Panel) -> tuple[float, float]:
    """Width and height of the area inside the axes [px]."""
    wide = PANEL_WIDTH - LEFT - RIGHT
    return wide, wide if panel.square else PANEL_HEIGHT - TOP - BOTTOM


def _panel(panel: Panel, offset: float) -> str:
    wide, high = _size(panel)
    inside = "".join(_part(part, panel, wide, high) for part in panel.parts)
    return (
        f'<g transform="translate({offset + LEFT:g} {TOP:g})">'
        f'<text x="0" y="{-TOP + 18:g}" font-size="{FONT:g}" font-weight="bold">{escape(panel.title)}</text>'
        f"{_legend(panel, wide)}"
        f'<svg width="{wide:g}" height="{high:g}">{inside}</svg>'
        f"{_axes(panel, wide, high)}</g>"
    )


def _part(part: Part, panel: Panel, wide: float, high: float) -> str:
    if isinstance(part, Line):
        return _line(part, panel, wide, high)
    if isinstance(part, Rule):
        return _rule(part, panel, wide, high)
    if isinstance(part, Band):
        return _band(part, panel, wide, high)
    if isinstance(part, Word):
        at = f'x="{wide * part.x:.1f}" y="{high * (1 - part.y):.1f}" text-anchor="{part.anchor}"'
        return f'<text {at} fill="{BLACK}">{escape(part.text)}</text>'
    return _picture(part, wide, high)


def _rule(part: Rule, panel: Panel, wide: float, high: float) -> str:
    if part.x is not None:
        at = wide * float(panel.x.share(part.x))
        way = f"M{at:.1f} 0V{high:g}"
    else:
        at = high * (1.0 - float(panel.y.share(part.y)))
        way = f"M0 {at:.1f}H{wide:g}"
    return f'<path d="{way}" stroke="{part.colour}" stroke-width="1.6" stroke-dasharray="{part.dash}"/>'


def _band(part: Band, panel: Panel, wide: float, high: float) -> str:
    left, right = (wide * float(panel.x.share(edge)) for edge in (part.low, part.high))
    middle = f'x="{0.5 * (left + right):.1f}" y="13" text-anchor="middle" fill="{GREY}"'
    word = f"<text {middle}>{escape(part.word)}</text>"
    return f'<rect x="{left:.1f}" width="{right - left:.1f}" height="{high:g}" fill="{part.colour}"/>{word}'


def _line(part: Line, panel: Panel, wide: float, high: float) -> str:
    x, y = wide * panel.x.share(part.x), high * (1.0 - panel.y.share(part.y))
    seen = np.isfinite(x) & np.isfinite(y)
    x, y = np.round(x[seen], DECIMALS), np.round(np.clip(y[seen], -high, 2 * high), DECIMALS)
    if part.dots:
        return "".join(f'<circle cx="{a:g}" cy="{b:g}" r="4" fill="{part.colour}"/>' for a, b in zip(x, y, strict=True))
    points = " ".join(f"{a:g},{b:g}" for a, b in zip(x, y, strict=True))
    dash = f' stroke-dasharray="{part.dash}"' if part.dash else ""
    return f'<polyline points="{points}" fill="none" stroke="{part.colour}" stroke-width="2.2"{dash}/>'


def _picture(part: Picture, wide: float, high: float) -> str:
    from PIL import Image

    grey = np.round(255 * np.clip(part.levels, 0.0, 1.0)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, format="PNG", optimize=True)
    data = base64.b64encode(out.getvalue()).decode()
    return (
        f'<image width="{wide:g}" height="{high:g}" preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{data}"/>'
    )


def _legend(panel: Panel, wide: float) -> str:
    """Keys of the labelled lines in rows above the panel."""
    drawn, at, row = [], 0.0, 0
    for part in panel.parts:
        if not isinstance(part, Line | Rule) or not part.label:
            continue
        length = 34.0 + LETTER * SMALL_FONT * len(part.label)
        if at > 0.0 and at + length > wide + RIGHT:
            at, row = 0.0, row + 1
        y = -28.0 + 15.0 * row
        if isinstance(part, Line) and part.dots:
            key = f'<circle cx="{at + 11:.1f}" cy="{y:g}" r="4" fill="{part.colour}"/>'
        else:
            key = (
                f'<line x1="{at:.1f}" x2="{at + 22:.1f}" y1="{y:g}" y2="{y:g}" stroke="{part.colour}" '
                f'stroke-width="2.2" stroke-dasharray="{part.dash}"/>'
            )
        drawn.append(f'{key}<text x="{at + 27:.1f}" y="{y + 4:g}">{escape(part.label)}</text>')
        at += length + 8.0
    return "".join(drawn)


def _axes(panel: Panel, wide: float, high: float) -> str:
    out = [f'<path d="M0 0V{high:g}H{wide:g}" fill="none" stroke="{BLACK}"/>']
    for value, word in panel.x.marks():
        at = wide * float(panel.x.share(value))
        out.append(f'<path d="M{at:.1f} {high:g}v5" stroke="{BLACK}"/>')
        out.append(f'<text x="{at:.1f}" y="{high + 17:g}" text-anchor="middle">{escape(word)}</text>')
    for value, word in panel.y.marks():
        at = high * (1.0 - float(panel.y.share(value)))
        out.append(f'<path d="M0 {at:.1f}h-5" stroke="{BLACK}"/>')
        out.append(f'<text x="-8" y="{at + 4:.1f}" text-anchor="end">{escape(word)}</text>')
    out.append(f'<text x="{0.5 * wide:g}" y="{high + 37:g}" text-anchor="middle">{escape(panel.x.label)}</text>')
    out.append(
        f'<text transform="translate({-LEFT + 13:g} {0.5 * high:g}) rotate(-90)" text-anchor="middle">'
        f"{escape(panel.y.label)}</text>"
    )
    return "".join(out)


def _steps(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Round numbers of a linear axis."""
    rough = (high - low) / TICKS
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(s for s in STEPS if s * size >= rough * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return tuple((k * step, short(k * step)) for k in range(first, last + 1))


def _decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Powers of ten of a logarithmic axis, every one or fewer."""
    first, last = int(np.ceil(np.log10(low) - 1e-9)), int(np.floor(np.log10(high) + 1e-9))
    every = max(1, -(-(last - first) // TICKS))
    return tuple((10.0**k, short(10.0**k) if k in PLAIN else power(k)) for k in range(first, last + 1, every))


def layers(result) -> tuple[Band, ...]:
    """The layers of a run as bands over the depth in nm."""
    from perovsim.plot.drawing import FILLS, edges_of

    edges = edges_of(result)
    return tuple(
        Band(float(left), float(right), FILLS.get(layer.role, "#F4F4F4"), layer.name)
        for layer, left, right in zip(result.device.layers, edges, edges[1:], strict=False)
    )
