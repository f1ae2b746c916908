"""``perovsim show``: a device in words and as an energy diagram."""

from __future__ import annotations

import argparse

from perovsim.cli.files import model_file, output_file
from perovsim.cli.kept import Kept

NAME = "show"
HELP = "print a device (stack, parameters, reactions with their voltages) and draw its energies"
EXAMPLES = (
    "perovsim show models/devices/nanoled_like.toml",
    "perovsim show nanoled_like --out out/nanoled_like.png",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="device file, or the name of a shipped one")
    parser.add_argument("--out", metavar="PNG", help="draw the energy diagram (.png .svg .pdf)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.model import load_device

    device = load_device(model_file(args.file))
    out = None if args.out is None else output_file(args.out, (".png", ".svg", ".pdf"))
    from perovsim.show import draw_device, show_device

    print(show_device(device))
    if out is not None:
        draw_device(device).savefig(out, dpi=150)
        kept.add(out)
        print(f"drawn: {out}")
