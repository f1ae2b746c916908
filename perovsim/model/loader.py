"""Device and material files: read, materials merged in, validated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perovsim.errors import ModelFileError
from perovsim.model import library
from perovsim.model.device import Device
from perovsim.model.document import Document, Key, parse_document, read_document
from perovsim.model.material import ELECTRONIC_KEYS, LATTICE_KEYS, Material
from perovsim.model.names import did_you_mean
from perovsim.model.validate import Place, build, validate


def load_material(path: str | Path) -> Material:
    """Read a material file."""
    return _read_material(library.find(path, "material"))[0]


def load_device(path: str | Path) -> Device:
    """Read a device file and the materials that it names.

    Raises ModelFileError with file, line, value, allowed range and remedy.
    """
    return device_from(read_document(library.find(path, "device")))


def device_from_text(text: str, path: str | Path | None = None) -> Device:
    """Read a device from TOML text, e.g. the one stored in a result."""
    return device_from(parse_document(text, None if path is None else Path(path)))


def device_from(document: Document) -> Device:
    """Build a device from a parsed file."""
    merge = _Merge(document)
    body = merge.body()
    device = validate(Device, body, merge.place, document.path)
    device._source_path = document.path
    if device.electrochemistry is not None and document.path is not None:
        device.electrochemistry._directory = document.path.parent
    device._source_text = document.text if not merge.used_materials else None
    device._place = merge.place
    return device


def _read_material(path: Path) -> tuple[Material, Document]:
    document = read_document(path)
    return build(Material, document.body("material"), document), document


class _Merge:
    """Lays [layer.values] over the material and remembers which file each number is from.

    A file with ``resolved = true`` holds every value itself: no material file is read.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.places: dict[Key, Place] = {}
        self.used_materials = False
        self.resolved = False

    def place(self, key: Key) -> Place:
        """Return (file, line) of a key of the merged body."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
            if key[:end] in self.document.lines:
                return self.document.path, self.document.lines[key[:end]]
        return self.document.path, None

    def body(self) -> dict[str, Any]:
        body = self.document.body("device")
        self.resolved = body.pop("resolved", False) is True
        for name, merge in (("layer", self._layer), ("contact", self._contact)):
            tables = body.get(name)
            if isinstance(tables, list):
                body[name] = [
                    merge(table, (name, index)) if isinstance(table, dict) else table
                    for index, table in enumerate(tables)
                ]
        return body

    def _layer(self, table: dict[str, Any], key: Key) -> dict[str, Any]:
        layer = {name: item for name, item in table.items() if name != "values"}
        electronic, lattice = self._from_material(table, key)
        values = table.get("values", {})
        if not isinstance(values, dict):
            raise self._error((*key, "values"), "values must be a table [layer.values]")
        for name, item in values.items():
            if name in ELECTRONIC_KEYS:
                electronic[name] = item
                self._remember((*key, name), (*key, "values", name))
            elif name in LATTICE_KEYS:
                lattice[name] = item
                self._remember((*key, "lattice", name), (*key, "values", name))
            else:
                hint = did_you_mean(name, (*ELECTRONIC_KEYS, *LATTICE_KEYS))
                raise self._error((*key, "values", name), f"unknown key '{name}'; {hint}")
        merged = {**electronic, **layer}
        if lattice:
            merged["lattice"] = lattice
        return merged

    def _from_material(self, table: dict[str, Any], key: Key) -> tuple[dict, dict]:
        if "material" not in table or self.resolved:
            return {}, {}
        material, document = self._material(table["material"], (*key, "material"))
        electronic = {k: q for k, q in material.quantities() if k in ELECTRONIC_KEYS}
        for name in electronic:
            self.places[(*key, name)] = (document.path, document.line((name,)))
        lattice: dict[str, Any] = {}
        if material.lattice is not None:
            own = material.lattice
            lattice = {name: getattr(own, name) for name in LATTICE_KEYS if getattr(own, name) is not None}
            for name in lattice:
                line = document.line(("lattice", name))
                self.places[(*key, "lattice", name)] = (document.path, line)
        return electronic, lattice

    def _contact(self, table: dict[str, Any], key: Key) -> dict[str, Any]:
        if "material" not in table or self.resolved:
            return table
        material, document = self._material(table["material"], (*key, "material"))
        if "work_function" in table or material.work_function is None:
            return table
        self.places[(*key, "work_function")] = (document.path, document.line(("work_function",)))
        return {"work_function": material.work_function, **table}

    def _material(self, name: Any, key: Key) -> tuple[Material, Document]:
        file = library.find_material(str(name), self.document.path)
        if file is None:
            hint = did_you_mean(str(name), library.material_names(self.document.path))
            raise self._error(key, f"material '{name}' is not known; {hint}")
        self.used_materials = True
        return _read_material(file)

    def _remember(self, key: Key, written: Key) -> None:
        self.places[key] = (self.document.path, self.document.line(written))

    def _error(self, key: Key, message: str) -> ModelFileError:
        index = key[1]
        table = self.document.data[key[0]][index]
        label = str(table.get("name", index + 1))
        return ModelFileError(self.document.path, self.document.line(key), f"{key[0]}.{label}: {message}")
