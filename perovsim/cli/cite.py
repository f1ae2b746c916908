"""``perovsim cite``: what to cite for a result."""

from __future__ import annotations

import argparse

from perovsim.cli.kept import Kept

NAME = "cite"
HELP = "list what to cite for a result: program, methods, sources of its numbers"
EXAMPLES = ("perovsim cite out/base.nc",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="result file (.nc)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    import perovsim as ps

    print(ps.cite(ps.load_result(args.result)))
