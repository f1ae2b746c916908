"""A TOML file with the line of every key, so that errors can point at it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perovsim.errors import ModelFileError

Key = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_WORD = r"""(?:[A-Za-z0-9_\-]+|"[^"]*"|'[^']*')"""
_ENTRY = re.compile(rf"^\s*({_WORD}(?:\s*\.\s*{_WORD})*)\s*=")
_PART = re.compile(_WORD)
_FORMAT = re.compile(r"perovsim-([a-z]+)/(\d+)")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed model file: path (None for text given in Python), text, data, line per key."""

    path: Path | None
    text: str
    data: dict[str, Any]
    lines: dict[Key, int]

    @property
    def kind(self) -> str:
        """The word in ``format = "perovsim-KIND/1"``."""
        written = self.data.get("format")
        if written is None:
            raise ModelFileError(self.path, 1, "key 'format' is missing; begin with format = \"perovsim-device/1\"")
        match = _FORMAT.fullmatch(written) if isinstance(written, str) else None
        if match is None or match.group(2) != "1":
            raise ModelFileError(
                self.path,
                self.line(("format",)),
                f'format = {written!r} is not known; write for example "perovsim-device/1"',
            )
        return match.group(1)

    def body(self, kind: str) -> dict[str, Any]:
        """Return the data without `format`; raise when the file is of another kind."""
        if self.kind != kind:
            raise ModelFileError(self.path, self.line(("format",)), f"this is a {self.kind} file, not a {kind} file")
        return {key: item for key, item in self.data.items() if key != "format"}

    def line(self, key: Key) -> int | None:
        """Return the line of a key, or of the nearest table that holds it."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.lines:
                return self.lines[key[:end]]
        return None


def read_document(path: Path) -> Document:
    """Read a TOML file; missing, empty, binary and broken files raise ModelFileError."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(path, None, "no such file") from None
    except OSError as error:
        raise ModelFileError(path, None, f"cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ModelFileError(path, 1, "not a text file; a model file is TOML in UTF-8")
    return parse_document(text, path)


def parse_document(text: str, path: Path | None = None) -> Document:
    """Parse TOML text; `path` is only for messages."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(path, _error_line(error, text), _reason(error)) from None
    if not data:
        raise ModelFileError(path, 1, 'the file is empty; begin with format = "perovsim-device/1"')
    return Document(path, text, data, dict(_lines(text)))


def _error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    match = _AT_LINE.search(str(error))
    return int(match.group(1)) if match else max(1, len(text.splitlines()))


def _reason(error: tomllib.TOMLDecodeError) -> str:
    words = _AT_LINE.sub("", str(error)).replace("(at end of document)", "").strip()
    return f"not valid TOML: {words}; check quotes, brackets and '=' on this line"


def _lines(text: str) -> Iterator[tuple[Key, int]]:
    """Yield (key, line number) for tables and for keys at the left margin of a value."""
    table: Key = ()
    counts: dict[Key, int] = {}
    depth, fence = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if depth == 0 and not fence:
            header = _HEADER.match(line)
            if header:
                table = _table_key(header.group(1), header.group(2), counts)
                yield table, number
                continue
            entry = _ENTRY.match(line)
            if entry:
                yield (*table, *_parts(entry.group(1))), number
        depth, fence = _scan(line, depth, fence)


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _table_key(bracket: str, dotted: str, counts: dict[Key, int]) -> Key:
    """Resolve ``[a.b]`` against the latest element of each array of tables."""
    parts = _parts(dotted)
    key: Key = ()
    for index, part in enumerate(parts):
        key = (*key, part)
        last = index == len(parts) - 1
        if last and bracket == "[[":
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            key = (*key, counts[key])
    return key


def _scan(line: str, depth: int, fence: str) -> tuple[int, str]:
    """Follow brackets and multi-line strings to the end of a line."""
    position = 0
    while position < len(line):
        three = line[position : position + 3]
        if fence:
            if three == fence:
                fence = ""
                position += 2
        elif three in ('"""', "'''"):
            fence = three
            position += 2
        elif line[position] in "\"'":
            position = _end_of_string(line, position)
        elif line[position] == "#":
            break
        elif line[position] in "[{":
            depth += 1
        elif line[position] in "]}":
            depth = max(0, depth - 1)
        position += 1
    return depth, fence


def _end_of_string(line: str, start: int) -> int:
    quote, position = line[start], start + 1
    while position < len(line) and line[position] != quote:
        position += 2 if quote == '"' and line[position] == "\\" else 1
    return position
