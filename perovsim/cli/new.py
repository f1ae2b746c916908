"""``perovsim new``: a model file to start from."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from perovsim.cli.kept import Kept
from perovsim.errors import ModelFileError

NAME = "new"
HELP = "copy a shipped model file under a new name, to start from"
EXAMPLES = (
    "perovsim new device my_led",
    "perovsim new protocol my_protocol --from rest",
    "perovsim new fit my_fit",
)

KINDS = {
    "device": ("devices", "nanoled_like"),
    "material": ("materials", "cspbbrcl3"),
    "protocol": ("protocols", "constant_current_1h"),
    "microscope": ("microscopes", "stem_300kv"),
    "study": ("studies", "nanoled_like"),
    "fit": ("studies", "fit_example"),
}
"""Kind: folder under models/ and the file that is copied unless --from names another."""
_FILE_LINE = re.compile(r'^file\s*=\s*"([^"]*)"', re.MULTILINE)
_NAME_LINE = re.compile(r'^name\s*=\s*"[^"]*"', re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", choices=tuple(KINDS), help=", ".join(KINDS))
    parser.add_argument("name", metavar="NAME", help="name of the new model; makes NAME.toml")
    parser.add_argument("--from", dest="template", metavar="SHIPPED", help="shipped file to copy")


def run(args: argparse.Namespace, kept: Kept) -> None:
    source = _template(args.kind, args.template)
    target = _target(args.name)
    text = source.read_text(encoding="utf-8")
    tables = [source.parent / name for name in _FILE_LINE.findall(text)]
    for table in tables:
        _free(target.parent / table.name, table.read_bytes())
    header = f"# Copied from {source.name} of perovsim; check it with: perovsim check {target}\n"
    named = _NAME_LINE.sub(f"name = {json.dumps(target.stem)}", text, count=1)
    named = named.replace(f"models/{source.parent.name}/{source.name}", str(target))  # commands in comments
    target.write_text(header + named, encoding="utf-8")
    kept.add(target)
    for table in tables:
        beside = target.parent / table.name
        beside.write_bytes(table.read_bytes())
        kept.add(beside)
    print(f"written: {', '.join(kept.files)}; next: perovsim check {target}")


def _free(file: Path, content: bytes) -> None:
    """Raise where a table would overwrite another one."""
    if file.exists() and file.read_bytes() != content:
        raise ModelFileError(file, None, "exists already with other numbers; rename or remove it")


def _template(kind: str, wanted: str | None) -> Path:
    from perovsim.model.document import read_document
    from perovsim.model.library import models_directory
    from perovsim.model.names import did_you_mean

    folder, usual = KINDS[kind]
    files = {file.stem: file for file in (models_directory() / folder).glob("*.toml")}
    shipped = {stem: file for stem, file in files.items() if read_document(file).kind == kind}
    name = Path(wanted or usual).stem
    if name not in shipped:
        hint = did_you_mean(name, shipped)
        raise ModelFileError(f"there is no shipped {kind} '{name}'; {hint}")
    return shipped[name]


def _target(name: str) -> Path:
    path = Path(name)
    target = path if path.suffix == ".toml" else path.with_name(path.name + ".toml")
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", target.stem) is None:
        raise ModelFileError(f"'{target.stem}' is not a name; use letters, digits, '_' and '-'")
    if target.exists():
        raise ModelFileError(target, None, "exists already; choose another name or remove it")
    if not target.parent.is_dir():
        raise ModelFileError(target, None, f"there is no folder {target.parent}; make it first")
    return target
