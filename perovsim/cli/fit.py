"""``perovsim fit``: which values of a device meet what was measured."""

from __future__ import annotations

import argparse

from perovsim.cli.kept import Kept

NAME = "fit"
HELP = "fit numbers of a device to measured tables: values with uncertainty, and what cannot be told; continues"
EXAMPLES = (
    "perovsim fit models/studies/fit_exciton.toml --out out/exciton",
    "perovsim fit models/studies/fit_example.toml --out out/fit",
    "perovsim fit models/studies/fit_example.toml --synthetic 7 --out out/drawn",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("fit", metavar="FIT", help="fit file or shipped name")
    parser.add_argument("--out", metavar="DIR", default="out/fit", help="folder of results and runs (out/fit)")
    parser.add_argument("--workers", type=int, metavar="N", help="runs side by side (one per core)")
    parser.add_argument(
        "--synthetic", type=int, metavar="SEED", help="write its tables anew, drawn from the model, instead of fitting"
    )


def run(args: argparse.Namespace, kept: Kept) -> None:
    """Fit, print the table, say where the page is."""
    from perovsim.errors import PerovsimError
    from perovsim.fit.run import NUMBERS, PAGE, run_fit, write_synthetic
    from perovsim.progress import Progress

    if args.workers is not None and args.workers < 1:
        raise PerovsimError(f"--workers {args.workers}: give 1 or more")
    if args.synthetic is not None:
        for file in write_synthetic(args.fit, args.synthetic, args.out, args.workers):
            kept.add(file)
            print(f"written: {file}")
        return
    kept.remedy = f"every finished run lies in {args.out}; the same command continues there"
    with Progress() as progress:
        outcome = run_fit(args.fit, args.out, args.workers, progress)
    print(outcome.text())
    print(f"written: {args.out}/{PAGE}, {args.out}/{NUMBERS}")
