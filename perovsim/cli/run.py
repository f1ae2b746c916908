"""``perovsim run``: a study, the whole chain from device to report."""

from __future__ import annotations

import argparse

from perovsim.cli.kept import Kept

NAME = "run"
HELP = "run a study: ageing, lamella, 4D-STEM, comparison, report; continues where it stopped"
EXAMPLES = ("perovsim run models/studies/nanoled_like.toml --out out/",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="study file")
    parser.add_argument("--out", metavar="DIR", default="out", help="folder of the results (out)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.study import run_study

    kept.remedy = f"every finished step lies in {args.out}; the same command continues there"
    with Progress() as progress:
        run_study(args.study, args.out, progress)
