"""``perovsim show``: a device in words and as an energy diagram, a result in numbers and over time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

from perovsim.cli.files import model_file, output_file
from perovsim.cli.kept import Kept

NAME = "show"
HELP = "print a device (stack, parameters, reactions) and draw its energies, or sum up a result and draw it over time"
EXAMPLES = (
    "perovsim show models/devices/nanoled_like.toml",
    "perovsim show nanoled_like --out out/nanoled_like.png",
    "perovsim show out/base.nc",
)

Shown = tuple[Callable[[], str], Callable[[], Any]]
"""What prints something, and what draws it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="device file, the name of a shipped one, or a result (.nc)")
    parser.add_argument("--out", metavar="PNG", help="draw energies, or a result over time (.png .svg .pdf)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    text, draw = _result(args.file) if args.file.endswith(".nc") else _device(args.file)
    out = None if args.out is None else output_file(args.out, (".png", ".svg", ".pdf"))
    print(text())
    if out is not None:
        draw().savefig(out, dpi=150)
        kept.add(out)
        print(f"drawn: {out}")


def _device(file: str) -> Shown:
    from perovsim.model import load_device
    from perovsim.show import draw_device, show_device

    device = load_device(model_file(file))
    return partial(show_device, device), partial(draw_device, device)


def _result(file: str) -> Shown:
    from perovsim.plot import terminals
    from perovsim.result import load_result

    result = load_result(file)
    return result.summary, partial(terminals, result)
