"""Names in model files: their form, and the nearest known one when a name is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*")
SHOWN = 12


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" or the list of known words."""
    names = sorted(set(known))
    if not names:
        return "none is defined"
    lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.5)
    if close:
        return f"did you mean '{lower[close[0]]}'?"
    more = ", …" if len(names) > SHOWN else ""
    return "known: " + ", ".join(names[:SHOWN]) + more


def _check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"'{name}' is not a name; use letters, digits, '_' and '-', starting with a letter")
    return name


Name = Annotated[str, AfterValidator(_check_name)]
"""A name that can stand in a path such as layer.emitter.thickness."""
