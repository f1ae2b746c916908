"""Where model files lie: the models/ tree of a checkout or of the installed package."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from perovsim.errors import ModelFileError
from perovsim.model.names import did_you_mean

_ENTRY = re.compile(r"^\s*@\w+\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)
USER = "user"
"""Source of a number that the user answers for."""

FOLDERS = {
    "device": "devices",
    "material": "materials",
    "protocol": "protocols",
    "microscope": "microscopes",
    "lamella": "lamellae",
    "study": "studies",
    "fit": "studies",
}


SHIPPED = {"fit": "fit_*.toml"}
"""Names of the shipped files of a kind that shares its folder."""


def models_directory() -> Path:
    """Return the directory of the shipped model files."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def find(path: str | Path, kind: str) -> Path:
    """Return the file meant by a path, by ``models/…`` anywhere, or by a bare shipped name."""
    given = Path(path)
    shipped = models_directory()
    if given.is_file():
        return given
    if given.parts[:1] == ("models",) and shipped.joinpath(*given.parts[1:]).is_file():
        return shipped.joinpath(*given.parts[1:])
    folder = shipped / FOLDERS[kind]
    if len(given.parts) == 1 and not given.suffix and (folder / f"{given}.toml").is_file():
        return folder / f"{given}.toml"
    names = [file.stem for file in folder.glob(SHIPPED.get(kind, "*.toml"))]
    raise ModelFileError(given, None, f"no such file; shipped: {did_you_mean(given.stem, names)}")


def find_material(name: str, beside: Path | None) -> Path | None:
    """Return the file of a material: beside the device, in its materials/, or shipped."""
    for folder in _material_folders(beside):
        for file in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            if file.stem.lower() == name.lower():
                return file
    return None


def material_names(beside: Path | None) -> list[str]:
    """Return the material names that a device file beside `beside` can use."""
    folders = [folder for folder in _material_folders(beside) if folder.name == "materials"]
    return sorted({file.stem for folder in folders for file in folder.glob("*.toml")})


def _material_folders(beside: Path | None) -> list[Path]:
    local = []
    if beside is not None:
        here = beside.resolve().parent
        local = [here / "materials", here.parent / "materials", here]
    return [*local, models_directory() / FOLDERS["material"]]


def source_keys(beside: Path | None) -> frozenset[str]:
    """Return the bibliography keys known to a model file, with "user"."""
    files = [models_directory() / "sources.bib"]
    if beside is not None:
        here = beside.resolve().parent
        files += [here / "sources.bib", here.parent / "sources.bib"]
    keys: set[str] = {USER}
    for file in files:
        if file.is_file():
            keys |= _keys_in(file, file.stat().st_mtime_ns)
    return frozenset(keys)


@lru_cache(maxsize=32)
def _keys_in(file: Path, modified: int) -> frozenset[str]:
    return frozenset(_ENTRY.findall(file.read_text(encoding="utf-8")))
