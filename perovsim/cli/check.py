"""``perovsim check``: is a model file right, and how do its numbers stand?"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from perovsim.cli.files import model_file
from perovsim.cli.kept import Kept

NAME = "check"
HELP = "validate model files and count their measured, cited, derived and assumed numbers"
EXAMPLES = (
    "perovsim check models/devices/nanoled_like.toml",
    "perovsim check my_device.toml my_protocol.toml",
)


READERS_IN = {
    "study": "perovsim.study",
    "fit": "perovsim.fit.spec",
    "calibration": "perovsim.microscopy.measured.calibration",
}
"""Modules that add the reader of a kind of file when they are imported."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="model file of any kind")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.model import check_file

    for file in args.files:
        path = model_file(file)
        if (kind := read_kind(path)) in READERS_IN:
            import_module(READERS_IN[kind])
        print(check_file(path))


def read_kind(path: Path) -> str:
    """Return the kind of a model file, from its format key."""
    from perovsim.model.document import read_document

    return read_document(path).kind
