"""From a parsed document to frozen data; pydantic's complaints become one short message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from perovsim.errors import ModelFileError
from perovsim.model import library
from perovsim.model.base import ModelData, PlacedError
from perovsim.model.document import Document, Key

Data = TypeVar("Data", bound=ModelData)
Place = tuple[Path | None, int | None]
Locate = Callable[[Key], Place]


def build(kind: type[Data], body: dict[str, Any], document: Document) -> Data:
    """Validate the body of a document as `kind`."""

    def locate(key: Key) -> Place:
        return document.path, document.line(key)

    return validate(kind, body, locate, document.path)


def validate(kind: type[Data], body: Any, locate: Locate, path: Path | None) -> Data:
    """Validate data from a file: bare numbers have no unit, sources must be known."""
    context = {"in_file": True, "sources": library.source_keys(path)}
    try:
        return kind.model_validate(body, context=context)
    except ValidationError as error:
        raise as_file_error(error, body, locate) from None


def python_error(error: ValidationError, kind: str, fields: Any) -> ModelFileError:
    """Say what is wrong with an object built in Python."""
    return as_file_error(error, fields, lambda key: (None, None), prefix=kind)


def as_file_error(error: ValidationError, body: Any, locate: Locate, prefix: str = "") -> ModelFileError:
    """Turn the first complaint into file, line, name of the thing and remedy."""
    details = error.errors(include_url=False)
    first = details[0]
    key = _key_in_file(first["loc"], body)
    if first["type"] in ("unknown_key", "union_tag_invalid", "union_tag_not_found"):
        key = (*key, first.get("ctx", {}).get("key", "kind"))
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, PlacedError):
        key = (*key, *inner.key)
    file, line = locate(key)
    where = f"{prefix}: " if prefix else ""
    others = [item for item in details if item["loc"] != first["loc"][: len(item["loc"])]]
    more = f" (and {len(others)} more)" if others else ""
    return ModelFileError(file, line, f"{where}{_spoken(key, body)}{_message(first)}{more}")


def _key_in_file(location: tuple[str | int, ...], body: Any) -> Key:
    """Drop what pydantic adds to a location (the tag of a union)."""
    key: list[str | int] = []
    here = body
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if isinstance(here, dict) and key and isinstance(key[-1], int):
            if here.get("kind") == part and location[position - 1] == key[-1]:
                continue
        inside = _step(here, part)
        if inside is None and not last:
            continue
        if inside is None and not isinstance(here, dict):
            continue
        key.append(part)
        here = inside
    return tuple(key)


def _step(here: Any, part: str | int) -> Any:
    if isinstance(here, dict):
        return here.get(part)
    if isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
        return here[part]
    return getattr(here, part, None) if isinstance(part, str) else None


def _spoken(key: Key, body: Any) -> str:
    """Say a key as a user says it: layer.emitter.thickness, not layer.1.thickness."""
    words: list[str] = []
    here = body
    for part in key:
        here = _step(here, part)
        if part == "lattice" and key[0] == "layer":
            continue
        words.append(_label(here, part))
    return ".".join(words) + ": " if words else ""


def _label(here: Any, part: str | int) -> str:
    if not isinstance(part, int):
        return part
    if isinstance(here, dict):
        return str(here.get("name") or here.get("between") or part + 1)
    return str(part + 1)


def _message(detail: Any) -> str:
    kind, given = detail["type"], detail.get("input")
    if kind == "missing":
        return "is missing; add it"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "unknown_key":
        return detail["msg"]
    if kind == "union_tag_invalid":
        context = detail["ctx"]
        return f"'{context['tag']}' is not a kind; allowed: {context['expected_tags']}"
    if kind == "union_tag_not_found":
        return "is missing; say which kind it is"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list of tables, each under its own [[name]], got {given!r}"
    if kind == "too_short":
        return "at least one is needed"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a table, got {given!r}"
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, got {given!r}"
