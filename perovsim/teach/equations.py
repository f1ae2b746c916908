"""Equations as SVG by matplotlib's own typesetter: they need no TeX, no script and no network."""

from __future__ import annotations

import io
import re
import zlib
from functools import lru_cache
from html import escape

from perovsim.errors import PerovsimError

SIZE = 12.0
"""Font size [pt]; the picture scales with the text around it."""
POINTS_PER_EM = 12.0
_SVG = re.compile(r"<svg.*</svg>", re.DOTALL)
_UNSEEN = re.compile(r"\s*<metadata>.*?</metadata>|\s*<!--.*?-->", re.DOTALL)
_IDS = re.compile(r'(id="|href="#|url\(#)')
_SIZES = re.compile(r'width="([0-9.]+)pt" height="([0-9.]+)pt"')


@lru_cache(maxsize=4096)
def equation(tex: str) -> str:
    """An equation, TeX without dollars, as an inline SVG element with the TeX as its description.

    Raises PerovsimError for TeX that matplotlib's mathtext does not know.
    """
    from matplotlib import rc_context
    from matplotlib.mathtext import math_to_image

    out = io.BytesIO()
    try:
        with rc_context({"svg.hashsalt": tex, "mathtext.fontset": "cm", "font.size": SIZE}):
            depth = math_to_image(f"${tex}$", out, format="svg")
    except ValueError as cause:
        raise PerovsimError(f"equation '{tex}' cannot be set: {str(cause).splitlines()[-1]}; rewrite it") from None
    text = _UNSEEN.sub("", _SVG.search(out.getvalue().decode()).group())
    text = _IDS.sub(rf"\g<1>eq{zlib.crc32(tex.encode())}-", text)
    wide, high = (float(size) / POINTS_PER_EM for size in _SIZES.search(text).groups())
    style = f"vertical-align:{-depth / POINTS_PER_EM:.3f}em;width:{wide:.3f}em;height:{high:.3f}em"
    described = f'role="img" aria-label="{escape(tex, quote=True)}" style="{style}"'
    return _SIZES.sub(lambda _: described, text, count=1)
