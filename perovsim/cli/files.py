"""Paths given on the command line."""

from __future__ import annotations

from pathlib import Path

from perovsim.errors import ModelFileError, PerovsimError


def model_file(text: str) -> Path:
    """Return the model file meant: a path, ``models/…`` from anywhere, or a shipped device."""
    from perovsim.model import library

    path = Path(text)
    if path.exists():
        return path
    shipped = library.models_directory()
    if path.parts[:1] == ("models",) and shipped.joinpath(*path.parts[1:]).is_file():
        return shipped.joinpath(*path.parts[1:])
    if len(path.parts) == 1 and not path.suffix:
        return library.find(path, "device")
    raise ModelFileError(path, None, "no such file; shipped ones start with models/")


def output_file(text: str, suffixes: tuple[str, ...]) -> Path:
    """Return the path of a file to write; its folder is made, its ending checked."""
    path = Path(text)
    if path.suffix.lower() not in suffixes:
        raise PerovsimError(f"--out {path}: the ending must be {' or '.join(suffixes)}")
    if path.is_dir():
        raise PerovsimError(f"--out {path}: is a folder; give a file name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PerovsimError(f"--out {path}: {error.strerror}: {error.filename}") from None
    return path


def assignments(texts: list[str]) -> dict[str, str | bool]:
    """Read ``path=value`` words; "true" and "false" are switches."""
    switches = {"true": True, "false": False}
    values: dict[str, str | bool] = {}
    for text in texts:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not (path and equals and value):
            example = "layer.emitter.thickness='40 nm'"
            raise PerovsimError(f"--set {text}: is not path=value, such as {example}")
        values[path] = switches.get(value.lower(), value)
    return values
